//! Finds tokens where they should not be: in trees, in every object of a git repository, in what
//! comes from a pipe.
//!
//! Ours come first: every value of a token's form is made into its keyed fingerprint and looked up,
//! so that a finding says *which* secret it is, and nothing that is not ours is called ours.
//! Others are judged by what stands around them. Nothing here sends or prints anything, and no
//! value leaves it unless whoever scans asks to keep it. The modules are listed in reading order.

mod runs;
mod spot;

mod known;
mod placeholder;
mod sighting;

mod context;
mod decode;
mod quiet;
mod scanner;

mod tree;

pub mod git;

mod finding;
mod run;

mod allow;

pub mod import;
pub mod sarif;

pub mod hook;
pub mod purge;
mod remembered;

pub use allow::{Allow, AllowError, Allowed};
pub use decode::Limits;
pub use finding::{Finding, PLACES_MAX, Place, PlaceKind, findings};
pub use known::{Known, Nothing, Sieve};
pub use remembered::Remembered;
pub use run::{
    GIT_APART, How, Report, Scanned, scan_history, scan_range, scan_staged, scan_stream, scan_tree,
};
pub use scanner::{Counts, Rules, Scanner};
pub use sighting::{Confidence, Layer, Reason, Sighting, What};
pub use spot::Form;
pub use tree::{Tree, stream, tree};

/// What the rules are, as a number: another one looks at everything again.
pub const RULES_VERSION: u32 = 1;
