//! Heroku's way of paging: a `Range` header over a sort key, 206 where there is more.

use serde_json::Value;

use crate::wire::{Call, Reply};

/// Items of a page when the client does not say.
const PAGE: usize = 200;
/// The most items of a page.
const PAGE_MAX: usize = 1_000;

struct Range {
    /// Only items after this one.
    after: Option<String>,
    descending: bool,
    max: usize,
}

/// One page of `items`, which are sorted by their key.
pub(crate) fn page(call: &Call, key: &str, mut items: Vec<(String, Value)>) -> Reply {
    let range = read(call.header("range").unwrap_or_default());
    if range.descending {
        items.reverse();
    }
    if let Some(after) = &range.after {
        let seen = items.iter().position(|(id, _)| id == after).map_or(0, |index| index + 1);
        items.drain(..seen);
    }
    let more = items.len() > range.max;
    items.truncate(range.max);
    let first = items.first().map(|(id, _)| id.clone()).unwrap_or_default();
    let last = items.last().map(|(id, _)| id.clone()).unwrap_or_default();
    let body = Value::Array(items.into_iter().map(|(_, item)| item).collect());
    let reply = Reply::json(if more { 206 } else { 200 }, &body)
        .header("accept-ranges", "id, name, version, updated_at")
        .header("content-range", format!("{key} {first}..{last}"));
    if !more {
        return reply;
    }
    let order = if range.descending { "order=desc," } else { "" };
    reply.header("next-range", format!("{key} ]{last}..; {order}max={}", range.max))
}

/// `version ]12..; order=desc,max=1`; whatever is missing has a default.
fn read(text: &str) -> Range {
    // Some clients end the last option like the others.
    let (span, options) = text.trim_end_matches(';').split_once(';').unwrap_or((text, ""));
    let option = |name: &str| {
        options
            .split(',')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
    };
    let start = span.split_once(' ').map_or("", |(_, ends)| ends).split("..").next();
    Range {
        after: start.and_then(|start| start.strip_prefix(']')).map(str::to_owned),
        descending: option("order").is_some_and(|(_, order)| order == "desc"),
        max: option("max")
            .and_then(|(_, max)| max.parse().ok())
            .map_or(PAGE, |max: usize| max.clamp(1, PAGE_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_with_their_options() {
        let range = read("version ]12..; order=desc,max=1");
        assert_eq!(range.after.as_deref(), Some("12"));
        assert!(range.descending);
        assert_eq!(range.max, 1);
        let range = read("id ..; max=5000");
        assert_eq!(range.after, None);
        assert_eq!(range.max, PAGE_MAX);
        assert_eq!(read("").max, PAGE);
        let range = read("version ..; order=desc,max=1;");
        assert!(range.descending && range.max == 1);
    }
}
