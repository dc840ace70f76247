//! `rollover secret adopt`: somebody answers for a live token that nobody knew.

use std::fs;
use std::path::Path;

use clap::Args;
use domain::inventory::load;
use domain::{Act, LiveToken};
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::people;

/// Answer for a live token at a secret's issuer that nobody knew: it is written into the secret's
/// file as `known`
#[derive(Args, Debug)]
pub(crate) struct Adopt {
    /// The secret, as `prod/NAME`
    pub(crate) secret: String,
    /// The token: its fingerprint or the issuer's id of it, or how one of them begins
    pub(crate) token: String,
    /// Write without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
}

pub(super) async fn run(args: &Adopt, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let name = home.secret(&args.secret)?;
    let _pass = home.allow(Act::Import, Some(&name))?;
    let secret =
        home.inventory.secret(&name).ok_or_else(|| Fail::usage(format!("there is no {name}")))?;
    let engine = home.looking()?;
    let seen = engine.look_around(&name).await?;
    let is_it = |token: &&LiveToken| token.is_meant(&args.token);
    let found: Vec<&LiveToken> = seen.issuer.tokens.iter().filter(is_it).collect();
    let [token] = found.as_slice() else {
        let why = match (seen.issuer.listed, found.is_empty()) {
            (_, false) => "lists several live tokens that begin so",
            (true, true) => "lists no such live token",
            (false, true) => "did not show its tokens",
        };
        return Err(Fail::new(Exit::Failed, format!("issuer {} {why}", secret.issuer))
            .hint("`rollover secret import` lists those that nobody answers for"));
    };
    if secret.known.iter().any(|known| token.is_called(known)) {
        output.text(&format!("{name} knows it already"))?;
        output.json(&json!({ "secret": name, "known": secret.known, "written": false }))?;
        return Ok(Exit::Ok);
    }
    // The issuer's id stays; a fingerprint does for one that has none.
    let known = match (&token.handle, token.fingerprint) {
        (Some(handle), _) => handle.to_string(),
        (None, Some(print)) => print.hex(),
        (None, None) => return Err(Fail::new(Exit::Failed, "the issuer gives it no id")),
    };
    let (main, mut files) = home.files()?;
    let Some(place) = files.iter().position(|file| file.path == secret.file) else {
        return Err(Fail::usage(format!("{} is gone", secret.file)));
    };
    let text = with_known(&files[place].text, &secret.known, &known);
    files[place].text.clone_from(&text);
    if load(&main, &files).ok().and_then(|all| Some(all.secret(&name)?.known.contains(&known)))
        != Some(true)
    {
        return Err(Fail::usage(format!("{} cannot be changed by rollover", secret.file))
            .hint(format!("add it by hand: known = [\"{known}\"]")));
    }
    let about = token.description.as_deref().unwrap_or("no description");
    output.say(&format!("{known} ({about}) becomes known to {name}, in {}", secret.file));
    if !args.yes && !agreed(global, output) {
        output.say("nothing was changed");
        return Ok(Exit::Waiting);
    }
    replace(Path::new(&secret.file), &text)?;
    output.json(&json!({ "secret": name, "known": known, "written": true }))?;
    output.text(&format!("{name} knows {known}"))?;
    Ok(Exit::Ok)
}

/// The text with one more entry of `known`; every other line stays. Whether it is right then is
/// said by whoever reads it.
fn with_known(text: &str, before: &[String], known: &str) -> String {
    let all: Vec<String> =
        before.iter().map(String::as_str).chain([known]).map(|one| format!("\"{one}\"")).collect();
    let line = format!("known = [{}]", all.join(", "));
    let mut lines: Vec<&str> = text.lines().collect();
    let is_known = |line: &&str| line.split('=').next().map(str::trim) == Some("known");
    let is_table = |line: &&str| line.trim_start().starts_with('[');
    match lines.iter().position(is_known) {
        Some(place) => lines[place] = &line,
        None => {
            let table = lines.iter().position(is_table).unwrap_or(lines.len());
            let blank = lines[..table].iter().rposition(|line| !line.trim().is_empty());
            lines.insert(blank.map_or(0, |place| place + 1), &line);
        }
    }
    format!("{}\n", lines.join("\n"))
}

/// Puts a text in the place of a file in one step.
fn replace(path: &Path, text: &str) -> Result<()> {
    let beside = path.with_extension("toml.new");
    let put = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    put.map_err(|error| Fail::usage(format!("failed to write {}: {error}", path.display())))
}

fn agreed(global: &Global, output: Output) -> bool {
    if !people::can_ask(global.no_input) {
        output.say("nobody can be asked; write with --yes");
        return false;
    }
    matches!(people::line("Write? [y/N] ").as_deref(), Some("y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::with_known;

    #[test]
    fn one_more_is_known_and_every_other_line_stays() {
        let text = "# why\nname = \"K\"\nrole = \"ops\"\n\n[[consumers]]\nkind = \"dotenv\"\n";
        let expected = "# why\nname = \"K\"\nrole = \"ops\"\nknown = [\"a\"]\n\n[[consumers]]\nkind = \"dotenv\"\n";
        assert_eq!(with_known(text, &[], "a"), expected);
        let again = with_known(expected, &["a".into()], "b");
        assert_eq!(again, expected.replace("[\"a\"]", "[\"a\", \"b\"]"));
        assert_eq!(with_known("name = \"K\"", &[], "a"), "name = \"K\"\nknown = [\"a\"]\n");
    }
}
