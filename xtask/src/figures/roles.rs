//! Who may do what, in every state of a rotation.

use e2e::roles;

use super::{Means, Result, Section};

/// How many labs go side by side; most of a case is waiting.
const STAGES: usize = 4;
/// The quick run tries one cell in so many.
const CELLS_EVERY: usize = 7;

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let every = if means.full { 1 } else { CELLS_EVERY };
    let which = if means.full { "Every command" } else { "A sample: a command" };
    let mut section = Section::new(
        "Who may do what",
        format!(
            "{which} that changes something, run by a member with each role, by whoever started the rotation,\n\
             by a second person and by nobody, in every state that a rotation waits in, and compared with a\n\
             table that was written by hand. What is refused must end with 5, change neither journal nor world\n\
             and be in the audit log under the right name; what is allowed must not be refused."
        ),
    );
    let matrix = roles::matrix(&means.binary, every, STAGES)?;
    section.add("roles: commands x people x states, tried", matrix.tried, "");
    for (state, number) in &matrix.by_state {
        section.add(format!("roles: of these in state {state}"), *number, "");
    }
    section.add("roles: of these forbidden", matrix.forbidden, "");
    section.add("roles: refused, audited and nothing changed", matrix.refused, "");
    section.add("roles: unexpected successes", matrix.successes.len(), "");
    section.add("roles: unexpected refusals", matrix.refusals.len(), "");
    let wrong: Vec<String> = matrix.successes.into_iter().chain(matrix.refusals).collect();
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n")) }
}
