//! Goal: the support file is there when something is broken, tells its reader something, and tells
//! nothing that it should not. Method: it is asked for on a healthy and on several broken
//! installations; that it holds no value is shown by the canaries.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use e2e::{HEROKU, POSTMARK, Result, Stage};
use serde_json::Value;

fn stage() -> Result<Stage> {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))
}

fn support(stage: &Stage, name: &str, more: &[&str]) -> Result<(String, Value)> {
    let file: PathBuf = stage.home().join(name);
    let path = file.display().to_string();
    let told = stage.rollover(&[&["support", &path], more].concat()).run()?.is(0)?;
    assert!(told.stdout.contains("It does not hold: no value, no login"), "{told}");
    let mode = fs::metadata(&file).map_err(|error| error.to_string())?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let json = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok((text, json))
}

#[test]
fn it_tells_of_an_open_rotation_and_its_errors() -> Result<()> {
    let stage = stage()?;
    let begun = ["rotate", POSTMARK.name, "--yes", "--no-wait"];
    let _ = stage.rollover(&begun).run()?.is(10)?;
    let (_, told) = support(&stage, "open.json", &[])?;
    assert_eq!(told["rotations"][0]["secret"], POSTMARK.name);
    assert_eq!(told["rotations"][0]["entries"][0]["event"], "planned");
    assert_eq!(told["inventory"]["secrets"][0]["name"], HEROKU.name);
    assert_eq!(told["audit"]["verified"], true);
    assert_eq!((&told["database"]["ours"], &told["database"]["schema"]), (&true.into(), &7.into()));
    assert!(told["platform"]["kernel"].is_string() && told["process"]["core_limit"] == 0);
    let login =
        told["files"].as_array().and_then(|all| all.iter().find(|one| one["what"] == "login"));
    assert_eq!(login.map(|login| &login["mode"]), Some(&"600".into()));
    let again = stage.home().join("open.json").display().to_string();
    let again = stage.rollover(&["support", &again]).run()?.is(2)?;
    assert!(again.stderr.contains("nothing is overwritten"), "{again}");
    Ok(())
}

#[test]
fn hashed_names_are_nowhere_and_the_same_everywhere() -> Result<()> {
    let stage = stage()?;
    e2e::members::work_as(&stage, "ops-1")?;
    let begun = ["rotate", POSTMARK.name, "--yes", "--no-wait"];
    let _ = stage.rollover(&begun).run()?.is(10)?;
    let (text, told) = support(&stage, "hashed.json", &["--hash-names"])?;
    let email = stage.lab().credentials().heroku_email;
    for name in [
        "acme",
        "POSTMARK_SERVER_TOKEN",
        "HEROKU_API_KEY",
        "worker.env",
        "operator.env",
        "ops-1",
        "infisical-prod",
        "rollover-stage-",
        "team-mail",
        email.as_str(),
    ] {
        assert!(!text.contains(name), "{name} is in it");
    }
    let name = &told["rotations"][0]["secret"];
    assert!(name.as_str().is_some_and(|name| name.starts_with("name-")), "{name}");
    let secrets = told["inventory"]["secrets"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(secrets.iter().any(|secret| secret["name"] == *name), "{name} is the same everywhere");
    Ok(())
}

#[test]
fn it_is_there_when_something_is_broken() -> Result<()> {
    let stage = stage()?;
    let fail = |error: std::io::Error| error.to_string();
    let (_, none) = support(&stage, "no-database.json", &[])?;
    assert!(
        none["database"]["error"].is_string() && none["journal"]["error"].is_string(),
        "{none}"
    );
    let _ = stage.rollover(&["status"]).run()?.is(0)?;
    let database = stage.directory().join("rollover.db");
    let mut bytes = fs::read(&database).map_err(fail)?;
    bytes[200..4096].fill(0x55);
    fs::write(&database, bytes).map_err(fail)?;
    let (_, damaged) = support(&stage, "damaged.json", &[])?;
    assert_eq!(damaged["database"]["sqlite"], true);
    assert!(damaged["journal"]["error"].is_string() || damaged["lease"].is_object(), "{damaged}");
    fs::remove_file(stage.directory().join("rollover.key")).map_err(fail)?;
    let (_, keyless) = support(&stage, "keyless.json", &[])?;
    assert!(keyless["journal"]["error"].is_string(), "{keyless}");
    assert!(keyless["inventory"]["secrets"].is_array(), "{keyless}");
    stage.edit("rollover.toml", |text| text.replace("schema = 1", "schema = "))?;
    let (_, broken) = support(&stage, "broken.json", &["--hash-names"])?;
    assert!(broken["inventory"]["error"].is_string() && broken["version"].is_string(), "{broken}");
    Ok(())
}
