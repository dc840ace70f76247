//! The machine itself, explored: its own tests say how much they saw.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use super::{Means, Result, Section};

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "The machine, exhaustively",
        "Every reachable state of small worlds around the code that runs: consumers, calls that end in every\n\
         way that a call can end, crashes, drift, people who agree, turn back and try again, a second engine\n\
         that takes over, a journal that is set back. In no state is an invariant broken, and from every state,\n\
         left alone, it comes to an end.\n\
         Consumers of one wave are taken for alike: of states that differ only in which of them is where, one\n\
         is looked at and counted. Small worlds are walked through both ways, with the same result.\n\
         Then each guard is switched off, and the shortest story of what goes wrong is found; the count is of\n\
         its steps.",
    );
    let started = Instant::now();
    let said = explored(means)?;
    let seconds = started.elapsed().as_secs();
    read(&said, &mut section)?;
    section.add("model: wall time, with building it", seconds, "s");
    Ok(section)
}

/// The figures in what the tests say.
fn read(said: &str, section: &mut Section) -> Result<()> {
    let mut worlds: BTreeMap<String, u64> = BTreeMap::new();
    let (mut missed, mut guards, mut states) = (0, 0, 0);
    let mut largest = (0, String::new());
    // The runner puts the test's name before its first line.
    for line in said.lines().filter_map(|line| Some(line.split_once("model: ")?.1)) {
        if let Some((guard, steps)) = line.split_once(", caught in ") {
            missed += 1;
            section.add(
                format!("model: {guard}, caught in"),
                steps.trim_end_matches(" steps"),
                "steps",
            );
        } else if let Some(all) = line.strip_suffix(" guards switched off") {
            guards = all.parse().map_err(|_| format!("not a figure: {line}"))?;
        } else if let Some((world, seen)) = line.split_once(": ") {
            let count = seen.split(' ').next().and_then(|count| count.parse().ok());
            let took = seen.rsplit_once(", ").and_then(|(_, took)| took.strip_suffix(" s"));
            let (Some(count), Some(took)) = (count, took) else {
                return Err(format!("not a figure: {line}"));
            };
            let count: u64 = count;
            states += count;
            largest = largest.max((count, took.to_owned()));
            worlds.insert(world.to_owned(), count);
        }
    }
    if worlds.is_empty() {
        return Err(format!("the model says nothing: {said}"));
    }
    for (world, count) in worlds {
        section.add(format!("model: {world}"), count, "states");
    }
    section.add("model: states explored", states, "");
    section.add("model: broken invariants", 0, "");
    section.add("model: guards switched off and caught", format!("{missed} of {guards}"), "");
    section.add("model: wall time of the largest world alone", largest.1, "s");
    Ok(())
}

/// What the tests say; an error where one of them fails.
fn explored(means: &Means) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&means.root).args(["test", "--release", "--quiet", "--package", "domain"]);
    command.args(["--lib", "model::", "--", "--nocapture", "--test-threads", "1"]);
    if means.full {
        command.env("ROLLOVER_FULL", "1");
    }
    let output = command.output().map_err(|error| format!("failed to start cargo: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(format!("the model fails: {said}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_says_is_read() {
        let said = "test rotation::model::a ... model: 2 consumers, 1 fault: 30 states, 40 steps, 2 ends, 0.5 s\n\
                    model: Repair, two engines: 12 states, 20 steps, 1 ends, 9.0 s\nok\n\
                    test rotation::model::b ... model: 2 guards switched off\n\
                    model: without Verify, caught in 17 steps\na rotation is planned\n";
        let mut section = Section::new("", "");
        read(said, &mut section).unwrap();
        let shown = |figure: &crate::figures::Figure| {
            (figure.name.trim_start_matches("model: ").to_owned(), figure.value.clone())
        };
        let figures: BTreeMap<String, String> = section.figures.iter().map(shown).collect();
        assert_eq!(figures["2 consumers, 1 fault"], "30");
        assert_eq!(figures["states explored"], "42");
        assert_eq!(figures["without Verify, caught in"], "17");
        assert_eq!(figures["guards switched off and caught"], "1 of 2");
        assert_eq!(figures["wall time of the largest world alone"], "0.5");
        assert!(read("model: a world: many states", &mut section).is_err());
    }
}
