//! Words that may be tokens: found in an argument, hidden in a text that holds what people wrote.

use std::borrow::Cow;

use domain::Shape;

/// Beginnings of values that say themselves that they are secret.
const MARKS: [&str; 7] = ["HRKU-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];

/// How much has to follow such a beginning.
const CHARS_MIN: usize = 20;

/// Whether a word says itself that it is a token.
pub(crate) fn is_marked(word: &str) -> bool {
    MARKS
        .iter()
        .any(|mark| word.find(mark).is_some_and(|at| word.len() >= at + mark.len() + CHARS_MIN))
}

/// Whether it may be one: a Postmark token is a bare UUID.
pub(crate) fn is_uuid(word: &str) -> bool {
    Shape::Uuid.fits(word)
}

/// Whether it is one, or may be.
pub(crate) fn is_secret(word: &str) -> bool {
    is_marked(word) || is_uuid(word)
}

/// The text with some of its words replaced. Words are letters, digits, `-` and `_`.
pub(crate) fn words<'t>(text: &'t str, replace: impl Fn(&str) -> Option<String>) -> Cow<'t, str> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let (mut out, mut rest) = (Cow::Borrowed(text), text);
    let mut done = 0;
    while let Some(start) = rest.find(in_word) {
        let word = &rest[start..];
        let word = &word[..word.find(|c| !in_word(c)).unwrap_or(word.len())];
        if let Some(new) = replace(word) {
            let from = out.len() - (text.len() - done) + start;
            out.to_mut().replace_range(from..from + word.len(), &new);
        }
        done += start + word.len();
        rest = &text[done..];
    }
    out
}

/// The text with an asterisk for each character of a token, so that everything stays in its place.
pub(crate) fn starred(text: &str, hidden: impl Fn(&str) -> bool) -> Cow<'_, str> {
    words(text, |word| hidden(word).then(|| "*".repeat(word.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_starred_where_they_stand_and_nothing_moves() {
        let token = format!("HRKU-{}", "a".repeat(60));
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        let text = format!("é auth = \"{token}\" # x{token} {uuid}/HRKU-short, ende");
        let all = starred(&text, |word| is_marked(word) || is_uuid(word));
        assert_eq!(all.len(), text.len());
        assert!(!all.contains(&token) && !all.contains(uuid), "{all}");
        assert!(all.starts_with("é auth = \"***") && all.ends_with("/HRKU-short, ende"), "{all}");
        assert!(starred(&text, is_marked).contains(uuid));
        assert!(matches!(starred("nothing to hide", is_marked), Cow::Borrowed(_)));
        assert_eq!(words("a bb a", |word| (word == "a").then(|| "ccc".into())), "ccc bb ccc");
    }
}
