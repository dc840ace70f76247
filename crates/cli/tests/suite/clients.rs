//! Goal: the lab answers as the vendors do. Method: the vendors' own clients (and two that
//! everybody uses) are installed from their registries and put before it; what they give, and the
//! class and code of each error that the vendor documents, is written here from the vendor's pages.

mod github;
mod heroku;
mod infisical;
mod postmark;

use std::path::Path;

use e2e::Result;
use e2e::clients::{Counter, Set};
use serde_json::Value;

/// A lab with these clients before it; `None` where they cannot be had.
fn counter(set: Set) -> Result<Option<Counter>> {
    // Beside what is built, so that they are installed once.
    let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no folder to build in")?;
    Counter::new(set, beside)
}

/// Whether what was told has all that is expected of it; numbers and texts alike.
#[track_caller]
fn has(told: &Value, expected: &Value) {
    let expected = expected.as_object().into_iter().flatten();
    for (name, value) in expected {
        assert_eq!(&told[name], value, "`{name}` of {told:#}");
    }
}

/// Whether the message that was told says this.
#[track_caller]
fn says(told: &Value, words: &str) {
    let message = told["message"].as_str().unwrap_or_default();
    assert!(message.contains(words), "not `{words}`: {told:#}");
}
