//! `rollover env`: a value for a person's own machine, and for one program there. No message ever
//! carries one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};
use connectors::{at_home, keep_in_own_file};
use domain::audit::Record;
use domain::inventory::{Auth, Consumer, ConsumerKind, Secret, Source};
use domain::{Act, Fetched, NoTicket, SecretName, Workstation};
use jiff::Timestamp;
use journal::{Notes, Reader};
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::home::Home;
use crate::output::Output;

/// Fetch a value for your own machine, or run one program with it
#[derive(Subcommand, Debug)]
pub(crate) enum Env {
    /// Fetch the value that waits for you into your own file, once
    Pull {
        /// The secret, as `prod/NAME`
        secret: String,
        /// Into this dotenv file instead of the one that the inventory names
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
    },
    /// Have the current value wait for a workstation once more
    Offer {
        /// The secret, as `prod/NAME`
        secret: String,
        /// Whose workstation; your own without it
        #[arg(long, value_name = "MEMBER")]
        to: Option<String>,
    },
    /// Run a program with values in its environment and nowhere else
    Run(RunWith),
}

/// Run a program with values in its environment and nowhere else
#[derive(Args, Debug)]
pub(crate) struct RunWith {
    /// The secrets, as `prod/NAME`; each is the variable `NAME`
    #[arg(required = true, value_name = "SECRET")]
    secrets: Vec<String>,
    /// The name of the variable, where it is one secret and the program wants another name
    #[arg(long = "as", value_name = "VARIABLE")]
    variable: Option<String>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(crate) async fn run(args: Env, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    match args {
        Env::Pull { secret, into } => pull(&home, &secret, into, output).await,
        Env::Offer { secret, to } => offer(&home, &secret, to.as_deref(), output).await,
        Env::Run(args) => run_with(&home, &args).await,
    }
}

async fn pull(home: &Home, secret: &str, into: Option<PathBuf>, output: Output) -> Result<Exit> {
    let name = home.secret(secret)?;
    home.allow(Act::EnvPull, Some(&name))?;
    let (place, path) = workstation(home, &name, &home.actor.name)?;
    let key = home.key()?;
    let engine = home.looking_with(&key)?;
    let desk = engine.reader().workstations();
    let known = desk.at(&name, &place.id).map_err(|error| home.failed(&error))?;
    let wanted = match known.ticket() {
        Ok(ticket) => ticket.fingerprint,
        Err(why) => return Err(not_waiting(home, &key, engine.reader(), &name, place, &why)?),
    };
    let value = engine.value_of(&name, wanted).await?;
    let path = into.unwrap_or(path);
    let fetched = Fetched {
        fingerprint: wanted,
        at: Timestamp::now(),
        host: host(),
        path: path.display().to_string(),
    };
    // The file is written while nobody else can redeem the ticket; killed in between, the ticket
    // is still good and the same command writes the same file.
    let redeem = |known: &mut Workstation| {
        if known.ticket().map(|ticket| ticket.fingerprint) != Ok(wanted) {
            return Err(Fail::new(Exit::Failed, "the ticket was changed meanwhile")
                .hint(format!("try again: rollover env pull {name}")));
        }
        keep_in_own_file(&path, &place.keys, &value)
            .map_err(|fault| Fail::new(Exit::Failed, fault.to_string()))?;
        let record = record(
            home,
            &name,
            "secret.pull",
            place,
            &[("fingerprint", wanted.hex()), ("host", fetched.host.clone())],
        );
        known.redeem(fetched.clone());
        Ok(Some(record))
    };
    desk.change(&name, &place.id, redeem).map_err(|error| home.failed(&error))??;
    home.land_notes(&key, engine.reader())?;
    output.json(&json!({
        "secret": name, "fingerprint": wanted, "path": path, "keys": place.keys,
    }))?;
    output.text(&format!(
        "{name} is in {}, read back, fp {wanted}; open shells keep what they had",
        path.display()
    ))?;
    Ok(Exit::Ok)
}

/// Why there is nothing to fetch. A ticket that was redeemed already is told to everybody: either
/// its owner has lost what they fetched, or somebody else was faster.
fn not_waiting(
    home: &Home,
    key: &seal::Key,
    reader: &Reader,
    name: &SecretName,
    place: &Consumer,
    why: &NoTicket,
) -> Result<Fail> {
    let again = format!("where it was lost: rollover env offer {name}");
    let NoTicket::Redeemed { at, host: on } = why else {
        return Ok(Fail::new(Exit::Failed, format!("{name}: {why}")).hint(again));
    };
    let more = [("redeemed", at.to_string()), ("on", on.clone()), ("host", host())];
    let record = record(home, name, "secret.pull.again", place, &more);
    Notes::post(&home.database(), key, &record).map_err(|error| home.failed(&error))?;
    home.land_notes(key, reader)?;
    Ok(Fail::new(Exit::Denied, format!("{name}: {why}; this second try is in the audit log"))
        .hint(format!("if that was not you, somebody has it: rollover leak respond {name}"))
        .hint(again))
}

async fn offer(home: &Home, secret: &str, to: Option<&str>, output: Output) -> Result<Exit> {
    let name = home.secret(secret)?;
    home.allow(Act::Sync, Some(&name))?;
    let (place, _) = workstation(home, &name, to.unwrap_or(&home.actor.name))?;
    let key = home.key()?;
    let engine = home.looking_with(&key)?;
    let fingerprint = engine.fingerprints().of(&engine.stored_value(&name).await?);
    let give = |known: &mut Workstation| {
        known.offer_again(fingerprint, Timestamp::now());
        let more = [("fingerprint", fingerprint.hex())];
        Ok::<_, Fail>(Some(record(home, &name, "secret.offer", place, &more)))
    };
    let desk = engine.reader().workstations();
    desk.change(&name, &place.id, give).map_err(|error| home.failed(&error))??;
    home.land_notes(&key, engine.reader())?;
    output.json(&json!({ "secret": name, "consumer": place.id, "fingerprint": fingerprint }))?;
    output.text(&format!("{} may fetch it once: rollover env pull {name}", place.label))?;
    Ok(Exit::Ok)
}

async fn run_with(home: &Home, args: &RunWith) -> Result<Exit> {
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(Fail::usage("there is no program to run"));
    };
    if args.variable.is_some() && args.secrets.len() > 1 {
        return Err(Fail::usage("--as is for one secret"));
    }
    let names =
        args.secrets.iter().map(|text| home.secret(text)).collect::<Result<BTreeSet<_>>>()?;
    for name in &names {
        home.allow(Act::EnvPull, Some(name))?;
    }
    let key = home.key()?;
    let engine = home.looking_with(&key)?;
    let mut values = BTreeMap::new();
    for name in &names {
        let variable = args.variable.clone().unwrap_or_else(|| name.key().to_owned());
        if values.insert(variable.clone(), engine.stored_value(name).await?).is_some() {
            return Err(Fail::usage(format!("two of these secrets are the variable {variable}"))
                .hint("run it once for each environment"));
        }
    }
    let what = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
    for name in &names {
        let record = record_of(home, name, "secret.env.run", [("program".into(), what.clone())]);
        Notes::post(&home.database(), &key, &record).map_err(|error| home.failed(&error))?;
    }
    home.land_notes(&key, engine.reader())?;
    let mut command = Command::new(program);
    command.args(arguments);
    for login in logins(home) {
        command.env_remove(login);
    }
    command.envs(values.iter().map(|(variable, value)| (variable, value.expose())));
    // The program takes this one's place, so signals and its exit code are its own.
    let failed = command.exec();
    Err(Fail::new(Exit::Failed, format!("failed to run {what}: {}", chain(&failed))))
}

/// The variables that rollover's own logins stand in; a program gets only what it was given.
fn logins(home: &Home) -> impl Iterator<Item = &str> {
    home.inventory
        .connections
        .values()
        .flat_map(|connection| match &connection.auth {
            Auth::Token(source) => vec![source],
            Auth::Client { id, secret } => vec![id, secret],
            Auth::None => Vec::new(),
        })
        .filter_map(|source| match source {
            Source::Env(name) => Some(name.as_str()),
            _ => None,
        })
}

/// A member's workstation among the consumers of a secret, and its file.
fn workstation<'a>(
    home: &'a Home,
    name: &SecretName,
    member: &str,
) -> Result<(&'a Consumer, PathBuf)> {
    let consumers = |secret: &'a Secret| secret.consumers.iter();
    let mut all = home.inventory.secret(name).into_iter().flat_map(consumers);
    let found = all.find_map(|one| match &one.kind {
        ConsumerKind::Workstation { member: of, path } if of == member => Some((one, path)),
        _ => None,
    });
    let Some((place, path)) = found else {
        return Err(Fail::usage(format!("no workstation of {member} is a consumer of {name}"))
            .hint("in the secret's file: [[consumers]] kind = \"workstation\", member, path")
            .hint(format!("without a copy on the machine: rollover env run {name} -- CMD")));
    };
    let user = std::env::var_os("HOME").map(PathBuf::from);
    // A path that is not absolute begins where the inventory lies, as everywhere in it.
    Ok((place, home.directory.join(at_home(path, user.as_deref()))))
}

fn record(
    home: &Home,
    name: &SecretName,
    action: &str,
    place: &Consumer,
    more: &[(&str, String)],
) -> Record {
    let place = ("consumer".to_owned(), place.id.to_string());
    let more = more.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    record_of(home, name, action, std::iter::once(place).chain(more))
}

fn record_of(
    home: &Home,
    name: &SecretName,
    action: &str,
    context: impl IntoIterator<Item = (String, String)>,
) -> Record {
    Record {
        at: Timestamp::now(),
        action: action.into(),
        actor: home.actor.name.clone(),
        secret: Some(name.clone()),
        rotation: None,
        context: context.into_iter().collect(),
    }
}

/// This machine, as it calls itself.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
