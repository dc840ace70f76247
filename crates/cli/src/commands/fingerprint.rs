//! `rollover fingerprint`: is this one of ours?

use domain::Token;
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::people;

pub(crate) fn run(global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let (fingerprint, length) = {
        let token = asked()?;
        (reader.fingerprint_key().of(&token), token.expose().chars().count())
    };
    let mut known = Vec::new();
    for name in home.inventory.secrets.keys() {
        for row in reader.tokens(name)? {
            if row.fingerprint == fingerprint {
                known.push((name.clone(), row.state.to_string(), row.since));
            }
        }
    }
    output.json(&json!({
        "fingerprint": fingerprint,
        "length": length,
        "known": known.iter().map(|(secret, state, since)| json!({
            "secret": secret, "state": state, "since": since,
        })).collect::<Vec<_>>(),
    }))?;
    output.text(&format!("fp {fingerprint}  {}", fingerprint.hex()))?;
    for (name, state, since) in &known {
        output.text(&format!("{name}  {state} since {since:.0}"))?;
    }
    if known.is_empty() {
        output.text("not a token that rollover has rotated")?;
    }
    Ok(Exit::Ok)
}

/// The token on standard input.
fn asked() -> Result<Token> {
    let mut text = Zeroizing::new(String::new());
    people::standard_input(&mut text)?;
    let token = Token::from(text.trim());
    if token.is_empty() {
        return Err(Fail::usage("standard input holds no token")
            .hint("rollover fingerprint < FILE, or type it and end with Ctrl-D"));
    }
    Ok(token)
}
