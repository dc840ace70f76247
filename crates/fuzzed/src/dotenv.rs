//! Dotenv files: what is read, and that a write changes nothing else.

use connectors::untrusted::{dotenv_entries, dotenv_exchanged, dotenv_value};
use domain::Token;

pub(crate) fn read(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (mut end, mut last) = (0, None);
    for (key, place) in dotenv_entries(text) {
        assert!(end <= place.start && place.end <= text.len(), "places in order: {place:?}");
        end = place.end;
        last = Some(key);
    }
    // The last one only: each costs a reading of the whole text.
    assert!(last.is_none_or(|key| dotenv_value(text, key).is_some()), "{last:?} has a value");
}

/// The first line says the token, the second the keys; the rest is the file.
pub(crate) fn write(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    let Some((token, rest)) = input.split_once('\n') else { return };
    let Some((keys, text)) = rest.split_once('\n') else { return };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let keys: Vec<String> = keys
        .split(',')
        .filter(|key| !key.is_empty() && key.chars().all(plain))
        .map(str::to_owned)
        .collect();
    // What a header can carry, which is what every token is.
    if keys.is_empty() || token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return;
    }
    let token = Token::from(token);
    // Only a quote that is open somewhere can stand in the way.
    let Some(written) = dotenv_exchanged(text, &keys, &token) else {
        assert!(text.contains(['"', '\'']), "not written: {text:?}");
        return;
    };
    for key in &keys {
        assert_eq!(dotenv_value(&written, key).as_ref(), Some(&token), "{key} in {written:?}");
    }
    let again = dotenv_exchanged(&written, &keys, &token);
    assert_eq!(again.as_ref(), Some(&written), "a second write changes nothing");
    untouched(text, &written, &keys);
}

/// Every byte that is no value of ours is as it was, in its place; only lines for keys that were
/// missing stand behind.
fn untouched(before: &str, after: &str, keys: &[String]) {
    let (before_rest, after_rest) = (without(before, keys), without(after, keys));
    assert!(
        after_rest.starts_with(&before_rest),
        "{before:?} became {after:?}: {before_rest:?} {after_rest:?}"
    );
    let others = |text: &str| -> Vec<(String, String)> {
        let entries = dotenv_entries(text).into_iter();
        entries
            .filter(|(key, _)| !keys.iter().any(|ours| ours == key))
            .map(|(key, place)| (key.to_owned(), text[place].to_owned()))
            .collect()
    };
    assert_eq!(others(before), others(after), "{before:?} became {after:?}");
}

/// The text with our values taken out.
fn without(text: &str, keys: &[String]) -> String {
    let mut rest = String::new();
    let mut copied = 0;
    for (key, place) in dotenv_entries(text) {
        if keys.iter().any(|ours| ours == key) {
            rest.push_str(&text[copied..place.start]);
            copied = place.end;
        }
    }
    rest.push_str(&text[copied..]);
    rest
}
