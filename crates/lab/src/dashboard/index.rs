//! The index: what runs where, how the tokens and the apps are, and what goes wrong on purpose.

use std::fmt::Write as _;

use super::html::{ending, escape};
use crate::clock::seconds;
use crate::lab::Shared;
use crate::wire::Reply;
use crate::{Inspection, Vendor};

/// The whole page.
pub(crate) fn page(shared: &Shared) -> Reply {
    let seen = shared.inspect();
    let mut body = String::new();
    vendors(&mut body, shared);
    tokens(&mut body, &seen);
    apps(&mut body, &seen);
    faults(&mut body, shared);
    Reply::html(200, super::html::page(&format!("The lab of {}", shared.org), &body))
}

fn table(body: &mut String, title: &str, heads: &[&str], rows: &str) {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    // Writing to a string cannot fail.
    let _infallible = write!(
        body,
        "<h2>{title}</h2><div class=\"wide\"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    );
}

fn vendors(body: &mut String, shared: &Shared) {
    let counters = shared.log.counters();
    let rows: String = Vendor::ALL
        .into_iter()
        .map(|vendor| {
            let count = |map: &std::collections::BTreeMap<Vendor, u64>| {
                map.get(&vendor).copied().unwrap_or_default()
            };
            format!(
                "<tr><td>{vendor}</td><td><code>{url}</code></td><td>{requests}</td><td>{effects}</td><td>{refused}</td></tr>",
                url = escape(shared.urls.of(vendor)),
                requests = count(&counters.requests),
                effects = count(&counters.effects),
                refused = count(&counters.refused),
            )
        })
        .collect();
    let heads = ["Vendor", "Address", "Requests", "Changes", "Refused (401)"];
    table(body, "What runs where", &heads, &rows);
}

fn tokens(body: &mut String, seen: &Inspection) {
    let state = |live: bool| {
        if live { "<span class=\"good\">live</span>" } else { "<span class=\"bad\">refused</span>" }
    };
    let mut rows = String::new();
    for server in seen.scene().postmark.servers.values() {
        for token in &server.tokens {
            let _infallible = write!(
                rows,
                "<tr><td>Postmark</td><td><a href=\"/postmark/servers/{}/api-tokens\">{}</a></td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                server.id,
                escape(&server.name),
                escape(&ending(&token.value)),
                state(seen.postmark_honours(&token.value)),
                seconds(token.created),
            );
        }
    }
    for token in &seen.scene().postmark.account_tokens {
        let _infallible = write!(
            rows,
            "<tr><td>Postmark</td><td><a href=\"/api_tokens\">the account</a></td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escape(&ending(&token.value)),
            state(seen.postmark_honours(&token.value)),
            seconds(token.created),
        );
    }
    for found in seen.scene().heroku.authorizations.values() {
        let _infallible = write!(
            rows,
            "<tr><td>Heroku</td><td><a href=\"/heroku/account/applications\">{}</a></td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escape(&found.description),
            escape(&ending(&found.token)),
            state(seen.heroku_honours(&found.token)),
            seconds(found.created),
        );
    }
    table(body, "Tokens", &["Issuer", "Where", "Ends in", "State", "Created"], &rows);
}

fn apps(body: &mut String, seen: &Inspection) {
    let rows: String = seen
        .apps()
        .iter()
        .map(|name| {
            let dynos: Vec<_> = seen
                .dynos(name)
                .iter()
                .map(|dyno| {
                    let class = match dyno.state.as_str() {
                        "up" => "good",
                        "crashed" => "bad",
                        _ => "wait",
                    };
                    format!("{} <span class=\"{class}\">{}</span> v{}", escape(&dyno.name), dyno.state, dyno.release)
                })
                .collect();
            let holds = |key: &str| {
                seen.config_vars(name).get(key).map(|token| escape(&ending(token))).unwrap_or_default()
            };
            format!(
                "<tr><td>{name}</td><td>{dynos}</td><td>{restarts}</td><td><code>{mail}</code></td><td><code>{platform}</code></td><td><a href=\"/apps/{name}/health\">health</a></td></tr>",
                name = escape(name),
                dynos = dynos.join("<br>"),
                restarts = seen.restarts(name).len(),
                mail = holds("POSTMARK_SERVER_TOKEN"),
                platform = holds("HEROKU_API_KEY"),
            )
        })
        .collect();
    let heads = ["App", "Dynos", "Restarts", "POSTMARK_SERVER_TOKEN", "HEROKU_API_KEY", "Demo"];
    table(body, "Apps", &heads, &rows);
}

fn faults(body: &mut String, shared: &Shared) {
    let list = shared.faults.list();
    if list.is_empty() {
        body.push_str("<h2>Faults</h2><p class=\"soft\">None. Everything works as documented.</p>");
        return;
    }
    let rows: String = list
        .iter()
        .map(|status| {
            let rule = &status.rule;
            format!(
                "<tr><td>{id}</td><td>{vendor}</td><td>{kind}</td><td><code>{method} {path}</code></td><td>{hits}{times}</td></tr>",
                id = status.id,
                vendor = rule.vendor.map_or("all", Vendor::name),
                kind = rule.kind.name(),
                method = escape(rule.method.as_deref().unwrap_or("any")),
                path = escape(rule.path.as_deref().unwrap_or("any path")),
                hits = status.hits,
                times = rule.times.map(|times| format!(" of {times}")).unwrap_or_default(),
            )
        })
        .collect();
    table(body, "Faults", &["No.", "Vendor", "Kind", "Requests", "Hits"], &rows);
}
