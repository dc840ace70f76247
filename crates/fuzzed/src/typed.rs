//! What people type: arguments, names, lengths of time, and tokens at a prompt.

use domain::{ConsumerId, Fingerprint, Handle, SecretName, Shape, Span, Token};

use crate::text;

/// Words of the command line and the inventory.
pub(crate) fn words(data: &[u8]) {
    let Ok(word) = std::str::from_utf8(data) else { return };
    if let Ok(span) = word.parse::<Span>() {
        assert_eq!(span.to_string().parse(), Ok(span));
    }
    if let Ok(name) = word.parse::<SecretName>() {
        assert_eq!(name.to_string(), word);
        assert_eq!(format!("{}/{}", name.environment(), name.key()), word);
    }
    if let Ok(fingerprint) = word.parse::<Fingerprint>() {
        assert_eq!(fingerprint.hex(), word.to_ascii_lowercase());
    }
    assert_eq!(Handle(word.to_owned()).to_string(), word);
    assert_eq!(ConsumerId::from(word).as_str(), word);
    for shape in [Shape::Uuid, Shape::Heroku] {
        // Whatever looks like a token is one on the command line, too.
        assert!(!shape.fits(word) || text::holds_token(word), "{word}");
        assert!(!shape.fits(word) || text::holds_token(&format!("--x={word}")), "{word}");
    }
    for answer in ["back", "prod/POSTMARK_SERVER_TOKEN"] {
        assert!(word != answer || word.trim() == answer);
    }
}

/// A token at `--token-stdin`, in a `--token-file` or at the hidden prompt.
pub(crate) fn entered(data: &[u8]) {
    // Reading standard input stops at the first byte that is not UTF-8.
    let Ok(given) = std::str::from_utf8(data) else { return };
    match text::entered(given) {
        Ok(token) => {
            let value = token.expose();
            assert!(!value.is_empty() && value.len() <= text::ENTERED_BYTES_MAX);
            assert!(value.bytes().all(|byte| byte.is_ascii_graphic()), "no header carries it");
            assert!(given.contains(value) && given.trim().len() == value.len());
            assert_eq!(text::entered(value), Ok(Token::from(value)));
        }
        Err(text::Unfit::Empty) => assert!(given.trim().is_empty()),
        Err(text::Unfit::Long | text::Unfit::Characters) => {}
    }
}
