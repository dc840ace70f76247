//! Probes: each kind is read whole, and each mistake is told with its place.

use super::*;
use crate::inventory::ProbeKind;

const BEFORE: &str = r#"name = "POSTMARK_SERVER_TOKEN"
environment = "prod"
issuer = "mail"
store = { in = "local" }
"#;

fn main() -> String {
    format!(
        "{}[issuers.mail]\nkind = \"postmark-server\"\nvia = \"postmark\"\nserver = \"acme-prod\"\n\
         [connections.github]\nkind = \"github\"\nauth = {{ env = \"GITHUB_TOKEN\" }}\n",
        MAIN.replace("auth = { secret = \"prod/HEROKU_API_KEY\" }", "auth = { env = \"HEROKU\" }")
    )
}

fn probes(verify: &str) -> Result<Vec<crate::inventory::Probe>, String> {
    match read(&main(), &format!("{BEFORE}{verify}")) {
        Ok(inventory) => Ok(inventory.secrets.values().next().unwrap().probes.clone()),
        Err(wrong) => Err(wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

#[test]
fn each_kind_is_read_whole() {
    let all = probes(
        r#"[[verify]]
kind = "test-mail"
from = "noreply@example.com"
to = "ops@example.com"
confirm_receipt = true
[[verify]]
kind = "app-mail"
url = "https://api.example.com/test-email"
json = { to = "ops@example.com" }
id = "message_id"
[[verify]]
kind = "log"
via = "heroku"
app = "acme-api-prod"
about = "postmark"
[[verify]]
kind = "workflow"
via = "github"
repo = "acme/api"
workflow = "deploy-staging.yml"
inputs = { sanity = true, times = 2, text = "x" }
correlate = "title"
[[verify]]
kind = "health"
url = "https://api.example.com/health"
"#,
    )
    .unwrap();
    let words: Vec<&str> = all.iter().map(|probe| probe.kind.word()).collect();
    assert_eq!(words, ["test-mail", "app-mail", "log", "workflow", "health"]);
    assert!(all[0].confirm_receipt && !all[1].confirm_receipt);
    assert_eq!(all[1].kind.ask().unwrap().method, "POST");
    assert!(matches!(&all[2].kind, ProbeKind::Log { words, .. } if words.len() == 2));
    let ProbeKind::Workflow { inputs, git_ref, .. } = &all[3].kind else { panic!("{:?}", all[3]) };
    assert_eq!((inputs["sanity"].as_str(), inputs["times"].as_str()), ("true", "2"));
    assert_eq!(git_ref, "main");
}

#[test]
fn each_mistake_of_a_probe_is_told_with_its_place() {
    let rows: &[(&str, &str, &str)] = &[
        ("kind = \"http\"\nurl = \"https://x.example\"", "6:8", "not known"),
        ("kind = \"health\"", "6:8", "needs `url`"),
        (
            "kind = \"health\"\nurl = \"https://x.example\"\nmethod = \"PUT\"",
            "8:10",
            "not GET or POST",
        ),
        ("kind = \"health\"\nurl = \"https://x.example\"\napp = \"x\"", "8:7", "means nothing"),
        (
            "kind = \"health\"\nurl = \"https://x.example\"\nconfirm_receipt = true",
            "6:8",
            "could arrive",
        ),
        ("kind = \"health\"\nurl = \"https://x.example\"\nname = \"\"", "8:8", "in one line"),
        (
            "kind = \"test-mail\"\nfrom = \"nobody\"\nto = \"a@example.com\"",
            "7:8",
            "not a mail address",
        ),
        (
            "kind = \"test-mail\"\nfrom = \"a@example.com\"\nto = \"b@example.com\"\nwords = [\"x\"]",
            "6:8",
            "`words` means nothing",
        ),
        ("kind = \"app-mail\"\nurl = \"https://x.example\"", "6:8", "needs `id`"),
        ("kind = \"log\"\nvia = \"github\"\napp = \"x\"", "7:7", "is needed here"),
        ("kind = \"log\"\nvia = \"heroku\"\napp = \"x\"\nwords = []", "9:9", "at least one word"),
        (
            "kind = \"workflow\"\nvia = \"github\"\nrepo = \"api\"\nworkflow = \"x.yml\"",
            "8:8",
            "owner/name",
        ),
        (
            "kind = \"workflow\"\nvia = \"github\"\nrepo = \"a/b\"\nworkflow = \"x.yml\"\ncorrelate = \"t\"\ninputs = { t = \"x\" }",
            "11:16",
            "is given the rotation's id",
        ),
    ];
    for (verify, place, said) in rows {
        let told = probes(&format!("[[verify]]\n{verify}\n")).unwrap_err();
        assert!(told.contains(&format!("secrets/a.toml:{place}:")), "{verify}: {told}");
        assert!(told.contains(said), "{verify}: {told}");
    }
    let two =
        "[[verify]]\nname = \"x\"\nkind = \"health\"\nurl = \"https://x.example\"\n".repeat(2);
    assert!(probes(&two).unwrap_err().contains("two probes are called `x`"));
    let other = read(&main(), &SECRET.replace(
        "kind = \"health\"\nurl = \"http://127.0.0.1:9/health\"\nexpect = { status = 200, json = { status = \"ok\" }, json_has = [\"heroku_api\"] }",
        "kind = \"test-mail\"\nfrom = \"a@example.com\"\nto = \"b@example.com\"",
    ));
    let told = other.unwrap_err()[0].to_string();
    assert!(told.contains("makes none that sends mail"), "{told}");
}
