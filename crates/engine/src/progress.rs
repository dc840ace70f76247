//! What a person who watches is told, as it happens.

use domain::{Entry, Task, TaskKind, Waiting};
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
    /// Somebody has said something of a task: has taken it, could not do it.
    Said {
        /// The task's id.
        task: String,
        /// What was said.
        what: String,
    },
    /// A task should have been done by now; it goes on waiting.
    Overdue(Box<Task>),
    /// An answer of a person could not be used, and why.
    Rejected(String),
}
