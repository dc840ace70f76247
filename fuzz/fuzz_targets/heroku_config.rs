//! `heroku_config` of `fuzzed::TARGETS`, under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::run("heroku_config", data));
