//! What people see: the index, the vendors' dashboards, the demo apps; and the lab's control API.
//!
//! A GET never changes anything. A POST of a form carries a word that only our own pages contain.

mod apps;
pub(crate) mod control_api;
pub(crate) mod html;
mod index;
mod tokens;

use std::sync::Arc;

use crate::faults::Hits;
use crate::lab::Shared;
use crate::wire::{Call, Reply};

/// Answers a page or a demo app; the flag says whether the world was changed.
pub(crate) async fn answer(shared: &Arc<Shared>, call: &Call, hits: &Hits) -> (Reply, bool) {
    if !is_local(call) {
        let page = html::page(
            "Not here",
            "<p role=\"alert\">Use the address of the loopback interface.</p>",
        );
        return (Reply::html(421, page), false);
    }
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = if call.method == "HEAD" { "GET" } else { call.method.as_str() };
    match parts.as_slice() {
        ["slack", rest @ ..] => return (shared.chat.slack(rest, call, shared.clock.now()), false),
        ["receiver"] if method == "POST" => {
            return (shared.chat.receive(call, shared.clock.now()), false);
        }
        _ => {}
    }
    if let ["apps", app, rest @ ..] = parts.as_slice() {
        return match (method, rest) {
            ("GET", ["health"]) => (apps::health(shared, app).await, false),
            ("POST", ["api", "notifications", "test-email"]) => {
                apps::test_email(shared, app, call).await
            }
            _ => (Reply::text(404, "not found\n"), false),
        };
    }
    if method == "POST" && call.form("form").as_deref() != Some(shared.form_token.as_str()) {
        let page = html::page(
            "Refused",
            "<p role=\"alert\">This form did not come from the lab's own page.</p>",
        );
        return (Reply::html(403, page), false);
    }
    match (method, parts.as_slice()) {
        ("GET", []) => (index::page(shared), false),
        ("GET", ["postmark", "servers"]) => (tokens::servers(shared), false),
        ("GET", ["postmark", "servers", id, "streams"]) => {
            (Reply::see_other(&format!("/postmark/servers/{}/api-tokens", html::escape(id))), false)
        }
        ("GET", ["postmark", "servers", id, "api-tokens"]) => (tokens::list(shared, id), false),
        ("POST", ["postmark", "servers", id, "api-tokens"]) => tokens::generate(shared, id, hits),
        ("POST", ["postmark", "servers", id, "api-tokens", "delete"]) => {
            tokens::delete(shared, id, call, hits)
        }
        ("GET", ["api_tokens"]) => (tokens::account(shared), false),
        ("POST", ["api_tokens"]) => tokens::generate_account(shared, hits),
        ("POST", ["api_tokens", "delete"]) => tokens::delete_account(shared, call, hits),
        ("GET", ["heroku", "account", "applications"]) => (tokens::applications(shared), false),
        ("POST", ["heroku", "account", "applications", "revoke"]) => {
            tokens::revoke(shared, call, hits)
        }
        _ => (Reply::html(404, html::page("Not found", "<p>There is no such page.</p>")), false),
    }
}

/// Whether the browser was pointed at loopback; a name that some server resolved to it does not count.
pub(crate) fn is_local(call: &Call) -> bool {
    let host = call.header("host").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}
