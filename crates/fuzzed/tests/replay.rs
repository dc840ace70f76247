//! Goal: no input that is kept breaks anything, takes a second or much memory; and every target
//! has inputs and a libFuzzer binary.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use fuzzed::{TARGETS, corpus, memory_peak_mib, replay};

const TIME_MAX: Duration = Duration::from_secs(1);
const MEMORY_MIB_MAX: u64 = 512;

#[test]
fn every_kept_input_holds_in_time_and_memory() {
    let mut broken = Vec::new();
    for target in TARGETS {
        let replayed = replay(*target).unwrap();
        broken.extend(replayed.broken);
        let (input, took) = replayed.slowest;
        assert!(took < TIME_MAX, "{input} took {took:?}");
    }
    assert!(broken.is_empty(), "{broken:#?}");
    if let Some(peak) = memory_peak_mib() {
        assert!(peak < MEMORY_MIB_MAX, "{peak} MiB");
    }
}

#[test]
fn every_target_has_inputs_and_a_binary_and_nothing_else_has() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len(), "a name twice");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for name in &names {
        let inputs = fs::read_dir(corpus(name)).map(Iterator::count).unwrap_or(0);
        assert!(inputs > 0, "fuzz/corpus/{name} has no input");
        let binary = root.join(format!("fuzz_targets/{name}.rs"));
        let source = fs::read_to_string(&binary).unwrap_or_default();
        assert!(source.contains(&format!("\"{name}\"")), "fuzz/fuzz_targets/{name}.rs");
        let part = format!("[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&part), "fuzz/Cargo.toml lacks\n{part}");
    }
    for (folder, ending) in [("corpus", ""), ("fuzz_targets", ".rs")] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let name = name.strip_suffix(ending).unwrap().to_owned();
            assert!(names.contains(&name), "fuzz/{folder}/{name} is of no target");
        }
    }
}
