//! What to do about a cause: one command, or what a person does and the command that proves it.

use serde::Serialize;

use super::{Case, Cause, Kind, Place};

/// What to do about a cause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Fix {
    /// A command does it.
    Command {
        /// The command.
        command: String,
        /// What it does, in a few words.
        does: String,
    },
    /// A person does it, and the command proves it.
    Person {
        /// What to do, one line a step.
        steps: Vec<String>,
        /// What to run then.
        command: String,
    },
    /// It passes, and the command shows when it has.
    Wait {
        /// What is waited for.
        until: String,
        /// What to run then.
        command: String,
    },
}

impl Fix {
    /// The command that is run, at once or in the end.
    #[must_use]
    pub fn command(&self) -> &str {
        match self {
            Self::Command { command, .. }
            | Self::Person { command, .. }
            | Self::Wait { command, .. } => command,
        }
    }
}

/// What is to be done about this cause, here.
pub(super) fn fix(cause: Cause, case: &Case) -> Fix {
    use Cause as C;
    match cause {
        C::Missing
        | C::Placeholder
        | C::TestToken
        | C::OtherKind
        | C::Mistyped
        | C::AccountToken
        | C::ServerToken
        | C::WrongEnvironment => right_value(case),
        C::NotDeployed => written(case),
        C::Replaced | C::Revoked | C::Expired => replaced(case),
        C::MissingScope => widened(case),
        C::NotYetActive => wait("a new token may be refused for a moment", case),
        C::Shadowed => person(
            &[
                "delete the secret that shadows it, or add its place as a consumer of this secret",
                "an environment's secret is deleted with `gh secret delete NAME --env ENVIRONMENT`",
            ],
            case,
        ),
        C::NotRestarted => not_restarted(case),
        C::RunsOlder => wait("the runs that are older have ended, or were cancelled", case),
        C::BothHeaders => person(
            &[
                "send one of the two headers: X-Postmark-Server-Token for mail, nothing else beside it",
            ],
            case,
        ),
        C::WrongHeader => person(&[header(case.kind)], case),
        C::Sandbox => sandbox(case),
        C::Account => person(&account(case.kind), case),
        C::Sender => person(
            &[
                "send from an address or a domain that is confirmed in Postmark, or confirm this one",
                "Postmark: Sender Signatures; the mail with the link goes to the address itself",
            ],
            case,
        ),
        C::Message => person(
            &["change the message: another recipient, an existing stream, a body, valid JSON"],
            case,
        ),
        _ => around(cause, case),
    }
}

/// Causes that lie between this machine and the vendor.
fn around(cause: Cause, case: &Case) -> Fix {
    use Cause as C;
    match cause {
        C::RateLimit => wait("the vendor takes calls again; nothing is wrong with the token", case),
        C::Outage => wait("the vendor is up again; see its status page", case),
        C::Firewall => {
            person(&["let this machine reach the vendor's address, without inspection"], case)
        }
        C::Proxy => person(&["repair the proxy, or the `proxy` of the connection"], case),
        C::Tls => person(
            &[
                "let the connection end at the vendor, or name the authority of whoever opens it: `ca`",
                "a wrong clock makes certificates invalid, too",
            ],
            case,
        ),
        C::WrongAddress => person(&["put the vendor's address into `url` of the connection"], case),
        C::Clock => person(&["set the clock of this machine, and keep it by NTP"], case),
        C::Unseen => {
            person(&["give rollover's login access to the place, or wait until it answers"], case)
        }
        _ => person(&["let this machine reach the vendor: name, address, port, network"], case),
    }
}

fn name(case: &Case) -> String {
    case.secret.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// The doctor once more, asked the same.
fn again(case: &Case) -> String {
    match (&case.secret, &case.place) {
        (Some(name), Place::Given) => format!("rollover doctor {name} --token-stdin"),
        (Some(name), _) => format!("rollover doctor {name}"),
        (None, _) => format!("rollover doctor --kind {} --token-stdin", case.kind.name()),
    }
}

fn wait(until: &str, case: &Case) -> Fix {
    Fix::Wait { until: until.into(), command: again(case) }
}

fn person(steps: &[&str], case: &Case) -> Fix {
    let steps = steps.iter().map(|step| (*step).to_owned()).collect();
    Fix::Person { steps, command: again(case) }
}

/// The right value is put where a wrong one is.
fn right_value(case: &Case) -> Fix {
    match &case.place {
        Place::Given => {
            person(&["give the token itself, as the vendor shows it, and nothing beside it"], case)
        }
        Place::Consumer(_) => written(case),
        Place::Store(store) => imported(case, store),
    }
}

fn imported(case: &Case, store: &str) -> Fix {
    let identity = case.identity.as_deref().unwrap_or("the account");
    let take = match case.kind {
        Kind::PostmarkServer => {
            format!("open the server `{identity}` in Postmark, tab API Tokens, and copy its token")
        }
        Kind::PostmarkAccount => "open Account, tab API Tokens, in Postmark and copy one".into(),
        Kind::HerokuAuthorization => {
            format!("log in as {identity} and run `heroku authorizations:create`; note the ID, too")
        }
    };
    let steps =
        vec![take, format!("the command puts it into {store}; it is read from standard input")];
    Fix::Person { steps, command: format!("rollover secret import {} --token-stdin", name(case)) }
}

/// The store's value is written to the consumer.
fn written(case: &Case) -> Fix {
    let store_is_good = case.stored.as_ref().is_some_and(|stored| stored.good);
    match (&case.secret, store_is_good) {
        (Some(name), true) => Fix::Command {
            command: match case.place.at() {
                Some(place) => format!("rollover secret sync {name} {}", quoted(place)),
                None => format!("rollover secret sync {name}"),
            },
            does: "what the store holds, written to this place alone; the plan is shown first"
                .into(),
        },
        (Some(name), false) => Fix::Command {
            command: format!("rollover doctor {name} --at store"),
            does: "what the store holds is not taken either; it comes first".into(),
        },
        (None, _) => right_value(&Case { place: Place::Given, ..case.clone() }),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A dead token is replaced by a new one.
fn replaced(case: &Case) -> Fix {
    match &case.place {
        Place::Given => match &case.secret {
            Some(name) => Fix::Command {
                command: format!("rollover doctor {name}"),
                does: "how the current token stands; the one that was given stays dead".into(),
            },
            None => {
                person(&["make a new token at the vendor; a deleted one never comes back"], case)
            }
        },
        Place::Consumer(_) => written(case),
        Place::Store(store) if case.is_the_login => imported(case, store),
        Place::Store(_) => Fix::Command {
            command: format!("rollover rotate {} --repair", name(case)),
            does: match case.by_operator {
                true => "a person makes a new token; it goes to the store and to every consumer",
                false => "a new token, written to the store and to every consumer",
            }
            .into(),
        },
    }
}

/// A token that may too little is replaced by one with the inventory's scope.
fn widened(case: &Case) -> Fix {
    match &case.place {
        Place::Given => person(&["make an authorization with the scope that is missing"], case),
        Place::Consumer(_) => written(case),
        Place::Store(store) if case.is_the_login => imported(case, store),
        Place::Store(_) => Fix::Command {
            command: format!("rollover rotate {}", name(case)),
            does: "a new token with the scope that the inventory names".into(),
        },
    }
}

fn not_restarted(case: &Case) -> Fix {
    let app = case.place.at().and_then(|id| id.strip_prefix("heroku:")).unwrap_or("APP");
    let restart = format!("heroku ps:restart --app {app}");
    person(
        &[
            "what is starting comes up by itself; a failed release phase is repaired by its owner",
            &format!("otherwise: `{restart}`"),
        ],
        case,
    )
}

fn sandbox(case: &Case) -> Fix {
    let steps = [
        "a sandbox stays one: make a server of the kind Live in Postmark, or choose one",
        "name it as `server` of the issuer, and put its token into the store",
    ];
    let steps = steps.map(str::to_owned).to_vec();
    match &case.secret {
        Some(name) => {
            Fix::Person { steps, command: format!("rollover secret import {name} --token-stdin") }
        }
        None => Fix::Person { steps, command: again(case) },
    }
}

fn header(kind: Kind) -> &'static str {
    match kind {
        Kind::PostmarkServer => {
            "send the token in X-Postmark-Server-Token; Postmark reads no `Authorization`"
        }
        Kind::PostmarkAccount => {
            "send the token in X-Postmark-Account-Token; Postmark reads no `Authorization`"
        }
        Kind::HerokuAuthorization => "send the token as `Authorization: Bearer TOKEN`",
    }
}

fn account(kind: Kind) -> [&'static str; 1] {
    match kind {
        Kind::HerokuAuthorization => [
            "log in at Heroku as the account and settle what it asks for: bill, suspension, second factor",
        ],
        _ => ["log in at Postmark and settle what it asks for: credits, approval, suspension"],
    }
}
