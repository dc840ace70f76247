//! `rollover rotate`: begins a rotation, or goes on with the one that is open; of several secrets
//! as one campaign.

mod many;
mod show;
mod which;

use std::sync::Arc;

use clap::Args;
use domain::{Act, Direction, Mode, Outcome, Rotation, RotationId, SecretName};
use journal::{JournalError, Reader, RotationFilter};

use crate::args::{Global, How, TokenWay, Why};
use crate::commands::plan::render;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;
use crate::people;
use crate::running::{self, What};

pub(crate) use show::{counted, summary};
pub(crate) use which::{Which, in_use, since};

/// Rotate secrets; run again to go on after an interruption
#[derive(Args, Debug)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Every secret whose issuer or consumer is compromised, as an emergency: `issuer:NAME` or
    /// `consumer:NAME`
    #[arg(long, value_name = "WHAT", requires = "reason")]
    #[arg(conflicts_with_all = ["secrets", "due", "issuer", "consumer"])]
    #[arg(conflicts_with_all = ["emergency", "revoke_first", "repair", "rehearse"])]
    pub(crate) compromised: Option<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", requires = "compromised")]
    pub(crate) reason: Option<String>,
    /// Rotate what is due although it is a freeze or outside of the windows, and say why
    #[arg(long, value_name = "REASON", requires = "due")]
    pub(crate) anyway: Option<String>,
    #[command(flatten)]
    pub(crate) how: How,
    #[command(flatten)]
    pub(crate) why: Why,
}

pub(crate) async fn run(args: &Rotate, global: &Global, output: Output) -> Result<Exit> {
    match args.which.secrets.as_slice() {
        [one] if !args.which.selects() => rotate(one, args, global, output).await,
        [] if args.which.is_nothing() && args.compromised.is_none() => {
            Err(Fail::usage("no secret is named")
                .hint("name one or several, or say --due, --issuer, --consumer or --compromised"))
        }
        _ => many::run(args, global, output).await,
    }
}

async fn rotate(secret: &str, args: &Rotate, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let name = home.secret(secret)?;
    let command = format!("rotate {name}{}", args.why.option());
    let pass = home.allow(Act::begin(args.why.mode()), Some(&name))?;
    let ended = ended_unseen(&home, &name, &command)?;
    let engine = home.acting(&pass, &command, args.how.take_over)?;
    let (mut mode, mut how) = (args.why.mode(), args.how.clone());
    if let Some(id) = ended {
        output.say(&format!("{id} had ended when its process was killed"));
        let rotation = engine.rotation(&id)?;
        // The lease is held until it was said, here and below: a process that is killed before
        // it has said so is told from one that has.
        if !owes_reissue(&rotation) {
            return running::report_ended(&engine, &rotation, output);
        }
        mode = Mode::Reissue;
    }
    loop {
        let what = match engine.open_rotation(&name)? {
            Some(id) => {
                let rotation = engine.rotation(&id)?;
                same_mode(&rotation, mode)?;
                home.allow_in(Act::Resume, &rotation)?;
                home.allow_meanwhile(&rotation, &how)?;
                output.say(&format!("going on with {id}"));
                What::Open(id)
            }
            None => {
                home.allow_beforehand(&name, &how)?;
                let planned = engine.plan(&name, mode).await?;
                output.say(&render(&planned.plan));
                let agreed_to = args.how.yes || args.how.confirm.is_some() || mode == Mode::Reissue;
                if !agreed_to && !agreed(global, output) {
                    output.say("nothing was changed");
                    return Ok(Exit::Waiting);
                }
                What::New(Box::new(planned))
            }
        };
        let working = Arc::clone(&engine);
        let ran = running::run(working, what, &how, global, output, Vec::new()).await?;
        if !owes_reissue(ran.rotation()) {
            engine.forget_logins();
            return ran.report(output);
        }
        output.say(
            "the leaked token is dead; whoever held it could read its replacement, so once more",
        );
        mode = Mode::Reissue;
        // The token that was given is in use by now; the next one is another.
        how.token = TokenWay::default();
    }
}

/// A rotation is gone on with by whoever means it: what was agreed to for one mode is not agreed
/// to for another, and a leak is not answered by a rotation that was planned without it.
pub(crate) fn same_mode(open: &Rotation, asked: Mode) -> Result<()> {
    let (id, mode) = (&open.plan().id, open.plan().mode);
    let second = mode == Mode::Reissue && asked == Mode::Emergency;
    // On the way back they are all alike.
    if mode == asked || second || !matches!(open.direction(), Direction::Forward) {
        return Ok(());
    }
    let hint = match open.may_turn_back() {
        true => format!(
            "go on with it: rollover run resume {id}; or turn it back first: rollover run rollback {id}"
        ),
        false => format!("bring it to its end first: rollover run resume {id}"),
    };
    let what = format!("{id} is open, and it is {}", mode.describe());
    Err(Fail::new(Exit::Failed, what).hint(hint))
}

/// Whether the replacement of a leaked token has to be replaced itself.
fn owes_reissue(rotation: &Rotation) -> bool {
    matches!(rotation.outcome(), Some((_, Outcome::Completed))) && rotation.plan().owes_reissue()
}

/// The rotation that this very command had brought to its end when its process was killed before
/// it could say so. The same command, run again, must not begin another one.
pub(crate) fn ended_unseen(
    home: &Home,
    name: &SecretName,
    command: &str,
) -> Result<Option<RotationId>> {
    let key = home.key()?;
    let reader = match Reader::open(&home.database(), &key) {
        // Nothing has ended in a database that is yet to be made or brought up to date.
        Err(JournalError::Missing { .. } | JournalError::Older { .. }) => return Ok(None),
        // Nor in one whose making was cut short; the writer puts it right.
        Err(JournalError::ReadOnly(_)) => return Ok(None),
        other => other?,
    };
    let Some(lease) = reader.lease()? else { return Ok(None) };
    if lease.released || lease.holder.command != command {
        return Ok(None);
    }
    let newest = |open| {
        let filter = RotationFilter { secret: Some(name.clone()), open, limit: Some(1) };
        Ok::<_, Fail>(reader.rotations(&filter)?.into_iter().next())
    };
    if newest(Some(true))?.is_some() {
        return Ok(None);
    }
    // One that ended in the future was ended by a clock that was wrong, perhaps long ago.
    // And one of long ago was not this run's.
    let now = jiff::Timestamp::now();
    let recent = now - jiff::SignedDuration::from_hours(UNSEEN_HOURS_MAX);
    let unseen = lease.since.max(recent)..=now;
    let ended = newest(None)?.filter(|row| row.closed_at.is_some_and(|at| unseen.contains(&at)));
    Ok(ended.map(|row| row.id))
}

/// For so long a rotation that ended unseen counts as the one that is asked for.
const UNSEEN_HOURS_MAX: i64 = 24;

/// Beginning is reversible, so a plain yes is enough.
fn agreed(global: &Global, output: Output) -> bool {
    if !people::can_ask(global.no_input) {
        output.say("nobody can be asked; begin with --yes");
        return false;
    }
    matches!(people::line("Begin? [y/N] ").as_deref(), Some("y" | "Y" | "yes"))
}
