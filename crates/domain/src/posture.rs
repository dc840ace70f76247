//! Does a team follow the rules for its tokens? The checklists of the guides, as checks over what
//! was seen; each with its severity, evidence, fix and reference.
//!
//! Pure: the repository, the vendors and the installation are looked at elsewhere and come in as
//! [`Facts`]. What was not looked at is unknown, never a pass.

mod check;
mod facts;

mod code;
mod installation;
mod packages;
mod repository;
mod vendors;

mod fix;
mod report;
mod sarif;

pub use check::{CHECKS, Check, Evidence, Judged, Severity, Verdict};
pub use facts::{
    Beside, Facts, GithubFacts, Looked, SecretFacts, ServerFacts, Spot, TreeFacts, WebhookFacts,
};
pub use fix::{Change, changes, lacks_hooks};
pub use report::{Judgement, Report, Score, judge};
pub use sarif::sarif;
