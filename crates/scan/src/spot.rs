//! Where something of a token's form stands in bytes.
//!
//! The forms that issuers declare ([`domain::Shape`]) are UUIDs, and `HRKU-` followed by a UUID or
//! by 60 letters, digits, `_` and `-`. Dashes are frequent and tokens are not, so only dashes that
//! another one follows at the right distance are looked at, and those of `HRKU-` in a run that is long
//! enough. What stands in UTF-16 is seen at any dash, whichever file it is in: its characters are two
//! bytes apart.

mod dashes;

use std::sync::LazyLock;

use domain::Shape;

use crate::runs::Run;
use memchr::{memchr, memchr_iter, memmem};

/// The form of what was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Form {
    /// A bare UUID.
    Uuid,
    /// `HRKU-` and more: it says itself whose it is.
    Heroku,
}

impl Form {
    /// Whether a token of an issuer may have this form.
    #[must_use]
    pub fn may_be(self, shape: Shape) -> bool {
        match self {
            Self::Uuid => matches!(shape, Shape::Uuid | Shape::Heroku),
            Self::Heroku => shape == Shape::Heroku,
        }
    }
}

/// A place in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spot {
    /// Its first byte.
    pub(crate) start: usize,
    /// The byte after its last.
    pub(crate) end: usize,
    /// Its form.
    pub(crate) form: Form,
    /// How many bytes a character takes: 1, or 2 in UTF-16.
    pub(crate) step: usize,
    /// The byte of the first character that holds it: 1 where UTF-16 is big-endian.
    pub(crate) low: usize,
}

impl Spot {
    /// The characters.
    pub(crate) fn characters<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = u8> + Clone + 'b {
        bytes[self.start + self.low..self.end].iter().copied().step_by(self.step)
    }

    /// Whether a letter or digit touches it; then it is a part of something longer.
    pub(crate) fn touched(&self, bytes: &[u8]) -> bool {
        let word = |at: usize| {
            bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let before = (self.start + self.low).checked_sub(self.step).is_some_and(word);
        before && !self.escaped(bytes) || word(self.end + self.low)
    }

    /// Whether what stands before it is an escape, `\n` in a JSON string: no part of it.
    fn escaped(&self, bytes: &[u8]) -> bool {
        let at = self.start + self.low;
        let back = |characters: usize| {
            at.checked_sub(self.step * characters).and_then(|at| bytes.get(at)).copied()
        };
        back(2) == Some(b'\\') && matches!(back(1), Some(b'n' | b't' | b'r'))
    }
}

/// Every place that has a token's form, from the first on; none of them overlap. `runs` are the
/// runs of at least [`RUN_MIN`] characters of the alphabet of base64.
pub(crate) fn spots(bytes: &[u8], runs: &[Run], mut found: impl FnMut(Spot)) {
    // Between two characters of UTF-16 there is a zero.
    if memchr(0, bytes).is_none() {
        let dashes = runs.iter().flat_map(|run| {
            let start = run.start;
            heroku_dashes(&bytes[run.clone()]).map(move |at| start + at)
        });
        return at_dashes(bytes, dashes, found);
    }
    let mut done = 0;
    for dash in memchr_iter(b'-', bytes) {
        look(bytes, dash, true, &mut done, &mut found);
    }
}

/// The same in names and in git's trees, where a zero ends a name: none of them is in UTF-16.
pub(crate) fn spots_in_names(bytes: &[u8], found: impl FnMut(Spot)) {
    at_dashes(bytes, heroku_dashes(bytes), found);
}

/// Those at dashes that another one follows at the right distance, and at these.
fn at_dashes(bytes: &[u8], these: impl Iterator<Item = usize>, mut found: impl FnMut(Spot)) {
    let (mut done, mut from) = (0, 0);
    let mut these = these.peekable();
    loop {
        let dash = dashes::five_apart(bytes, from);
        while let Some(at) = these.next_if(|at| dash.is_none_or(|dash| *at < dash)) {
            look(bytes, at, false, &mut done, &mut found);
        }
        let Some(dash) = dash else { return };
        look(bytes, dash, false, &mut done, &mut found);
        // No dash of a rule of dashes has digits on both sides.
        let rule = bytes[dash..].iter().take_while(|byte| **byte == b'-').count();
        from = dash + rule;
    }
}

/// What stands at a dash, if it begins where nothing has ended yet.
fn look(bytes: &[u8], dash: usize, wide: bool, done: &mut usize, found: &mut impl FnMut(Spot)) {
    if dash >= *done
        && let Some(spot) = at(bytes, dash, *done, wide)
    {
        *done = spot.end;
        found(spot);
    }
}

/// The dash of every `HRKU-`.
fn heroku_dashes(bytes: &[u8]) -> impl Iterator<Item = usize> {
    static FINDER: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new(HEROKU_PREFIX));
    FINDER.find_iter(bytes).map(|start| start + HEROKU_PREFIX.len() - 1)
}

/// The place whose first dash this is.
#[inline]
fn at(bytes: &[u8], dash: usize, done: usize, wide: bool) -> Option<Spot> {
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    if is(dash + 5, b'-') && is(dash + 10, b'-') && is(dash + 15, b'-') {
        let start = dash.checked_sub(8).filter(|start| *start >= done);
        if let Some(start) = start.filter(|start| uuid(bytes, *start, 1)) {
            if bytes[done..start].ends_with(HEROKU_PREFIX) {
                return heroku(bytes, start - 1, 1, 0);
            }
            return Some(Spot { start, end: start + 36, form: Form::Uuid, step: 1, low: 0 });
        }
    }
    if is(dash.wrapping_sub(1), b'U') {
        return heroku(bytes, dash, 1, 0);
    }
    if wide && (is(dash + 1, 0) || is(dash.wrapping_sub(1), 0)) {
        return utf16(bytes, dash, 0, done).or_else(|| utf16(bytes, dash, 1, done));
    }
    None
}

/// The same in UTF-16. `low` is 0 where the low byte of a character comes first.
#[cold]
fn utf16(bytes: &[u8], dash: usize, low: usize, done: usize) -> Option<Spot> {
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    if is(dash + 10, b'-') && is(dash + 20, b'-') && is(dash + 30, b'-') {
        let first = dash.checked_sub(16)?;
        let start = first.checked_sub(low)?;
        let end = start + 72;
        let empty = (0..36).all(|character| is(start + 2 * character + 1 - low, 0));
        return (start >= done && end <= bytes.len() && empty && uuid(bytes, first, 2))
            .then_some(Spot { start, end, form: Form::Uuid, step: 2, low });
    }
    if is(dash.wrapping_sub(2), b'U') { heroku(bytes, dash, 2, low) } else { None }
}

/// Whether 36 characters from `first` on, `step` bytes apart, are a UUID.
#[inline]
fn uuid(bytes: &[u8], first: usize, step: usize) -> bool {
    let Some(range) = bytes.get(first..first + 35 * step + 1) else { return false };
    range.iter().step_by(step).enumerate().all(|(i, byte)| match i {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// `HRKU-` that ends with this dash, and what follows it.
#[cold]
fn heroku(bytes: &[u8], dash: usize, step: usize, low: usize) -> Option<Spot> {
    let first = dash.checked_sub(4 * step)?;
    if !bytes[first..dash].iter().step_by(step).eq(&HEROKU_PREFIX[..4]) {
        return None;
    }
    let start = first.checked_sub(low)?;
    let body = dash + step;
    let of_word = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b'-');
    let rest = bytes.get(body..)?;
    let characters = rest.iter().step_by(step).take(HEROKU_BODY).take_while(of_word).count();
    let length = match characters {
        HEROKU_BODY => HEROKU_BODY,
        36.. if uuid(bytes, body, step) => 36,
        _ => return None,
    };
    let end = (start + step * (5 + length)).min(bytes.len());
    Some(Spot { start, end, form: Form::Heroku, step, low })
}

const HEROKU_PREFIX: &[u8; 5] = b"HRKU-";

/// How many characters follow `HRKU-` in a token of the newest form.
const HEROKU_BODY: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::runs;

    const UUID: &str = "3d1c9a70-5b2e-4f86-9c04-7ae1b05d62f3";

    fn found(bytes: &[u8]) -> Vec<(String, Form)> {
        let mut all = Vec::new();
        spots(bytes, &runs(bytes), |spot| {
            let text: Vec<u8> = spot.characters(bytes).collect();
            all.push((String::from_utf8(text).unwrap(), spot.form));
        });
        all
    }

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        let (uuid, word) = (UUID.to_owned(), format!("HRKU-{}", "x_-1".repeat(15)));
        let old = format!("HRKU-{UUID}");
        for (value, form) in [(uuid, Form::Uuid), (word, Form::Heroku), (old, Form::Heroku)] {
            for text in [
                value.clone(),
                format!("a-b-c-d {value}"),
                format!("----{value}----\n"),
                format!("\0\u{1}X{value}\0"),
                format!("=\"{value}\""),
            ] {
                assert_eq!(found(text.as_bytes()), [(value.clone(), form)], "{text}");
            }
            let little: Vec<u8> =
                format!("k={value};").encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> =
                format!("k={value}").encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(found(&little), [(value.clone(), form)]);
            assert_eq!(found(&big), [(value.clone(), form)]);
        }
        let two = format!("{UUID}{UUID}");
        assert_eq!(found(two.as_bytes()).len(), 2);
    }

    #[test]
    fn what_is_not_quite_a_form_is_not_found() {
        for text in [
            &UUID[1..],
            &UUID.replace('3', "g"),
            "--------------------------------------",
            "HRKU-short",
            &format!("HRKU-{}", "x".repeat(59)),
            "HRKU-",
            "-",
        ] {
            assert_eq!(found(text.as_bytes()), [], "{text}");
        }
    }

    /// Goal: nothing is missed at the edge of a block. Method: each form at every place of two blocks
    /// and a half, among dashes.
    #[test]
    fn every_place_is_as_good_as_another() {
        for value in [UUID.to_owned(), format!("HRKU-{}", "x_-1".repeat(15))] {
            for filler in ["-", ".", "U-"] {
                for before in 0..160 {
                    let text = format!("{}={value} {}", filler.repeat(before), filler.repeat(90));
                    assert_eq!(found(text.as_bytes()).len(), 1, "{text}");
                    let cut = &text[..filler.len() * before + 1 + value.len()];
                    assert_eq!(found(cut.as_bytes()).len(), 1, "{cut}");
                }
            }
        }
    }

    /// Goal: no cut of anything is read beyond its end.
    #[test]
    fn every_cut_is_read_safely() {
        let little: Vec<u8> =
            format!("HRKU-{UUID}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [format!("HRKU-{UUID}").into_bytes(), little] {
            for from in 0..bytes.len() {
                for to in from..bytes.len() {
                    spots(&bytes[from..to], &runs(&bytes[from..to]), |spot| {
                        assert!(spot.end <= to - from)
                    });
                }
            }
        }
    }
}
