//! Characters that show something else than stands there.

/// Whether a character could make a terminal, or a reader of a log, see something else than
/// stands there (CWE-150): control characters, ends of lines and paragraphs, direction marks,
/// characters without a width, tags (Unicode's `Cc`, `Zl`, `Zp`, and of `Cf` what is no letter's
/// part).
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_do_not_and_marks_do() {
        assert!("aé漢😀 -_'".chars().all(|c| !steers(c)));
        assert!("\u{1b}\n\u{9b}\u{200b}\u{202e}\u{2067}\u{feff}\u{2028}".chars().all(steers));
    }
}
