//! Everything in this crate that reads bytes which others wrote, as functions of those bytes.
//!
//! For the fuzz targets (`crates/fuzzed`): each function drives the connector that the product
//! uses and answers with all texts that people would see of it. Nothing else calls this.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::diagnosis::{Heard, Need};
use domain::inventory::{Ask, Auth, Connection, ConnectionKind, GithubScope};
use domain::{Handle, Liveness, Span, Token};
use futures_util::FutureExt;
use zeroize::Zeroizing;

use crate::dotenv::text;
use crate::gather::Gathering;
use crate::github::GithubSecret;
use crate::heroku::authorizations::HerokuAuthorizations;
use crate::heroku::config::{App, HerokuConfig};
use crate::http::{Answer, Call, Http, Kind, Made, Request};
use crate::infisical::{Infisical, Place, Session};
use crate::postmark::PostmarkServer;
use crate::postmark::account::PostmarkAccount;
use crate::sealed_file::SealedFile;
use crate::{
    Adoption, Consumer, Examiner, Fault, Held, Issuer, Login, MintOrder, MintRight, Receipt, Store,
    StoreWrite, Survey, TestMail,
};

/// The token that every call is made with and for.
pub const TOKEN: &str = "5eed5eed-0000-4000-8000-000000000001";

/// What people would see of an answer.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Seen {
    /// Messages, descriptions, versions.
    pub texts: Vec<String>,
    /// The issuer's ids of tokens.
    pub handles: Vec<String>,
}

/// Answers of Postmark; see `http::made` for their form.
#[must_use]
pub fn postmark(data: &[u8]) -> Seen {
    issuer(data, |data| {
        let http = made(ConnectionKind::Postmark, data)?;
        Some(PostmarkServer::new(http, "acme-prod".into(), "https://postmark.example".into()))
    })
}

/// Answers of Postmark about an account's token.
#[must_use]
pub fn postmark_account(data: &[u8]) -> Seen {
    issuer(data, |data| {
        let http = made(ConnectionKind::Postmark, data)?;
        Some(PostmarkAccount::new(http, "acme-prod".into(), "https://postmark.example"))
    })
}

/// Answers of Heroku about authorizations.
#[must_use]
pub fn heroku_authorizations(data: &[u8]) -> Seen {
    issuer(data, |data| {
        let http = made(ConnectionKind::Heroku, data)?;
        let account = "ops@example.com".to_owned();
        Some(HerokuAuthorizations::new(
            http,
            login(),
            account,
            vec!["global".into()],
            None,
            &Gathering::default(),
        ))
    })
}

/// Answers of Heroku about an app.
#[must_use]
pub fn heroku_config(data: &[u8]) -> Vec<String> {
    consumer(data, |data| {
        let http = made(ConnectionKind::Heroku, data)?;
        let keys = vec!["POSTMARK_SERVER_TOKEN".to_owned()];
        let (name, gathering) = ("acme-api-prod".into(), Gathering::default());
        let app = App::new(http, login(), name, keys.clone(), &gathering);
        Some(HerokuConfig::new(Arc::new(app), keys))
    })
}

/// Answers of GitHub about a repository's secret, and about an organisation's.
#[must_use]
pub fn github(data: &[u8]) -> Vec<String> {
    let names = ["POSTMARK_SERVER_TOKEN".to_owned()];
    let scopes =
        [GithubScope::Repository("acme/api".into()), GithubScope::Organisation("acme".into())];
    scopes
        .into_iter()
        .flat_map(|scope| {
            consumer(data, |data| {
                let http = made(ConnectionKind::Github, data)?;
                Some(GithubSecret::new(http, login(), scope.clone(), &names, Vec::new()))
            })
        })
        .collect()
}

/// Answers of Infisical, the login's first, in both generations of the API.
#[must_use]
pub fn infisical(data: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    for api in [3, 4] {
        let store = || {
            let http = made(ConnectionKind::Infisical, data)?;
            let session = Session::client(login(), login());
            let (project, environment, path) = ("p".into(), "prod".into(), "/".into());
            let place = Place { project, environment, path, api };
            let gathering = Gathering::default();
            Some(Infisical::new(http, Arc::new(session), place, Vec::new(), &gathering))
        };
        if let Some(store) = store() {
            store_read(now(store.read("KEY")), &mut seen);
        }
        if let Some(store) = store() {
            match now(store.write("KEY", &Token::from(TOKEN))) {
                Some(Ok(StoreWrite::Done(text) | StoreWrite::PendingApproval(text))) => {
                    seen.push(text);
                }
                Some(Err(fault)) => seen.push(fault.to_string()),
                None => {}
            }
        }
    }
    seen
}

/// An answer to a probe.
#[must_use]
pub fn probe(data: &[u8]) -> Vec<String> {
    let call = Call { vendor: "the probe", name: "health".into(), kind: Kind::Read };
    let expect_json = vec![("mail.0.ok".into(), Some("true".into())), ("version".into(), None)];
    let ask = Ask {
        method: "GET".into(),
        url: "https://localhost/health".into(),
        private: false,
        json: None,
        expect_status: 200,
        expect_json,
    };
    let read = Made::read(data).next(&call).and_then(|answer| {
        Ok([crate::probe::read_probe(&answer, &ask)?, format!("{:?}", wait(&answer))])
    });
    read.map_or_else(|fault| vec![fault.to_string()], Vec::from)
}

fn wait(answer: &Answer) -> Option<std::time::Duration> {
    answer.wait(jiff::Timestamp::UNIX_EPOCH)
}

/// Answers of vendors about a token, as `doctor` reads them.
#[must_use]
pub fn examined(data: &[u8]) -> Vec<String> {
    let token = Token::from(TOKEN);
    let over = |kind| Http::made_up(kind, Made::read(data)).map(Examiner::over);
    let mut heard = Vec::new();
    if let Some(examiner) = over(ConnectionKind::Postmark) {
        heard.extend(now(examiner.postmark_server(&token)).map(|answered| answered.heard));
        heard.extend(
            now(examiner.postmark_account(&token, Some("acme-prod")))
                .map(|answered| answered.heard),
        );
        let word = || "a-word".to_owned();
        let mail = TestMail { from: word(), to: word(), subject: word() };
        heard.extend(now(examiner.postmark_mail(&token, &mail)));
    }
    if let Some(examiner) = over(ConnectionKind::Heroku) {
        heard.extend(now(examiner.heroku(&token)).map(|answered| answered.heard));
        for need in [Need::Identity, Need::Read, Need::Global, Need::ReadProtected] {
            heard.extend(now(examiner.heroku_need(&token, need, Some("acme-api-prod"))));
        }
    }
    let shown = |heard| match heard {
        Heard::NotAsked => vec![],
        Heard::Accepted { identity, .. } => vec![identity],
        Heard::Said { code, message, .. } => vec![code, message],
        Heard::Stranger { looks, .. } => vec![looks],
        Heard::Silence { why, .. } => vec![why],
    };
    heard.into_iter().flat_map(shown).collect()
}

/// Answers of vendors about what is set up there, as `posture` and `usage` read them.
#[must_use]
pub fn surveyed(data: &[u8]) -> Vec<String> {
    let token = Token::from(TOKEN);
    let over = |kind| Http::made_up(kind, Made::read(data)).map(Survey::over);
    let mut seen = Vec::new();
    let mut faults = Vec::new();
    let mut keep = |fault: Fault| faults.push(fault.to_string());
    if let Some(survey) = over(ConnectionKind::Postmark) {
        let _sandbox = now(survey.is_sandbox(&token)).map(|read| read.map_err(&mut keep));
        let _hooks = now(survey.webhooks(&token)).map(|read| read.map_err(&mut keep));
        let (from, to) = (jiff::civil::date(2026, 1, 1), jiff::civil::date(2026, 1, 31));
        let _days = now(survey.daily(&token, from, to)).map(|read| read.map_err(&mut keep));
        if let Some(Ok(mails)) = now(survey.mails(&token)).map(|read| read.map_err(&mut keep)) {
            seen.extend(mails.into_iter().flat_map(|mail| [mail.domains, mail.bcc]).flatten());
        }
    }
    if let Some(survey) = over(ConnectionKind::Github) {
        let _settings = now(survey.repository(&token, "acme/api")).map(|r| r.map_err(&mut keep));
        let places = now(survey.environments(&token, "acme/api")).map(|r| r.map_err(&mut keep));
        if let Some(Ok(places)) = places {
            seen.extend(places.into_iter().map(|(name, _)| name));
        }
    }
    if let Some(survey) = over(ConnectionKind::Heroku) {
        let releases = now(survey.releases(&token, "acme-api-prod")).map(|r| r.map_err(&mut keep));
        if let Some(Ok(releases)) = releases {
            seen.extend(releases.into_iter().flat_map(|one| [one.description, one.by]));
        }
    }
    seen.extend(faults);
    seen
}

/// Whatever a server at this address of this machine answers, read by the executor itself.
pub async fn http(server: SocketAddr) -> Vec<String> {
    let connection = Connection {
        name: "fuzz".into(),
        kind: ConnectionKind::Heroku,
        url: format!("http://{server}"),
        private: false,
        auth: Auth::None,
        ca: None,
        proxy: None,
        timeout: Span::from_millis(500),
    };
    let Ok(http) = Http::new(&connection, Path::new("/"), None) else {
        return vec!["no client".to_owned()];
    };
    let request = Request::get(&["server"]).token("authorization", "Bearer ", &Token::from(TOKEN));
    match http.send(request).await {
        Ok(answer) => vec![
            answer.failure(None).to_string(),
            format!("{:?}", wait(&answer)),
            format!("{:?}", http.quota().remaining()),
        ],
        Err(fault) => vec![fault.to_string()],
    }
}

/// The text of a sealed file: what reading `KEY` shows, and what writing it would.
#[must_use]
pub fn sealed_file(data: &[u8], key: &seal::Key) -> Vec<String> {
    let file = SealedFile::new(PathBuf::from("secrets.sealed"), key, None);
    let mut seen = Vec::new();
    store_read(Some(file.read_text(data, "KEY")), &mut seen);
    if let Err(fault) = file.with_value(data, "KEY", &Token::from(TOKEN)) {
        seen.push(fault.to_string());
    }
    seen
}

/// The keys of a dotenv file, each with the place of its value, quotes included.
#[must_use]
pub fn dotenv_entries(text: &str) -> Vec<(&str, std::ops::Range<usize>)> {
    text::entries(text).into_iter().map(|entry| (entry.key, entry.value)).collect()
}

/// The value under a key of a dotenv file.
#[must_use]
pub fn dotenv_value(text: &str, key: &str) -> Option<Token> {
    text::value(text, key)
}

/// A dotenv file with a token under these keys; `None` where that cannot be written.
#[must_use]
pub fn dotenv_exchanged(text: &str, keys: &[String], token: &Token) -> Option<Zeroizing<String>> {
    text::exchanged(text, keys, token)
}

/// A vendor's words, fit to be shown.
#[must_use]
pub fn shown(text: &str) -> String {
    crate::shown::shown(text)
}

fn made(kind: ConnectionKind, data: &[u8]) -> Option<Arc<Http>> {
    Http::made_up(kind, Made::read(data)).map(Arc::new)
}

fn login() -> Login {
    Login::with(Token::from(TOKEN))
}

/// Nothing waits where no socket is.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    future.now_or_never()
}

fn issuer<I: Issuer>(data: &[u8], make: impl Fn(&[u8]) -> Option<I>) -> Seen {
    let mut seen = Seen::default();
    let token = Token::from(TOKEN);
    let marker = || "rollover r-abc123".to_owned();
    let Some(issuer) = make(data) else { return seen };
    match now(issuer.look(&token)) {
        Some(Liveness::Alive { identity: text })
        | Some(Liveness::Dead { evidence: text })
        | Some(Liveness::Unknown { why: text }) => seen.texts.push(text),
        None => {}
    }
    let Some(issuer) = make(data) else { return seen };
    match now(issuer.list(&token)) {
        Some(Ok(listing)) => {
            for listed in &*listing.tokens {
                seen.texts.extend(listed.description.clone());
                seen.texts.extend(listed.scope.clone());
                seen.handles.extend(listed.handle.clone().map(|handle| handle.0));
            }
        }
        Some(Err(fault)) => seen.texts.push(fault.to_string()),
        None => {}
    }
    let Some(issuer) = make(data) else { return seen };
    if let Some(MintRight::Refused(why) | MintRight::Unknown(why)) = now(issuer.may_mint()) {
        seen.texts.push(why);
    }
    let Some(issuer) = make(data) else { return seen };
    match now(issuer.create(&MintOrder { marker: marker() })) {
        Some(Ok(minted)) => seen.handles.push(minted.handle.0),
        Some(Err(fault)) => seen.texts.push(fault.to_string()),
        None => {}
    }
    let Some(issuer) = make(data) else { return seen };
    match now(issuer.find(&marker())) {
        Some(Ok(found)) => seen.handles.extend(found.into_iter().map(|found| found.handle.0)),
        Some(Err(fault)) => seen.texts.push(fault.to_string()),
        None => {}
    }
    let Some(issuer) = make(data) else { return seen };
    if let Some(Err(fault)) = now(issuer.revoke(&Handle("an-id".into()))) {
        seen.texts.push(fault.to_string());
    }
    seen
}

fn consumer<C: Consumer>(data: &[u8], make: impl Fn(&[u8]) -> Option<C>) -> Vec<String> {
    let mut seen = Vec::new();
    let token = Token::from(TOKEN);
    let Some(consumer) = make(data) else { return seen };
    match now(consumer.look()) {
        Some(Ok(Held::Unreadable(at))) => seen.push(format!("{at:?}")),
        Some(Ok(Held::Known(fingerprint))) => seen.push(fingerprint.hex()),
        Some(Ok(Held::Shadowed(why))) => seen.push(why),
        Some(Err(fault)) => seen.push(fault.to_string()),
        Some(Ok(Held::Values(_))) | None => {}
    }
    let Some(consumer) = make(data) else { return seen };
    match now(consumer.running(Some("v2"))) {
        Some(Ok(running)) => {
            seen.extend(running.older.into_iter().map(|(name, _)| name));
            seen.extend(running.rolled_back);
            seen.extend(running.waits);
        }
        Some(Err(fault)) => seen.push(fault.to_string()),
        None => {}
    }
    let Some(consumer) = make(data) else { return seen };
    let receipt = match now(consumer.write(&token)) {
        Some(Ok(Receipt(text))) => Some(text),
        Some(Err(fault)) => {
            seen.push(fault.to_string());
            None
        }
        None => None,
    };
    seen.extend(receipt.clone());
    let Some(consumer) = make(data) else { return seen };
    seen.extend(adoption(now(consumer.adopted(&token, receipt.as_deref()))));
    let Some(consumer) = make(data) else { return seen };
    let removed = match now(consumer.remove()) {
        Some(Ok(Receipt(text))) => text,
        Some(Err(fault)) => fault.to_string(),
        None => String::new(),
    };
    let Some(consumer) = make(data) else { return seen };
    seen.extend(adoption(now(consumer.absent(Some(&removed)))));
    seen.push(removed);
    seen
}

fn adoption(looked: Option<Result<Adoption, Fault>>) -> Option<String> {
    Some(match looked? {
        Ok(
            Adoption::ByFingerprint(text)
            | Adoption::ByWrite(text)
            | Adoption::NotYet(text)
            | Adoption::Differs(text),
        ) => text,
        Err(fault) => fault.to_string(),
    })
}

fn store_read(read: Option<Result<Option<crate::Stored>, Fault>>, seen: &mut Vec<String>) {
    match read {
        Some(Ok(Some(stored))) => seen.push(stored.version),
        Some(Err(fault)) => seen.push(fault.to_string()),
        Some(Ok(None)) | None => {}
    }
}
