//! Text that must not steer the terminal.

use domain::steers;

use super::hide;

/// Text that comes from vendors and files must not steer the terminal (CWE-150). Should it ever
/// hold what says itself that it is a token, that is not shown either.
pub(crate) fn clean(text: &str) -> String {
    let fine = |c: char| matches!(c, '\n' | '\t') || !steers(c);
    let text = hide::starred(text, hide::is_marked);
    text.chars().map(|c| if fine(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_neutralised_and_tokens_hidden() {
        let token = format!("HRKU-{}", "a".repeat(60));
        assert_eq!(clean(&format!("it said {token}.")), format!("it said {}.", "*".repeat(65)));
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\nd"), "a\u{fffd}[31mb\u{fffd}c\nd");
        assert_eq!(clean("a\u{2028}b\u{feff}\r\n"), "a\u{fffd}b\u{fffd}\u{fffd}\n");
    }
}
