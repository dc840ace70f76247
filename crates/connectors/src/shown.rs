//! Makes a vendor's words fit to be shown: short, printable, free of whatever looks like a token.
//!
//! Bodies never reach an error as they are. The few words that do (a code, a message, a name)
//! come through here, because a vendor may echo what it was sent.

use domain::steers;

/// The most characters of a vendor's text that are ever shown.
const SHOWN_CHARS_MAX: usize = 200;

const HIDDEN: &str = "(hidden)";

/// Beginnings of values that say themselves that they are secret.
const MARKS: [&str; 7] = ["HRKU-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];

/// The text without characters that steer, without anything token-shaped, and cut
/// to 200 characters.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.trim().chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
            run.push(c);
            continue;
        }
        flush(&mut out, &mut run);
        out.push(if steers(c) { ' ' } else { c });
    }
    flush(&mut out, &mut run);
    match out.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &out[..end]),
        None => out,
    }
}

fn flush(out: &mut String, run: &mut String) {
    out.push_str(if is_token_shaped(run) { HIDDEN } else { run });
    run.clear();
}

/// Whether a run of letters, digits, `_` and `-` may be a value. Marks, UUIDs anywhere in it,
/// parts of a JWT, 32 hexadecimal digits, and whatever is long and holds a digit.
fn is_token_shaped(run: &str) -> bool {
    let marked = MARKS.iter().any(|mark| run.contains(mark)) && run.len() > 8;
    let jwt = run.starts_with("eyJ") && run.len() > 16;
    let hex = run.len() >= 32 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    let long = run.len() >= 40 && run.bytes().any(|byte| byte.is_ascii_digit());
    marked || jwt || hex || long || run.as_bytes().windows(36).any(is_uuid)
}

fn is_uuid(window: &[u8]) -> bool {
    window.iter().enumerate().all(|(i, byte)| match i {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_words_stay_as_they_are() {
        for text in [
            "Couldn't find that app.",
            "The scope of this OAuth authorization does not allow access to this resource.",
            "https://devcenter.heroku.com/articles/platform-api-reference#rate-limits",
            "acme-api-prod-20241105",
            "ops@example.com",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn values_are_hidden_wherever_they_stand() {
        for value in [
            "01234567-89ab-cdef-0123-456789abcdef",
            "x-01234567-89AB-CDEF-0123-456789ABCDEF_y",
            "0123456789abcdef0123456789abcdef",
            "HRKU-01234567-89ab-cdef-0123-456789abcdef",
            "HRKU-AAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_0123456789abcdefghij",
            "github_pat_11AAAA_bbbb",
            "eyJhbGciOiJIUzI1NiJ9",
        ] {
            assert_eq!(shown(&format!("token '{value}', sir")), "token '(hidden)', sir");
        }
    }

    #[test]
    fn no_control_characters_and_no_more_than_two_hundred() {
        assert_eq!(shown("a\x1b[31m\nb\u{202e}c"), "a [31m b c");
        assert_eq!(shown(&"é".repeat(300)).chars().count(), SHOWN_CHARS_MAX + 3);
    }
}
