//! `cargo xtask fuzz`: looks for inputs that break a reader, each target for a while.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fuzzed::{TARGETS, Target, corpus};

/// How long each target is fuzzed where nothing is said.
const SECONDS: u64 = 60;

/// What a target may hold, in MiB, and how long one input may take, in seconds. The replay of
/// the kept inputs is stricter about time; here the machine may be busy with other things.
const MEMORY_MIB_MAX: u64 = 512;
const INPUT_SECONDS_MAX: u64 = 10;

/// What fuzzing one target came to.
pub(crate) struct Fuzzed {
    pub(crate) executions: u64,
    /// Where the input lies that broke it, if one did.
    pub(crate) broken: Option<PathBuf>,
}

/// `fuzz [SECONDS] [TARGET]...`
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (seconds, names) = match arguments.split_first().map(|(one, more)| (one.parse(), more)) {
        Some((Ok(seconds), names)) => (seconds, names),
        _ => (SECONDS, arguments),
    };
    let targets: Vec<Target> = match names {
        [] => TARGETS.to_vec(),
        names => names.iter().map(|name| named(name)).collect::<Result<_, _>>()?,
    };
    if let Some(missing) = missing() {
        return Err(missing);
    }
    let root = crate::root();
    let mut broken = Vec::new();
    for target in targets {
        let fuzzed = one(&root, target.name, seconds)?;
        say(&format!("{:<22} {:>10} executions\n", target.name, fuzzed.executions));
        if let Some(input) = fuzzed.broken {
            broken.push(input.display().to_string());
        }
    }
    match broken.as_slice() {
        [] => Ok(()),
        inputs => Err(format!(
            "these inputs break something; keep each under fuzz/corpus/TARGET/ with the fix:\n{}",
            inputs.join("\n")
        )),
    }
}

fn named(name: &str) -> Result<Target, String> {
    let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    fuzzed::target(name).ok_or_else(|| format!("no target `{name}`; known: {}", known()))
}

/// What has to be installed first, if anything.
pub(crate) fn missing() -> Option<String> {
    let fuzz = works(cargo().args(["fuzz", "--version"]));
    (!fuzz).then(|| "no cargo-fuzz: cargo install cargo-fuzz --locked".into())
}

fn works(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The cargo of a nightly Rust, where there is one. Otherwise the stable one, told to let through
/// the flags that the instrumentation needs: the code is the same, only the promise is missing
/// that the flags stay.
fn cargo() -> Command {
    let mut nightly = Command::new("cargo");
    outside(&mut nightly).arg("+nightly");
    if works(outside(&mut Command::new("cargo")).args(["+nightly", "--version"])) {
        return nightly;
    }
    let mut stable = Command::new("cargo");
    outside(&mut stable).env("RUSTC_BOOTSTRAP", "1");
    stable
}

/// Fuzzes one target; inputs that are new stay in the build's directory.
pub(crate) fn one(root: &Path, target: &str, seconds: u64) -> Result<Fuzzed, String> {
    let place = root.join("target/fuzz");
    let (found, artifacts) = (place.join("found").join(target), place.join("broken").join(target));
    for directory in [&found, &artifacts] {
        fs::create_dir_all(directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    let mut command = cargo();
    command
        .current_dir(root.join("fuzz"))
        // Nothing here is unsafe, so the sanitizers would find nothing, slowly.
        .args(["fuzz", "run", "--sanitizer", "none", "--target-dir"])
        .arg(&place)
        .arg(target)
        .args([&found, &corpus(target)])
        .arg("--")
        .args([
            format!("-max_total_time={seconds}"),
            format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
            format!("-timeout={INPUT_SECONDS_MAX}"),
            format!("-artifact_prefix={}/", artifacts.display()),
            "-max_len=65536".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]);
    let output = command.output().map_err(|error| format!("failed to start cargo: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let stat = |name: &str| {
        let line = said.lines().rev().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    let executions = stat("stat::number_of_executed_units:").unwrap_or(0);
    if output.status.success() {
        return Ok(Fuzzed { executions, broken: None });
    }
    let written = said.lines().rev().find_map(|line| line.split_once("Test unit written to "));
    match written {
        Some((_, path)) => {
            say(&tail(&said, 40));
            Ok(Fuzzed { executions, broken: Some(PathBuf::from(path.trim())) })
        }
        None => Err(format!("cargo fuzz ended with {}:\n{}", output.status, tail(&said, 40))),
    }
}

/// Cargo was started by cargo, whose choice of a toolchain must not hold for its child.
fn outside(command: &mut Command) -> &mut Command {
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC")
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let mut tail = all[all.len().saturating_sub(lines)..].join("\n");
    tail.push('\n');
    tail
}

fn say(text: &str) {
    // Nobody is there to be told when standard output is closed.
    let _ = io::stdout().write_all(text.as_bytes());
}
