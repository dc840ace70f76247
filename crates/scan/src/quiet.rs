//! What has nothing in it that a scanner would look at is *quiet*, and mostly so is what differs
//! from it in a few places: only these are asked.
//!
//! A scanner meets something in a document only where one of these stands in it:
//!
//! - a spot ([`crate::spot`]). The first one in a document is no longer than [`SPOT_MAX`], and nothing
//!   outside of it has a say in whether it is one: nothing has ended before it, its bytes are
//!   consecutive, the zeros that show UTF-16 are in it, and a run that `HRKU-` and 60 characters need
//!   is in it, too.
//! - a run of the alphabet of base64 whose first characters decode to something
//!   ([`crate::decode::base64`]). Which run is one is told by the bytes of it and by the two around it;
//!   lines that it goes on in are read behind one that was found, and not before.
//! - an encoded dash, of three bytes ([`crate::decode::percent`]).
//! - the mark of a container, at the document's beginning.
//!
//! So where two documents have a part in common, and such a thing lies in this part together with
//! the byte before it and the byte behind it, then it stands in both. A document that was made of a
//! quiet one is quiet, too, if it begins with no mark and nothing of the kind overlaps or touches an
//! edit. What does lies within [`MARGIN`] of the edit, or is a run that goes on from there. A window that
//! ends where no run goes on cuts none, and holds all of it.

use std::ops::Range;

use crate::decode::{base64, container, percent};
use crate::runs::{of_alphabet, runs};
use crate::spot::{spots, spots_in_names};

/// The longest spot in bytes: `HRKU-` and 60 characters in UTF-16.
const SPOT_MAX: usize = 2 * (5 + 60);
/// So far around an edit is looked; a spot that touches the edit ends within it.
const MARGIN: usize = SPOT_MAX + 2;

/// Whether a document is quiet that was made of a quiet one by these edits.
pub(crate) fn quiet_document(bytes: &[u8], edits: &[Range<usize>]) -> bool {
    container(bytes).is_none() && windows(bytes, edits, MARGIN, of_alphabet, nothing_in)
}

/// The same of names, and of git's trees: they hold no encodings.
pub(crate) fn quiet_names(bytes: &[u8], edits: &[Range<usize>]) -> bool {
    windows(bytes, edits, MARGIN, |_| false, no_spot_in)
}

/// Whether all windows around edits are quiet. None of them ends beside a byte that `goes_on`, and
/// what touches is one.
fn windows(
    bytes: &[u8],
    edits: &[Range<usize>],
    margin: usize,
    goes_on: impl Fn(u8) -> bool,
    quiet: impl Fn(&[u8]) -> bool,
) -> bool {
    let mut window = 0..0;
    for edit in edits {
        let start = edit.start.saturating_sub(margin).max(window.end);
        let before = &bytes[window.end..start];
        let start = start - before.iter().rev().take_while(|byte| goes_on(**byte)).count();
        if start > window.end {
            if !quiet(&bytes[window]) {
                return false;
            }
            window = start..start;
        }
        let end = edit.end.saturating_add(margin).min(bytes.len()).max(window.end);
        window.end = end + bytes[end..].iter().take_while(|byte| goes_on(**byte)).count();
    }
    quiet(&bytes[window])
}

/// Whether nothing stands in these bytes, apart from the mark of a container.
fn nothing_in(bytes: &[u8]) -> bool {
    let long = runs(bytes);
    let mut spot = false;
    spots(bytes, &long, |_| spot = true);
    !spot && !base64::any(bytes, &long) && !percent::any(bytes)
}

fn no_spot_in(bytes: &[u8]) -> bool {
    let mut spot = false;
    spots_in_names(bytes, |_| spot = true);
    !spot
}

#[cfg(test)]
mod tests;
