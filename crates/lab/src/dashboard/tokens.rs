//! The vendors' own dashboards, as far as a person needs them: Postmark's tokens, Heroku's authorizations.

use std::sync::Arc;

use super::html::{ending, escape, page};
use crate::clock::seconds;
use crate::faults::Hits;
use crate::lab::Shared;
use crate::postmark::{TOKENS_MAX, TokenError};
use crate::wire::{Call, Reply};
use crate::world::{Turn, World};

/// Postmark: the servers of the account.
pub(crate) fn servers(shared: &Shared) -> Reply {
    let rows: String = shared.world(|world, _| {
        world
            .scene
            .postmark
            .servers
            .values()
            .map(|server| {
                format!(
                    "<tr><td><a href=\"/postmark/servers/{id}/api-tokens\">{name}</a></td>\
                     <td>{id}</td><td>{kind}</td><td>{count} of {TOKENS_MAX}</td></tr>",
                    id = server.id,
                    name = escape(&server.name),
                    kind = escape(&server.delivery_type),
                    count = server.tokens.len(),
                )
            })
            .collect()
    });
    let body = format!(
        "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Server</th><th scope=\"col\">ID</th>\
         <th scope=\"col\">Type</th><th scope=\"col\">API tokens</th></tr></thead><tbody>{rows}</tbody></table></div>"
    );
    Reply::html(200, page("Postmark servers", &body))
}

/// Postmark: the tokens of one server.
pub(crate) fn list(shared: &Shared, id: &str) -> Reply {
    list_with(shared, id, 200, None)
}

/// Postmark: a click on "Generate another token".
pub(crate) fn generate(shared: &Arc<Shared>, id: &str, hits: &Hits) -> (Reply, bool) {
    change(shared, id, hits, |world, id, turn| world.scene.postmark.generate_token(id, turn))
}

/// Postmark: a click on "Delete".
pub(crate) fn delete(shared: &Arc<Shared>, id: &str, call: &Call, hits: &Hits) -> (Reply, bool) {
    let row = call.form("row").unwrap_or_default();
    change(shared, id, hits, |world, id, turn| world.scene.postmark.delete_token(id, &row, turn))
}

fn change(
    shared: &Arc<Shared>,
    id: &str,
    hits: &Hits,
    click: impl FnOnce(&mut World, u64, &mut Turn<'_>) -> Result<(), TokenError>,
) -> (Reply, bool) {
    let number = id.parse().unwrap_or_default();
    // Rules for Postmark hold for what people do there, too.
    let also = shared.faults.take(
        crate::Vendor::Postmark,
        "POST",
        &format!("/servers/{number}/api-tokens"),
        false,
    );
    let mut kinds = hits.kinds.clone();
    kinds.extend(also.kinds);
    let hits = Hits { kinds };
    let keep_the_past = shared.faults.keep_the_past();
    let (result, took_effect) = shared.world(|world, now| {
        if keep_the_past {
            world.remember(now);
        }
        let mut turn = Turn::new(now, Arc::clone(&world.urls)).with_faults(&shared.faults, &hits);
        (click(world, number, &mut turn), turn.took_effect)
    });
    let reply = match result {
        Ok(()) => Reply::see_other(&format!("/postmark/servers/{number}/api-tokens")),
        Err(TokenError::NoServer) => list(shared, id),
        Err(TokenError::NoToken) => {
            list_with(shared, id, 404, Some("This token is not there any more."))
        }
        Err(TokenError::Full) => list_with(
            shared,
            id,
            422,
            Some("A server can have 3 API tokens. Delete one to generate another."),
        ),
    };
    (reply, took_effect)
}

fn list_with(shared: &Shared, id: &str, status: u16, alert: Option<&str>) -> Reply {
    let server = shared.world(|world, _| {
        id.parse::<u64>().ok().and_then(|id| world.scene.postmark.servers.get(&id).cloned())
    });
    let Some(server) = server else {
        return Reply::html(404, page("Not found", "<p>There is no such server.</p>"));
    };
    let (id, form) = (server.id, &shared.form_token);
    let rows: String = server
        .tokens
        .iter()
        .map(|token| {
            format!(
                "<tr><td><input name=\"value\" readonly aria-label=\"API token ending in {end}\" value=\"{value}\"></td>\
                 <td><time>{created}</time></td>\
                 <td><form method=\"post\" action=\"/postmark/servers/{id}/api-tokens/delete\">\
                 <input type=\"hidden\" name=\"form\" value=\"{form}\">\
                 <input type=\"hidden\" name=\"row\" value=\"{row}\">\
                 <button class=\"end\" aria-label=\"Delete the token ending in {end}\">Delete</button></form></td></tr>",
                end = escape(ending(&token.value).trim_start_matches('…')),
                value = escape(&token.value),
                created = seconds(token.created),
                row = token.row,
            )
        })
        .collect();
    let alert =
        alert.map(|text| format!("<p role=\"alert\">{}</p>", escape(text))).unwrap_or_default();
    let full = if server.tokens.len() >= TOKENS_MAX { " disabled" } else { "" };
    let body = format!(
        "{alert}<p class=\"soft\">Anyone with an API token can send through this server. \
         Up to {TOKENS_MAX} tokens work side by side.</p>\
         <div class=\"wide\"><table><thead><tr><th scope=\"col\">Server API token</th><th scope=\"col\">Created</th>\
         <th scope=\"col\">Action</th></tr></thead><tbody>{rows}</tbody></table></div>\
         <form method=\"post\" action=\"/postmark/servers/{id}/api-tokens\">\
         <input type=\"hidden\" name=\"form\" value=\"{form}\">\
         <p><button class=\"do\"{full}>Generate another token</button></p></form>"
    );
    Reply::html(status, page(&format!("{} - API tokens", server.name), &body))
}

/// Heroku: the authorizations of the account.
pub(crate) fn applications(shared: &Shared) -> Reply {
    let form = &shared.form_token;
    let rows: String = shared.world(|world, now| {
        let heroku = &world.scene.heroku;
        heroku
            .authorizations
            .values()
            .map(|found| {
                let live = heroku.gate.who(&found.token, now).is_some();
                let (class, state) = if live { ("good", "live") } else { ("bad", "expired") };
                format!(
                    "<tr><td>{description}</td><td><code>{id}</code></td><td>{scope}</td>\
                     <td class=\"{class}\">{state} <code>{end}</code></td><td><time>{created}</time></td>\
                     <td><form method=\"post\" action=\"/heroku/account/applications/revoke\">\
                     <input type=\"hidden\" name=\"form\" value=\"{form}\">\
                     <input type=\"hidden\" name=\"id\" value=\"{id}\">\
                     <button class=\"end\" aria-label=\"Revoke {description}\">Revoke</button></form></td></tr>",
                    description = escape(&found.description),
                    id = escape(&found.id),
                    scope = escape(&found.scope.join(", ")),
                    end = escape(&ending(&found.token)),
                    created = seconds(found.created),
                )
            })
            .collect()
    });
    let body = format!(
        "<h2>Authorizations</h2><div class=\"wide\"><table><thead><tr><th scope=\"col\">Description</th>\
         <th scope=\"col\">ID</th><th scope=\"col\">Scope</th><th scope=\"col\">Token</th>\
         <th scope=\"col\">Created</th><th scope=\"col\">Action</th></tr></thead><tbody>{rows}</tbody></table></div>"
    );
    Reply::html(200, page("Heroku account - Applications", &body))
}

/// Heroku: a click on "Revoke".
pub(crate) fn revoke(shared: &Arc<Shared>, call: &Call, hits: &Hits) -> (Reply, bool) {
    let id = call.form("id").unwrap_or_default();
    let gone = shared.world(|world, now| {
        let mut turn = Turn::new(now, Arc::clone(&world.urls)).with_faults(&shared.faults, hits);
        world.scene.heroku.revoke(&id, &mut turn).is_some()
    });
    (Reply::see_other("/heroku/account/applications"), gone)
}
