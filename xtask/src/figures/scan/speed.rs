//! How long it takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::inventory::KeySource;
use domain::{Fingerprint, SecretName};
use e2e::corpus::Random;
use jiff::Timestamp;
use journal::{Holder, Journal, Options, TokenChange, TokenState};

use super::super::{Means, Result, Section};
use super::children::{self, Cost, median, peer, run};
use super::repositories::{Named, git, made};
use super::{floor, text};

/// The program, with a home of its own.
fn rollover(means: &Means, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(&means.binary);
    command.args(arguments).env("HOME", home).env_remove("XDG_CACHE_HOME").current_dir(home);
    command
}

fn home(place: &Path, name: &str) -> Result<PathBuf> {
    let home = place.join(name);
    fs::create_dir_all(&home).map_err(text)?;
    Ok(home)
}

fn seconds(cost: f64) -> String {
    format!("{cost:.2}")
}

/// The hook, on one changed file of a tree of thousands.
pub(super) fn staged(means: &Means, place: &Path, section: &mut Section) -> Result<()> {
    const FILES: usize = 3_000;
    let home = home(place, "staged")?;
    let tree = home.join("tree");
    fs::create_dir_all(&tree).map_err(text)?;
    git(&tree, &["init", "--quiet"])?;
    for file in 0..FILES {
        let directory = tree.join(format!("src/{}", file % 60));
        fs::create_dir_all(&directory).map_err(text)?;
        fs::write(directory.join(format!("{file}.txt")), format!("{file}\n")).map_err(text)?;
    }
    git(&tree, &["add", "."])?;
    git(&tree, &["commit", "--quiet", "--message", "all"])?;
    fs::write(tree.join("src/7/7.txt"), "changed\n".repeat(200)).map_err(text)?;
    git(&tree, &["add", "."])?;
    let path = tree.to_string_lossy().into_owned();
    let cost = median(21, || {
        let cost = run(&mut rollover(means, &home, &["scan", "--staged", &path, "--quiet"]), None)?;
        if cost.code == 0 {
            Ok(cost)
        } else {
            Err(format!("scan --staged ended with {}", cost.code))
        }
    })?;
    section.add(
        format!("hook, one of {FILES} files staged"),
        format!("{:.0}", cost.wall * 1000.0),
        "ms",
    );
    section.add("hook, CPU", format!("{:.0}", cost.cpu * 1000.0), "ms");
    Ok(())
}

/// A second scan, after a fetch has brought a little.
pub(super) fn second(means: &Means, place: &Path, section: &mut Section) -> Result<()> {
    let home = home(place, "second")?;
    let path = home.join("repository.git");
    made(&path, 2_000)?;
    let shown = path.to_string_lossy().into_owned();
    let bytes = || -> Result<u64> {
        let report = home.join("report.json");
        let arguments = ["--json", "scan", "--history", &shown];
        let cost = run(&mut rollover(means, &home, &arguments), Some(&report))?;
        let told = fs::read(&report).map_err(text)?;
        let told: serde_json::Value = serde_json::from_slice(&told).map_err(text)?;
        let bytes = told["scanned"]["bytes"].as_u64();
        bytes.ok_or_else(|| format!("scan --history ended with {}", cost.code))
    };
    let first = bytes()?;
    // What a fetch brings is one pack more.
    let work = home.join("work");
    git(&home, &["clone", "--quiet", &shown, &work.to_string_lossy()])?;
    for file in 0..20 {
        fs::write(work.join(format!("new{file}.txt")), format!("{file}\n").repeat(100))
            .map_err(text)?;
        git(&work, &["add", "."])?;
        git(&work, &["commit", "--quiet", "--message", "new"])?;
    }
    let fetch = [
        "-c",
        "fetch.unpackLimit=1",
        "fetch",
        "--quiet",
        &work.to_string_lossy(),
        "HEAD:refs/heads/new",
    ];
    git(&path, &fetch)?;
    let second = bytes()?;
    section.add("first scan of a history", first, "bytes");
    section.add("second scan, after a fetch", second, "bytes");
    #[expect(clippy::cast_precision_loss, reason = "a ratio in percent")]
    let ratio = 100.0 * second as f64 / first as f64;
    section.add("second scan, of the first", format!("{ratio:.2}"), "%");
    Ok(())
}

/// A whole history, beside the floors and beside others.
pub(super) fn history(
    means: &Means,
    repository: &Named,
    place: &Path,
    section: &mut Section,
) -> Result<()> {
    let Named { name, path } = repository;
    let home = home(place, "history")?;
    let shown = path.canonicalize().map_err(text)?.to_string_lossy().into_owned();
    let objects = [path.join("objects"), path.join(".git/objects")];
    let objects = objects.iter().find(|path| path.is_dir()).ok_or("no objects")?;
    let times = if means.full { 5 } else { 3 };
    let own = median(times, || {
        run(&mut rollover(means, &home, &["scan", "--history", "--fresh", &shown]), None)
    })?;
    if !matches!(own.code, 0 | 20) {
        return Err(format!("scan --history of {name} ended with {}", own.code));
    }
    let bare = (0..times).map(|_| floor::traversed(objects)).collect::<Result<Vec<f64>>>()?;
    let mut bare = bare;
    bare.sort_by(f64::total_cmp);
    let bare = bare[times / 2];
    let cat = run(
        Command::new("git").arg("-C").arg(path).args([
            "cat-file",
            "--batch-all-objects",
            "--unordered",
            "--buffer",
            "--batch",
        ]),
        None,
    )?;
    section.add(format!("{name}: whole history, CPU"), seconds(own.cpu), "s");
    section.add(format!("{name}: whole history, peak memory"), own.peak, "MiB");
    section.add(format!("{name}: floor, CPU"), seconds(bare), "s");
    section.add(
        format!("{name}: whole history, of the floor"),
        format!("{:.2}", own.cpu / bare.max(0.01)),
        "times",
    );
    section.add(format!("{name}: git cat-file of all objects, CPU"), seconds(cat.cpu), "s");
    others(name, path, own, section)
}

/// The same by others, with their defaults.
fn others(name: &str, path: &Path, own: Cost, section: &mut Section) -> Result<()> {
    for (program, arguments) in children::PEERS {
        let Some(found) = peer(program) else { continue };
        let mut command = Command::new(found);
        command.current_dir(path).args(*arguments);
        let cost = run(&mut command, None)?;
        section.add(format!("{name}: {program}, CPU"), seconds(cost.cpu), "s");
        section.add(format!("{name}: {program}, peak memory"), cost.peak, "MiB");
        section.add(
            format!("{name}: rollover, of {program}"),
            format!("1/{:.1}", cost.cpu / own.cpu.max(0.01)),
            "",
        );
    }
    Ok(())
}

/// The cost does not grow with the number of tokens that are known.
pub(super) fn inventory(means: &Means, place: &Path, section: &mut Section) -> Result<()> {
    let many = if means.full { 1_000_000 } else { 100_000 };
    let repository = place.join("inventory.git");
    made(&repository, if means.full { 20_000 } else { 4_000 })?;
    let shown = repository.to_string_lossy().into_owned();
    let mut scans = Vec::new();
    for tokens in [10, many] {
        let home = home(place, &format!("inventory-{tokens}"))?;
        filled(means, &home, tokens)?;
        scans.push((tokens, home, Vec::new()));
    }
    let mut first = Vec::new();
    for round in 0..=if means.full { 25 } else { 5 } {
        // In turns, so that whatever else the machine does is the same for both.
        for (tokens, home, costs) in &mut scans {
            let directory = home.to_string_lossy().into_owned();
            let arguments = ["-C", &directory, "scan", "--history", "--fresh", &shown, "--quiet"];
            let cost = run(&mut rollover(means, home, &arguments), None)?;
            if !matches!(cost.code, 0 | 20) {
                return Err(format!("a scan with {tokens} known tokens ended with {}", cost.code));
            }
            // The first one makes what the others find.
            if round == 0 { first.push(cost.cpu) } else { costs.push(cost.cpu) }
        }
    }
    let mut medians = Vec::new();
    for ((tokens, _, mut costs), first) in scans.into_iter().zip(first) {
        costs.sort_by(f64::total_cmp);
        let median = costs[costs.len() / 2];
        section.add(format!("history with {tokens} known tokens, CPU"), seconds(median), "s");
        section.add(
            format!("history with {tokens} known tokens, the first scan"),
            seconds(first),
            "s",
        );
        medians.push(median);
    }
    section.add(
        "history with many known tokens, of that with 10",
        format!("{:.3}", medians[1] / medians[0]),
        "times",
    );
    Ok(())
}

/// An inventory whose journal knows so many tokens.
fn filled(means: &Means, home: &Path, tokens: usize) -> Result<()> {
    const GROUP: usize = 20_000;
    let begun = run(&mut rollover(means, home, &["init", "--org", "acme"]), None)?;
    if begun.code != 0 {
        return Err(format!("init ended with {}", begun.code));
    }
    let main = fs::read_to_string(home.join("rollover.toml")).map_err(text)?;
    let value = |name: &str| {
        let line = main.lines().find(|line| line.trim_start().starts_with(name))?;
        // What a comment behind it proposes is not what holds.
        line.split('#').next()?.rsplit('"').nth(1).map(str::to_owned)
    };
    let (database, file) = (value("database"), value("key"));
    let source = KeySource::File(file.ok_or("the inventory names no key file")?);
    let ask = || Err(std::io::Error::other("nobody is asked"));
    let key = seal::Key::open(&source, home, ask).map_err(text)?;
    let path = home.join(database.ok_or("the inventory names no database")?);
    let journal =
        Journal::open(&path, &key, Holder::here("figures", "figures"), Options::default());
    let journal = journal.map_err(text)?;
    let mut random = Random::new(11);
    let secret: SecretName = "prod/KNOWN".parse().map_err(text)?;
    // In the order of the table's keys: written in any other, each page is written again and again.
    let mut known: Vec<[u8; 16]> = (0..tokens)
        .map(|_| (u128::from(random.number()) << 64 | u128::from(random.number())).to_be_bytes())
        .collect();
    known.sort_unstable();
    for group in known.chunks(GROUP) {
        let changes = group.iter().map(|bytes| TokenChange {
            secret: secret.clone(),
            fingerprint: Fingerprint::from_bytes(*bytes),
            handle: None,
            state: TokenState::ProvenDead,
            at: Timestamp::UNIX_EPOCH,
            rotation: None,
        });
        let changes = changes.collect();
        journal.append_note_blocking(Vec::new(), changes).map_err(text)?;
    }
    Ok(())
}
