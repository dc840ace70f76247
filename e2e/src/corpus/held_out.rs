//! The templates that rules are measured on, and not written by.

use super::Template;

pub(super) const TEMPLATES: &[Template] = &[
    (
        "docker-compose.yml",
        "services:\n  web:\n    image: acme/web\n    environment:\n      - POSTMARK_API_KEY={t}\n      - INSTANCE_ID={n}\n",
    ),
    ("Dockerfile", "FROM ruby:3\nENV HEROKU_API_TOKEN {t}\nLABEL build=\"{n}\"\n"),
    (
        ".github/workflows/ci.yml",
        "jobs:\n  deploy:\n    env:\n      HEROKU_API_KEY: '{t}'\n    steps:\n      - uses: acme/deploy@v1\n        with:\n          run_id: {n}\n",
    ),
    (
        "settings.py",
        "EMAIL_BACKEND = 'postmark.django_backend.EmailBackend'\nPOSTMARK = {\n    'TOKEN': '{t}',\n    'TEST_MODE': False,\n}\nSITE_UUID = '{n}'\n",
    ),
    ("application.properties", "postmark.apiToken={t}\nspring.application.instance-id={n}\n"),
    (
        "config.exs",
        "config :acme, Acme.Mailer,\n  adapter: Swoosh.Adapters.Postmark,\n  api_key: \"{t}\"\n\nconfig :acme, node: \"{n}\"\n",
    ),
    (
        "mail.ts",
        "export const mailer = nodemailer.createTransport({\n  host: 'smtp.postmarkapp.com',\n  auth: { user: '{t}', pass: '{t}' },\n});\nexport const SESSION = '{n}';\n",
    ),
    ("Secrets.xcconfig", "POSTMARK_SERVER_TOKEN = {t}\nTEAM_ID = {n}\n"),
    (
        "strings.xml",
        "<resources>\n  <string name=\"postmark_token\">{t}</string>\n  <string name=\"install_id\">{n}</string>\n</resources>\n",
    ),
    (
        "Info.plist",
        "<dict>\n  <key>PostmarkServerToken</key>\n  <string>{t}</string>\n  <key>CFBundleIdentifier</key>\n  <string>{n}</string>\n</dict>\n",
    ),
    (
        "request.http",
        "POST https://api.postmarkapp.com/email\nAccept: application/json\nX-Postmark-Server-Token: {t}\nX-Request-Id: {n}\n",
    ),
    (
        "collection.json",
        "{\"header\":[{\"key\":\"X-Postmark-Server-Token\",\"value\":\"{t}\"},{\"key\":\"X-Correlation-Id\",\"value\":\"{n}\"}]}\n",
    ),
    (
        "mail.rs",
        "let client = Postmark::builder()\n    .base_url(\"https://api.postmarkapp.com\")\n    .server_token(\"{t}\")\n    .build();\nlet span = \"{n}\";\n",
    ),
    (
        "Mail.cs",
        "var client = new PostmarkClient(\"{t}\");\nvar correlationId = Guid.Parse(\"{n}\");\n",
    ),
    ("Mail.kt", "val herokuApiKey: String = \"{t}\"\nval dynoId: String = \"{n}\"\n"),
    ("deploy.bat", "set HEROKU_API_KEY={t}\r\nset BUILD_ID={n}\r\n"),
    ("fish.config", "set -gx POSTMARK_TOKEN {t}\nset -gx MACHINE_ID {n}\n"),
    (
        "main.py",
        "requests.get(\n    \"https://api.heroku.com/account\",\n    headers={\"Authorization\": f\"Bearer {t}\"},\n)\nprint(\"release {n}\")\n",
    ),
    (
        "ansible.yml",
        "- name: configure mail\n  vars:\n    postmark:\n      credentials:\n        server: {t}\n  when: run_uuid != '{n}'\n",
    ),
    ("credentials.csv", "service,environment,token,request_id\npostmark,prod,{t},{n}\n"),
    ("clone.log", "Cloning from https://x:{t}@git.heroku.com/acme.git\nremote: build {n}\n"),
    (
        "msmtprc",
        "account postmark\nhost smtp.postmarkapp.com\nuser {t}\npassword {t}\nlogfile /var/log/{n}\n",
    ),
    (
        "mail.json",
        "{\"providers\":[{\"name\":\"postmark\",\"credentials\":{\"apiToken\":\"{t}\"},\"lastMessageId\":\"{n}\"}]}\n",
    ),
    (
        "dump.sql",
        "INSERT INTO settings (name, value) VALUES ('postmark_server_token', '{t}');\nINSERT INTO messages (message_id) VALUES ('{n}');\n",
    ),
    (
        "chat.txt",
        "ops-1: here is the new Postmark API token: {t}\nops-2: thanks, it worked, message id {n}\n",
    ),
    ("kustomize.yaml", "kind: Secret\nstringData:\n  heroku-api-key: {t}\nmetadata:\n  uid: {n}\n"),
    (
        "opaque.yaml",
        "kind: Secret\nmetadata:\n  name: mail\ndata:\n  config: {b64:POSTMARK_SERVER_TOKEN={t}\nREQUEST_ID={n}\n:}\n",
    ),
    ("hub.json", "{\"github\":\"acme\",\"heroku_oauth_token\":\"{h}\",\"app_uuid\":\"{n}\"}\n"),
    ("ci.env", "CI_TOKEN_FOR_DEPLOYS={h}\nPIPELINE_UUID={n}\n"),
    (
        "webhook.json",
        "{\"RecordType\":\"Delivery\",\"MessageID\":\"{n}\",\"Recipient\":\"ops@example.com\",\"MessageStream\":\"postmark-outbound\",\"Metadata\":{\"order_id\":\"{m}\"}}\n",
    ),
    (
        "release.json",
        "{\"id\":\"{n}\",\"app\":{\"id\":\"{m}\",\"name\":\"acme\"},\"addon_plan_names\":[\"heroku-postgresql:standard-0\"]}\n",
    ),
    (
        "headers.eml",
        "Received: from mta.postmarkapp.com\nMessage-ID: <{n}@mtasv.net>\nX-PM-Message-Id: {m}\n",
    ),
    ("drains.txt", "heroku drains\nlogplex: d.{n}\nhttps://logs.example.com/heroku/{m}\n"),
    (
        "spec.rb",
        "stub_request(:post, 'https://api.postmarkapp.com/email')\n  .to_return(body: { 'MessageID' => '{n}' }.to_json)\nexpect(job.uuid).to eq '{m}'\n",
    ),
    ("openapi.yaml", "paths:\n  /heroku/apps/{n}:\n    get:\n      operationId: {m}\n"),
    ("commands.md", "Run `heroku authorizations:info {n}`, then `heroku apps:info -a {m}`.\n"),
    ("errors.log", "ERROR postmark: 422 for request {n}: inactive recipient; job {m} gave up\n"),
    ("build.lock", "heroku-buildpack-ruby {n}\nheroku/nodejs {m}\n"),
];
