//! Power cuts, bad disks, and clocks that are set.

use std::process::Command;

use e2e::appends::{self, Syncs};
use e2e::clocks::{self, DAY};
use e2e::disks::{self, Bad, Case};
use e2e::{HEROKU, POSTMARK};

use super::{Means, Result, Section};

/// How many labs go side by side; most of a case is waiting.
const STAGES: usize = 5;
/// The quick run tries one operation, or moment, in so many.
const EVERY: usize = 23;
/// Instants at which a rotation by API, or one with an operator, can be killed; or few less.
const INSTANTS: [u64; 2] = [260, 160];

pub(crate) fn power(means: &Means) -> Result<Section> {
    let cuts = if means.full { 10_000 } else { 500 };
    let mut section = Section::new(
        "Power cuts",
        "Every operation on the disk is written down by a small library between the program and its C library.\n\
         A model of a disk then keeps, of what was not synced, any part: torn at sectors of 512 bytes, in any\n\
         order, with sizes and names lost. The journal is cut while a process appends, closes and opens it; a\n\
         step counts as acknowledged from inside its commit on. A rotation is killed before an operation, with\n\
         or without a cut there, and run again; when it says that it is done, another cut keeps nothing that was\n\
         not synced. The proof that losses are seen is a disk that only says that it has synced the log.",
    );
    let child = || {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        Ok(Command::new(this))
    };
    let sum = appends::sweep(child, Syncs::Honest, cuts, 1)?;
    section.add("power: journal, operations on the disk", sum.ops, "");
    section.add("power: journal, cuts tried", sum.tried, "");
    section.add("power: journal, of these that cut something off", sum.torn, "");
    section.add("power: journal, acknowledged steps looked for", sum.acknowledged, "");
    section.add("power: journal, cuts with steps lost or half there", sum.wrong.len(), "");
    let lies = appends::sweep(child, Syncs::Lies, 200, 1)?;
    section.add("power: journal, on a disk that lies, cuts tried", lies.tried, "");
    section.add("power: journal, on a disk that lies, losses found", lies.wrong.len(), "");
    let cases =
        cases(means, &[Case::Cut, Case::Killed], disks::operations(&means.binary, &HEROKU)?);
    let rotation = disks::sweep(&means.binary, &HEROKU, &cases, STAGES)?;
    section.add("power: a rotation by API, cuts and kills tried", rotation.tried, "");
    section.add("power: a rotation by API, wrong ends", rotation.wrong.len(), "");
    if lies.wrong.is_empty() {
        return Err("a disk that lies was not found out".into());
    }
    ended(section, [sum.wrong, rotation.wrong].concat())
}

pub(crate) fn bad(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "Bad disks",
        "From each operation of a rotation on the disk on, the disk is full, broken or read-only; and each fails\n\
         once, alone. The changes that vendors were asked for after the first failure are counted by the lab.\n\
         Then the disk is well again, the same command is run again, and the world is compared with that after\n\
         an undisturbed run.",
    );
    let from: [fn(usize) -> Case; 3] = [
        |at| Case::From(Bad::Full, at),
        |at| Case::From(Bad::Broken, at),
        |at| Case::From(Bad::ReadOnly, at),
    ];
    let once: [fn(usize) -> Case; 3] = [
        |at| Case::Once(Bad::Full, at),
        |at| Case::Once(Bad::Broken, at),
        |at| Case::Once(Bad::ReadOnly, at),
    ];
    let mut wrong = Vec::new();
    for (secret, kinds, name) in [
        (&HEROKU, &from, "a rotation by API, from there on"),
        (&POSTMARK, &from, "a rotation with an operator, from there on"),
        (&HEROKU, &once, "a rotation by API, once"),
    ] {
        let cases = cases(means, kinds, disks::operations(&means.binary, secret)?);
        let sum = disks::sweep(&means.binary, secret, &cases, STAGES)?;
        section.add(format!("disks: {name}, points tried"), sum.tried, "");
        section.add(format!("disks: {name}, that struck"), sum.struck, "");
        section.add(format!("disks: {name}, effects after"), sum.effects_after, "");
        section.add(format!("disks: {name}, wrong ends"), sum.wrong.len(), "");
        wrong.extend(sum.wrong);
    }
    ended(section, wrong)
}

/// Each kind at each operation; the quick run takes the kinds in turn.
fn cases(means: &Means, kinds: &[fn(usize) -> Case], operations: usize) -> Vec<Case> {
    if means.full {
        return (1..=operations).flat_map(|at| kinds.iter().map(move |kind| kind(at))).collect();
    }
    (3..=operations).step_by(EVERY).zip(kinds.iter().cycle()).map(|(at, kind)| kind(at)).collect()
}

pub(crate) fn clocks(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "Clocks that are set",
        "The wall's clock under the program is set by a day, forward and back: while it runs, at each request of\n\
         a rotation; and between a kill at each of its instants and the same command. How long the soak and the\n\
         pause between the two answers of a proof truly took is read from the lab.",
    );
    let (mut tried, mut struck, mut early, mut false_proofs) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    let step = if means.full { 1 } else { EVERY };
    for (secret, instants) in [&HEROKU, &POSTMARK].into_iter().zip(INSTANTS) {
        let requests = clocks::requests(&means.binary, secret)?;
        for (between, last) in [(false, requests), (true, instants)] {
            let set = |at, by| match between {
                false => clocks::Case::Running(at, by),
                true => clocks::Case::Between(at, by),
            };
            let points = (1..=last).step_by(step);
            let cases: Vec<_> = points.flat_map(|at| [set(at, DAY), set(at, -DAY)]).collect();
            let sum = clocks::sweep(&means.binary, secret, &cases, STAGES)?;
            tried += sum.tried;
            struck += sum.struck;
            early += sum.early;
            false_proofs += sum.false_proofs;
            wrong.extend(sum.wrong);
        }
    }
    section.add("clocks: steps of a day tried", tried, "");
    section.add("clocks: of these that came up", struck, "");
    section.add("clocks: early revocations", early, "");
    section.add("clocks: false proofs", false_proofs, "");
    section.add("clocks: wrong ends", wrong.len(), "");
    ended(section, wrong)
}

fn ended(section: Section, wrong: Vec<String>) -> Result<Section> {
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n\n")) }
}
