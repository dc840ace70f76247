//! The machine's share of a rotation.

use std::fmt::Write as _;
use std::time::Duration;

use e2e::chain::{CHAIN, measure as rotate};

use super::{Means, Result, Section};

const LATENCY: Duration = Duration::from_millis(50);

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let times = if means.full { 15 } else { 5 };
    let timed = rotate(&means.binary, LATENCY, times)?;
    let mut how = format!(
        "One rotation of the Heroku token while every vendor takes {} ms to answer: from the start of the\n\
         process to its end, the middle one of {times}, with no soak, a proof interval of 1 ms and dynos that\n\
         start at once. It is compared with the calls that have to follow one another, each because of what\n\
         the one before has answered:\n\n",
        LATENCY.as_millis()
    );
    for (i, call) in CHAIN.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(how, "{}. {call}", i + 1);
    }
    how.push_str("\nEverything else goes on beside one of these.");
    let mut section = Section::new("The machine's time", how);
    let least = LATENCY * u32::try_from(CHAIN.len()).unwrap_or(u32::MAX);
    section.add("time: calls of one rotation", timed.calls, "");
    section.add("time: calls that have to follow one another", CHAIN.len(), "");
    section.add("time: calls that did follow one another, by the lab's clock", timed.longest, "");
    section.add("time: those calls alone", least.as_millis(), "ms");
    section.add("time: one rotation", timed.took.as_millis(), "ms");
    let ratio = timed.took.as_secs_f64() / least.as_secs_f64();
    section.add("time: ratio", format!("{ratio:.2}"), "");
    Ok(section)
}
