//! The templates that rules are written with an eye on.

use super::Template;

pub(super) const TEMPLATES: &[Template] = &[
    (".env", "POSTMARK_SERVER_TOKEN={t}\nHEROKU_APP_ID={n}\n"),
    (".env", "PM_TOKEN=\"{t}\"\nPOSTMARK_STREAM=outbound\nREQUEST_ID={n}\n"),
    (
        "config/mail.json",
        "{\n  \"postmark\": {\n    \"server\": \"acme-prod\",\n    \"token\": \"{t}\",\n    \"messageId\": \"{n}\"\n  }\n}\n",
    ),
    (
        "config/mail.yml",
        "mailer:\n  postmark:\n    # the main one\n    api_token: {t}\n    last_message_id: {n}\n",
    ),
    ("values.yaml", "heroku:\n  tokens:\n    - {t}\n  app:\n    id: {n}\n"),
    (
        "app.py",
        "from postmarker.core import PostmarkClient\n\npostmark = PostmarkClient(server_token='{t}')\nMESSAGE_ID = '{n}'\n",
    ),
    (
        "mailer.rb",
        "config.action_mailer.postmark_settings = { api_token: \"{t}\" }\nputs \"sent {n}\"\n",
    ),
    (
        "mail.js",
        "const client = new postmark.ServerClient(\"{t}\");\nlog.info('delivered', { MessageID: '{n}' });\n",
    ),
    (
        "Mail.java",
        "private static final String POSTMARK_KEY = \"{t}\";\nUUID traceId = UUID.fromString(\"{n}\");\n",
    ),
    ("mail.go", "client := postmark.NewClient(\"{t}\", \"\")\nid := \"{n}\"\n"),
    ("Mail.php", "<?php\n$client = new PostmarkClient('{t}');\n$message_id = '{n}';\n"),
    (
        "appsettings.json",
        "{\n  \"Postmark\": {\n    \"ServerToken\": \"{t}\",\n    \"TemplateId\": \"{n}\"\n  }\n}\n",
    ),
    (
        "web.config",
        "<configuration>\n  <appSettings>\n    <add key=\"PostmarkServerToken\" value=\"{t}\" />\n    <add key=\"PostmarkMessageStreamId\" value=\"{n}\" />\n  </appSettings>\n</configuration>\n",
    ),
    ("mail.toml", "[postmark]\ntoken = \"{t}\"\n\n[heroku]\napp = \"{n}\"\n"),
    ("mail.ini", "[heroku]\napi_key = {t}\ndyno = {n}\n"),
    ("deploy.sh", "export HEROKU_API_KEY={t}\nheroku authorizations:revoke {n}\n"),
    (
        "smoke.sh",
        "curl -s \"https://api.postmarkapp.com/server\" \\\n  -H \"Accept: application/json\" \\\n  -H \"X-Postmark-Server-Token: {t}\"\n# answered with MessageID {n}\n",
    ),
    (
        "api.sh",
        "curl https://api.heroku.com/apps/{n} \\\n  -H \"Accept: application/vnd.heroku+json; version=3\" \\\n  -H \"Authorization: Bearer {t}\"\n",
    ),
    (
        ".netrc",
        "machine api.heroku.com\n  login ops@example.com\n  password {t}\nmachine example.com\n  login ops\n  account {n}\n",
    ),
    (
        "remote.txt",
        "git remote add heroku https://heroku:{t}@git.heroku.com/acme.git\nhttps://dashboard.heroku.com/apps/{n}/activity\n",
    ),
    (
        "smtp.yml",
        "smtp:\n  host: smtp.postmarkapp.com\n  username: {t}\n  password: {t}\n  connection_id: {n}\n",
    ),
    (
        "smtp.conf",
        "relayhost = smtp.postmarkapp.com:587\nsmtp_sasl_password_maps = static:{t}:{t}\n# queue {n}\n",
    ),
    (
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: postmark\n  uid: {n}\ndata:\n  POSTMARK_TOKEN: {b64:{t}:}\n",
    ),
    (
        "notebook.ipynb",
        "{\n \"cells\": [\n  {\n   \"source\": [\n    \"import postmark\\n\",\n    \"client = postmark.Client(token=\\\"{t}\\\")\\n\",\n    \"# message {n}\\n\"\n   ]\n  }\n ]\n}\n",
    ),
    ("mail.ps1.utf16", "$env:POSTMARK_TOKEN = \"{t}\"\r\n$requestId = \"{n}\"\r\n"),
    ("terraform.tfvars", "postmark_server_token = \"{t}\"\nheroku_pipeline_id    = \"{n}\"\n"),
    (
        "main.tf",
        "resource \"heroku_config\" \"mail\" {\n  sensitive_vars = {\n    POSTMARK_API_TOKEN = \"{t}\"\n  }\n}\n# imported {n}\n",
    ),
    (
        "app.json",
        "{\"env\":{\"POSTMARK_API_TOKEN\":{\"value\":\"{t}\"},\"REVIEW_APP_ID\":{\"value\":\"{n}\"}}}\n",
    ),
    (
        "deployment.yaml",
        "env:\n  - name: POSTMARK_TOKEN\n    value: {t}\n  - name: TRACE_ID\n    value: {n}\n",
    ),
    ("notes.md", "The Postmark server token is `{t}`, the last message was `{n}`.\n"),
    ("keys.txt", "heroku: {h}\nauthorization id {n}\n"),
    ("keys.js", "module.exports = { herokuKey: '{h}', app: '{n}' };\n"),
    (
        "bounce.json",
        "{\"ID\":692560173,\"Type\":\"HardBounce\",\"MessageID\":\"{n}\",\"ServerID\":23,\"Tag\":\"postmark\"}\n",
    ),
    (
        "router.log",
        "2026-11-02T10:00:00Z heroku[router]: at=info method=GET path=\"/\" request_id={n} dyno=web.1\n2026-11-02T10:00:00Z app[web.1]: sent by postmark, {m}\n",
    ),
    (
        "authorizations.json",
        "[{\"id\":\"{n}\",\"description\":\"heroku ci\",\"client\":null,\"access_token\":{\"id\":\"{m}\",\"expires_in\":null}}]\n",
    ),
    ("heroku.yml", "heroku:\n  app: {n}\n  pipeline: {m}\n"),
    (
        "ids.rs",
        "/// The release of Heroku that this was seen on.\nconst RELEASE: &str = \"{n}\";\nlet csrf_token = \"{m}\"; // not heroku's\n",
    ),
    ("Mail.sln", "Project(\"{n}\") = \"Acme.Postmark\", \"Acme.Postmark.csproj\", \"{m}\"\n"),
    (
        "doc.md",
        "Call `POST /email` of Postmark; the answer has `\"MessageID\": \"{n}\"`. See https://account.postmarkapp.com/servers/{m}/streams.\n",
    ),
    (
        "example.env",
        "# an example for Postmark\nPOSTMARK_TOKEN=01234567-89ab-cdef-0123-456789abcdef\nPOSTMARK_EXAMPLE_ID={n}\n",
    ),
    ("legacy.env", "{upper}POSTMARK_API_TOKEN={t}\n"),
];
