//! A token that a person has given, by standard input or in a file.

use domain::Token;

/// The longest text that a token is taken from, in bytes.
pub(crate) const ENTERED_BYTES_MAX: usize = 16 * 1024;

/// Why a text is no token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unfit {
    /// Nothing is in it.
    Empty,
    /// Longer than any token.
    Long,
    /// Something else than visible ASCII characters is in it: white space, control characters, a
    /// mark without a width, a letter of another alphabet. No header could carry it.
    Characters,
}

/// The token in a text, without the blanks and line ends around it.
pub(crate) fn entered(text: &str) -> Result<Token, Unfit> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Unfit::Empty);
    }
    if text.len() > ENTERED_BYTES_MAX {
        return Err(Unfit::Long);
    }
    if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Unfit::Characters);
    }
    Ok(Token::new(trimmed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_and_nothing_else() {
        assert_eq!(entered(" a-token\r\n").unwrap(), Token::from("a-token"));
        assert_eq!(entered(" \n"), Err(Unfit::Empty));
        assert_eq!(entered("two words"), Err(Unfit::Characters));
        assert_eq!(entered("a\u{1b}[201~b"), Err(Unfit::Characters));
        assert_eq!(entered("\u{feff}a-token"), Err(Unfit::Characters), "a file with a mark");
        assert_eq!(entered("a\u{202e}b"), Err(Unfit::Characters));
        assert_eq!(entered(&"x".repeat(ENTERED_BYTES_MAX + 1)), Err(Unfit::Long));
    }
}
