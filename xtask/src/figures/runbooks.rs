//! What the given runbooks say, and how much of it the rendered ones say.

use e2e::Rollover;
use e2e::originals::ORIGINALS;

use super::{Means, Result, Section};

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "Runbooks",
        "Every step, note, line of the way back and mode of failure of the two runbooks that this project\n\
         began with, as a list (`e2e/src/originals.rs`), is looked for in the runbook that\n\
         `rollover runbook render` makes of the examples, under the heading where it belongs.",
    );
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    for original in &ORIGINALS {
        let args = ["runbook", "render", original.secret];
        let example = means.root.join("examples/acme");
        let page = Rollover::new(&means.binary, &example, place.path()).args(&args).run()?.is(0)?;
        let (all, missing) = (original.items.len(), original.missing(&page.stdout));
        let said = all - missing.len();
        let name = format!("runbooks: {}, of what the original says", original.secret);
        section.add(name, format!("{said} of {all}"), "");
        if !missing.is_empty() {
            return Err(format!("{}: not said: {}", original.secret, missing.join("; ")));
        }
    }
    Ok(section)
}
