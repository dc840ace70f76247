//! Goal: example files hold every name and no value, and stay in step. Method: each form is made
//! from the inventory and from a file, checked, spoilt and checked again.

use std::fs;
use std::path::Path;

use e2e::{Result, Stage};

#[test]
fn examples_are_made_without_values_and_held_in_step() -> Result<()> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let here = stage.directory();
    let at = |name: &str| here.join(name).display().to_string();
    let token = stage.lab().credentials().postmark_server_token;
    for (form, file) in [
        ("env", ".env.example"),
        ("json", "config.example.json"),
        ("direnv", ".envrc.example"),
        ("actions", "deploy.example.yml"),
        ("heroku-app-json", "app.json"),
        ("compose", "compose.example.yaml"),
    ] {
        let _ = stage.rollover(&["template", form, "--output", &at(file)]).run()?.is(0)?;
        let text = fs::read_to_string(here.join(file)).map_err(|error| error.to_string())?;
        assert!(
            text.contains("POSTMARK_SERVER_TOKEN") && text.contains("HEROKU_API_KEY"),
            "{text}"
        );
        let _ = stage.rollover(&["template", "check", &at(file)]).run()?.is(0)?;
        let refused = stage.rollover(&["template", form, "--output", &at(file)]).run()?.is(2)?;
        assert!(refused.stderr.contains("nothing is overwritten"), "{refused}");
    }
    let from = at("worker.env");
    let made = stage.rollover(&["template", "env", "--from", &from]).run()?.is(0)?;
    assert!(made.stdout.contains("QUEUE=\n") && !made.stdout.contains(&token), "{made}");
    let _ = stage.rollover(&["template", "check"]).run()?.is(0)?;
    let leaked = format!("POSTMARK_SERVER_TOKEN={token}\nHEROKU_API_KEY=\n");
    fs::write(here.join(".env.example"), leaked).map_err(|error| error.to_string())?;
    let told = stage.rollover(&["template", "check"]).run()?.is(3)?;
    assert!(told.stdout.contains("has a value") && !told.stdout.contains(&token), "{told}");
    fs::write(here.join(".env.example"), "HEROKU_API_KEY=\n").map_err(|error| error.to_string())?;
    let told = stage.rollover(&["template", "check"]).run()?.is(3)?;
    assert!(told.stdout.contains("`POSTMARK_SERVER_TOKEN` is missing"), "{told}");
    Ok(())
}
