//! Whatever others wrote: readers that must not break, addresses that must not be gone to.

use std::process::Command;
use std::time::Duration;

use fuzzed::{TARGETS, memory_peak_mib, replay};

use super::{Means, Result, Section};
use crate::fuzz;

/// How long each target is fuzzed in the full run.
const SECONDS: u64 = 60;

pub(crate) fn fuzzing(means: &Means) -> Result<Section> {
    let mut how = String::from(
        "Every reader of bytes that others wrote (files of people, answers of vendors, our own files that\n\
         somebody may have changed) is given the inputs that are kept under `fuzz/corpus`, made from documented\n\
         answers, examples and what fuzzing has found; none may break it, take a second or much memory.",
    );
    let missing = fuzz::missing();
    let searched = means.full && missing.is_none();
    match (&missing, means.full) {
        (None, true) => how.push_str(&format!(
            "\nThen libFuzzer looks for others, {SECONDS} s a target on one core."
        )),
        (Some(what), true) => how.push_str(&format!("\nNo others were looked for: {what}.")),
        (_, false) => how.push_str("\nThe full run looks for others besides."),
    }
    let mut section = Section::new("Bytes that others wrote", how);
    let (mut inputs, mut slowest, mut broken) = (0, Duration::ZERO, Vec::new());
    for target in TARGETS {
        let replayed = replay(*target).map_err(|error| format!("{}: {error}", target.name))?;
        inputs += replayed.inputs;
        slowest = slowest.max(replayed.slowest.1);
        broken.extend(replayed.broken);
    }
    section.add("fuzzing: targets", TARGETS.len(), "");
    section.add("fuzzing: inputs replayed", inputs, "");
    section.add("fuzzing: slowest input", format!("{:.1}", slowest.as_secs_f64() * 1e3), "ms");
    if let Some(peak) = memory_peak_mib() {
        section.add("fuzzing: most memory held by all that is measured here", peak, "MiB");
    }
    if searched {
        let mut executions = 0;
        for target in TARGETS {
            let fuzzed = fuzz::one(&means.root, target.name, SECONDS)?;
            section.add(format!("fuzzing: executions, {}", target.name), fuzzed.executions, "");
            executions += fuzzed.executions;
            broken.extend(fuzzed.broken.map(|input| input.display().to_string()));
        }
        section.add("fuzzing: executions", executions, "");
    }
    section.add("fuzzing: inputs that broke a reader", broken.len(), "");
    if broken.is_empty() { Ok(section) } else { Err(format!("{broken:#?}")) }
}

pub(crate) fn addresses(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "Where nothing goes",
        "Forms of addresses that have led programs astray (numbers in disguise, hosts behind a login,\n\
         characters that readers disagree about, metadata services, names that stand for something else), each\n\
         written into an inventory as a connection's address and as a probe's. Connections are counted at the\n\
         sockets of what the inventory means and of what must never be reached.",
    );
    const TEST: &str = "every_form_ends_as_it_should_and_nobody_else_is_reached";
    let output = Command::new("cargo")
        .current_dir(&means.root)
        .args(["test", "--quiet", "--workspace", "--lib", TEST, "--", "--nocapture"])
        .output()
        .map_err(|error| format!("failed to start cargo: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let sum = said.lines().find_map(|line| {
        let (_, list) = line.split_once("egress: [")?;
        list.strip_suffix(']')?.split(", ").map(|n| n.parse().ok()).collect::<Option<Vec<u64>>>()
    });
    let (Some(sum), true) = (sum, output.status.success()) else {
        return Err(format!("{said}\n{}", String::from_utf8_lossy(&output.stderr)));
    };
    let names = [
        "addresses: tried",
        "addresses: refused where they are written",
        "addresses: refused when they were to be connected to",
        "addresses: connections to anybody else",
    ];
    for (name, value) in names.into_iter().zip(sum) {
        section.add(name, value, "");
    }
    Ok(section)
}
