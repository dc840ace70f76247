//! `audit` of `fuzzed::TARGETS`, under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::run("delta", data));
