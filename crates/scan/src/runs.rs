//! Long runs of the characters that base64 and tokens are made of.
//!
//! Asking every byte doubles the cost of a scan. But whatever is long enough fills two whole blocks
//! of 16 that follow one another, and so one of every second block: only these are asked, as a whole,
//! which the processor does in a few steps.

use std::ops::Range;

/// Where a run lies.
pub(crate) type Run = Range<usize>;

/// The shortest run that is told.
const RUN_MIN: usize = 48;
/// So many bytes are looked at as one.
const BLOCK: usize = 16;
const _: () = assert!(RUN_MIN >= 3 * BLOCK - 1, "a run fills one of every second block");

/// Whether a character is of the alphabet of base64, or of the one for addresses (RFC 4648). No
/// table: it is asked for many bytes at once.
pub(crate) const fn of_alphabet(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let slash_or_digit = byte.wrapping_sub(b'/') < 11;
    letter | slash_or_digit | (byte == b'+') | (byte == b'-') | (byte == b'_')
}

/// Every run of at least 48 characters, from the first on.
pub(crate) fn runs(bytes: &[u8]) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let mut look = |at: usize| {
        let floor = found.last().map_or(0, |run| run.end);
        if at < floor || !in_run(bytes, at) {
            return;
        }
        let of = |byte: &&u8| of_alphabet(**byte);
        let start = at - bytes[floor..at].iter().rev().take_while(of).count();
        let end = at + bytes[at..].iter().take_while(of).count();
        if end - start >= RUN_MIN {
            found.push(start..end);
        }
    };
    let (fours, rest) = bytes.as_chunks::<{ 4 * BLOCK }>();
    let mut number = 0;
    // A loop of its own, because nearly all time is spent here.
    while let Some(next) = fours[number..].iter().position(|four| {
        let [first, third] = halves(four);
        first | third
    }) {
        number += next;
        let at = number * 4 * BLOCK;
        let [first, third] = halves(&fours[number]);
        if first {
            look(at);
        }
        if third {
            look(at + 2 * BLOCK);
        }
        number += 1;
    }
    (bytes.len() - rest.len()..bytes.len()).step_by(2 * BLOCK).for_each(look);
    found
}

/// Of four blocks, the first and the third: whether each is [`high`].
fn halves(four: &[u8; 4 * BLOCK]) -> [bool; 2] {
    let (blocks, _) = four.as_chunks::<BLOCK>();
    [high(&blocks[0]), high(&blocks[2])]
}

/// Whether a block holds nothing below the alphabet, as blanks, line ends and quotes are, and
/// nothing above ASCII: the cheaper question, to which most blocks say no. Without a branch, so
/// that all bytes are asked at once; so is the next.
fn high(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(true, |all, byte| all & (byte.cast_signed() >= b'+'.cast_signed()))
}

/// Whether a block is of the alphabet, and so is one beside it.
fn in_run(bytes: &[u8], at: usize) -> bool {
    let full = |at: usize| {
        let block = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>);
        block.is_some_and(|block| block.iter().fold(true, |all, byte| all & of_alphabet(*byte)))
    };
    full(at) && (full(at + BLOCK) || at.checked_sub(BLOCK).is_some_and(full))
}

#[cfg(test)]
mod tests {
    use super::{RUN_MIN, Run, of_alphabet, runs};

    /// What [`runs`] finds, one byte after the other.
    fn plain(bytes: &[u8]) -> Vec<Run> {
        let mut start = 0;
        let parts = bytes.split(|byte| !of_alphabet(*byte)).map(|part| {
            let run = start..start + part.len();
            start = run.end + 1;
            run
        });
        parts.filter(|run| run.len() >= RUN_MIN).collect()
    }

    /// Goal: a run is found by its length alone, wherever it stands between what is looked at.
    /// Method: two runs of many lengths, at every place, apart by one byte of many kinds.
    #[test]
    fn a_run_is_found_by_its_length_alone() {
        for between in [b' ', b'=', 0, 0xff] {
            for before in 0..70 {
                for first in [0, 1, 20, 46, 47, 48, 49, 63, 64, 65, 95, 96, 97, 200] {
                    for second in [0, 30, 47, 48, 80, 130] {
                        let mut text = vec![between; before];
                        text.extend(std::iter::repeat_n(b'x', first));
                        text.push(between);
                        text.extend(std::iter::repeat_n(b'_', second));
                        assert_eq!(runs(&text), plain(&text), "{before} {first} {second}");
                        text.push(between);
                        assert_eq!(runs(&text), plain(&text), "{before} {first} {second}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_alphabet_is_that_of_both_encodings() {
        let all: Vec<u8> = (0..=255).filter(|byte| of_alphabet(*byte)).collect();
        assert_eq!(all, b"+-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");
    }
}
