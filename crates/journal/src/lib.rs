//! Durable, ordered, sealed memory on SQLite.
//!
//! The journal alone decides what has happened: [`Journal::append`] returns only when a batch
//! would survive a power cut, and after the first failed write nothing is taken any more. One
//! process writes (the lease); every process may read ([`Reader`]), ask ([`Inbox`]) and leave a
//! record ([`Notes`]).
//!
//! A batch, its audit records and its sealed values are one transaction. Values are sealed under
//! a key of their rotation, and that key is destroyed when the rotation closes.

mod journal;

mod batch;
mod case;
mod token;

mod writer;

mod audit_log;
mod kept;
mod seals;
mod values;

mod fence;
mod lease;
mod mark;

mod backup;
mod inbox;
mod notes;
mod notified;
mod reader;
mod remarks;
mod workstations;

mod column;
mod connection;
mod schema;

mod error;

#[cfg(test)]
mod tests;

pub use audit_log::{AuditProblem, Line, Verified, signed};
pub use backup::{RestoreError, Snapshot};
pub use batch::{Appended, Batch};
pub use error::JournalError;
pub use fence::Fence;
pub use inbox::{Inbox, Item, Pending};
pub use journal::{Clock, Journal, Options, WriteObserver};
pub use lease::{Holder, LeaseInfo};
pub use mark::SetBack;
pub use notes::Notes;
pub use notified::{Notice, Notices};
pub use reader::{Reader, RotationFilter, RotationRow};
pub use remarks::Remarks;
pub use token::{ParseTokenStateError, TokenChange, TokenRow, TokenState};
pub use values::Slot;
pub use workstations::Workstations;
pub use writer::Rekey;
