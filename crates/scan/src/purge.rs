//! What a rewriting of history has to replace, and whether it did.
//!
//! `git filter-repo` rewrites; this says with what, and holds what was seen before against what is
//! seen afterwards, place by place. Of what a host keeps beside its refs nobody can say anything,
//! and that is said.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use domain::Token;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::finding::Place;
use crate::runs::runs;

/// What is put in the place of a value, in front of its fingerprint.
pub const REMOVED: &str = "REMOVED-";

/// Bytes and what they are replaced by.
pub type Pair = (Zeroizing<Vec<u8>>, Vec<u8>);

/// Every form in which a value stands in plain bytes: as it is, in small and in capital letters,
/// in UTF-16, percent-encoded.
#[must_use]
pub fn forms(value: &Token, instead: &str) -> Vec<Pair> {
    let value = value.expose();
    let mut texts = vec![value.to_owned()];
    if value.len() == 36 {
        texts.extend([value.to_ascii_lowercase(), value.to_ascii_uppercase()]);
    }
    texts.extend([value.replace('-', "%2D"), value.replace('-', "%2d")]);
    texts.sort();
    texts.dedup();
    let mut pairs = Vec::new();
    for text in texts {
        let little =
            |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        pairs.push((Zeroizing::new(little(&text)), little(instead)));
        pairs.push((Zeroizing::new(big(&text)), big(instead)));
        pairs.push((Zeroizing::new(text.into_bytes()), instead.as_bytes().to_vec()));
    }
    pairs
}

/// The runs of base64 in a document that hold one of the values, and the same runs without it.
#[must_use]
pub fn encoded(document: &[u8], values: &[(Token, String)]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    crate::decode::base64::decoded(document, &runs(document), |start, end, decoded| {
        let decoded = Zeroizing::new(decoded);
        let mut without = Zeroizing::new(decoded.to_vec());
        for (value, instead) in values {
            for (from, to) in forms(value, instead) {
                without = Zeroizing::new(replaced(&without, &from, &to));
            }
        }
        if *without != *decoded {
            let run = &document[start..end];
            let padded = document[end..].iter().take_while(|byte| **byte == b'=').count();
            let end = end + padded.min(2);
            let safe = run.iter().any(|byte| matches!(byte, b'-' | b'_'));
            let engine = match (safe, end - start == run.len()) {
                (false, false) => &STANDARD,
                (false, true) => &STANDARD_NO_PAD,
                (true, false) => &URL_SAFE,
                (true, true) => &URL_SAFE_NO_PAD,
            };
            pairs.push((
                Zeroizing::new(document[start..end].to_vec()),
                engine.encode(&*without).into_bytes(),
            ));
        }
    });
    pairs
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// What became of a place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It is nowhere in a fresh clone.
    Gone,
    /// It is still there, and this name holds it.
    Pinned(String),
    /// Nobody can say.
    Unknown(String),
}

/// What became of each place that held a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verdict {
    /// The place, in words.
    pub place: String,
    /// What became of it.
    pub became: Became,
}

/// Holds the places of before against those of afterwards. `holds` says of a commit or object which
/// name still leads to it.
#[must_use]
pub fn verdicts(
    before: &[Place],
    after: &[Place],
    holds: impl Fn(&str) -> Option<String>,
) -> Vec<Verdict> {
    // A rewriting gives every commit and object another id.
    let same = |a: &Place, b: &Place| a.kind == b.kind && a.path == b.path && a.layers == b.layers;
    let mut all: Vec<Verdict> = Vec::new();
    for place in before {
        let still = after.iter().find(|other| same(place, other));
        let id = still.and_then(|still| still.commit.as_deref().or(still.object.as_deref()));
        let became = match (still, id.and_then(&holds)) {
            (None, _) => Became::Gone,
            (Some(_), Some(name)) => Became::Pinned(name),
            (Some(_), None) => Became::Unknown("it is there, and no ref leads to it".into()),
        };
        all.push(Verdict { place: place.to_string(), became });
    }
    // What was not seen before, or moved, is no less there.
    let known: BTreeSet<String> = before.iter().map(Place::to_string).collect();
    for place in after.iter().filter(|place| !before.iter().any(|one| same(one, place))) {
        if known.contains(&place.to_string()) {
            continue;
        }
        let id = place.commit.as_deref().or(place.object.as_deref());
        let name = id.and_then(&holds).unwrap_or_else(|| place.path.clone());
        all.push(Verdict { place: place.to_string(), became: Became::Pinned(name) });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "3d1c9a70-5b2e-4f86-9c04-7ae1b05d62f3";

    #[test]
    fn every_form_is_replaced() {
        let token = Token::from(VALUE);
        let mut bytes = format!("a {VALUE} {} {}", VALUE.to_uppercase(), VALUE.replace('-', "%2D"))
            .into_bytes();
        bytes.extend(VALUE.encode_utf16().flat_map(u16::to_le_bytes));
        for (from, to) in forms(&token, "REMOVED-1") {
            bytes = replaced(&bytes, &from, &to);
        }
        let mut seen = 0;
        crate::spot::spots(&bytes, &runs(&bytes), |_| seen += 1);
        assert_eq!(seen, 0, "{}", String::from_utf8_lossy(&bytes));
        assert!(String::from_utf8_lossy(&bytes).starts_with("a REMOVED-1 REMOVED-1 REMOVED-1"));
    }

    #[test]
    fn encoded_runs_stay_base64() {
        let document = format!("k: {}\n", STANDARD.encode(format!("token={VALUE} and more")));
        let pairs = encoded(document.as_bytes(), &[(Token::from(VALUE), "REMOVED-1".into())]);
        let [(from, to)] = pairs.as_slice() else { panic!("one run: {}", pairs.len()) };
        let without = replaced(document.as_bytes(), from, to);
        let run = String::from_utf8(without).unwrap();
        let run = run.trim_start_matches("k: ").trim_end();
        assert_eq!(STANDARD.decode(run).unwrap(), b"token=REMOVED-1 and more");
    }
}
