//! The vendors' own dashboards, as far as a person needs them: Postmark's tokens, Heroku's authorizations.

use std::sync::Arc;

use super::html::{ending, escape, page};
use crate::clock::seconds;
use crate::faults::Hits;
use crate::lab::Shared;
use crate::postmark::{TOKENS_MAX, Token, TokenError};
use crate::wire::{Call, Reply};
use crate::world::Turn;

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
    list_with(shared, &Place::of(id), 200, None)
}

/// Postmark: a click on "Generate another token".
pub(crate) fn generate(shared: &Arc<Shared>, id: &str, hits: &Hits) -> (Reply, bool) {
    click(shared, &Place::of(id), None, hits)
}

/// Postmark: a click on "Delete".
pub(crate) fn delete(shared: &Arc<Shared>, id: &str, call: &Call, hits: &Hits) -> (Reply, bool) {
    click(shared, &Place::of(id), Some(&call.form("row").unwrap_or_default()), hits)
}

/// Postmark: the tokens of the account.
pub(crate) fn account(shared: &Shared) -> Reply {
    list_with(shared, &Place::Account, 200, None)
}

/// Postmark: a click on "Generate another token" on the account's page.
pub(crate) fn generate_account(shared: &Arc<Shared>, hits: &Hits) -> (Reply, bool) {
    click(shared, &Place::Account, None, hits)
}

/// Postmark: a click on "Delete" there.
pub(crate) fn delete_account(shared: &Arc<Shared>, call: &Call, hits: &Hits) -> (Reply, bool) {
    click(shared, &Place::Account, Some(&call.form("row").unwrap_or_default()), hits)
}

/// Whose tokens a page shows.
enum Place {
    Server(u64),
    Account,
}

impl Place {
    fn of(id: &str) -> Self {
        Self::Server(id.parse().unwrap_or_default())
    }

    /// The path of its page.
    fn page(&self) -> String {
        match self {
            Self::Server(id) => format!("/postmark/servers/{id}/api-tokens"),
            Self::Account => "/api_tokens".to_owned(),
        }
    }

    /// The path by which rules for Postmark know what people do there.
    fn rule(&self) -> String {
        match self {
            Self::Server(id) => format!("/servers/{id}/api-tokens"),
            Self::Account => "/api_tokens".to_owned(),
        }
    }
}

/// A click on "Delete" beside a row, or on "Generate another token".
fn click(shared: &Arc<Shared>, place: &Place, row: Option<&str>, hits: &Hits) -> (Reply, bool) {
    // Rules for Postmark hold for what people do there, too.
    let also = shared.faults.take(crate::Vendor::Postmark, "POST", &place.rule(), false);
    let mut kinds = hits.kinds.clone();
    kinds.extend(also.kinds);
    let hits = Hits { kinds };
    let keep_the_past = shared.faults.keep_the_past();
    let (result, took_effect) = shared.world(|world, now| {
        if keep_the_past {
            world.remember(now);
        }
        let mut turn = Turn::new(now, Arc::clone(&world.urls)).with_faults(&shared.faults, &hits);
        let postmark = &mut world.scene.postmark;
        let result = match (place, row) {
            (Place::Server(id), None) => postmark.generate_token(*id, &mut turn),
            (Place::Server(id), Some(row)) => postmark.delete_token(*id, row, &mut turn),
            (Place::Account, None) => postmark.generate_account_token(&mut turn),
            (Place::Account, Some(row)) => postmark.delete_account_token(row, &mut turn),
        };
        (result, turn.took_effect)
    });
    let reply = match result {
        Ok(()) => Reply::see_other(&place.page()),
        Err(TokenError::NoServer) => list_with(shared, place, 200, None),
        Err(TokenError::NoToken) => {
            list_with(shared, place, 404, Some("This token is not there any more."))
        }
        Err(TokenError::Full) => {
            let whose = if matches!(place, Place::Account) { "An account" } else { "A server" };
            let full = format!(
                "{whose} can have {TOKENS_MAX} API tokens. Delete one to generate another."
            );
            list_with(shared, place, 422, Some(&full))
        }
    };
    (reply, took_effect)
}

fn list_with(shared: &Shared, place: &Place, status: u16, alert: Option<&str>) -> Reply {
    let shown = shared.world(|world, _| {
        let postmark = &world.scene.postmark;
        match place {
            Place::Server(id) => {
                let server = postmark.servers.get(id)?;
                Some((format!("{} - API tokens", server.name), server.tokens.clone()))
            }
            Place::Account => {
                Some(("Account - API Tokens".to_owned(), postmark.account_tokens.clone()))
            }
        }
    });
    let Some((title, tokens)) = shown else {
        return Reply::html(404, page("Not found", "<p>There is no such server.</p>"));
    };
    let (what, may) = match place {
        Place::Server(_) => ("Server", "send through this server"),
        Place::Account => ("Account", "manage every server of this account"),
    };
    let (form, here) = (&shared.form_token, place.page());
    let rows: String = tokens.iter().map(|token| token_row(token, &here, form)).collect();
    let alert =
        alert.map(|text| format!("<p role=\"alert\">{}</p>", escape(text))).unwrap_or_default();
    let full = if tokens.len() >= TOKENS_MAX { " disabled" } else { "" };
    let body = format!(
        "{alert}<p class=\"soft\">Anyone with an API token can {may}. \
         Up to {TOKENS_MAX} tokens work side by side.</p>\
         <div class=\"wide\"><table><thead><tr><th scope=\"col\">{what} API token</th><th scope=\"col\">Created</th>\
         <th scope=\"col\">Action</th></tr></thead><tbody>{rows}</tbody></table></div>\
         <form method=\"post\" action=\"{here}\">\
         <input type=\"hidden\" name=\"form\" value=\"{form}\">\
         <p><button class=\"do\"{full}>Generate another token</button></p></form>"
    );
    Reply::html(status, page(&title, &body))
}

fn token_row(token: &Token, here: &str, form: &str) -> String {
    format!(
        "<tr><td><input name=\"value\" readonly aria-label=\"API token ending in {end}\" value=\"{value}\"></td>\
         <td><time>{created}</time></td>\
         <td><form method=\"post\" action=\"{here}/delete\">\
         <input type=\"hidden\" name=\"form\" value=\"{form}\">\
         <input type=\"hidden\" name=\"row\" value=\"{row}\">\
         <button class=\"end\" aria-label=\"Delete the token ending in {end}\">Delete</button></form></td></tr>",
        end = escape(ending(&token.value).trim_start_matches('…')),
        value = escape(&token.value),
        created = seconds(token.created),
        row = token.row,
    )
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
