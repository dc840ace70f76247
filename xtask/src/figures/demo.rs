//! `rollover demo`, as its JSON tells it.

use std::time::Instant;

use e2e::Rollover;

use super::{Means, Result, Section};

pub(crate) fn measure(means: &Means) -> Result<Section> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let started = Instant::now();
    let ended =
        Rollover::new(&means.binary, place.path(), place.path()).args(&["demo", "--json"]).run()?;
    let seconds = started.elapsed().as_secs_f64();
    let report = ended.is(0)?.json()?;
    let mut section = Section::new(
        "The demo",
        "`rollover demo --json`: both runbooks one after the other while four apps and two programs send\n\
         requests with whatever token they hold. A refused request of a process that runs is an outage.\n\
         Restarts and tokens are counted by the lab.",
    );
    let number = |at: &str| report.pointer(at).cloned().unwrap_or_default();
    section.add("demo: requests while it ran", number("/traffic/requests"), "");
    section.add("demo: of these refused", number("/traffic/refused"), "");
    section.add("demo: orphaned tokens", number("/orphans"), "");
    section.add("demo: records in the audit log, verified", number("/audit/events"), "");
    section.add("demo: wall time", format!("{seconds:.1}"), "s");
    for rotation in report["rotations"].as_array().into_iter().flatten() {
        let secret = rotation["secret"].as_str().unwrap_or_default();
        let answers = rotation["old_token"]["answers"].as_array().map_or(0, Vec::len);
        section.add(format!("demo: {secret}, answers that prove the old token dead"), answers, "");
        let most = rotation["restarts_per_app"].as_object();
        let most = most.and_then(|apps| apps.values().filter_map(serde_json::Value::as_u64).max());
        section.add(format!("demo: {secret}, most restarts of one app"), most.unwrap_or(0), "");
    }
    Ok(section)
}
