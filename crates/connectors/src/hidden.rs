//! Reads values out of JSON without letting them lie about.
//!
//! A config-vars answer holds every secret of an app. Only the wanted keys become [`Token`]s;
//! everything else is skipped by the parser and never copied out of the body, whose buffer is
//! wiped.

use std::collections::BTreeMap;
use std::fmt;

use domain::Token;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A string that becomes a token at once.
#[derive(Clone)]
pub(crate) struct Hidden(pub(crate) Token);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|value| Self(Token::new(value)))
    }
}

/// A token on its way into the body of a request. The only place where one is serialized.
pub(crate) struct Exposed<'a>(pub(crate) &'a Token);

impl Serialize for Exposed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

/// The values of some keys of a flat JSON object, in the order of `keys`; `None` where a key is
/// missing or `null`. `None` altogether where the body is no such object.
pub(crate) fn wanted(body: &[u8], keys: &[String]) -> Option<Vec<Option<Token>>> {
    let mut parser = serde_json::Deserializer::from_slice(body);
    let mut found = Wanted(keys).deserialize(&mut parser).ok()?;
    parser.end().ok()?;
    Some(keys.iter().map(|key| found.remove(key)).collect())
}

struct Wanted<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = BTreeMap<String, Token>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = BTreeMap<String, Token>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if !self.0.contains(&key) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(Hidden(token)) = map.next_value()? {
                found.insert(key, token);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wanted_keys_come_out() {
        let keys = ["B".to_owned(), "MISSING".to_owned(), "NULL".to_owned()];
        let body = br#"{"A":"x","B":"y\u00e9","C":{"deep":[1]},"NULL":null}"#;
        let values = wanted(body, &keys).unwrap();
        assert_eq!(values[0].as_ref().unwrap().expose(), "yé");
        assert!(values[1].is_none() && values[2].is_none());
        for nonsense in ["", "<html>", "[]", "{\"B\":1}", "{\"B\":\"cut", "{} x"] {
            assert!(wanted(nonsense.as_bytes(), &keys).is_none(), "{nonsense}");
        }
    }
}
