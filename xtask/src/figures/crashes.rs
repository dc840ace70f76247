//! Every connector with every other, killed, doubted and refused.

use std::collections::BTreeMap;

use e2e::doubtful::{self, Doubt};
use e2e::journey::Arrival;
use e2e::matrix::{self, Mode};
use e2e::steps;

use super::{Means, Result, Section};

/// How many labs go side by side; most of a case is waiting.
const BENCHES: usize = 14;

pub(crate) fn matrix(means: &Means) -> Result<Section> {
    // Each instant is tried by `ROLLOVER_FULL=1 cargo test -p rollover matrix::`.
    let step = if means.full { 8 } else { 19 };
    let which = if means.full { "every eighth" } else { "every nineteenth" };
    let cells = if means.full { matrix::cells()? } else { matrix::sample()? };
    let modes: Vec<String> = Mode::ALL.iter().map(ToString::to_string).collect();
    let mut section = Section::new(
        "Killed at any instant, with every connector",
        format!(
            "Every issuer that is registered with every store and every consumer that is: one secret, one\nconsumer, in each mode. The process is killed by SIGKILL at {which} of the instants at which it matters: around\neach write to its journal, each sync of any of its files and each call to a vendor. Then the same\ncommand is run again, and the world is compared with that after an undisturbed run: the tokens at\nthe issuer, what every place holds, the restarts, the requests of the consumer, the rotations, the\naudit log. In brackets the kills in each mode: {}.",
            modes.join("; ")
        ),
    );
    let swept = matrix::sweep(&means.binary, &cells, step, BENCHES);
    let mut by_pairing: BTreeMap<String, BTreeMap<Mode, usize>> = BTreeMap::new();
    let mut by_mode: BTreeMap<Mode, (usize, usize)> = BTreeMap::new();
    let (mut about, mut wrong) = (BTreeMap::<String, usize>::new(), Vec::new());
    let (mut kills, mut right, mut requests, mut refused) = (0, 0, 0, 0);
    for (cell, one) in cells.iter().zip(&swept) {
        *by_pairing.entry(cell.pairing.to_string()).or_default().entry(cell.mode).or_default() +=
            one.kills;
        let mode = by_mode.entry(cell.mode).or_default();
        *mode = (mode.0 + one.kills, mode.1 + one.right);
        for (what, count) in &one.about {
            *about.entry(what.clone()).or_default() += count;
        }
        kills += one.kills;
        right += one.right;
        requests += one.requests;
        refused += one.refused;
        wrong.extend(one.wrong.iter().cloned());
    }
    for (pairing, modes) in &by_pairing {
        let each: Vec<String> = Mode::ALL
            .iter()
            .map(|mode| modes.get(mode).copied().unwrap_or(0).to_string())
            .collect();
        let sum: usize = modes.values().sum();
        section.add(format!("matrix: {pairing}"), format!("{sum} ({})", each.join(", ")), "");
    }
    for (mode, (kills, right)) in &by_mode {
        section.add(format!("matrix: {mode}, kills"), kills, "");
        section.add(format!("matrix: {mode}, right ends"), right, "");
    }
    for (what, name) in [("write", "writes of the journal"), ("sync", "syncs"), ("call", "calls")] {
        let count = about.get(what).copied().unwrap_or(0);
        section.add(format!("matrix: kills around {name}"), count, "");
    }
    section.add("matrix: kills", kills, "");
    section.add("matrix: right ends", right, "");
    let orphans = wrong.iter().filter(|why| why.contains("ORPHANS")).count();
    section.add("matrix: ends with orphaned tokens", orphans, "");
    section.add("matrix: requests of the consumers meanwhile", requests, "");
    section.add("matrix: of these refused", refused, "");
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n\n")) }
}

pub(crate) fn doubtful(means: &Means) -> Result<Section> {
    let step = if means.full { 1 } else { 5 };
    let mut section = Section::new(
        "Doubtful answers",
        "Every call that the lab saw change something, in a rotation and in a way back, with every connector\nthat is registered: its answer is lost in each of six ways. What is late arrives while the rotation\nwaits for people. In the end nothing was done twice, no token is lost and nothing that answers was\ncalled dead, as the lab has it. A file gives no answer; it is covered by the kills.",
    );
    let answers = doubtful::sweep(&means.binary, step, BENCHES)?;
    let mut by_call: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut by_doubt: BTreeMap<Doubt, (usize, usize)> = BTreeMap::new();
    let (mut by_itself, mut refused, mut wrong) = (0, 0, Vec::new());
    for one in &answers {
        let right = usize::from(one.struck && one.end.is_ok());
        let row = by_call.entry(format!("{} {}", one.vendor, one.call)).or_default();
        *row = (row.0 + 1, row.1 + right);
        let row = by_doubt.entry(one.doubt).or_default();
        *row = (row.0 + 1, row.1 + right);
        refused += one.requests.1;
        by_itself += usize::from(matches!(one.end, Ok(Arrival::Undisturbed)));
        if let Err(why) = &one.end {
            wrong.push(format!("{}, {}, {}: {why}", one.pairing, one.call, one.doubt.name()));
        }
    }
    for (call, (tried, right)) in &by_call {
        section.add(format!("doubtful: {call}, right of tried"), format!("{right} of {tried}"), "");
    }
    for (doubt, (tried, right)) in &by_doubt {
        let name = doubt.name();
        section.add(format!("doubtful: {name}, right of tried"), format!("{right} of {tried}"), "");
    }
    let speaks = |word: &str| wrong.iter().filter(|why: &&String| why.contains(word)).count();
    section.add("doubtful: answers", answers.len(), "");
    section.add("doubtful: settled without anybody", by_itself, "");
    section.add("doubtful: double effects", speaks("DOUBLE") + speaks("ORPHANS"), "");
    section.add("doubtful: lost tokens", speaks("LOST"), "");
    section.add("doubtful: false dones", speaks("FALSE DONE"), "");
    section.add("doubtful: requests refused", refused, "");
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n\n")) }
}

pub(crate) fn steps(means: &Means) -> Result<Section> {
    let step = if means.full { 1 } else { 11 };
    let mut section = Section::new(
        "Every step broken",
        "With every connector that is registered: each call of a rotation and of a way back is refused once,\nwith 403 and with 422 in the vendor's own words; each way is gone and its last command run again;\neach way is gone with a consumer that holds nothing yet. Killed at every step is the matrix above.",
    );
    let refusals = steps::refused(&means.binary, step, BENCHES)?;
    let (mut ends, mut wrong) = (BTreeMap::<Arrival, usize>::new(), Vec::new());
    let (mut struck, mut refused) = (0, 0);
    for one in &refusals {
        struck += usize::from(one.struck);
        refused += one.requests.1;
        match &one.end {
            Ok(end) => *ends.entry(*end).or_default() += 1,
            Err(why) => wrong.push(format!(
                "{}, {:?}, {} {} refused with {}: {why}",
                one.pairing, one.way, one.call.method, one.call.path, one.status
            )),
        }
    }
    section.add("steps: calls refused", refusals.len(), "");
    section.add("steps: of these met", struck, "");
    for (end, name) in [
        (Arrival::Undisturbed, "ended as if it had not been"),
        (Arrival::TurnedBack, "turned back cleanly"),
        (Arrival::RunAgain, "came to its end when run again"),
        (Arrival::TurnedBackAgain, "turned back cleanly when run again"),
    ] {
        let count = ends.get(&end).copied().unwrap_or(0);
        section.add(format!("steps: refused, {name}"), count, "");
    }
    section.add("steps: refused, wrong ends", wrong.len(), "");
    section.add("steps: refused, requests refused", refused, "");
    let (twice, effects) = steps::twice(&means.binary, BENCHES)?;
    section.add("steps: ways gone and run again", twice, "");
    section.add("steps: calls of the second runs that changed something", effects, "");
    let clean = steps::on_a_clean_slate(&means.binary, BENCHES)?;
    section.add("steps: ways gone from a clean slate", clean, "");
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n\n")) }
}
