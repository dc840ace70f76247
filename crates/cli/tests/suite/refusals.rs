//! Goal: what cannot go well is not begun; the reason is told with the next move, and nothing was
//! created. Method: a table of situations, each with a command, its exit code and words of its
//! answer. Each is compared with the lab's own count of effects.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::fs;
use std::path::Path;

use e2e::{Before, HEROKU, Operator, POSTMARK, Pace, Restarts, SERVER, Stage, spread};
use lab::{FaultKind, FaultRule, TokenPick, Vendor};

/// One situation.
struct Case {
    name: &'static str,
    prepare: fn(&Stage) -> Result<(), String>,
    args: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
}

const ROTATE_POSTMARK: &[&str] = &["rotate", "prod/POSTMARK_SERVER_TOKEN", "--yes", "--no-wait"];
const ROTATE_HEROKU: &[&str] = &["rotate", "prod/HEROKU_API_KEY", "--yes", "--no-wait"];
const HEROKU_FILE: &str = "secrets/heroku-api-key.toml";

const CASES: &[Case] = &[
    Case {
        name: "a length of time that is none",
        prepare: |stage| {
            stage.edit("rollover.toml", |text| text.replace("soak = \"0s\"", "soak = \"soon\""))
        },
        args: ROTATE_HEROKU,
        code: 2,
        says: &["rollover.toml:10:8", "is not a length of time", "\"10m\""],
    },
    Case {
        name: "a key that nobody knows",
        prepare: |stage| stage.edit(HEROKU_FILE, |text| text.replace("owner =", "ownr =")),
        args: &["config", "check"],
        code: 2,
        says: &["heroku-api-key.toml:4:1", "ownr"],
    },
    Case {
        name: "an issuer that is not there",
        prepare: |stage| {
            stage.edit(HEROKU_FILE, |text| text.replace("\"heroku-acme\"", "\"heroku-acne\""))
        },
        args: ROTATE_HEROKU,
        code: 2,
        says: &["heroku-api-key.toml:5:10", "heroku-acne", "heroku-acme"],
    },
    Case {
        name: "a token in argv",
        prepare: |_| Ok(()),
        args: &["rotate", "prod/X=01234567-89ab-cdef-0123-456789abcdef"],
        code: 2,
        says: &["form of a token", "hint:", "--token-stdin"],
    },
    Case {
        name: "a name that is nearly right",
        prepare: |_| Ok(()),
        args: &["rotate", "prod/POSTMARK_SERVER_TOKE", "--yes"],
        code: 2,
        says: &["not in the inventory", "did you mean `prod/POSTMARK_SERVER_TOKEN`"],
    },
    Case {
        name: "a short name that two environments have",
        prepare: |stage| {
            let text = "name = \"HEROKU_API_KEY\"\nenvironment = \"staging\"\nissuer = \"heroku-acme\"\n\
                        store = { in = \"infisical-prod\", key = \"OTHER\" }\nrole = \"ops\"\n\
                        [[consumers]]\nkind = \"dotenv\"\npath = \"other.env\"\n";
            fs::write(stage.directory().join("secrets/other.toml"), text).map_err(|e| e.to_string())
        },
        args: &["rotate", "HEROKU_API_KEY", "--yes"],
        code: 2,
        says: &["prod/HEROKU_API_KEY", "staging/HEROKU_API_KEY", "name the environment"],
    },
    Case {
        name: "two secrets that write one place",
        prepare: |stage| {
            let path = stage.directory().join("secrets");
            let text = fs::read_to_string(path.join("heroku-api-key.toml"));
            let text = text.map_err(|error| error.to_string())?;
            let text = text.replace("environment = \"prod\"", "environment = \"staging\"");
            fs::write(path.join("other.toml"), text).map_err(|error| error.to_string())
        },
        args: ROTATE_HEROKU,
        code: 2,
        says: &["other.toml:6:16", "give this one a key of its own"],
    },
    Case {
        name: "an agreement to another secret",
        prepare: |_| Ok(()),
        args: &[
            "rotate",
            "prod/HEROKU_API_KEY",
            "--confirm",
            "prod/POSTMARK_SERVER_TOKEN",
            "--no-wait",
        ],
        code: 2,
        says: &["the secret is `prod/HEROKU_API_KEY`"],
    },
    Case {
        name: "every slot taken",
        prepare: |stage| {
            click(stage, 2)?;
            Ok(())
        },
        args: ROTATE_POSTMARK,
        code: 1,
        says: &["cannot be rotated now", "3", "hint:"],
    },
    Case {
        name: "an old token that is dead",
        prepare: |stage| {
            click(stage, 1)?;
            let old = stage.lab().credentials().postmark_server_token;
            let operator = stage.lab().operator();
            let pick = TokenPick::Is(old);
            let deleted = stage.runtime().block_on(operator.delete_token(SERVER, &pick));
            deleted.map_err(|error| error.to_string())
        },
        args: ROTATE_POSTMARK,
        code: 1,
        says: &["cannot be rotated now", "dead", "--repair"],
    },
    Case {
        name: "a consumer that is gone",
        prepare: |stage| {
            stage.edit(HEROKU_FILE, |text| {
                text.replace("app = \"acme-console-prod\"", "app = \"acme-console-gone\"")
            })
        },
        args: ROTATE_HEROKU,
        code: 1,
        says: &["acme-console-gone", "heroku", "hint:"],
    },
    Case {
        name: "a consumer that is somebody else's",
        prepare: |stage| {
            stage.edit(HEROKU_FILE, |text| {
                text.replace("app = \"acme-console-prod\"", "app = \"globex-web\"")
            })
        },
        args: ROTATE_HEROKU,
        code: 1,
        says: &["globex-web", "403", "hint:"],
    },
    Case {
        name: "a login that may not mint",
        prepare: |stage| {
            let token = stage.lab().credentials().heroku_read_only_token;
            let path = stage.directory().join("credentials/heroku");
            fs::write(&path, token).map_err(|e| e.to_string())?;
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                .map_err(|e| e.to_string())?;
            stage.edit("rollover.toml", |text| {
                text.replace(
                    "{ secret = \"prod/HEROKU_API_KEY\" }",
                    "{ file = \"credentials/heroku\" }",
                )
            })
        },
        args: ROTATE_HEROKU,
        code: 1,
        says: &["heroku", "hint:"],
    },
    Case {
        name: "a token of another server in the store",
        prepare: |stage| {
            stage.edit("rollover.toml", |text| {
                text.replace("server = \"acme-prod\"", "server = \"acme-staging\"")
            })
        },
        args: ROTATE_POSTMARK,
        code: 1,
        says: &["acme-staging", "acme-prod", "hint:"],
    },
    Case {
        name: "a token of another account in the store",
        prepare: |stage| {
            stage.edit("rollover.toml", |text| {
                text.replace("ops@example.com", "someone@example.com")
            })
        },
        args: ROTATE_HEROKU,
        code: 1,
        says: &["ops@example.com", "someone@example.com", "hint:"],
    },
    Case {
        name: "an issuer that talks nonsense",
        prepare: |stage| garbage(stage, Vendor::Postmark),
        args: ROTATE_POSTMARK,
        code: 75,
        says: &["postmark", "hint:"],
    },
    Case {
        name: "a store that talks nonsense",
        prepare: |stage| garbage(stage, Vendor::Infisical),
        args: ROTATE_POSTMARK,
        code: 75,
        says: &["infisical"],
    },
    Case {
        name: "a consumer that talks nonsense",
        prepare: |stage| garbage(stage, Vendor::Github),
        args: ROTATE_HEROKU,
        code: 75,
        says: &["github"],
    },
    Case {
        name: "a vendor behind a firewall's page",
        prepare: |stage| {
            stage.lab().fault(FaultRule::new(Vendor::Heroku, FaultKind::Html403));
            Ok(())
        },
        args: ROTATE_HEROKU,
        code: 75,
        says: &["heroku"],
    },
    Case {
        name: "the agreement to begin that nobody can give",
        prepare: |_| Ok(()),
        args: &["rotate", "prod/HEROKU_API_KEY"],
        code: 10,
        says: &["begin with --yes", "nothing was changed"],
    },
    Case {
        name: "a rotation that is not there",
        prepare: |_| Ok(()),
        args: &["run", "resume", "r-nothing"],
        code: 2,
        says: &["there is no rotation r-nothing", "run ls"],
    },
];

fn click(stage: &Stage, times: u32) -> Result<(), String> {
    for _ in 0..times {
        let token = stage.runtime().block_on(stage.lab().operator().generate_token(SERVER));
        token.map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn garbage(stage: &Stage, vendor: Vendor) -> Result<(), String> {
    stage.lab().fault(FaultRule::new(vendor, FaultKind::Garbage));
    Ok(())
}

fn stage() -> Stage {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage")
}

/// What changed in the world, by the lab's count; logging in is no change.
fn effects(stage: &Stage) -> Vec<Option<u64>> {
    let effects = stage.lab().counters().effects;
    [Vendor::Postmark, Vendor::Heroku, Vendor::Github]
        .iter()
        .map(|vendor| effects.get(vendor).copied())
        .collect()
}

#[test]
fn what_cannot_go_well_is_not_begun() {
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let wrong =
        spread(binary, &Pace::default(), 4, CASES, |stage, case| Some(refused(stage, case)));
    let wrong: Vec<String> = wrong.expect("stages").into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn refused(stage: &Stage, case: &Case) -> Result<(), String> {
    let fail = |what: String| format!("{}: {what}", case.name);
    (case.prepare)(stage).map_err(fail)?;
    let stored = |stage: &Stage| {
        let world = stage.lab().inspect();
        [&HEROKU, &POSTMARK].map(|secret| world.infisical_versions("prod", secret.key).len())
    };
    let before = (effects(stage), stored(stage));
    let ended = stage.rollover(case.args).run()?.is(case.code).map_err(fail)?;
    for words in case.says {
        if !ended.stderr.to_lowercase().contains(&words.to_lowercase()) {
            return Err(fail(format!("it does not say {words:?}: {ended}")));
        }
    }
    if (effects(stage), stored(stage)) != before {
        return Err(fail("something was changed".into()));
    }
    stage.lab().faults().clear();
    let open = stage.rollover(&["run", "ls"]).run()?;
    if open.code == Some(0) && open.stdout.contains("r-") {
        return Err(fail("a rotation was begun".into()));
    }
    Ok(())
}

/// A live token that the inventory does not know is shown, and it is nobody's business of ours.
#[test]
fn an_unknown_token_is_shown_and_left_alone() {
    let stage = stage();
    click(&stage, 1).expect("a token");
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let plan =
        stage.rollover(&["plan", POSTMARK.name]).run().and_then(|e| e.is(0)).expect("a plan");
    assert!(plan.stdout.contains("left alone"), "{plan}");
    assert!(plan.stdout.contains("2 of 3 slots used"), "{plan}");
    let operator = Operator::at(&stage).expect("an operator");
    let rotated = stage.rotate(&POSTMARK).heard_by(operator.ear()).run();
    let _ = rotated.and_then(|ended| ended.is(0)).expect("it completes");
    assert_eq!(operator.leave().expect("the operator could do it"), 2);
    before.completed(&stage, &POSTMARK, Restarts::Once).expect("the unknown one is still there");
}

/// A crash between two secrets' rotations does not confuse one with the other.
#[test]
fn an_open_rotation_is_gone_on_with_and_not_begun_again() {
    let stage = stage();
    let before = Before::of(&stage, &HEROKU).expect("a token");
    let begin = ["rotate", HEROKU.name, "--yes", "--no-wait"];
    let _ = stage.rollover(&begin).run().and_then(|ended| ended.is(10)).expect("it waits");
    let again = stage.rotate(&HEROKU).run().and_then(|ended| ended.is(0)).expect("it completes");
    assert!(again.stderr.contains("going on with r-"), "{again}");
    before.completed(&stage, &HEROKU, Restarts::Once).expect("one rotation, one restart each");
}
