//! One value of a secret. The type that keeps values from showing.

use std::fmt;

use zeroize::Zeroizing;

/// One value of a secret: the characters that an issuer accepts.
///
/// It has no `Display` and no `Serialize`, its `Debug` is a fixed word, and its memory is wiped
/// when it is dropped. The characters come out through [`Token::expose`] alone, so that one
/// search for `expose` lists every use.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Takes ownership of a value.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The characters themselves.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Compares without leaking, through timing, where two values differ.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
    }
}

impl Eq for Token {}

impl From<&str> for Token {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_value() {
        let token = Token::from("a-value");
        assert_eq!(format!("{token:?}"), "Token(hidden)");
        assert_eq!(format!("{:?}", Some(&token)), "Some(Token(hidden))");
        assert!(token == Token::from("a-value") && token != Token::from("a-valuf"));
    }
}
