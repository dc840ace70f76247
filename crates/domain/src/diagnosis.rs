//! Why is this token refused? From what was seen to causes, ranked, each with its evidence.
//!
//! [`Anatomy`] judges a value without showing it, [`Case`] is everything that was seen around one
//! value in one place, and [`diagnose`] answers for every [`Cause`] yes, no or unknown. Nothing
//! here looks: the engine asks the vendors, and no text here ever holds a value.

mod anatomy;
mod repair;

mod cause;
mod kind;

mod heard;
mod reported;

mod case;

mod finding;

mod fix;

mod decide;

#[cfg(test)]
mod tests;

pub use anatomy::{Anatomy, Flaw, Likeness};
pub use case::{Case, Known, KnownState, Need, Place, Placed, Repaired, Stored};
pub use cause::Cause;
pub use decide::diagnose;
pub use finding::{Answered, Diagnosis, Finding, Health, Sure};
pub use fix::Fix;
pub use heard::{Heard, Silence};
pub use kind::Kind;
pub use reported::Reported;
