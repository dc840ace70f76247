//! Goal: each question puts exactly the right calls on the wire, and as few as possible. Method:
//! a world built from an inventory, against a vendor that remembers what it was asked.

mod consumers;
mod fenced;
mod stores;

use std::sync::Mutex;

use domain::inventory::{
    ConnectionKind, Consumer as Place, Issuer as Issues, KeySource, Policy, Secret, Source, State,
    Store as Keeps,
};
use domain::{Handle, Liveness, Span, Token};

use super::*;
use crate::http::scripted::{Asked, Scripted, Told, told};
use crate::{Adoption, Fault, Held, MintOrder, MintRight, StoreWrite};

const OLD: &str = "HRKU-00000000-0000-0000-0000-000000000000";
const NEW: &str = "HRKU-11111111-1111-1111-1111-111111111111";
const LOGIN: &str = "the-login";

fn inventory(url: &str, auth: Auth) -> Inventory {
    let second = Span::from_secs(1);
    Inventory {
        org: "acme".into(),
        state: State { database: "x".into(), key: KeySource::File("x".into()) },
        people: domain::People::default(),
        policy: Policy {
            max_age: second,
            soak: second,
            proof_interval: second,
            proof_timeout: second,
            adopt_timeout: second,
            attempts_max: 1,
            watch: second,
            task_deadline: Policy::TASK_DEADLINE,
            claim: Policy::CLAIM,
            role: "ops".into(),
            approve_role: None,
            second_person: domain::inventory::SecondPerson::Never,
        },
        schedule: domain::schedule::Schedule::default(),
        connections: [("c".into(), connection(url, auth))].into(),
        issuers: [].into(),
        notify: BTreeMap::new(),
        stores: [(
            "s".into(),
            Keeps { name: "s".into(), kind: StoreKind::Sealed { file: "s.json".into() } },
        )]
        .into(),
        secrets: [].into(),
    }
}

fn connection(url: &str, auth: Auth) -> Connection {
    let (kind, timeout) = (ConnectionKind::Heroku, Span::from_secs(5));
    Connection {
        name: "c".into(),
        kind,
        url: url.into(),
        private: false,
        auth,
        ca: None,
        proxy: None,
        timeout,
    }
}

fn issued_by(mut inventory: Inventory, kind: IssuerKind) -> Inventory {
    let issuer = Issues { name: "i".into(), via: "c".into(), kind };
    inventory.issuers.insert("i".into(), issuer);
    let name: SecretName = "prod/K".parse().unwrap();
    let secret = Secret {
        name: name.clone(),
        file: "secrets/k.toml".into(),
        owner: None,
        issuer: "i".into(),
        store: "s".into(),
        store_key: "K".into(),
        max_age: Span::from_secs(1),
        soak: Span::from_secs(1),
        role: "ops".into(),
        gates: domain::Gates::default(),
        old_description: None,
        known: Vec::new(),
        create_text: None,
        revoke_text: None,
        not_enabled: Vec::new(),
        consumers: Vec::new(),
        probes: Vec::new(),
    };
    inventory.secrets.insert(name, secret);
    inventory
}

fn used_by(inventory: Inventory, kinds: &[ConsumerKind]) -> Inventory {
    let mut inventory = issued_by(inventory, postmark());
    let places = kinds.iter().enumerate().map(|(n, kind)| Place {
        id: ConsumerId::from(format!("{n}")),
        label: "x".into(),
        keys: vec!["K".into()],
        production: true,
        kind: kind.clone(),
    });
    let secret = inventory.secrets.values_mut().next().unwrap();
    secret.consumers = places.collect();
    inventory
}

fn postmark() -> IssuerKind {
    IssuerKind::PostmarkServer { server: "acme-prod".into(), dashboard: "https://d".into() }
}

fn account() -> IssuerKind {
    IssuerKind::PostmarkAccount { server: "acme-prod".into(), dashboard: "https://d".into() }
}

fn heroku() -> IssuerKind {
    let scope = vec!["global".to_owned()];
    IssuerKind::HerokuAuthorization { account: "o@e.com".into(), scope, expires_in: None }
}

struct Built {
    world: World,
    vendor: Scripted,
    _directory: tempfile::TempDir,
}

/// A world whose connection logs in with a file that holds [`LOGIN`].
fn build(
    tell: impl Fn(&Asked) -> Told + Send + Sync + 'static,
    complete: impl Fn(Inventory) -> Inventory,
) -> Built {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("login");
    std::fs::write(&path, LOGIN).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let vendor = Scripted::serve(tell);
    let auth = Auth::Token(Source::File("login".into()));
    let inventory = complete(inventory(&vendor.url, auth));
    let key = seal::Key::from_bytes(&[7; 32]);
    let world = World::build(&inventory, directory.path(), &key, None, None).unwrap();
    Built { world, vendor, _directory: directory }
}

impl Built {
    fn issuer(&self) -> Arc<dyn Issuer> {
        self.world.issuers["i"].clone()
    }

    fn consumer(&self) -> Arc<dyn Consumer> {
        self.world.consumers.values().next().unwrap().clone()
    }
}

#[tokio::test]
async fn postmark_asks_as_the_token_itself() {
    let server = format!(r#"{{"Name":"acme-prod","ApiTokens":["{}"]}}"#, &OLD[5..]);
    let built = build(move |_| told(200, &server), |it| issued_by(it, postmark()));
    let token = Token::from(&OLD[5..]);
    let alive = Liveness::Alive { identity: "acme-prod".into() };
    assert_eq!(built.issuer().look(&token).await, alive);
    assert!(built.issuer().list(&token).await.unwrap().complete);
    let asked = built.vendor.asked();
    assert_eq!(asked.len(), 2);
    for asked in asked {
        assert_eq!(asked.line, "GET /server");
        assert!(asked.headers.contains(&format!("x-postmark-server-token: {}", &OLD[5..])));
        assert!(asked.headers.contains("accept: application/json"));
        assert!(!asked.headers.contains(LOGIN) && !asked.headers.contains("authorization"));
    }
    let order = MintOrder { marker: "m".into() };
    assert!(matches!(built.issuer().create(&order).await, Err(Fault::Refused { .. })));
    assert!(built.vendor.asked().is_empty());
}

/// Goal: an account's token is asked about in its own header, with nothing of any login; what
/// the account's API refuses is a death only where it is no server's token either. Method: a
/// vendor that knows one token of each sort.
#[tokio::test]
async fn a_postmark_account_asks_as_the_token_itself() {
    const DEAD: &str = r#"{"ErrorCode":10,"Message":"no"}"#;
    let built = build(
        |asked| {
            let ours = asked.headers.contains(&format!("x-postmark-account-token: {}", &OLD[5..]));
            let server = asked.headers.contains(&format!("x-postmark-server-token: {}", &NEW[5..]));
            match asked.line.as_str() {
                "GET /server" if server => told(200, r#"{"Name":"acme-alerts"}"#),
                line if line.starts_with("GET /servers") && ours => {
                    told(200, r#"{"TotalCount":1,"Servers":[{"Name":"acme-prod"}]}"#)
                }
                _ => told(401, DEAD),
            }
        },
        |it| issued_by(it, account()),
    );
    let (ours, servers) = (Token::from(&OLD[5..]), Token::from(&NEW[5..]));
    let issuer = built.issuer();
    let alive = |identity: &str| Liveness::Alive { identity: identity.into() };
    assert_eq!(issuer.look(&ours).await, alive("the account of acme-prod"));
    let asked = built.vendor.asked();
    assert_eq!(asked.len(), 1, "one that lives is asked about once");
    assert_eq!(asked[0].line, "GET /servers?count=500&offset=0&name=acme-prod");
    assert!(!asked[0].headers.contains(LOGIN) && !asked[0].headers.contains("authorization"));
    assert!(!asked[0].headers.contains("x-postmark-server-token"), "one header at a time");
    assert_eq!(issuer.look(&servers).await, alive("a server token, of acme-alerts"));
    assert!(built.vendor.asked().iter().all(|one| {
        one.headers.matches("x-postmark-").count() == 1 && !one.headers.contains(LOGIN)
    }));
    assert!(issuer.look(&Token::from("00000000-0000-4000-8000-000000000000")).await.is_dead());
    built.vendor.asked();
    let listing = issuer.list(&ours).await.unwrap();
    assert!(!listing.complete && listing.tokens.is_empty());
    assert_eq!(listing.page.as_deref(), Some("https://d/api_tokens"));
    let order = MintOrder { marker: "m".into() };
    assert!(matches!(issuer.create(&order).await, Err(Fault::Refused { .. })));
    assert!(built.vendor.asked().is_empty(), "there is nothing to ask for");
}

#[tokio::test]
async fn heroku_asks_as_the_login_except_for_a_look() {
    let made = format!(r#"{{"id":"a-1","description":"m-1","access_token":{{"token":"{NEW}"}}}}"#);
    let built = build(
        move |asked| match asked.line.split(' ').next().unwrap() {
            "POST" => told(201, &made),
            "DELETE" => told(200, &made),
            _ if asked.line == "GET /account" => told(200, r#"{"email":"o@e.com"}"#),
            _ if asked.headers.contains("range: id ..; max=500") => {
                (206, "next-range: ]a-1..; max=500\r\n".into(), format!("[{made}]"))
            }
            _ => told(200, r#"[{"id":"a-2","description":"m-2"}]"#),
        },
        |it| issued_by(it, heroku()),
    );
    let issuer = built.issuer();
    assert!(issuer.look(&Token::from(OLD)).await.is_alive());
    let look = built.vendor.asked().remove(0);
    assert!(look.headers.contains(&format!("authorization: Bearer {OLD}")));
    let minted = issuer.create(&MintOrder { marker: "m-1".into() }).await.unwrap();
    assert_eq!((minted.token, minted.handle), (Token::from(NEW), Handle("a-1".into())));
    let create = built.vendor.asked().remove(0);
    assert_eq!(create.line, "POST /oauth/authorizations");
    assert_eq!(create.body, r#"{"description":"m-1","scope":["global"]}"#);
    assert!(create.headers.contains(&format!("authorization: Bearer {LOGIN}")));
    assert!(create.headers.contains("accept: application/vnd.heroku+json; version=3"));
    assert_eq!(issuer.find("m-1").await.unwrap().len(), 1);
    assert_eq!(built.vendor.asked().len(), 2, "all pages");
    let list = issuer.list(&Token::from(OLD)).await.unwrap();
    assert!(list.complete && list.tokens.len() == 2);
    built.vendor.asked();
    assert_eq!(issuer.may_mint().await, MintRight::Allowed);
    assert_eq!(issuer.revoke(&Handle("a-1".into())).await, Ok(()));
    assert_eq!(
        built.vendor.lines(),
        ["DELETE /oauth/authorizations/a-1", "GET /oauth/authorizations"]
    );
    assert!(issuer.revoke(&Handle("..".into())).await.is_err());
    assert!(built.vendor.asked().is_empty());
}

#[tokio::test]
async fn a_login_that_the_engine_sets_is_used_from_then_on() {
    let built = build(|_| told(200, "[]"), |it| issued_by(it, heroku()));
    built.world.logins["c"].set(Token::from("another-login"));
    assert_eq!(built.issuer().may_mint().await, MintRight::Allowed);
    assert!(built.vendor.asked()[0].headers.contains("Bearer another-login"));
}

#[test]
fn what_cannot_be_built_is_named() {
    let key = seal::Key::from_bytes(&[7; 32]);
    let build = |inventory: &Inventory| {
        World::build(inventory, Path::new("/nonexistent"), &key, None, None).err().unwrap()
    };
    let plain = issued_by(inventory("http://api.heroku.com", Auth::None), heroku());
    assert!(
        matches!(build(&plain), WorldError::Connection { connection, .. } if connection == "c")
    );
    let auth = Auth::Token(Source::File("login".into()));
    let unread = issued_by(inventory("https://api.heroku.com", auth), heroku());
    assert!(matches!(build(&unread), WorldError::Login { connection, .. } if connection == "c"));
    let mut missing = issued_by(inventory("https://x.example", Auth::None), heroku());
    missing.connections.clear();
    assert!(matches!(build(&missing), WorldError::Missing(name) if name == "c"));
}

#[test]
fn every_kind_of_issuer_is_listed_once() {
    for kind in [postmark(), account(), heroku()] {
        let profile = profile_of(&kind);
        let listed = ALL_PROFILES.iter().filter(|listed| listed.kind == profile.kind);
        assert_eq!(listed.count(), 1);
    }
}

/// A kind that is listed for the tests and declares nothing, or the other way round, is forgotten.
#[test]
fn the_lists_of_issuers_agree() {
    let declared: Vec<&str> = ALL_PROFILES.iter().map(|profile| profile.kind).collect();
    assert_eq!(declared, crate::kinds::ISSUERS);
}
