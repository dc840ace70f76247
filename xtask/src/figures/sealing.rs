//! What is sealed, the key that it is sealed with, and old copies of all of it.

use std::process::Command;

use e2e::{HEROKU, POSTMARK, rekeys, set_backs};

use super::{Means, Result, Section};

const STAGES: usize = 5;

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let step = if means.full { 1 } else { 7 };
    let which = if means.full { "each" } else { "every seventh" };
    let mut section = Section::new(
        "Seals, keys and old copies",
        format!(
            "Every sealed column of the database, as its schema lists them, is tampered with: cut at each length,\n\
             made longer, bits flipped, taken from another row, put back from an earlier state of the same row,\n\
             sealed under another key. The installation's key is replaced, killed at {which} instant of it (by\n\
             SIGKILL, around each write, fsync and rename), and the command run again; then everything must open\n\
             with the new key. The database is copied at {which} instant of a rotation, the rotation goes on to\n\
             its end or back, and the copy is put back: as a file, with its whole directory, or with all marks\n\
             lost. It counts as detected if the next command that would change something refuses; then\n\
             `rollover reconcile` looks, the rotation of the copy comes to its end, and the world is compared."
        ),
    );
    let (tried, refused, columns) = tampered(means)?;
    section.add("seals: sealed columns", columns, "");
    section.add("seals: tampered ciphertexts tried", tried, "");
    section.add("seals: of these refused", refused, "");
    let keys = rekeys::sweep(&means.binary, step)?;
    section.add("keys: replacements killed", keys.tried, "");
    section.add("keys: of these right after the command was run again", keys.right, "");
    section.add("keys: torn key files told from a key", keys.torn, "");
    let mut wrong = keys.wrong;
    for (secret, name) in [(&HEROKU, "a rotation by API"), (&POSTMARK, "one with an operator")] {
        let cases = set_backs::cases(secret, step);
        let sum = set_backs::sweep(&means.binary, secret, &cases, STAGES)?;
        section.add(format!("old copies: {name}, put back"), sum.tried, "");
        section.add(format!("old copies: {name}, detected"), sum.detected, "");
        section.add(format!("old copies: {name}, went on to a right end"), sum.went_on, "");
        section.add(format!("old copies: {name}, abandoned"), sum.abandoned, "");
        section.add(format!("old copies: {name}, without an open rotation"), sum.closed, "");
        wrong.extend(sum.wrong);
    }
    if wrong.is_empty() { Ok(section) } else { Err(wrong.join("\n\n")) }
}

/// The journal's own test tells how many it tried; it fails if one was not refused.
fn tampered(means: &Means) -> Result<(u64, u64, u64)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let name = "tests::sealed::nothing_but_the_newest_of_its_own_place_opens";
    let ran = Command::new(cargo)
        .current_dir(&means.root)
        .args(["test", "--release", "--quiet", "--package", "journal", "--lib", "--"])
        .args([name, "--exact", "--nocapture"])
        .output()
        .map_err(|error| format!("failed to start cargo: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stdout);
    let line = said.lines().find(|line| line.contains("ciphertexts tried"));
    let numbers: Vec<u64> = line
        .unwrap_or_default()
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers.as_slice() {
        [tried, columns, refused] if ran.status.success() => Ok((*tried, *refused, *columns)),
        _ => Err(format!("the tampering was not refused: {said}")),
    }
}
