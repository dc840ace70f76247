//! A good inventory is read whole; each kind of mistake is told with its place.

mod people;
mod probes;

use super::*;
use crate::inventory::{ConsumerKind, IssuerKind};

const MAIN: &str = r#"schema = 1
org = "acme"

[state]
database = "rollover.db"
key = { file = "rollover.key" }

[policy]
soak = "10m"

[connections.postmark]
kind = "postmark"

[connections.heroku]
kind = "heroku"
auth = { secret = "prod/HEROKU_API_KEY" }

[issuers.heroku-acme]
kind = "heroku-authorization"
via = "heroku"
account = "ops@example.com"
scope = ["read-protected", "write-protected"]
expires_in = "120d"

[stores.local]
kind = "sealed"
file = "secrets.sealed"
"#;

const SECRET: &str = r#"name = "HEROKU_API_KEY"
environment = "prod"
also = ["HEROKU_PLATFORM_API_TOKEN"]
issuer = "heroku-acme"
store = { in = "local" }
role = "superadmin"

[[consumers]]
kind = "heroku-config"
via = "heroku"
app = "acme-api-prod"

[[consumers]]
kind = "heroku-config"
via = "heroku"
app = "acme-api-staging"
production = false

[[consumers]]
kind = "dotenv"
path = ".env"
enabled = false

[[verify]]
kind = "health"
url = "http://127.0.0.1:9/health"
expect = { status = 200, json = { status = "ok" }, json_has = ["heroku_api"] }
"#;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

fn read(main: &str, secret: &str) -> Result<Inventory, Vec<Diagnostic>> {
    load(&file("rollover.toml", main), &[file("secrets/a.toml", secret)])
}

#[test]
fn a_good_inventory_is_read_whole() {
    let inventory = read(MAIN, SECRET).unwrap();
    let secret = inventory.secrets.values().next().unwrap();
    assert_eq!(secret.name.to_string(), "prod/HEROKU_API_KEY");
    assert_eq!(secret.consumers.len(), 2);
    assert_eq!(secret.consumers[0].keys, ["HEROKU_API_KEY", "HEROKU_PLATFORM_API_TOKEN"]);
    assert!(matches!(secret.consumers[1].kind, ConsumerKind::HerokuConfig { .. }));
    assert!(!secret.consumers[1].production);
    assert_eq!(secret.probes[0].kind.ask().unwrap().expect_json.len(), 2);
    assert!(matches!(
        inventory.issuers["heroku-acme"].kind,
        IssuerKind::HerokuAuthorization { .. }
    ));
    assert_eq!(inventory.matching("HEROKU_API_KEY").len(), 1);
}

/// Each row: a text that is replaced in the good inventory, its replacement, the place and a
/// part of what is said.
#[test]
fn each_mistake_is_told_with_its_place() {
    let rows: &[(&str, &str, &str, &str)] = &[
        ("kind = \"postmark\"", "kind = \"postmrak\"", "rollover.toml:12:8", "not known"),
        ("soak = \"10m\"", "soak = \"10 minutes\"", "rollover.toml:9:8", "length of time"),
        ("soak = \"10m\"", "soek = \"10m\"", "rollover.toml:9:1", "unknown field"),
        ("soak = \"10m\"", "proof_interval = \"1s\"", "rollover.toml:9:18", "30s apart"),
        (
            "via = \"heroku\"\naccount",
            "via = \"herku\"\naccount",
            "rollover.toml:20:7",
            "not known",
        ),
        ("account = \"ops@example.com\"", "", "rollover.toml:19:8", "needs `account`"),
        ("\"read-protected\"", "\"reed\"", "rollover.toml:22:10", "not known"),
        ("auth = { secret = \"prod/HEROKU_API_KEY\" }", "", "rollover.toml:15:8", "logs in with"),
        (
            "auth = { secret = \"prod/HEROKU_API_KEY\" }",
            "auth = { secret = \"HEROKU_API_KEY\" }",
            "rollover.toml:16:19",
            "names no environment",
        ),
        ("key = { file = \"rollover.key\" }", "key = {}", "rollover.toml:6:7", "exactly one place"),
        ("[state]", "[state", "rollover.toml:4:7", ""),
        ("app = \"acme-api-prod\"", "", "secrets/a.toml:9:8", "needs `app`"),
        ("app = \"acme-api-staging\"", "app = \"acme-api-prod\"", "secrets/a.toml:13:1", "twice"),
        ("issuer = \"heroku-acme\"", "issuer = \"heroku-acm\"", "secrets/a.toml:4:10", "not known"),
        ("http://127.0.0.1:9", "http://example.com", "secrets/a.toml:26:7", "tokens may be sent"),
        ("path = \".env\"\n", "path = \".env\"\napp = \"x\"\nq = 1\n", "secrets/a.toml:23:1", "q"),
    ];
    for (from, to, place, said) in rows {
        assert!(MAIN.contains(from) || SECRET.contains(from), "{from}");
        let wrong = read(&MAIN.replacen(from, to, 1), &SECRET.replacen(from, to, 1)).unwrap_err();
        let text: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert!(
            text.iter().any(|line| line.starts_with(place) && line.contains(said)),
            "{from} -> {to}: {text:#?}"
        );
    }
}

/// Goal: an account is known by a server that it has, and its secret asks for the highest role.
/// Method: the good inventory with an account in the place of the Heroku account, and what can be
/// wrong with it.
#[test]
fn an_account_of_postmark_is_read() {
    let start = MAIN.find("[issuers.heroku-acme]").unwrap();
    let end = start + MAIN[start..].find("[stores").unwrap();
    let line = MAIN[..start].lines().count() + 1;
    let main = |fields: &str| {
        let issuer = format!(
            "[issuers.heroku-acme]\nkind = \"postmark-account\"\nvia = \"postmark\"\n{fields}\n"
        );
        [&MAIN[..start], &issuer, &MAIN[end..]].concat()
    };
    let secret = SECRET.replace("role = \"superadmin\"\n", "");
    let inventory = read(&main("server = \"acme-prod\""), &secret).unwrap();
    let kind = &inventory.issuers["heroku-acme"].kind;
    assert_eq!(kind.identity(), "the account of acme-prod");
    let IssuerKind::PostmarkAccount { dashboard, .. } = kind else { panic!("{kind:?}") };
    assert_eq!(dashboard, "https://account.postmarkapp.com");
    assert_eq!(inventory.secrets.values().next().unwrap().role, "superadmin");
    let named = SECRET.replace("role = \"superadmin\"", "role = \"ops\"");
    let inventory = read(&main("server = \"acme-prod\""), &named).unwrap();
    assert_eq!(inventory.secrets.values().next().unwrap().role, "ops");
    for (fields, row, column, said) in [
        ("", 1, 8, "needs `server`"),
        ("server = \"s\"\nscope = [\"read\"]", 4, 9, "no scope"),
        ("server = \"s\"\naccount = \"o@e.com\"", 4, 11, "account"),
        ("server = \"s\"\ndashboard = \"http://account.postmarkapp.com\"", 4, 13, ""),
        ("sevrer = \"s\"", 3, 1, "sevrer"),
    ] {
        let wrong = read(&main(fields), &secret).unwrap_err();
        let text: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        let place = format!("rollover.toml:{}:{column}", line + row);
        assert!(
            text.iter().any(|one| one.starts_with(&place) && one.contains(said)),
            "{fields}: not at {place}: {text:#?}"
        );
    }
}

/// Goal: people are sent to https pages, and no form that a browser or terminal would run is shown.
#[test]
fn a_dashboard_is_a_page_and_a_proxy_has_no_login() {
    let main = |dashboard: &str, proxy: &str| {
        let connection = format!("kind = \"postmark\"\nproxy = \"{proxy}\"");
        let issuer = "[issuers.p]\nkind = \"postmark-server\"\nvia = \"postmark\"\nserver = \"s\"";
        let issuer = format!("{issuer}\ndashboard = \"{dashboard}\"\n");
        format!("{}{issuer}", MAIN.replace("kind = \"postmark\"", &connection))
    };
    let (page, through) =
        ("https://account.postmarkapp.com/servers?x=1#/list", "http://proxy:3128");
    assert!(read(&main(page, through), SECRET).is_ok());
    assert!(read(&main("http://127.0.0.1:9/servers", through), SECRET).is_ok());
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://account.postmarkapp.com",
        "https://u:p@account.postmarkapp.com",
        "https://account.postmarkapp.com\\u001b]8;;",
        "https://169.254.169.254",
    ] {
        let wrong = read(&main(bad, through), SECRET).unwrap_err();
        let said = wrong[0].to_string();
        assert!(said.contains("people may be sent to"), "{said}");
        assert!(said.starts_with("rollover.toml:"), "{said}");
    }
    for bad in ["http://user:password@proxy:3128", "socks5://proxy:1080", "http://proxy:3128/?x"] {
        let wrong = read(&main(page, bad), SECRET).unwrap_err();
        assert!(wrong[0].to_string().contains("a proxy may have"), "{wrong:?}");
        assert!(wrong[0].hint.as_deref().unwrap_or_default().contains("HTTPS_PROXY"));
    }
}

#[test]
fn the_nearest_name_is_offered() {
    let wrong = read(MAIN, &SECRET.replace("heroku-acme", "heroku-acm")).unwrap_err();
    assert_eq!(wrong[0].hint.as_deref(), Some("did you mean `heroku-acme`?"));
}

#[test]
fn a_literal_token_is_refused_wherever_it_stands() {
    let token = format!("HRKU-{}", "a1".repeat(30));
    let wrong = read(&format!("# {token}\n{MAIN}"), SECRET).unwrap_err();
    assert!(wrong[0].message.contains("token's value"));
    assert!(!format!("{wrong:?}").contains(&token));
}

#[test]
fn a_schedule_is_read_and_each_mistake_in_it_told() {
    let with = |text: &str| format!("{MAIN}\n{text}");
    let good = with(
        r#"[schedule]
zone = "Europe/Berlin"
windows = ["mon-thu 09:00-16:00"]
jitter = "5d"

[[freezes]]
from = "2026-12-18"
to = "2027-01-04"
why = "year end"
"#,
    );
    let schedule = read(&good, SECRET).unwrap().schedule;
    assert_eq!(schedule.zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!((schedule.windows.len(), schedule.freezes.len()), (1, 1));
    for (wrong, says) in [
        ("[schedule]\nzone = \"Europe/Berlim\"", "no time zone"),
        ("[schedule]\nwindows = [\"9-5\"]", "not a window"),
        ("[[freezes]]\nfrom = \"18.12.\"\nto = \"2027-01-04\"\nwhy = \"\"", "not a day"),
        ("[[freezes]]\nfrom = \"2027-01-04\"\nto = \"2026-12-18\"\nwhy = \"\"", "before it begins"),
    ] {
        let told = read(&with(wrong), SECRET).unwrap_err();
        assert!(told.len() == 1 && told[0].message.contains(says), "{told:?}");
    }
}
