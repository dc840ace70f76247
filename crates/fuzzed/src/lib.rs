//! Everything that reads what others wrote, as functions of bytes: the fuzz targets.
//!
//! A target is a function that is given any bytes, hands them to the product as a file, an answer
//! or a person's input would be, and panics where something does not hold that must hold of every
//! input. Each is run in two ways: `cargo test` replays the inputs under `fuzz/corpus/TARGET/`,
//! and `cargo xtask fuzz` looks for new ones with libFuzzer (`fuzz/fuzz_targets/TARGET.rs`).
//!
//! A new target is a row in [`TARGETS`], the function that it names, its two files under `fuzz/`
//! and its `[[bin]]` in `fuzz/Cargo.toml`; a test says which of them is missing.

mod audit;
mod dotenv;
mod http;
mod inventory;
mod journal;
mod replay;
mod scan;
mod sealed;
mod shown;
mod typed;
mod vendors;

#[path = "../../cli/src/text/mod.rs"]
mod text;

pub use replay::{Replayed, corpus, memory_peak_mib, replay};

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of its corpus and of its libFuzzer binary.
    pub name: &'static str,
    /// What must never panic.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    // What people write.
    Target { name: "inventory", run: inventory::whole },
    Target { name: "inventory_secret", run: inventory::secret },
    Target { name: "inventory_reference", run: inventory::reference },
    Target { name: "address", run: inventory::addresses },
    Target { name: "typed", run: typed::words },
    Target { name: "entered", run: typed::entered },
    Target { name: "dotenv_read", run: dotenv::read },
    Target { name: "dotenv_write", run: dotenv::write },
    // What vendors answer.
    Target { name: "postmark", run: vendors::postmark },
    Target { name: "heroku_authorizations", run: vendors::heroku_authorizations },
    Target { name: "heroku_config", run: vendors::heroku_config },
    Target { name: "github", run: vendors::github },
    Target { name: "infisical", run: vendors::infisical },
    Target { name: "examined", run: vendors::examined },
    Target { name: "surveyed", run: vendors::surveyed },
    Target { name: "probe", run: vendors::probe },
    Target { name: "http", run: http::answer },
    Target { name: "shown", run: shown::lines },
    // What a scan reads.
    Target { name: "scan", run: scan::document },
    Target { name: "scan_handed", run: scan::handed },
    Target { name: "delta", run: scan::delta },
    // What this program wrote itself, and somebody may have changed.
    Target { name: "sealed", run: sealed::file },
    Target { name: "journal", run: journal::replayed },
    Target { name: "audit", run: audit::verified },
    Target { name: "audit_handed", run: audit::handed },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}

/// Runs the target of this name: what each libFuzzer binary does.
///
/// # Panics
/// There is no such target, or something does not hold.
pub fn run(name: &str, data: &[u8]) {
    let target = target(name);
    assert!(target.is_some(), "no target `{name}`");
    if let Some(target) = target {
        (target.run)(data);
    }
}
