//! Base64 that is long enough for a token.
//!
//! A run of its alphabet is decoded only when a sample of it decodes to text, or to the beginning of
//! something that is read here.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::runs::{Run, of_alphabet};

/// The shortest run that can hold a token: 36 characters become 48.
const LENGTH_MIN: usize = 48;
/// The longest run that is decoded, with its wrapped lines.
const RUN_MAX: usize = 32 << 20;
/// So many characters are decoded on trial.
const SAMPLE: usize = 32;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Those of the runs that decode to something worth looking at, with their places.
pub(crate) fn decoded(bytes: &[u8], runs: &[Run], mut found: impl FnMut(usize, usize, Vec<u8>)) {
    let mut done = 0;
    for run in runs.iter().filter(|run| run.len() >= LENGTH_MIN) {
        // What was wrapped is more than one run.
        if run.start >= done
            && let Some(skip) = sample(&bytes[run.clone()])
        {
            let (end, decoded) = whole(bytes, run, skip);
            done = end;
            found(run.start + skip, end, decoded);
        }
    }
}

/// Whether any of the runs decodes to something worth looking at.
pub(crate) fn any(bytes: &[u8], runs: &[Run]) -> bool {
    let mut long = runs.iter().filter(|run| run.len() >= LENGTH_MIN);
    long.any(|run| sample(&bytes[run.clone()]).is_some())
}

/// How many characters to leave out so that the rest decodes to something; something else may
/// have been written right before it.
#[cold]
fn sample(run: &[u8]) -> Option<usize> {
    // A rule of dashes or underscores.
    if run[..SAMPLE].iter().all(|byte| *byte == run[0]) {
        return None;
    }
    (0..4).find(|skip| {
        let Some(part) = run[*skip..].first_chunk::<SAMPLE>() else { return false };
        let mut bytes = [0; SAMPLE / 4 * 3];
        let decoded = ENGINE.decode_slice(part.map(standard), &mut bytes);
        decoded.is_ok_and(|length| plausible(&bytes[..length]))
    })
}

/// A character of the alphabet for addresses as that of the other one.
fn standard(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

fn plausible(bytes: &[u8]) -> bool {
    let count = |is: fn(u8) -> bool| -> usize {
        // A sum of bytes, so that many are counted at once; a sample has fewer than 256.
        usize::from(bytes.iter().map(|byte| u8::from(is(*byte))).sum::<u8>())
    };
    let printable = count(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t'));
    // One in six may be a letter of another alphabet. Half of UTF-16 is zeros.
    let wide = count(|byte| byte == 0);
    super::container(bytes).is_some()
        || printable * 6 >= bytes.len() * 5
        || (printable * 5 >= bytes.len() * 2 && (printable + wide) * 8 >= bytes.len() * 7)
}

fn decode(run: &[u8]) -> Option<Vec<u8>> {
    let standard: Vec<u8> = run.iter().copied().map(standard).collect();
    // A last character that stands alone holds no byte.
    let whole = standard.len() - usize::from(standard.len() % 4 == 1);
    ENGINE.decode(&standard[..whole]).ok()
}

/// The run and the lines that it goes on in, decoded.
#[cold]
fn whole(bytes: &[u8], run: &Run, skip: usize) -> (usize, Vec<u8>) {
    const WRAPS: std::ops::RangeInclusive<usize> = 56..=128;
    let length = run.len();
    let mut last = run.end;
    let mut run = bytes[run.start + skip..run.end.min(run.start + RUN_MAX)].to_vec();
    while WRAPS.contains(&length) && skip == 0 && run.len() < RUN_MAX {
        let rest = &bytes[last..];
        let gap = line_end(rest);
        if gap == 0 {
            break;
        }
        let blanks = rest[gap..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let next = &rest[gap + blanks..];
        let more = next.iter().take_while(|byte| of_alphabet(**byte)).count();
        if more == 0 || more > length {
            break;
        }
        run.extend_from_slice(&next[..more]);
        last += gap + blanks + more;
        if more < length {
            break;
        }
    }
    (last, decode(&run).unwrap_or_default())
}

/// How long the line end is that stands here, if one does; `\n` in a string is one.
fn line_end(rest: &[u8]) -> usize {
    match rest {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] | [b'\\', b'n', ..] => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::runs;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const TEXT: &str =
        "token 3d1c9a70-5b2e-4f86-9c04-7ae1b05d62f3 and what follows it, for long enough";

    fn all(text: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        decoded(text, &runs(text), |start, end, decoded| {
            assert!(start < end && end <= text.len());
            all.push(String::from_utf8_lossy(&decoded).into_owned());
        });
        all
    }

    #[test]
    fn runs_are_found_wherever_they_stand_and_however_they_are_wrapped() {
        for encoded in
            [STANDARD.encode(TEXT), URL_SAFE_NO_PAD.encode(TEXT), STANDARD.encode(&TEXT[6..42])]
        {
            for before in 0..100 {
                let text = format!("{}{encoded}\"\n", " ".repeat(before));
                assert_eq!(all(text.as_bytes()).len(), 1, "{before}");
            }
        }
        let wrapped: Vec<String> = STANDARD
            .encode(TEXT.repeat(3))
            .as_bytes()
            .chunks(64)
            .map(|chunk| String::from_utf8_lossy(chunk).into_owned())
            .collect();
        assert_eq!(all(format!("k: |\n  {}\n", wrapped.join("\n  ")).as_bytes()), [TEXT.repeat(3)]);
        assert_eq!(all(wrapped.join("\\n").as_bytes()), [TEXT.repeat(3)]);
    }

    #[test]
    fn what_does_not_decode_to_text_is_left() {
        let hash = "5f2b".repeat(32);
        assert_eq!(all(hash.as_bytes()).len(), 0);
        assert_eq!(
            all("/usr/share/doc/some/long/path/that/goes/on/and/on/and/on/and/on".as_bytes()).len(),
            0
        );
        assert_eq!(all(&[b'A'; 4096]).len(), 0);
    }
}
