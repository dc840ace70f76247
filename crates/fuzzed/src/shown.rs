//! Vendors' words on their way to people: messages, log lines, the terminal.

use connectors::untrusted;

use crate::text::clean;

/// The longest text that comes of an answer; a vendor's own words in it have at most 200.
const CHARS_MAX: usize = 700;

/// Everything that comes of an answer is one line, short, printable and without a token.
pub(crate) fn fit_to_show(text: &str) {
    assert!(text.chars().count() <= CHARS_MAX, "{} characters", text.chars().count());
    assert!(!text.contains(steers), "characters that steer: {text:?}");
    assert!(!text.contains(untrusted::TOKEN), "the token itself: {text}");
}

pub(crate) fn lines(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = untrusted::shown(&text);
    fit_to_show(&shown);
    let tokens = [
        untrusted::TOKEN.to_owned(),
        format!("HRKU-{}", "aB3_".repeat(15)),
        format!("ghp_{}", "a1".repeat(18)),
    ];
    for token in tokens {
        for wrapped in [format!("{text} {token} {text}"), format!("'{token}'{text}")] {
            assert!(!untrusted::shown(&wrapped).contains(&token), "{wrapped}");
        }
    }
    let cleaned = clean(&text);
    assert_eq!(clean(&cleaned), cleaned, "twice is once");
    assert!(!cleaned.contains(|c| steers(c) && !matches!(c, '\n' | '\t')), "{cleaned:?}");
    assert_eq!(cleaned.lines().count(), text.lines().count(), "no line more, none less");
}

/// What could make a terminal, or a reader of a log, see something else than stands there.
pub(crate) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}
