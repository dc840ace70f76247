//! What a scan finds, what it takes for a token and is none, and how fast it is.

mod children;
mod floor;
mod found;
mod repositories;
mod speed;

use super::{Means, Result, Section};

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "Scans",
        "A repository with one token in every place where one can hide, each another one; other scanners, where they\n\
         are in the directory that `ROLLOVER_PEERS` names, look at the same one by their defaults. A corpus of texts with\n\
         tokens and with what only looks like one, made from templates and a seed: the first part is what the rules were\n\
         written with, the held-out part has other templates. The times are CPU seconds of the whole process, which does\n\
         not depend on what else the machine does as much as the clock does; the peak is of its memory. Repositories are\n\
         those that `ROLLOVER_SCAN_REPOS` names, separated by colons, or one that is made here. `floor` is a traversal of\n\
         the packs by gix-pack that looks at nothing. The median of several runs is told where the time is short; with few\n\
         and with many known tokens they are run in turns, after a first one each, which makes what is kept of the tokens.",
    );
    let place = tempfile::tempdir_in(means.root.join("target")).map_err(text)?;
    found::places(place.path(), &mut section)?;
    found::corpus(means, &mut section)?;
    speed::staged(means, place.path(), &mut section)?;
    speed::second(means, place.path(), &mut section)?;
    for repository in repositories::all(means, place.path())? {
        speed::history(means, &repository, place.path(), &mut section)?;
    }
    speed::inventory(means, place.path(), &mut section)?;
    Ok(section)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
