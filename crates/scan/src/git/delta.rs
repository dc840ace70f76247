//! A delta of a pack: how an object is made of another one
//! (<https://git-scm.com/docs/gitformat-pack#_deltified_representation>).
//!
//! Packs are what others wrote: every size and every place is checked against what is there.

use std::ops::Range;

/// A delta, behind its head.
#[derive(Clone, Copy, Debug)]
pub struct Delta<'d> {
    /// How long the object is that it was made against, in bytes.
    pub base_length: u64,
    /// How long the object is that it makes.
    pub length: u64,
    instructions: &'d [u8],
}

/// Why a delta makes no object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    /// It ends within something.
    #[error("its delta is cut off")]
    Cut,
    /// A length does not fit into 64 bits.
    #[error("its delta names a length that cannot be")]
    Length,
    /// It was made against another base.
    #[error("its delta was made against something else")]
    Base,
    /// It copies what is not in its base.
    #[error("its delta copies what is not there")]
    Copy,
    /// It has an instruction that means nothing.
    #[error("its delta has an instruction that means nothing")]
    Instruction,
    /// More comes out than it says, or less.
    #[error("its delta makes more or less than it says")]
    Other,
}

impl<'d> Delta<'d> {
    /// Reads the head of a delta.
    ///
    /// # Errors
    /// It has none.
    pub fn read(bytes: &'d [u8]) -> Result<Self, Broken> {
        let mut rest = bytes;
        let base_length = length(&mut rest)?;
        let length = length(&mut rest)?;
        Ok(Self { base_length, length, instructions: rest })
    }

    /// Makes the object, into `out`, and tells its *edits*: the ranges of it that were inserted, and
    /// as empty ranges the seams where two parts of the base meet that are no neighbours there, or
    /// where something of the base is left out at the beginning or the end. They ascend, and none
    /// touch. What lies between two of them stands in the base as it is.
    ///
    /// # Errors
    /// It does not fit the base, or is broken.
    pub fn apply(
        &self,
        base: &[u8],
        out: &mut Vec<u8>,
        edits: &mut Vec<Range<usize>>,
    ) -> Result<(), Broken> {
        out.clear();
        edits.clear();
        if base.len() as u64 != self.base_length {
            return Err(Broken::Base);
        }
        let length = usize::try_from(self.length).map_err(|_| Broken::Length)?;
        out.reserve(length);
        let mut rest = self.instructions;
        // Where the base goes on behind what was copied last.
        let mut next = Some(0);
        while let Some(first) = byte(&mut rest) {
            let at = out.len();
            let bytes = if first & 0x80 == 0 {
                let bytes = rest.split_off(..usize::from(first)).ok_or(Broken::Cut)?;
                if bytes.is_empty() {
                    return Err(Broken::Instruction);
                }
                note(edits, at..at + bytes.len());
                next = None;
                bytes
            } else {
                let (from, count) = copied(first, &mut rest)?;
                let end = from.checked_add(count).ok_or(Broken::Copy)?;
                if next != Some(from) {
                    note(edits, at..at);
                }
                next = Some(end);
                base.get(from..end).ok_or(Broken::Copy)?
            };
            if bytes.len() > length - at {
                return Err(Broken::Other);
            }
            out.extend_from_slice(bytes);
        }
        if next != Some(base.len()) {
            note(edits, length..length);
        }
        if out.len() == length { Ok(()) } else { Err(Broken::Other) }
    }
}

/// Adds an edit, to the last one where they touch.
fn note(edits: &mut Vec<Range<usize>>, edit: Range<usize>) {
    match edits.last_mut() {
        Some(last) if last.end == edit.start => last.end = edit.end,
        _ => edits.push(edit),
    }
}

/// Where a copy begins in the base, and how many bytes it copies: of each number those bytes are
/// written that are not zero, as the bits of the instruction say.
fn copied(first: u8, rest: &mut &[u8]) -> Result<(usize, usize), Broken> {
    let mut number = |bits: Range<u32>| {
        let mut number = 0;
        for (place, bit) in bits.enumerate() {
            if first & (1 << bit) != 0 {
                number |= usize::from(byte(rest).ok_or(Broken::Cut)?) << (8 * place);
            }
        }
        Ok(number)
    };
    let (from, count) = (number(0..4)?, number(4..7)?);
    // Nothing is never copied, and so means the most that two bytes cannot say.
    Ok((from, if count == 0 { 0x1_0000 } else { count }))
}

/// A length, seven bits a byte, the lowest first.
fn length(rest: &mut &[u8]) -> Result<u64, Broken> {
    let mut length = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = byte(rest).ok_or(Broken::Cut)?;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return Err(Broken::Length);
        }
        length |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(Broken::Length)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    rest.split_off_first().copied()
}

#[cfg(test)]
mod tests {
    use super::{Broken, Delta};

    const BASE: &[u8] = b"abcdefgh";

    /// What a delta against [`BASE`] makes, and its edits as pairs.
    fn made(length: u8, instructions: &[u8]) -> Result<(String, Vec<(usize, usize)>), Broken> {
        let bytes = [&[8, length], instructions].concat();
        let (mut out, mut edits) = (Vec::new(), Vec::new());
        Delta::read(&bytes)?.apply(BASE, &mut out, &mut edits)?;
        let edits = edits.into_iter().map(|edit| (edit.start, edit.end)).collect();
        Ok((String::from_utf8_lossy(&out).into_owned(), edits))
    }

    /// Goal: an edit is told where something was inserted, where neighbours are none in the base,
    /// and where the base was cut; and nowhere else.
    #[test]
    fn what_is_not_as_in_the_base_is_an_edit() {
        for (length, instructions, text, edits) in [
            (8, &b"\x90\x08"[..], "abcdefgh", &[][..]),
            (8, b"\x90\x03\x91\x03\x05", "abcdefgh", &[]),
            (10, b"\x90\x04\x02xy\x91\x04\x04", "abcdxyefgh", &[(4, 6)]),
            (9, b"\x90\x04\x01x\x01y\x91\x05\x03", "abcdxyfgh", &[(4, 6)]),
            (6, b"\x90\x03\x91\x05\x03", "abcfgh", &[(3, 3)]),
            (4, b"\x91\x04\x04", "efgh", &[(0, 0)]),
            (4, b"\x90\x04", "abcd", &[(4, 4)]),
            (5, b"\x90\x04\x01x", "abcdx", &[(4, 5)]),
            (0, b"", "", &[(0, 0)]),
        ] {
            assert_eq!(made(length, instructions), Ok((text.to_owned(), edits.to_vec())), "{text}");
        }
    }

    #[test]
    fn a_delta_that_does_not_fit_is_refused() {
        for (length, instructions, why) in [
            (8, &b"\x90"[..], Broken::Cut),
            (8, b"\x05abc", Broken::Cut),
            (8, b"\x91\x04\x05", Broken::Copy),
            (8, b"\x9f\xff\xff\xff\xff\x08", Broken::Copy),
            (8, b"\x80", Broken::Copy),
            (8, b"\0", Broken::Instruction),
            (7, b"\x90\x08", Broken::Other),
            (9, b"\x90\x08", Broken::Other),
        ] {
            assert_eq!(made(length, instructions), Err(why), "{instructions:x?}");
        }
        assert!(matches!(Delta::read(&[0x80; 9]), Err(Broken::Cut)));
        assert!(matches!(Delta::read(&[0xff; 11]), Err(Broken::Length)));
        let other = Delta::read(b"\x07\x00")
            .map(|delta| delta.apply(BASE, &mut Vec::new(), &mut Vec::new()));
        assert_eq!(other, Ok(Err(Broken::Base)));
    }
}
