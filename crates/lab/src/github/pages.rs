//! GitHub's way of paging: `per_page` and `page` in the query, and a `Link` header (RFC 8288) that
//! names the pages around. Official clients follow the header and count nothing:
//! <https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api>.

use serde_json::Value;

use super::Ask;
use crate::wire::Reply;

/// Items of a page when the client does not say.
const PAGE: usize = 30;
/// The most items of a page.
const PAGE_MAX: usize = 100;

/// The page of a list that is asked for, as the answer that `body` makes of its items.
pub(super) fn paged(ask: &Ask<'_>, all: &[Value], body: impl FnOnce(&[Value]) -> Value) -> Reply {
    let number = |name: &str, or: usize| {
        ask.call.query(name).and_then(|text| text.parse().ok()).unwrap_or(or).max(1)
    };
    let size = number("per_page", PAGE).min(PAGE_MAX);
    let (page, last) = (number("page", 1), all.len().div_ceil(size).max(1));
    let start = (page - 1).saturating_mul(size).min(all.len());
    let reply = Reply::json(200, &body(&all[start..(start + size).min(all.len())]));
    let mut links = Vec::new();
    let mut link = |to: usize, relation: &str| {
        links.push(format!("<{}>; rel=\"{relation}\"", address(ask, to)));
    };
    if page > 1 {
        link((page - 1).min(last), "prev");
    }
    if page < last {
        link(page + 1, "next");
        link(last, "last");
    }
    if page > 1 {
        link(1, "first");
    }
    if links.is_empty() { reply } else { reply.header("link", links.join(", ")) }
}

/// The address of another page of the same list.
fn address(ask: &Ask<'_>, page: usize) -> String {
    let others = ask.call.query.iter().filter(|(key, _)| key != "page");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair("page", &page.to_string())
        .finish();
    let path = ask.call.path.strip_prefix("/api/v3").unwrap_or(&ask.call.path);
    format!("{}{path}?{query}", ask.base)
}
