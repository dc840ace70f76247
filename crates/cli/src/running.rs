//! Runs a rotation for a person at this terminal: shows it, asks what only a person can answer,
//! and turns its end into an exit code.

use std::sync::Arc;

use domain::{
    Act, Denied, Guarded, Mode, Outcome, Plan, ProbeName, Rotation, RotationId, TaskKind, Waiting,
};
use engine::{Command, Drive, Ended, Engine, Options, Planned, Progress, RotationSummary};
use tokio::sync::mpsc;

use crate::args::{Global, How};
use crate::commands::StandIn;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::live::Live;
use crate::output::Output;
use crate::people;

/// What is run.
pub(crate) enum What {
    /// A new rotation.
    New(Box<Planned>),
    /// One that exists.
    Open(RotationId),
}

/// How it ended.
pub(crate) struct Ran {
    pub(crate) ended: Ended,
    pub(crate) summary: RotationSummary,
    rotation: Rotation,
    /// The file of the inventory that describes its secret.
    file: Option<String>,
}

/// Runs a rotation until it ends, waits and nobody stays, or is told to stop.
pub(crate) async fn run(
    engine: Arc<Engine>,
    what: What,
    how: &How,
    global: &Global,
    output: Output,
    first: Vec<Command>,
) -> Result<Ran> {
    run_with(engine, what, how, global, output, first, None).await
}

/// The same, with somebody who does the operator's steps.
pub(crate) async fn run_with(
    engine: Arc<Engine>,
    what: What,
    how: &How,
    global: &Global,
    output: Output,
    first: Vec<Command>,
    stand_in: Option<StandIn>,
) -> Result<Ran> {
    let asks = people::can_ask(global.no_input) && !output.json;
    let (tell, commands) = mpsc::unbounded_channel();
    let (progress, seen) = mpsc::unbounded_channel();
    let options = Options {
        wait: !how.no_wait && (how.wait || asks),
        approved_by: approved(&engine, &what, how)?,
    };
    for command in first {
        // The receiver is right here.
        let _ = tell.send(command);
    }
    if let Some(token) = people::token(&how.token)? {
        let _ = tell.send(Command::Enter { by: engine.actor().to_owned(), token });
    }
    let actor = engine.actor().to_owned();
    let plan = plan_of(&engine, &what)?;
    let person = Person {
        name: plan.secret.to_string(),
        mode: plan.mode,
        asks,
        barred: barred(&engine, &what)?,
        actor,
    };
    let watcher = tokio::spawn(watch(seen, tell.clone(), person, output, stand_in));
    let interrupts = tokio::spawn(interrupted(tell, output));
    let ran = driven(engine, what, options, commands, progress).await;
    interrupts.abort();
    // The channel closed with the drive, so the watcher ends once everything is shown. A prompt
    // that nobody answered any more must not hold up the end.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), watcher).await;
    ran
}

async fn driven(
    engine: Arc<Engine>,
    what: What,
    options: Options,
    commands: mpsc::UnboundedReceiver<Command>,
    progress: mpsc::UnboundedSender<Progress>,
) -> Result<Ran> {
    let inventory = Arc::clone(&engine);
    let mut drive = match what {
        What::New(planned) => Drive::start(engine, *planned, options, commands, progress).await?,
        What::Open(id) => Drive::resume(engine, &id, options, commands, progress).await?,
    };
    let ended = drive.run().await?;
    let rotation = drive.rotation().clone();
    let file = file_of(&inventory, &rotation);
    Ok(Ran { ended, summary: RotationSummary::of(&rotation), rotation, file })
}

fn file_of(engine: &Engine, rotation: &Rotation) -> Option<String> {
    engine.inventory().secret(&rotation.plan().secret).map(|secret| secret.file.clone())
}

fn plan_of(engine: &Engine, what: &What) -> Result<Plan> {
    Ok(match what {
        What::New(planned) => planned.plan.clone(),
        What::Open(id) => engine.rotation(id)?.plan().clone(),
    })
}

/// Who sits at the terminal, and about which secret they are asked.
struct Person {
    name: String,
    mode: Mode,
    actor: String,
    /// Whether they can be asked at all.
    asks: bool,
    /// Why they are not asked for the agreement: it would not count.
    barred: Option<Box<Denied>>,
}

/// Why the agreement of whoever runs this would not count.
fn barred(engine: &Engine, what: &What) -> Result<Option<Box<Denied>>> {
    let people = &engine.inventory().people;
    let actor = people.named(engine.actor());
    let may = |of| people.may(&actor, Act::Approve, Some(of)).err();
    Ok(match what {
        What::New(planned) => may(Guarded::planned(&planned.plan, &actor.name)),
        What::Open(id) => may(Guarded::rotation(&engine.rotation(id)?)),
    })
}

/// Who has agreed to the revocation beforehand, by naming the secret.
fn approved(engine: &Engine, what: &What, how: &How) -> Result<Option<String>> {
    let Some(confirmed) = &how.confirm else {
        return Ok(None);
    };
    let name = plan_of(engine, what)?.secret.to_string();
    if *confirmed != name {
        return Err(Fail::usage(format!("--confirm says `{confirmed}`, the secret is `{name}`"))
            .hint("agreeing to a revocation needs the secret's whole name"));
    }
    Ok(Some(engine.actor().to_owned()))
}

/// Shows progress, and asks for the agreement and for a token that the issuer does not show.
async fn watch(
    mut seen: mpsc::UnboundedReceiver<Progress>,
    tell: mpsc::UnboundedSender<Command>,
    person: Person,
    output: Output,
    stand_in: Option<StandIn>,
) {
    let stand_in = stand_in.map(Arc::new);
    let mut live = Live::new(output);
    let (mut asked_approval, mut asked_token) = (false, false);
    let mut asked_receipts: Vec<ProbeName> = Vec::new();
    while let Some(progress) = seen.recv().await {
        live.show(&progress);
        if let (Progress::Asked { kind, lines }, Some(hands)) = (&progress, &stand_in) {
            let (hands, kind, lines) = (Arc::clone(hands), *kind, lines.clone());
            let (tell, by) = (tell.clone(), person.actor.clone());
            tokio::spawn(async move {
                if let Some(token) = hands.asked(kind, &lines).await {
                    // The run may be over; then nobody asks for it any more.
                    let _ = tell.send(Command::Enter { by, token });
                }
            });
        }
        if !person.asks {
            continue;
        }
        let by = person.actor.clone();
        if wants_approval(&progress) && !asked_approval {
            asked_approval = true;
            if let Some(denied) = &person.barred {
                output.say(&format!("somebody else must agree: {denied}; {}", denied.hint()));
                continue;
            }
            let answer = live.aside(|| ask_approval(&person));
            let _ = tell.send(match answer {
                Answer::Agree => Command::Approve { by },
                Answer::Back => Command::Back { by, why: "not agreed to the revocation".into() },
                Answer::Leave => Command::Stop,
            });
        } else if let Some(probe) = wants_receipt(&progress, &asked_receipts) {
            asked_receipts.push(probe.clone());
            // Nothing typed leaves it for later, or for somebody else.
            if let Some(arrived) = live.aside(|| ask_receipt(&probe)) {
                let _ = tell.send(Command::Receipt { by, probe, arrived });
            }
        } else if hides_tokens(&progress) && !asked_token {
            asked_token = true;
            let answer = live.aside(|| people::hidden("new token (hidden): ", false));
            if let Ok(token) = answer {
                let _ = tell.send(Command::Enter { by, token });
            }
        } else if let Progress::Rejected(_) = progress {
            asked_token = false;
        }
    }
    live.finish();
}

enum Answer {
    Agree,
    Back,
    Leave,
}

fn ask_approval(person: &Person) -> Answer {
    let wanted = &person.name;
    let standing = match person.mode {
        Mode::RevokeFirst => "Its consumers are OUT OF SERVICE from the revocation on.",
        Mode::Decommission => "Nobody has it any more.",
        Mode::Removal => "Nobody in the inventory holds it.",
        _ => "Everybody is on the new token.",
    };
    let token = if person.mode.creates() { "the old one" } else { "the token" };
    loop {
        let prompt = format!(
            "{standing} Type `{wanted}` to revoke {token}, `back` to go back, or nothing to \
             leave it for later: "
        );
        match people::line(&prompt).as_deref() {
            Some(answer) if answer == *wanted => return Answer::Agree,
            Some("back") => return Answer::Back,
            None | Some("") => return Answer::Leave,
            Some(_) => {}
        }
    }
}

fn ask_receipt(probe: &ProbeName) -> Option<bool> {
    loop {
        let prompt = format!("Did it arrive ({probe})? `yes`, `no`, or nothing to say it later: ");
        match people::line(&prompt).as_deref() {
            Some("yes" | "y") => return Some(true),
            Some("no" | "n") => return Some(false),
            None | Some("") => return None,
            Some(_) => {}
        }
    }
}

/// The next probe whose receipt is asked for, and was not asked for here.
fn wants_receipt(progress: &Progress, asked: &[ProbeName]) -> Option<ProbeName> {
    let Progress::Waiting(waiting) = progress else { return None };
    waiting.iter().find_map(|one| match one {
        Waiting::Receipt { probe, .. } if !asked.contains(probe) => Some(probe.clone()),
        _ => None,
    })
}

fn wants_approval(progress: &Progress) -> bool {
    let Progress::Waiting(waiting) = progress else {
        return false;
    };
    waiting.iter().any(|one| matches!(one, Waiting::Operator { kind: TaskKind::Approve, .. }))
}

fn hides_tokens(progress: &Progress) -> bool {
    matches!(progress, Progress::Seen { step, what } if step == "create" && what.contains("enter the new one"))
}

/// Ctrl-C once: stop at the next safe boundary. Twice: now, which is safe too.
pub(crate) async fn interrupted(tell: mpsc::UnboundedSender<Command>, output: Output) {
    if tokio::signal::ctrl_c().await.is_ok() {
        output.say("stopping at the next safe boundary; Ctrl-C again stops now, which is safe too");
        let _ = tell.send(Command::Stop);
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Reports a rotation that has ended, as the process would have that brought it there.
pub(crate) fn report_ended(engine: &Engine, rotation: &Rotation, output: Output) -> Result<Exit> {
    let ended = match rotation.outcome() {
        Some((_, outcome)) => Ended::Closed(outcome.clone()),
        None => Ended::Stopped,
    };
    let summary = RotationSummary::of(rotation);
    let file = file_of(engine, rotation);
    Ran { ended, summary, rotation: rotation.clone(), file }.report(output)
}

impl Ran {
    /// The rotation as it is now.
    pub(crate) fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// The exit code, and what a person should know besides.
    pub(crate) fn report(&self, output: Output) -> Result<Exit> {
        output.json(&self.summary)?;
        for token in &self.summary.unknown {
            let shown = token.fingerprint.map(|fp| format!("fp {fp}"));
            let shown = shown.or_else(|| token.handle.as_ref().map(ToString::to_string));
            let what = match self.rotation.plan().mode.creates() {
                true => "appeared at the issuer meanwhile",
                false => "lives at the issuer; it was left alone",
            };
            output.say(&format!(
                "(!) a live token that nobody knows {what}: {}",
                shown.unwrap_or_default()
            ));
        }
        if self.summary.unlisted {
            let page = self.rotation.plan().issuer.page.as_ref();
            let page = page.map(|page| format!("; look at {page}")).unwrap_or_default();
            output.say(&format!(
                "(!) the issuer does not show its tokens: whether others of this rotation live \
                 there is not known{page}"
            ));
        }
        let id = &self.summary.rotation;
        let takes_current = self.rotation.plan().mode.takes_current();
        Ok(match &self.ended {
            Ended::Closed(Outcome::Completed) => {
                output.text(&format!(
                    "{} is rotated. The old token is proven dead; {} consumer(s) in step, {} restart(s).",
                    self.summary.secret,
                    self.summary.consumers.len(),
                    self.summary.restarts
                ))?;
                if self.rotation.plan().owes_reissue() {
                    output.say(&format!(
                        "(!) whoever held the leaked token could read its replacement; once more: \
                         rollover rotate {} --emergency",
                        self.summary.secret
                    ));
                }
                Exit::Ok
            }
            Ended::Closed(Outcome::Rehearsed) => {
                output.text(&format!(
                    "{} is rehearsed: everybody was on a new token, and is on the old one again; {} restart(s).",
                    self.summary.secret, self.summary.restarts
                ))?;
                Exit::Ok
            }
            Ended::Closed(Outcome::Decommissioned) => {
                output.text(&format!(
                    "{} is out of use. Its token is proven dead; {} consumer(s) and the store hold \
                     nothing, {} restart(s).",
                    self.summary.secret,
                    self.summary.consumers.len(),
                    self.summary.restarts
                ))?;
                if let Some(file) = &self.file {
                    output.say(&format!(
                        "what describes it is yours to delete: {file}, all of its lines; until then \
                         `rollover drift` sees to it that nobody has it again"
                    ));
                }
                Exit::Ok
            }
            Ended::Closed(Outcome::Removed) => {
                output.text(&format!(
                    "fp {} is removed at the issuer, and proven dead; {} is as it was.",
                    self.summary.old_token.fingerprint, self.summary.secret
                ))?;
                Exit::Ok
            }
            Ended::Closed(Outcome::RolledBack { why }) if !takes_current => {
                output.text(&format!("nothing was removed, and nothing was changed: {why}"))?;
                Exit::RolledBack
            }
            Ended::Closed(Outcome::RolledBack { why }) => {
                output.text(&format!("{} is on its old token: {why}", self.summary.secret))?;
                Exit::RolledBack
            }
            Ended::Closed(Outcome::Abandoned { why }) => {
                output.text(&format!("{id} was abandoned: {why}"))?;
                Exit::Attention
            }
            Ended::Stopped => {
                let now = jiff::Timestamp::now();
                let attention = self.rotation.waiting(now);
                let needs = attention.iter().any(|one| matches!(one, Waiting::Attention { .. }));
                let plan = self.rotation.plan();
                let both = plan.mode.overlaps() && !self.rotation.past_return();
                let standing = match both {
                    true if !plan.mode.creates() => "the token keeps working. ",
                    true => "both tokens keep working. ",
                    false => "",
                };
                output.say(&format!("{standing}Go on: rollover run resume {id}"));
                if needs { Exit::Attention } else { Exit::Interrupted }
            }
            Ended::Waiting(waiting) => self.report_waiting(waiting, output),
        })
    }

    fn report_waiting(&self, waiting: &[Waiting], output: Output) -> Exit {
        for task in self.rotation.tasks(jiff::Timestamp::now()) {
            output.say(&format!("waits: {}  (role {})  {}", task.id, task.role, task.title));
        }
        for one in waiting {
            if let Waiting::Time { step, until } = one {
                let id = &self.summary.rotation;
                output.say(&format!(
                    "waits: {step} until {until:.0}; then: rollover run resume {id}"
                ));
            }
        }
        output.say("see it: rollover task ls");
        let attention = waiting.iter().any(|one| matches!(one, Waiting::Attention { .. }));
        if attention { Exit::Attention } else { Exit::Waiting }
    }
}
