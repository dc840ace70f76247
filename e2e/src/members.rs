//! Several people on one machine: the inventory is told each time which member the one user of
//! the operating system is that the tests run as. The product has no way to say who one is.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Result, Stage};

/// Everybody, with the role that they have.
pub const MEMBERS: [(&str, &str); 4] =
    [("ops-1", "ops"), ("ops-2", "ops"), ("admin-1", "superadmin"), ("admin-2", "superadmin")];

/// Who is no member.
pub const NOBODY: &str = "nobody";

/// What comes after it in the inventory is written here.
const MARK: &str = "\n# Who works with it.\n";

/// From here on, whoever runs the binary is this member, or [`NOBODY`].
///
/// # Errors
/// The inventory cannot be written.
pub fn work_as(stage: &Stage, name: &str) -> Result<()> {
    let path = stage.directory().join("rollover.toml");
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(fail)?;
    let before = text.split(MARK).next().unwrap_or_default();
    let ours = fs::metadata("/proc/self").map_err(fail)?.uid();
    let mut members = String::new();
    for (place, (member, role)) in (1..).zip(MEMBERS) {
        let uid = if member == name { ours } else { u32::MAX - 1_000 - place };
        members.push_str(&format!(
            "[members.{member}]\nusers = [\"uid:{uid}\"]\nemail = \"{member}@example.com\"\n\
             roles = [\"{role}\"]\n\n"
        ));
    }
    fs::write(&path, format!("{before}{MARK}{members}")).map_err(fail)
}

/// The refusals in the audit log: who, and which act.
///
/// # Errors
/// The log cannot be read.
pub fn denials(stage: &Stage) -> Result<Vec<(String, String)>> {
    let ended = stage.rollover(&["audit", "ls", "-n", "10000", "--json"]).run()?.is(0)?.json()?;
    let lines = ended.as_array().ok_or("audit ls --json is no list")?;
    let records = lines.iter().map(|line| &line["record"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(records
        .filter(|record| record["action"] == "access.denied")
        .map(|record| (text(&record["actor"]), text(&record["context"]["act"])))
        .collect())
}

/// Waits until the audit log has so many refusals: another process may have the lease, and takes
/// what was noted with its next renewal.
///
/// # Errors
/// They do not come.
pub fn wait_for_denials(stage: &Stage, number: usize) -> Result<Vec<(String, String)>> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = denials(stage)?;
        if found.len() >= number {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("{number} refusals should be in the log: {found:?}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
