//! Text that must not steer the terminal.

use super::hide;

/// Text that comes from vendors and files must not steer the terminal (CWE-150). Should it ever
/// hold what says itself that it is a token, that is not shown either.
pub(crate) fn clean(text: &str) -> String {
    let steers = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let text = hide::starred(text, hide::is_marked);
    text.chars().map(|c| if steers(&c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_neutralised_and_tokens_hidden() {
        let token = format!("HRKU-{}", "a".repeat(60));
        assert_eq!(clean(&format!("it said {token}.")), format!("it said {}.", "*".repeat(65)));
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\nd"), "a\u{fffd}[31mb\u{fffd}c\nd");
    }
}
