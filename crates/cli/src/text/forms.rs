//! Whether an argument has the form of a token.

use super::hide::{is_marked, is_uuid};

/// Whether something of a token's form stands in an argument.
///
/// UUIDs count too: a Postmark token is a bare UUID, and no argument of this program is ever one.
pub(crate) fn holds_token(argument: &str) -> bool {
    let prefixed = argument.split(['=', ':', ',', '/', ' ']).any(is_marked);
    // A UUID between slashes is a path's.
    prefixed || argument.split(['=', ':', ',', ' ']).any(is_uuid)
}
