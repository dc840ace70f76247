//! `rollover demo`: both runbooks, end to end, against the built-in lab and under traffic.
//!
//! Nothing here knows a shortcut: the inventory is written as a person would write it, the
//! rotations run as `rollover rotate` runs them, over HTTP, and what the summary says of the
//! vendors is read from the lab, not from the engine.

mod operator;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Act, Mode, SecretName};
use lab::{Lab, LabConfig, Traffic, TrafficConfig, TrafficSource};

use crate::args::{Demo, Global, How};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::lab_inventory;
use crate::output::Output;
use crate::running::{self, Ran, What};
pub(crate) use operator::StandIn;
use report::{Report, Rotated};

const SECRETS: [&str; 2] = ["prod/POSTMARK_SERVER_TOKEN", "prod/HEROKU_API_KEY"];
/// How long the traffic may go on after the rotations to reach its number.
const TRAFFIC_SECONDS_MAX: u64 = 30;

pub(crate) async fn run(args: &Demo, global: &Global, output: Output) -> Result<Exit> {
    let started = Instant::now();
    let place = Place::new(args.keep.as_deref())?;
    let lab = Lab::start(LabConfig::default())
        .await
        .map_err(|error| Fail::new(Exit::Failed, chain(&error)))?;
    lab_inventory::write(&place.directory, &lab.urls(), &lab.credentials())?;
    // What is gone in a minute leaves nothing elsewhere.
    let mut home = Home::at(&place.directory, true)?;
    home.marks = None;
    let source = &home.inventory.state.key;
    seal::Key::create(source, &home.directory, || Err(std::io::Error::other("not asked")))
        .map_err(|error| Fail::new(Exit::Failed, chain(&error)))?;
    introduce(&lab, &place.directory, output);

    let traffic = lab.traffic(sources(&place.directory));
    let mut rotated = Vec::new();
    for secret in SECRETS {
        output.say("");
        rotated.push(rotate(&home, secret, &lab, global, output).await?);
    }
    let traffic = enough(traffic, args.requests, output).await;
    let key = home.key()?;
    let verified = home.reader(&key)?.verify_audit();
    let report = Report::new(&lab, rotated, &traffic, &verified, started.elapsed());
    output.json(&report)?;
    output.text(&report.text(&place.directory, place.kept()))?;
    lab.stop().await;
    Ok(if report.is_good() { Exit::Ok } else { Exit::Failed })
}

/// Where the files of a lab's inventory lie; gone afterwards unless they are kept.
pub(super) struct Place {
    pub(super) directory: PathBuf,
    temporary: bool,
}

impl Place {
    pub(super) fn new(keep: Option<&Path>) -> Result<Self> {
        let directory = match keep {
            Some(directory) => directory.to_owned(),
            None => {
                let mut random = [0_u8; 8];
                getrandom::fill(&mut random)
                    .map_err(|error| Fail::new(Exit::Failed, error.to_string()))?;
                let name = format!("rollover-demo-{:016x}", u64::from_le_bytes(random));
                std::env::temp_dir().join(name)
            }
        };
        std::fs::create_dir_all(&directory).map_err(|error| {
            Fail::new(Exit::Failed, format!("failed to make {}: {error}", directory.display()))
        })?;
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700)).map_err(
            |error| Fail::new(Exit::Failed, format!("{}: {error}", directory.display())),
        )?;
        Ok(Self { directory, temporary: keep.is_none() })
    }

    fn kept(&self) -> bool {
        !self.temporary
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            // A directory that stays behind holds only a lab's tokens, which are dead by then.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

fn introduce(lab: &Lab, directory: &Path, output: Output) {
    let urls = lab.urls();
    output.say(&format!(
        "A lab with Postmark, Heroku, GitHub and Infisical is up on loopback: {}/\n\
         An inventory was written to {}\n\
         Four apps and a worker send real requests with whatever token they hold.",
        urls.dashboard,
        directory.display()
    ));
}

/// Who sends how much. Heroku's limit of 4,500 requests an hour holds in the lab, too.
fn sources(directory: &Path) -> TrafficConfig {
    let mail = |app: &str| TrafficSource::Mail { app: app.into() };
    let platform = |app: &str| TrafficSource::Platform { app: app.into() };
    let worker = TrafficSource::Dotenv {
        name: "worker".into(),
        path: directory.join("worker.env"),
        key: "POSTMARK_SERVER_TOKEN".into(),
    };
    TrafficConfig {
        sources: vec![
            (mail("acme-api-prod"), 260.0),
            (mail("acme-api-staging"), 100.0),
            (worker, 60.0),
            (platform("acme-console-prod"), 6.0),
            (platform("acme-rotation-pipeline"), 4.0),
        ],
    }
}

async fn rotate(
    home: &Home,
    secret: &str,
    lab: &Lab,
    global: &Global,
    output: Output,
) -> Result<Rotated> {
    let name: SecretName = home.secret(secret)?;
    let before = report::Before::of(lab);
    let pass = home.allow(Act::Rotate, Some(&name))?;
    let engine = home.acting(&pass, &format!("demo {name}"), false)?;
    let planned = engine.plan(&name, Mode::Scheduled).await?;
    let how = How { wait: true, confirm: Some(secret.to_owned()), ..How::default() };
    let global = Global { no_input: true, ..global.clone() };
    let what = What::New(Box::new(planned));
    let stand_in = operator::StandIn::of(lab, output);
    let Ran { summary, .. } =
        running::run_with(Arc::clone(&engine), what, &how, &global, output, Vec::new(), stand_in)
            .await?;
    Ok(Rotated {
        summary,
        restarts: before.restarts_since(lab),
        orphans: before.orphans_since(lab),
    })
}

/// Lets the traffic go on until it is worth counting.
async fn enough(traffic: Traffic, wanted: u64, output: Output) -> lab::TrafficReport {
    let until = Instant::now() + Duration::from_secs(TRAFFIC_SECONDS_MAX);
    let sent = traffic.report().total().sent;
    if sent < wanted {
        output.say(&format!("\n{sent} requests so far; the apps go on to {wanted}"));
    }
    while traffic.report().total().sent < wanted && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    traffic.stop().await
}

/// A count for each app.
type PerApp = BTreeMap<String, usize>;
