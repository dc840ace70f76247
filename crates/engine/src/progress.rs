//! What a person who watches is told, as it happens.

use domain::{Entry, TaskKind, Waiting};
use jiff::Timestamp;

/// One thing to show.
#[derive(Clone, Debug)]
pub enum Progress {
    /// This was journaled.
    Entry(Box<Entry>),
    /// The rotation now waits for this; sent when it changes.
    Waiting(Vec<Waiting>),
    /// A person is asked to do this at the issuer, one line a step.
    Asked {
        /// What is asked.
        kind: TaskKind,
        /// The instructions.
        lines: Vec<String>,
    },
    /// What is seen while a look goes on: `1 of 2 dynos up`.
    Seen {
        /// The step that looks.
        step: String,
        /// What it sees.
        what: String,
    },
    /// The clock was set back behind the journal; time goes on from the journal's last entry.
    ClockBehind {
        /// What the clock says.
        clock: Timestamp,
        /// When the journal's last entry was made.
        journal: Timestamp,
    },
    /// An answer of a person could not be used, and why.
    Rejected(String),
}
