//! `rollover doctor`: why is this token refused?

mod pages;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use connectors::TestMail;
use domain::diagnosis::{Case, Cause, Diagnosis, Health, Heard, Kind, Known, KnownState, Reported};
use domain::diagnosis::{Place, diagnose};
use domain::inventory::{Auth, Connection, ConnectionKind};
use domain::{Act, SecretName, Span, Token};
use engine::Question;
use journal::TokenState;
use serde_json::{Value, json};

use crate::args::{Global, TokenWay};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::output::Output;
use crate::people;

/// Find out why a token is refused; reads only, but for a test mail
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// The secret, as `prod/NAME`, or a consumer, as `heroku:APP`
    pub(crate) subject: Option<String>,
    /// Look only at this place of the secret: `store`, or a consumer
    #[arg(long, value_name = "PLACE")]
    pub(crate) at: Option<String>,
    /// What kind of token it is: `postmark-server`, `postmark-account`, `heroku-authorization`
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Option<Kind>,
    #[command(flatten)]
    pub(crate) token: TokenWay,
    /// A file with the error that the program was given
    #[arg(long, value_name = "FILE")]
    pub(crate) error: Option<PathBuf>,
    /// Send a test mail to this address in the end; you are asked first
    #[arg(long, value_name = "ADDRESS", requires = "from")]
    pub(crate) send_to: Option<String>,
    /// The address that the test mail comes from
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<String>,
    /// Send the test mail without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print the page of a cause, or `all` for the list of them
    #[arg(long, value_name = "CAUSE", exclusive = true)]
    pub(crate) explain: Option<String>,
}

fn kind(text: &str) -> std::result::Result<Kind, String> {
    let all = Kind::ALL.map(Kind::name).join(", ");
    Kind::named(text).ok_or_else(|| format!("there is no such kind; known are {all}"))
}

pub(crate) async fn run(args: &Doctor, global: &Global, output: Output) -> Result<Exit> {
    if let Some(cause) = &args.explain {
        return explain(cause, output);
    }
    let reported = args.error.as_deref().map(reported).transpose()?;
    let given = people::raw_token(&args.token)?;
    let cases = match (&args.subject, args.kind) {
        (None, None) => {
            return Err(Fail::usage("name a secret or a consumer, or the kind of a token")
                .hint("rollover doctor prod/NAME")
                .hint("rollover doctor --kind postmark-server --token-stdin < FILE"));
        }
        (None, Some(kind)) => vec![alone(args, kind, given, reported.as_ref(), global).await?],
        (Some(subject), _) => {
            known(args, subject, given.as_ref(), reported.as_ref(), global, output).await?
        }
    };
    let seen: Vec<(Case, Diagnosis)> = cases
        .into_iter()
        .map(|case| {
            let found = diagnose(&case);
            (case, found)
        })
        .collect();
    output.json(&object(&seen))?;
    output.text(&text::report(&seen))?;
    Ok(exit(&seen))
}

fn explain(cause: &str, output: Output) -> Result<Exit> {
    if cause == "all" {
        let rows: Vec<Value> = Cause::ALL
            .iter()
            .map(|cause| json!({ "cause": cause, "title": cause.title() }))
            .collect();
        output.json(&rows)?;
        let lines: Vec<String> =
            Cause::ALL.iter().map(|cause| format!("{cause:<18}  {}", cause.title())).collect();
        output.text(&lines.join("\n"))?;
        return Ok(Exit::Ok);
    }
    let Some(found) = Cause::named(cause) else {
        return Err(Fail::usage(format!("there is no cause `{cause}`"))
            .hint("`rollover doctor --explain all` lists them"));
    };
    let page = pages::page(found);
    output.json(&json!({ "cause": found, "title": found.title(), "page": page }))?;
    output.text(page.trim_end())?;
    Ok(Exit::Ok)
}

/// The longest error text that is read.
const ERROR_BYTES_MAX: u64 = 1 << 20;

/// What the program was told. Nothing of the text itself is kept.
fn reported(path: &Path) -> Result<Reported> {
    let fail =
        |error: std::io::Error| Fail::usage(format!("failed to read {}: {error}", path.display()));
    if fs::metadata(path).map_err(fail)?.len() > ERROR_BYTES_MAX {
        return Err(Fail::usage(format!("{} is too long", path.display()))
            .hint("cut it to the lines around the error"));
    }
    let bytes = zeroize::Zeroizing::new(fs::read(path).map_err(fail)?);
    let found = Reported::read(&String::from_utf8_lossy(&bytes));
    match found.says_nothing() {
        true => Err(Fail::usage(format!("no status and no code was found in {}", path.display()))
            .hint("it should hold what the vendor answered: a status, `ErrorCode`, `id`")),
        false => Ok(found),
    }
}

/// The cases of a secret, or of all secrets of a consumer.
async fn known(
    args: &Doctor,
    subject: &str,
    given: Option<&Token>,
    reported: Option<&Reported>,
    global: &Global,
    output: Output,
) -> Result<Vec<Case>> {
    let home = Home::find(global)?;
    let asked = subjects(&home, subject, args.at.as_deref())?;
    let engine = home.looking()?;
    let mut cases = Vec::new();
    for (name, at) in &asked {
        let ask = Question {
            secret: name,
            directory: &home.directory,
            at: at.as_deref(),
            given,
            reported,
        };
        cases.extend(engine.examine(&ask).await?);
    }
    drop(engine);
    if let (Some((name, _)), Some(mail)) = (asked.first(), mail(args)) {
        let heard = send(args, &home, name, given, &mail, global, output).await?;
        for case in cases.iter_mut().filter(|case| case.heard.is_accepted()) {
            case.sent = heard.clone();
        }
    }
    Ok(cases)
}

/// Which secrets are meant, and which place of each.
fn subjects(
    home: &Home,
    subject: &str,
    at: Option<&str>,
) -> Result<Vec<(SecretName, Option<String>)>> {
    let holds = |at: &str| {
        let secrets = home.inventory.secrets.values();
        let holding = secrets.filter(|one| one.consumers.iter().any(|it| it.id.as_str() == at));
        holding.map(|secret| secret.name.clone()).collect::<Vec<_>>()
    };
    let of_consumer = holds(subject);
    if !of_consumer.is_empty() {
        let place = Some(subject.to_owned());
        return Ok(of_consumer.into_iter().map(|name| (name, place.clone())).collect());
    }
    let name = home.secret(subject)?;
    if let Some(at) = at.filter(|at| *at != "store") {
        let secret = home.inventory.secret(&name);
        let places: Vec<&str> = secret
            .map(|secret| secret.consumers.iter().map(|part| part.id.as_str()).collect())
            .unwrap_or_default();
        if !places.contains(&at) {
            return Err(Fail::usage(format!("{name} has no place `{at}`"))
                .hint(format!("its places: store, {}", places.join(", "))));
        }
    }
    Ok(vec![(name, at.map(str::to_owned))])
}

fn mail(args: &Doctor) -> Option<TestMail> {
    let (to, from) = (args.send_to.clone()?, args.from.clone()?);
    Some(TestMail { from, to, subject: "A test of rollover doctor".into() })
}

/// Sends the test mail after somebody agreed; it leaves the house, so it is audited.
async fn send(
    args: &Doctor,
    home: &Home,
    name: &SecretName,
    given: Option<&Token>,
    mail: &TestMail,
    global: &Global,
    output: Output,
) -> Result<Heard> {
    let pass = home.allow(Act::TestMail, Some(name))?;
    agreed(args, mail, global)?;
    let engine = home.acting(&pass, "doctor --send-to", false)?;
    let ask =
        Question { secret: name, directory: &home.directory, at: None, given, reported: None };
    let heard = engine.send_test_mail(&ask, mail).await?;
    output.say(&format!("test mail to {}: {}", mail.to, heard.words()));
    Ok(heard)
}

fn agreed(args: &Doctor, mail: &TestMail, global: &Global) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    if !people::can_ask(global.no_input) {
        return Err(Fail::new(Exit::Waiting, "a test mail is sent only when somebody agrees")
            .hint("add --yes, or run it at a terminal"));
    }
    let question = format!("send a test mail from {} to {}? [y/N] ", mail.from, mail.to);
    match people::line(&question).as_deref() {
        Some("y" | "Y" | "yes") => Ok(()),
        _ => Err(Fail::new(Exit::Failed, "no test mail was sent")),
    }
}

/// A value that no secret is named for.
async fn alone(
    args: &Doctor,
    kind: Kind,
    given: Option<Token>,
    reported: Option<&Reported>,
    global: &Global,
) -> Result<Case> {
    let token = match given {
        Some(token) => token,
        None => people::hidden("token (hidden): ", global.no_input).map_err(|error| {
            Fail::usage(error.to_string()).hint("give it by --token-stdin or --token-file FILE")
        })?,
    };
    let home = Home::find(global).ok();
    let connection = connection(kind, home.as_ref());
    let setup = |error: connectors::SetupError| Fail::usage(chain(&error));
    let mut case =
        engine::examine_alone(kind, &token, &connection, reported).await.map_err(setup)?;
    if let Some(mail) = mail(args).filter(|_| kind == Kind::PostmarkServer) {
        agreed(args, &mail, global)?;
        case.sent = engine::mail_alone(&token, &connection, &mail).await.map_err(setup)?;
    }
    if let Some(home) = home {
        remember(&home, &token, &mut case)?;
    }
    Ok(case)
}

/// Whether the value is, or was, one of the inventory's.
fn remember(home: &Home, token: &Token, case: &mut Case) -> Result<()> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let fingerprint = reader.fingerprint_key().of(token);
    case.fingerprint = Some(fingerprint);
    for name in home.inventory.secrets.keys() {
        for row in reader.tokens(name)?.into_iter().filter(|row| row.fingerprint == fingerprint) {
            let state = match row.state {
                TokenState::Active | TokenState::Candidate => KnownState::Current,
                TokenState::Retiring | TokenState::Compromised => KnownState::Retiring,
                _ => KnownState::Gone,
            };
            case.known.push(Known {
                secret: name.clone(),
                state,
                since: Some(row.since),
                rotation: row.rotation,
                as_it_stands: true,
            });
        }
    }
    Ok(())
}

/// The inventory's way to the vendor, or the vendor's own address.
fn connection(kind: Kind, home: Option<&Home>) -> Connection {
    let (wanted, url) = match kind {
        Kind::PostmarkServer | Kind::PostmarkAccount => {
            (ConnectionKind::Postmark, "https://api.postmarkapp.com")
        }
        Kind::HerokuAuthorization => (ConnectionKind::Heroku, "https://api.heroku.com"),
    };
    let of_home = home.and_then(|home| {
        home.inventory.connections.values().find(|connection| connection.kind == wanted).cloned()
    });
    of_home.unwrap_or_else(|| Connection {
        name: kind.vendor().to_lowercase(),
        kind: wanted,
        url: url.into(),
        private: false,
        auth: Auth::None,
        ca: None,
        proxy: None,
        timeout: Span::from_secs(30),
    })
}

/// The case that stands worst, the first of them.
fn worst(seen: &[(Case, Diagnosis)]) -> Option<&(Case, Diagnosis)> {
    seen.iter().min_by_key(|(_, found)| found.health)
}

fn exit(seen: &[(Case, Diagnosis)]) -> Exit {
    match worst(seen).map(|(_, found)| found.health) {
        Some(Health::Invalid) => Exit::TokenInvalid,
        Some(Health::InTheWay) => Exit::Attention,
        Some(Health::Unknown) | None => Exit::TryLater,
        Some(Health::Fine) => Exit::Ok,
    }
}

fn object(seen: &[(Case, Diagnosis)]) -> Value {
    let places: Vec<Value> = seen
        .iter()
        .map(|(case, found)| {
            json!({
                "secret": case.secret, "kind": case.kind, "place": case.place,
                "fingerprint": case.fingerprint, "form": case.anatomy, "heard": case.heard,
                "health": found.health, "findings": found.findings,
            })
        })
        .collect();
    let first = worst(seen).and_then(|(case, found)| Some((case, found.first()?)));
    let first = first.map(|(case, finding)| {
        json!({
            "place": place_name(&case.place), "cause": finding.cause, "sure": finding.sure,
            "evidence": finding.evidence, "fix": finding.fix,
            "page": format!("docs/doctor/{}.md", finding.cause),
        })
    });
    let health = worst(seen).map(|(_, found)| found.health);
    json!({ "health": health, "first": first, "places": places, "exit": exit(seen) as u8 })
}

fn place_name(place: &Place) -> &str {
    place.at().unwrap_or("given")
}
