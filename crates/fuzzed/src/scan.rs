//! What a scan reads: any document, reports of others, lists of what may stay.

use std::collections::HashSet;
use std::sync::Arc;

use connectors::ALL_PROFILES;
use domain::{FingerprintKey, Token};
use scan::git::Delta;
use scan::import::{self, Tool};
use scan::{Allow, Limits, Rules, Scanner};

/// The value that is known in every document.
const KNOWN: &str = "3d1c9a70-5b2e-4f86-9c04-7ae1b05d62f3";

/// A document: what is known and put behind it is found, and no place shows a value.
pub(crate) fn document(bytes: &[u8]) {
    let key = FingerprintKey::new([7; 32]);
    let known = HashSet::from([key.of(&Token::from(KNOWN))]);
    let limits = Limits { depth_max: 3, bytes_max: 1 << 20 };
    let rules = Rules {
        profiles: ALL_PROFILES,
        key,
        allow_key: None,
        known: Arc::new(known),
        strangers: true,
        keep_values: true,
        limits,
    };
    let mut scanner = Scanner::new(Arc::new(rules));
    let mut found = Vec::new();
    scanner.document(bytes, Some("fuzzed"), &mut found);
    let mut with = bytes.to_vec();
    with.extend_from_slice(b"\n\n ");
    with.extend_from_slice(KNOWN.as_bytes());
    let mut again = Vec::new();
    scanner.document(&with, Some("fuzzed"), &mut again);
    assert!(again.iter().any(|one| one.what == scan::What::Ours), "what is known is found");
    for one in found.iter().chain(&again) {
        let value = one.value.as_ref().map_or("", Token::expose);
        assert!(!format!("{one:?}").contains(value), "no sighting shows its value");
    }
    if let Ok(name) = std::str::from_utf8(&with) {
        assert!(!scanner.shown(name).contains(KNOWN), "no name shows it");
    }
}

/// Reports of other scanners, lists, and what git tells its hooks.
pub(crate) fn handed(bytes: &[u8]) {
    for tool in [Tool::Gitleaks, Tool::Kingfisher, Tool::Trufflehog, Tool::Sarif] {
        // What is no report is refused.
        let _ = import::read(tool, bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(list) = Allow::parse(&text) {
        let written = list.text();
        let read = Allow::parse(&written).map(|list| list.text());
        assert_eq!(read.as_deref(), Ok(written.as_str()), "a list is read as it was written");
    }
    let _ = scan::hook::pushed(&text);
}

/// A delta of a pack, behind a base and its length: what it makes is as long as it says, and stands in
/// the base wherever no edit is told.
pub(crate) fn delta(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first() else { return };
    let Some((base, delta)) = rest.split_at_checked(usize::from(*length)) else { return };
    let Ok(delta) = Delta::read(delta) else { return };
    let (mut made, mut edits) = (Vec::new(), Vec::new());
    if delta.length > 1 << 20 || delta.apply(base, &mut made, &mut edits).is_err() {
        return;
    }
    assert_eq!(made.len() as u64, delta.length, "as long as it says");
    let ends = edits.iter().map(|edit| edit.end);
    let starts = edits.iter().map(|edit| edit.start).chain([made.len()]);
    for (end, start) in [0].into_iter().chain(ends).zip(starts) {
        let copied = &made[end..start];
        let stands = copied.is_empty() || base.windows(copied.len()).any(|part| part == copied);
        assert!(stands, "what is no edit is as in the base");
    }
}
