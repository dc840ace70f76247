//! What is made of a quiet document, and looked at in windows, and as a whole.

use std::sync::Arc;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use domain::FingerprintKey;

use super::*;
use crate::git::Delta;
use crate::{Limits, Nothing, Rules, Scanner};

const UUID: &str = "3d1c9a70-5b2e-4f86-9c04-7ae1b05d62f3";

/// Numbers that are the same ones in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// What a scanner meets, in every form and encoding.
fn met() -> Vec<Vec<u8>> {
    let word = format!("HRKU-{}", "x_-1".repeat(15));
    let old = format!("HRKU-{UUID}");
    let long = format!("the token {UUID} in a text that is long enough to be wrapped by somebody");
    let mut all = vec![b"%2D".to_vec(), b"%2d".to_vec(), b"\x1f\x8b\x08".to_vec()];
    for value in [UUID, &word, &old] {
        all.push(value.as_bytes().to_vec());
        all.push(value.encode_utf16().flat_map(u16::to_le_bytes).collect());
        all.push(value.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    all.push(STANDARD.encode(UUID).into_bytes());
    all.push(STANDARD.encode(&long).into_bytes());
    all.push(STANDARD.encode(long.repeat(20)).into_bytes());
    all
}

/// Something that is nothing, though it looks like a part of something.
fn filler(random: &mut Random) -> Vec<u8> {
    let mut all = Vec::new();
    for _ in 0..random.below(30) {
        match random.below(14) {
            0 => all.extend(vec![b'z'; random.below(300)]),
            1 => all.extend(vec![b'-'; random.below(9)]),
            2 => all.push(b'%'),
            3 => all.extend(b"2D HRKU-"),
            4 => all.extend(&UUID.as_bytes()[..random.below(36)]),
            5 => all.extend(&UUID.as_bytes()[1 + random.below(35)..]),
            6 if random.below(8) == 0 => all.push(0),
            7 => all.push(b'\n'),
            _ => all
                .extend(random.pick(&["let x = ", "a-b ", "\"", "f00d ", "\u{e9}", "; "]).bytes()),
        }
    }
    all
}

/// A delta that copies and inserts these, one after the other.
fn delta(base: &[u8], parts: &[Result<Range<usize>, Vec<u8>>]) -> Vec<u8> {
    let length = |mut length: usize| {
        let mut bytes = Vec::new();
        while length > 0x7f {
            bytes.push(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes
    };
    let made: usize = parts
        .iter()
        .map(|part| match part {
            Ok(copied) => copied.len(),
            Err(inserted) => inserted.len(),
        })
        .sum();
    let mut bytes = [length(base.len()), length(made)].concat();
    for part in parts {
        match part {
            Ok(copied) if copied.is_empty() => {}
            Ok(copied) => {
                bytes.push(0xbf);
                bytes.extend(u32::try_from(copied.start).unwrap().to_le_bytes());
                bytes.extend(u16::try_from(copied.len()).unwrap().to_le_bytes());
            }
            Err(inserted) => inserted.chunks(127).for_each(|chunk| {
                bytes.push(chunk.len() as u8);
                bytes.extend(chunk);
            }),
        }
    }
    bytes
}

/// A quiet document, what was made of it, and the edits; the latter may bring together, in any
/// number of parts, what a scanner meets.
fn made(random: &mut Random, all: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>, Vec<Range<usize>>) {
    let thing = random.pick(all);
    let (a, b) = (random.below(thing.len() + 1), random.below(thing.len() + 1));
    let (a, b) = (a.min(b), a.max(b));
    let (left, junk, right) = (filler(random), filler(random), filler(random));
    let base = [&left, &thing[..a], &junk, &thing[b..], &right].concat();
    let (first, second) = (left.len() + a, left.len() + a + junk.len());
    let mut parts = vec![Ok(0..first), Err(thing[a..b].to_vec()), Ok(second..base.len())];
    match random.below(6) {
        0 => parts[0] = Ok(random.below(first + 1)..first),
        1 => parts[2] = Ok(second..second + random.below(base.len() - second + 1)),
        2 => parts.insert(0, Err(filler(random))),
        3 => parts.push(Err(filler(random))),
        4 => {
            let at = random.below(first + 1);
            parts.splice(0..1, [Ok(0..at), Err(filler(random)), Ok(at..first)]);
        }
        _ => {}
    }
    let (mut out, mut edits) = (Vec::new(), Vec::new());
    let bytes = delta(&base, &parts);
    Delta::read(&bytes).unwrap().apply(&base, &mut out, &mut edits).unwrap();
    (base, out, edits)
}

fn scanner() -> Scanner {
    Scanner::new(Arc::new(Rules {
        profiles: &[],
        key: FingerprintKey::new([7; 32]),
        allow_key: None,
        known: Arc::new(Nothing),
        strangers: false,
        keep_values: false,
        limits: Limits::default(),
    }))
}

/// Of many documents: how many were made of quiet ones, how many of these are not quiet
/// themselves, and of how many of the latter the windows say that they are.
fn tried_all(
    mut whole: impl FnMut(&[u8]) -> bool,
    in_windows: impl Fn(&[u8], &[Range<usize>]) -> bool,
) -> (usize, usize, usize) {
    let (mut random, all) = (Random(11), met());
    let (mut tried, mut loud, mut missed) = (0, 0, 0);
    for _ in 0..30_000 {
        let (base, made, edits) = made(&mut random, &all);
        if whole(&base) {
            tried += 1;
            let heard = !whole(&made);
            loud += usize::from(heard);
            missed += usize::from(heard && in_windows(&made, &edits));
        }
    }
    (tried, loud, missed)
}

/// Goal: nothing that is made of a quiet document is called quiet by its windows and is not. Method:
/// everything that a scanner meets, brought together by edits in places from a fixed seed; and the
/// same with no margin, which has to miss some.
#[test]
fn no_window_misses_what_the_whole_has() {
    let mut scanner = scanner();
    let mut whole = |bytes: &[u8]| scanner.document(bytes, None, &mut Vec::new());
    let (tried, loud, missed) = tried_all(&mut whole, quiet_document);
    assert!(tried > 5_000 && loud > 2_000, "{tried} {loud}");
    assert_eq!(missed, 0);
    for goes_on in [of_alphabet as fn(u8) -> bool, |_| false] {
        let narrow = |bytes: &[u8], edits: &[Range<usize>]| {
            container(bytes).is_none() && windows(bytes, edits, 0, goes_on, nothing_in)
        };
        let (_, _, missed) = tried_all(&mut whole, narrow);
        assert!(missed > 20, "{missed}");
    }
}

/// Goal: the same of names and trees.
#[test]
fn no_window_misses_what_names_have() {
    let mut scanner = scanner();
    let mut whole = |bytes: &[u8]| scanner.names(bytes, &mut Vec::new());
    let (tried, loud, missed) = tried_all(&mut whole, quiet_names);
    assert!(tried > 5_000 && loud > 1_000, "{tried} {loud}");
    assert_eq!(missed, 0);
    let narrow =
        |bytes: &[u8], edits: &[Range<usize>]| windows(bytes, edits, 0, |_| false, no_spot_in);
    assert!(tried_all(&mut whole, narrow).2 > 20);
}
