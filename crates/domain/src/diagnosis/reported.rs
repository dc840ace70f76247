//! What a program was told: its error, as it stands in a log or a ticket.
//!
//! The text may hold anything, so nothing of it is kept but what is looked for.

use serde::Serialize;

/// What an error text tells.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Reported {
    /// The HTTP status, where one is named.
    pub status: Option<u16>,
    /// The vendor's code: a number of Postmark's, an id of Heroku's.
    pub code: Option<String>,
    /// It says that both of Postmark's headers were sent.
    pub both_headers: bool,
    /// It says that no header with a token was sent.
    pub no_header: bool,
    /// It is a page of HTML.
    pub html: bool,
    /// It is about certificates or the handshake.
    pub tls: bool,
    /// Nobody was reached.
    pub unreachable: bool,
}

/// Words of programs and libraries about a connection that does not come about.
const UNREACHABLE: [&str; 8] = [
    "econnrefused",
    "enotfound",
    "eai_again",
    "etimedout",
    "connection refused",
    "could not resolve",
    "name or service not known",
    "timed out",
];
/// Words about certificates.
const TLS: [&str; 6] =
    ["certificate", "cert_", "ssl routines", "tls handshake", "self signed", "self-signed"];
/// Ids of Heroku's errors.
const HEROKU: [&str; 8] = [
    "unauthorized",
    "forbidden",
    "suspended",
    "delinquent",
    "two_factor",
    "rate_limit",
    "maintenance",
    "verification_needed",
];

impl Reported {
    /// Reads a text.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let low = text.to_lowercase();
        let has = |word: &str| low.contains(word);
        let code = after(&low, "errorcode").or_else(|| after(&low, "code"));
        let id = HEROKU.iter().find(|id| has(&format!("\"{id}\"")) || has(&format!("id: {id}")));
        let status = ["statuscode", "status_code", "status", "http/1.1", "http/2", "http"]
            .into_iter()
            .filter_map(|word| after(&low, word)?.parse().ok())
            .find(|status| (100..600).contains(status));
        Self {
            status,
            code: code.or_else(|| id.map(|id| (*id).to_owned())),
            both_headers: has("do not include account api token"),
            no_header: has("no account or server api tokens were supplied")
                || has("no credentials in your"),
            html: has("<html") || has("<!doctype html"),
            tls: TLS.iter().any(|word| has(word)),
            unreachable: UNREACHABLE.iter().any(|word| has(word)),
        }
    }

    /// Whether anything was found in it.
    #[must_use]
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The number behind a word, with at most a few signs between, such as `"ErrorCode":10`.
fn after(text: &str, word: &str) -> Option<String> {
    text.match_indices(word).find_map(|(at, _)| {
        let rest = &text[at + word.len()..];
        let start = rest.find(|c: char| c.is_ascii_digit())?;
        let between = &rest[..start];
        let near = between.len() <= 4 && between.chars().all(|c| "\"': =".contains(c));
        let number: String = rest[start..].chars().take_while(char::is_ascii_digit).collect();
        (near && number.len() <= 4).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_are_found_in_what_programs_write() {
        let one = Reported::read(
            r#"status=401 {"ErrorCode":10,"Message":"Please do not include Account API Token for Server API Token calls."}"#,
        );
        assert_eq!((one.status, one.code.as_deref()), (Some(401), Some("10")));
        assert!(one.both_headers && !one.no_header);
        let two = Reported::read("ApiInputError: ErrorCode: 405 You are out of credits");
        assert_eq!(two.code.as_deref(), Some("405"));
        let three = Reported::read(r#"{"id":"suspended","message":"Your account is suspended"}"#);
        assert_eq!(three.code.as_deref(), Some("suspended"));
        assert!(Reported::read("<!DOCTYPE html><title>Blocked").html);
        assert!(Reported::read("Error: connect ECONNREFUSED 10.0.0.1:443").unreachable);
        assert!(Reported::read("SSL: CERTIFICATE_VERIFY_FAILED").tls);
        assert!(Reported::read("it does not work").says_nothing());
    }
}
