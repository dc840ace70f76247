//! The world changes behind everybody's back after a rotation: is it noticed by the next look, and
//! is nothing noticed where nothing changed?
//!
//! Each kind of drift is planted by the lab's own hand, never by the product; whether it was
//! noticed is read from `rollover drift`. The bench is put back to the moment after its rotation
//! before each.

use std::fs;
use std::path::Path;
use std::time::Duration;

use lab::{FaultKind, FaultRule, SecretScope, Vendor};
use serde_json::Value;

use crate::bench::LogsIn;
use crate::pairing::{APP, FILE, SEALED};
use crate::spread::each;
use crate::{Bench, Pairing, Result, SERVER};

/// One kind of drift.
pub struct Planting {
    /// What is done.
    pub name: &'static str,
    /// The words under which it may be found, and where: the store, the issuer or the consumer.
    pub found: (&'static str, &'static [&'static str]),
    /// The exit code of `drift --check`.
    pub exit: i32,
    fits: fn(Pairing) -> bool,
    plant: fn(&Bench, &Past) -> Result<()>,
}

impl Planting {
    /// Whether it can occur with this pairing.
    #[must_use]
    pub fn fits(&self, pairing: Pairing) -> bool {
        (self.fits)(pairing)
    }

    /// Does it.
    ///
    /// # Errors
    /// The world is not as it was expected.
    pub fn plant(&self, bench: &Bench, past: &Past) -> Result<()> {
        (self.plant)(bench, past)
    }
}

/// What was before the rotation.
pub struct Past {
    /// The token that was rotated away.
    old: String,
    /// The release of the app that is a consumer.
    release: u64,
    /// The sealed file.
    sealed: Vec<u8>,
}

/// A value that nobody knows, in the form of the issuer's tokens.
fn stranger(bench: &Bench) -> String {
    match bench.pairing().issuer.by_operator {
        true => "0badf00d-0000-4000-8000-00000000dead".to_owned(),
        false => format!("HRKU-{}", "x".repeat(60)),
    }
}

fn at_heroku(it: Pairing) -> bool {
    it.consumer.kind() == "heroku-config"
}

fn at_github(it: Pairing) -> bool {
    it.consumer.kind().starts_with("github-")
}

fn in_a_file(it: Pairing) -> bool {
    it.consumer.is_file && !it.consumer.is_fetched
}

fn in_infisical(it: Pairing) -> bool {
    it.store.kind() == "infisical"
}

fn set_var(bench: &Bench, value: Option<&str>) -> Result<()> {
    bench.lab().set_config_var(APP, &bench.pairing().name_there(), value);
    Ok(())
}

fn scope(bench: &Bench) -> SecretScope {
    match bench.pairing().consumer.kind() {
        "github-environment" => SecretScope::Environment("production".into()),
        "github-organisation" => SecretScope::Org,
        "github-dependabot" => SecretScope::Dependabot,
        _ => SecretScope::Repo,
    }
}

fn set_secret(bench: &Bench, value: Option<&str>) -> Result<()> {
    let (scope, name) = (scope(bench), bench.pairing().name_there());
    match value {
        Some(value) => bench.lab().set_github_secret(&scope, &name, value),
        None => bench.lab().delete_github_secret(&scope, &name),
    }
    Ok(())
}

fn write_file(bench: &Bench, text: &str) -> Result<()> {
    fs::write(bench.directory().join(FILE), text).map_err(|error| format!("{FILE}: {error}"))
}

fn set_line(bench: &Bench, value: &str) -> Result<()> {
    write_file(bench, &format!("OTHER=untouched\n{}={value}\n", bench.pairing().issuer.key))
}

fn set_store(bench: &Bench, value: Option<&str>) -> Result<()> {
    bench.lab().set_infisical_value("prod", bench.pairing().issuer.key, value);
    Ok(())
}

/// A live token of the same vendor that belongs elsewhere: of another server, of another use.
fn elsewhere(bench: &Bench) -> String {
    let credentials = bench.lab().credentials();
    match bench.pairing().issuer.by_operator {
        true => credentials.postmark_tokens["acme-staging"][0].clone(),
        false => credentials.heroku_read_only_token.clone(),
    }
}

fn current(bench: &Bench) -> Result<String> {
    let place = (bench.pairing().store.place)(bench.pairing().issuer.key);
    let all = bench.everything()?;
    let found = all.into_iter().find(|(name, _)| *name == place);
    found.map(|(_, value)| value).ok_or_else(|| "the store holds nothing".into())
}

fn silence(bench: &Bench, vendor: Vendor, path: Option<&str>) -> Result<()> {
    let mut rule = FaultRule::new(vendor, FaultKind::Error5xxBefore { status: 503 });
    rule.path = path.map(str::to_owned);
    bench.lab().fault(rule);
    Ok(())
}

const FOREIGN: &[&str] = &["holds-foreign", "holds-unknown"];

/// Every kind of drift that is planted.
pub static PLANTINGS: [Planting; 34] = [
    Planting {
        name: "a config var is set to the old token",
        found: ("consumer", &["holds-former"]),
        exit: 3,
        fits: at_heroku,
        plant: |bench, past| set_var(bench, Some(&past.old)),
    },
    Planting {
        name: "a config var is set to a live token from elsewhere",
        found: ("consumer", FOREIGN),
        exit: 3,
        fits: at_heroku,
        plant: |bench, _| set_var(bench, Some(&elsewhere(bench))),
    },
    Planting {
        name: "a config var is set to what nobody knows",
        found: ("consumer", &["holds-unknown"]),
        exit: 3,
        fits: at_heroku,
        plant: |bench, _| set_var(bench, Some(&stranger(bench))),
    },
    Planting {
        name: "a config var is set to something that is no token",
        found: ("consumer", &["holds-unknown"]),
        exit: 3,
        fits: at_heroku,
        plant: |bench, _| set_var(bench, Some("changeme")),
    },
    Planting {
        name: "a config var is removed",
        found: ("consumer", &["missing"]),
        exit: 3,
        fits: at_heroku,
        plant: |bench, _| set_var(bench, None),
    },
    Planting {
        name: "an app is rolled back to before the rotation",
        found: ("consumer", &["holds-former"]),
        exit: 3,
        fits: at_heroku,
        plant: |bench, past| match bench.lab().roll_back(APP, past.release) {
            true => Ok(()),
            false => Err("there is no such release".into()),
        },
    },
    Planting {
        name: "an app is deleted",
        found: ("consumer", &["refused"]),
        exit: 3,
        fits: at_heroku,
        plant: |bench, _| {
            bench.lab().delete_app(APP);
            Ok(())
        },
    },
    Planting {
        name: "a dyno stays on the old token after the config var is right again",
        found: ("consumer", &["runs-older"]),
        exit: 3,
        fits: at_heroku,
        plant: |bench, past| {
            set_var(bench, Some(&past.old))?;
            bench.lab().keep_old_dynos(APP, Duration::from_secs(3_600));
            set_var(bench, Some(&current(bench)?))
        },
    },
    Planting {
        name: "a secret at GitHub is written by somebody else",
        found: ("consumer", &["written-since"]),
        exit: 3,
        fits: at_github,
        plant: |bench, past| set_secret(bench, Some(&past.old)),
    },
    Planting {
        name: "a secret at GitHub is written by somebody else with the same value",
        found: ("consumer", &["written-since"]),
        exit: 3,
        fits: at_github,
        plant: |bench, _| set_secret(bench, Some(&current(bench)?)),
    },
    Planting {
        name: "a secret at GitHub is deleted",
        found: ("consumer", &["missing"]),
        exit: 3,
        fits: at_github,
        plant: |bench, _| set_secret(bench, None),
    },
    Planting {
        name: "a secret at GitHub is deleted and made again",
        found: ("consumer", &["written-since"]),
        exit: 3,
        fits: at_github,
        plant: |bench, past| {
            set_secret(bench, None)?;
            set_secret(bench, Some(&past.old))
        },
    },
    Planting {
        name: "an environment gets a secret that shadows the repository's",
        found: ("consumer", &["shadowed"]),
        exit: 3,
        fits: |it| it.consumer.kind() == "github-repository",
        plant: |bench, past| {
            let scope = SecretScope::Environment("staging".into());
            bench.lab().set_github_secret(&scope, &bench.pairing().name_there(), &past.old);
            Ok(())
        },
    },
    Planting {
        name: "a dotenv file is deleted",
        found: ("consumer", &["missing"]),
        exit: 3,
        fits: in_a_file,
        plant: |bench, _| {
            fs::remove_file(bench.directory().join(FILE)).map_err(|error| error.to_string())
        },
    },
    Planting {
        name: "a dotenv file is put back as it was",
        found: ("consumer", &["holds-former"]),
        exit: 3,
        fits: in_a_file,
        plant: |bench, past| set_line(bench, &past.old),
    },
    Planting {
        name: "a dotenv file is written with what nobody knows",
        found: ("consumer", &["holds-unknown"]),
        exit: 3,
        fits: in_a_file,
        plant: |bench, _| set_line(bench, &stranger(bench)),
    },
    Planting {
        name: "a dotenv file is written with a live token from elsewhere",
        found: ("consumer", FOREIGN),
        exit: 3,
        fits: in_a_file,
        plant: |bench, _| set_line(bench, &elsewhere(bench)),
    },
    Planting {
        name: "the line is taken out of a dotenv file",
        found: ("consumer", &["missing"]),
        exit: 3,
        fits: in_a_file,
        plant: |bench, _| write_file(bench, "OTHER=untouched\n"),
    },
    Planting {
        name: "a second line is put behind the first in a dotenv file",
        found: ("consumer", &["holds-former"]),
        exit: 3,
        fits: in_a_file,
        plant: |bench, past| {
            let text = fs::read_to_string(bench.directory().join(FILE));
            let text = text.map_err(|error| error.to_string())?;
            write_file(bench, &format!("{text}{}={}\n", bench.pairing().issuer.key, past.old))
        },
    },
    Planting {
        name: "a dotenv file is no text any more",
        found: ("consumer", &["refused"]),
        exit: 3,
        fits: in_a_file,
        plant: |bench, _| {
            let path = bench.directory().join(FILE);
            fs::write(path, [0xff, 0xfe, 0x00]).map_err(|error| error.to_string())
        },
    },
    Planting {
        name: "the value in the store is changed by a person",
        found: ("store", &["holds-unknown"]),
        exit: 3,
        fits: in_infisical,
        plant: |bench, _| set_store(bench, Some(&stranger(bench))),
    },
    Planting {
        name: "the value in the store is put back to the version before",
        found: ("store", &["holds-former"]),
        exit: 3,
        fits: in_infisical,
        plant: |bench, past| set_store(bench, Some(&past.old)),
    },
    Planting {
        name: "the store gets the live token of another place",
        found: ("store", FOREIGN),
        exit: 3,
        fits: in_infisical,
        plant: |bench, _| set_store(bench, Some(&elsewhere(bench))),
    },
    Planting {
        name: "the store gets the token of another server",
        found: ("issuer", &["other-identity"]),
        exit: 3,
        fits: |it| in_infisical(it) && it.issuer.by_operator,
        plant: |bench, _| set_store(bench, Some(&elsewhere(bench))),
    },
    Planting {
        name: "the value in the store is deleted",
        found: ("store", &["missing"]),
        exit: 3,
        fits: in_infisical,
        plant: |bench, _| set_store(bench, None),
    },
    Planting {
        name: "the store's own rotation takes the value over",
        found: ("store", &["managed"]),
        exit: 3,
        fits: in_infisical,
        plant: |bench, _| {
            let key = bench.pairing().issuer.key;
            let taken = bench.lab().let_infisical_rotate("prod", key);
            taken.then_some(()).ok_or_else(|| "the store holds nothing".into())
        },
    },
    Planting {
        name: "the sealed file is deleted",
        found: ("store", &["missing"]),
        exit: 3,
        fits: |it| !in_infisical(it),
        plant: |bench, _| {
            fs::remove_file(bench.directory().join(SEALED)).map_err(|error| error.to_string())
        },
    },
    Planting {
        name: "the sealed file is put back as it was before the rotation",
        found: ("store", &["holds-former", "refused"]),
        exit: 3,
        fits: |it| !in_infisical(it),
        plant: |bench, past| {
            fs::write(bench.directory().join(SEALED), &past.sealed)
                .map_err(|error| error.to_string())
        },
    },
    Planting {
        name: "the current token is revoked at the issuer",
        found: ("issuer", &["dead"]),
        exit: 3,
        fits: |_| true,
        plant: |bench, _| {
            let revoked = bench.lab().revoke_by_hand(&current(bench)?);
            revoked.then_some(()).ok_or_else(|| "nobody knows the token".into())
        },
    },
    Planting {
        name: "somebody makes another token at the issuer",
        found: ("issuer", &["unknown-token"]),
        exit: 3,
        // Where no API lists them, nobody can notice.
        fits: |it| !it.issuer.entered,
        plant: |bench, _| {
            if bench.pairing().issuer.by_operator {
                let hands = bench.lab().operator();
                let made = bench.runtime().block_on(hands.generate_token(SERVER));
                return made.map(drop).map_err(|error| error.to_string());
            }
            bench.lab().add_heroku_authorization("somebody's", &["global"], None);
            Ok(())
        },
    },
    Planting {
        name: "the consumer's vendor does not answer",
        found: ("consumer", &["unseen"]),
        exit: 75,
        fits: at_heroku,
        plant: |bench, _| silence(bench, Vendor::Heroku, Some("/apps/")),
    },
    Planting {
        name: "GitHub does not answer",
        found: ("consumer", &["unseen"]),
        exit: 75,
        fits: at_github,
        plant: |bench, _| silence(bench, Vendor::Github, None),
    },
    Planting {
        name: "the store does not answer",
        found: ("store", &["unseen"]),
        exit: 75,
        fits: in_infisical,
        plant: |bench, _| silence(bench, Vendor::Infisical, None),
    },
    Planting {
        name: "the issuer does not answer",
        found: ("issuer", &["unseen"]),
        exit: 75,
        fits: |it| it.issuer.by_operator,
        plant: |bench, _| silence(bench, Vendor::Postmark, None),
    },
];

/// What came of one pairing.
#[derive(Clone, Debug, Default)]
pub struct Noticed {
    /// Kinds that were planted.
    pub planted: Vec<&'static str>,
    /// How many of them were noticed by the next look.
    pub noticed: usize,
    /// Looks at a world in which nothing had changed.
    pub calm: usize,
    /// Of those, the ones that told of something.
    pub alarms: usize,
    /// Everything that was not as it should be, told.
    pub wrong: Vec<String>,
}

/// Plants every kind that fits into every pairing, and looks `calm` times where nothing was.
#[must_use]
pub fn sweep(binary: &Path, pairings: &[Pairing], calm: usize, benches: usize) -> Vec<Noticed> {
    each(pairings, benches, |pairing| {
        let mut noticed = Noticed::default();
        if let Err(why) = one(binary, *pairing, calm, &mut noticed) {
            noticed.wrong.push(format!("{pairing}: {why}"));
        }
        noticed
    })
}

/// A bench after a rotation, and what was before it.
///
/// # Errors
/// The rotation does not end well.
pub fn rotated(binary: &Path, pairing: Pairing) -> Result<(Bench, Past)> {
    let mut bench = Bench::new(binary, pairing, LogsIn::WithItsOwn)?;
    let old = (pairing.issuer.token)(&bench.lab().credentials());
    let release = bench.lab().inspect().releases(APP).last().map_or(0, |last| last.version);
    let sealed = fs::read(bench.directory().join(SEALED)).unwrap_or_default();
    let name = pairing.secret();
    let stay = pairing.stay();
    let operator = bench.operator()?;
    let rotate = bench.rollover(&["rotate", &name, "--confirm", &name, stay]);
    let _ = rotate.heard_by(operator.ear()).run()?.is(0)?;
    let _clicks = operator.leave()?;
    // A time of update has a resolution of a second; what comes later is later.
    bench.lab().advance(Duration::from_secs(60));
    bench.keep()?;
    Ok((bench, Past { old, release, sealed }))
}

fn one(binary: &Path, pairing: Pairing, calm: usize, noticed: &mut Noticed) -> Result<()> {
    let (mut bench, past) = rotated(binary, pairing)?;
    for _ in 0..calm {
        noticed.calm += 1;
        let ended = bench.rollover(&["drift", "--check", "--json"]).run()?;
        if ended.code != Some(0) || !findings(&ended.json()?).is_empty() {
            noticed.alarms += 1;
            noticed.wrong.push(format!("{pairing}: a false alarm: {ended}"));
        }
    }
    for planting in PLANTINGS.iter().filter(|planting| planting.fits(pairing)) {
        bench.again()?;
        noticed.planted.push(planting.name);
        match planting.plant(&bench, &past).and_then(|()| seen(&bench, planting)) {
            Ok(()) => noticed.noticed += 1,
            Err(why) => noticed.wrong.push(format!("{pairing}: {}: {why}", planting.name)),
        }
    }
    Ok(())
}

/// Whether the next look finds what was planted, where it was, and says so by its exit code.
fn seen(bench: &Bench, planting: &Planting) -> Result<()> {
    let ended = bench.rollover(&["drift", "--check", "--json"]).run()?;
    let (place, kinds) = planting.found;
    let found = findings(&ended.json()?);
    let is_it = |(at, kind): &(String, String)| at == place && kinds.contains(&kind.as_str());
    if !found.iter().any(is_it) {
        return Err(format!("not noticed; found were {found:?}: {ended}"));
    }
    ended.is(planting.exit).map(drop)
}

/// Places and kinds of everything that counts.
fn findings(reports: &Value) -> Vec<(String, String)> {
    let all = reports.as_array().into_iter().flatten();
    let findings = all.flat_map(|report| report["findings"].as_array().into_iter().flatten());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings
        .filter(|finding| finding["grade"] != "note")
        .map(|finding| (word(&finding["place"]["at"]), word(&finding["kind"])))
        .collect()
}
