//! Checks of what the vendors say of servers, webhooks and repositories.

use super::{Evidence, Facts, Judged, Looked, ServerFacts};

/// Asks each of several things; what could not be seen makes the whole unknown where nothing is
/// wrong.
fn each<T>(
    all: &[T],
    none: &str,
    otherwise: &str,
    ask: impl Fn(&T) -> Looked<Vec<Evidence>>,
) -> Judged {
    if all.is_empty() {
        return Judged::not_applicable(none);
    }
    let (mut found, mut unseen) = (Vec::new(), Vec::new());
    for one in all {
        match ask(one) {
            Looked::Seen(more) => found.extend(more),
            Looked::Not(why) => unseen.push(why),
        }
    }
    match (found.is_empty(), unseen.is_empty()) {
        (true, false) => Judged::unknown(unseen.join("; ")),
        _ => Judged::unless(found, otherwise),
    }
}

const NO_SERVERS: &str = "no secret is a Postmark server's";

fn is_production(server: &ServerFacts) -> bool {
    server.environments.iter().any(|one| one.starts_with("prod"))
}

pub(super) fn separate_servers(facts: &Facts) -> Judged {
    each(&facts.servers, NO_SERVERS, "every environment has a server of its own", |server| {
        let several = server.environments.len() > 1;
        let reach = is_production(server) && server.beyond_production;
        let names: Vec<&str> = server.environments.iter().map(String::as_str).collect();
        Looked::Seen(match (several, reach) {
            (true, _) => {
                vec![Evidence::of(format!("`{}` serves {}", server.name, names.join(", ")))]
            }
            (false, true) => vec![Evidence::of(format!(
                "`{}` is production's, and consumers outside production hold its token",
                server.name
            ))],
            _ => Vec::new(),
        })
    })
}

fn kind(server: &ServerFacts, wrong: bool, what: &str) -> Looked<Vec<Evidence>> {
    match &server.sandbox {
        Looked::Not(why) => Looked::Not(format!("{}: {why}", server.name)),
        Looked::Seen(sandbox) if *sandbox == wrong => {
            Looked::Seen(vec![Evidence::of(format!("`{}` {what}", server.name))])
        }
        Looked::Seen(_) => Looked::Seen(Vec::new()),
    }
}

pub(super) fn sandbox_outside(facts: &Facts) -> Judged {
    let outside: Vec<_> = facts.servers.iter().filter(|server| !is_production(server)).collect();
    each(&outside, "no server outside production", "they are sandboxes", |server| {
        kind(server, false, "delivers to everybody, outside production")
    })
}

pub(super) fn production_live(facts: &Facts) -> Judged {
    let inside: Vec<_> = facts.servers.iter().filter(|server| is_production(server)).collect();
    each(&inside, "no server of production", "it delivers", |server| {
        kind(server, true, "is a sandbox: production's mail is not delivered")
    })
}

fn hooks(
    facts: &Facts,
    otherwise: &str,
    wrong: fn(&super::WebhookFacts) -> Option<&'static str>,
) -> Judged {
    let hooks =
        |server: &ServerFacts| matches!(&server.webhooks, Looked::Seen(all) if all.is_empty());
    if !facts.servers.is_empty() && facts.servers.iter().all(hooks) {
        return Judged::not_applicable("no server has a webhook");
    }
    each(&facts.servers, NO_SERVERS, otherwise, |server| match &server.webhooks {
        Looked::Not(why) => Looked::Not(format!("{}: {why}", server.name)),
        Looked::Seen(all) => Looked::Seen(
            all.iter()
                .filter_map(|hook| {
                    let what = wrong(hook)?;
                    Some(Evidence::of(format!("webhook {} of `{}` {what}", hook.id, server.name)))
                })
                .collect(),
        ),
    })
}

pub(super) fn webhooks_https(facts: &Facts) -> Judged {
    hooks(facts, "every webhook goes to https", |hook| {
        (!hook.https).then_some("goes out without encryption")
    })
}

pub(super) fn webhooks_authenticated(facts: &Facts) -> Judged {
    hooks(facts, "every webhook has a login or a header of its own", |hook| {
        (!hook.authenticated).then_some("does not say who it is: anybody can call its address")
    })
}

const NO_REPOSITORIES: &str = "no consumer is a repository at GitHub";

pub(super) fn secret_scanning(facts: &Facts) -> Judged {
    each(&facts.repositories, NO_REPOSITORIES, "it is on", |one| match &one.scanning {
        Looked::Not(why) => Looked::Not(format!("{}: {why}", one.name)),
        Looked::Seen(true) => Looked::Seen(Vec::new()),
        Looked::Seen(false) => {
            Looked::Seen(vec![Evidence::of(format!("secret scanning is off in {}", one.name))])
        }
    })
}

pub(super) fn environment_protected(facts: &Facts) -> Judged {
    each(&facts.repositories, NO_REPOSITORIES, "every environment is protected", |one| {
        match &one.environments {
            Looked::Not(why) => Looked::Not(format!("{}: {why}", one.name)),
            Looked::Seen(all) => Looked::Seen(
                all.iter()
                    .filter(|(_, protected)| !protected)
                    .map(|(name, _)| {
                        Evidence::of(format!(
                            "anybody who can push reaches `{name}` of {}",
                            one.name
                        ))
                    })
                    .collect(),
            ),
        }
    })
}

pub(super) fn readers(facts: &Facts) -> Judged {
    each(&facts.repositories, NO_REPOSITORIES, "they are not public", |one| match &one.public {
        Looked::Not(why) => Looked::Not(format!("{}: {why}", one.name)),
        Looked::Seen(true) => Looked::Seen(vec![Evidence::of(format!("{} is public", one.name))]),
        Looked::Seen(false) => Looked::Seen(Vec::new()),
    })
}
