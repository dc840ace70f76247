//! Goal: no disk, however bad, and no power cut loses a step that was acknowledged, lets anything
//! happen at a vendor that is not written down, or leaves a person without advice. Method: each
//! operation of a rotation on the disk is the one that fails; then the disk is well again and the
//! same command is run again. A sample here; all of it with `ROLLOVER_FULL=1`.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]
#![expect(clippy::print_stdout, reason = "what was tried is part of what a test tells")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use e2e::disks::{Bad, Case, operations, sweep};
use e2e::power::{Chance, Disk};
use e2e::shim::{Op, Shim};
use e2e::{HEROKU, POSTMARK, Rollover, Secret, full};

/// Every n-th operation, with each kind of case in turn.
fn at_operations(secret: &Secret, first: usize, step: usize, kinds: &[fn(usize) -> Case]) {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let count = operations(binary, secret).expect("an undisturbed run completes");
    let cases: Vec<Case> = if full() {
        (1..=count).flat_map(|at| kinds.iter().map(move |kind| kind(at))).collect()
    } else {
        let points = (first..=count).step_by(step);
        points.zip(kinds.iter().cycle()).map(|(at, kind)| kind(at)).collect()
    };
    let sum = sweep(binary, secret, &cases, 4).expect("the sweep runs");
    println!(
        "{}: {count} operations, {} cases, {} struck, {} of them unharmed, {} effects after",
        secret.name, sum.tried, sum.struck, sum.unharmed, sum.effects_after
    );
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert_eq!(sum.effects_after, 0);
    assert!(sum.struck * 10 > sum.tried * 8, "the faults hit nothing");
}

const BAD: [fn(usize) -> Case; 3] = [
    |at| Case::From(Bad::Full, at),
    |at| Case::From(Bad::Broken, at),
    |at| Case::From(Bad::ReadOnly, at),
];
const BAD_ONCE: [fn(usize) -> Case; 3] = [
    |at| Case::Once(Bad::Full, at),
    |at| Case::Once(Bad::Broken, at),
    |at| Case::Once(Bad::ReadOnly, at),
];
const CUT: [fn(usize) -> Case; 2] = [Case::Cut, Case::Killed];

/// Goal: limits of the system cost no token either. Too few files are told before anything is done;
/// what meets a limit of sizes first differs from machine to machine, so any right end will do.
#[test]
fn a_limit_of_the_system() {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let (descriptors, blocks) = if full() { (1, 8) } else { (7, 160) };
    let descriptors = (4..80).step_by(descriptors).map(Case::Descriptors);
    let cases: Vec<Case> =
        descriptors.chain((8..1_200).step_by(blocks).map(Case::Blocks)).collect();
    let sum = sweep(binary, &HEROKU, &cases, 4).expect("the sweep runs");
    println!("limits: {} cases, {} struck", sum.tried, sum.struck);
    assert!(sum.wrong.is_empty(), "{}", sum.wrong.join("\n\n"));
    assert!(sum.struck > 3, "no limit was met");
}

#[test]
fn a_disk_that_goes_bad() {
    at_operations(&HEROKU, 3, 43, &BAD);
}

#[test]
fn a_disk_that_goes_bad_under_an_operator() {
    at_operations(&POSTMARK, 20, 67, &BAD);
}

#[test]
fn a_disk_that_fails_once() {
    at_operations(&HEROKU, 5, 53, &BAD_ONCE);
}

#[test]
fn a_power_cut() {
    at_operations(&HEROKU, 7, 41, &CUT);
}

/// Goal: a file beside the database is the old one or the new one after any cut, and the new one
/// once the command has said so. Method: every cut of the run is tried on a model of the disk.
fn old_or_new(place: &Path, file: &str, run: impl FnOnce(&Shim)) {
    let start = Disk::of(place).expect("it can be read");
    let shim = Shim::build(place).expect("a C compiler");
    run(&shim);
    let path = place.canonicalize().expect("it is there").join(file);
    let (old, new) = (start.shown().remove(&path), fs::read(&path).ok());
    assert!(new.is_some() && new != old, "{file} was not written");
    let mut disk = start;
    for (at, op) in shim.ops().expect("the shim is in force").iter().enumerate() {
        disk.apply(op);
        for seed in 0..20 {
            let held = disk.cut(&mut Chance::new(seed)).remove(&path);
            assert!(held == old || held == new, "{file} is half there after operation {at}");
        }
    }
    assert_eq!(disk.worst().remove(&path), new, "{file} is said to be written and is not safe");
}

/// An inventory with a sealed file in a directory of its own, made under a shim.
struct Small {
    place: tempfile::TempDir,
}

impl Small {
    fn root(&self) -> &Path {
        self.place.path()
    }

    fn run(&self) -> Rollover {
        let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
        Rollover::new(binary, &self.root().join("new/inventory"), self.root())
    }

    fn import(&self, value: &str) -> Rollover {
        self.run().args(&["secret", "import", "prod/KEY", "--token-stdin"]).input(value)
    }

    fn made() -> Self {
        let small = Self { place: tempfile::tempdir().expect("a directory") };
        let inventory = small.root().join("new/inventory");
        old_or_new(small.root(), "new/inventory/rollover.key", |shim| {
            let init = shim.under(small.run().args(&["init"])).run();
            let _ = init.and_then(|ended| ended.is(0)).expect("it is made");
        });
        let secret = r#"
            name = "KEY"
            environment = "prod"
            issuer = "postmark"
            store = { in = "local" }
            [[consumers]]
            kind = "dotenv"
            path = ".env"
        "#;
        let edit = || -> std::io::Result<()> {
            for made in ["credentials", "store"] {
                fs::create_dir(inventory.join(made))?;
            }
            fs::write(inventory.join("secrets/key.toml"), secret)?;
            let login = inventory.join("credentials/heroku");
            fs::write(&login, "not-a-token")?;
            fs::set_permissions(&login, fs::Permissions::from_mode(0o600))?;
            let main = inventory.join("rollover.toml");
            let text = fs::read_to_string(&main)?;
            fs::write(main, text.replace("\"secrets.sealed\"", "\"store/secrets.sealed\""))
        };
        edit().expect("the inventory is ours");
        small
    }
}

const SEALED: &str = "new/inventory/store/secrets.sealed";

#[test]
fn the_key_and_the_sealed_file_are_whole() {
    let small = Small::made();
    for value in ["first", "second"] {
        old_or_new(small.root(), SEALED, |shim| {
            let import = shim.under(small.import(value)).run();
            let _ = import.and_then(|ended| ended.is(0)).expect("it is stored");
        });
    }
}

/// Goal: what a killed process wrote and did not sync is not taken for done by the next one and
/// then lost. Method: killed around each operation on the file, run again; then the worst cut.
#[test]
fn what_is_found_in_place_is_safe() {
    let small = Small::made();
    // The first one makes the database; all others are alike.
    let _ = small.import("first").run().and_then(|ended| ended.is(0)).expect("it is stored");
    let first = Shim::build(small.root()).expect("a C compiler");
    let _ = first.under(small.import("v0")).run().and_then(|ended| ended.is(0)).expect("stored");
    let ops = first.ops().expect("the shim is in force");
    let on_it = |op: &Op| op.path.parent().is_some_and(|parent| parent.ends_with("store"));
    let ours = || (1..).zip(&ops).filter(|(_, op)| on_it(op)).map(|(at, _): (usize, _)| at);
    let (first, last) = (ours().min().expect("it is written"), ours().max().unwrap_or(0));
    assert!(last - first >= 3, "made, written, synced, renamed: {first} to {last}");
    // A run has an operation more or less than another.
    let points = first - 1..last + 4;
    let path = small.root().canonicalize().expect("it is there").join(SEALED);
    for (number, at) in points.enumerate() {
        let value = format!("v{}", number + 1);
        let mut disk = Disk::of(small.root()).expect("it can be read");
        let shim = Shim::build(small.root()).expect("a C compiler");
        assert!(shim.killed(small.import(&value), at).run().expect("it starts").was_killed());
        let again = shim.under(small.import(&value)).run();
        let _ = again.and_then(|ended| ended.is(0)).expect("it is stored");
        shim.ops().expect("the shim is in force").iter().for_each(|op| disk.apply(op));
        let safe = disk.worst().remove(&path);
        assert!(safe.is_some() && safe == fs::read(&path).ok(), "{value}, killed at {at}");
    }
}

/// Goal: the command that makes the database can be run again, wherever it was stopped. Method:
/// killed, or with a disk that fails, at each operation; then the same command without either.
#[test]
fn a_first_command_that_was_stopped_is_run_again() {
    const ERRNOS: [i32; 2] = [28, 5];
    let small = Small::made();
    // The database is made in the first thirty or so.
    let last = if full() { 200 } else { 30 };
    for at in 1..last {
        let database =
            ["", "-wal", "-shm", "-journal", ".mark"].map(|end| format!("rollover.db{end}"));
        for file in database {
            // Most are not there.
            let _ = fs::remove_file(small.root().join("new/inventory").join(file));
        }
        let shim = Shim::build(small.root()).expect("a C compiler");
        let value = format!("v{at}");
        let stopped = match at % 2 {
            0 => shim.killed(small.import(&value), at),
            _ => shim.failing(small.import(&value), at, ERRNOS[at / 2 % 2], 1_000_000),
        };
        let stopped = stopped.run().expect("it starts");
        if stopped.code == Some(0) {
            assert!(at > 20, "it was never stopped");
            return;
        }
        // It lists them, and meets first what was left.
        let listed = small.run().args(&["run", "ls"]).run().and_then(|ended| ended.is(0));
        let _ = listed.map_err(|why| format!("at {at}: {why}")).expect("it looks");
        let again = small.import(&value).run().and_then(|ended| ended.is(0));
        let _ = again.map_err(|why| format!("at {at}: {why}")).expect("it is stored");
    }
}

/// Goal: a start that was cut short is made again by the same command.
#[test]
fn an_inventory_that_was_cut_short_is_made_by_the_same_command() {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    for at in 1..40 {
        let place = tempfile::tempdir().expect("a directory");
        let shim = Shim::build(place.path()).expect("a C compiler");
        let inventory = place.path().join("inventory");
        let init = || Rollover::new(binary, &inventory, place.path()).args(&["init"]);
        let killed = shim.killed(init(), at).run().expect("it starts");
        if !killed.was_killed() {
            assert!(at > 5, "it was never killed");
            return;
        }
        if !inventory.join("rollover.toml").exists() {
            let _ = init().run().and_then(|ended| ended.is(0)).expect("it is made");
        }
        assert!(inventory.join("rollover.key").exists(), "no key, and no way to one: {at}");
    }
}
