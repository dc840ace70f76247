//! `rollover rotate` of several secrets: one command, one lease, many rotations side by side.
//!
//! The same command, run again, goes on with what the one before has begun. What belongs to a
//! campaign stands in the audit log; how far each rotation is stands in its journal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::audit::Record;
use domain::campaign::{Opened, is_production};
use domain::{Act, Mode, Outcome, Rotation, RotationId, SecretName, Waiting};
use engine::{
    Campaign, Command, Ended, Engine, EngineError, Member, MemberEnd, Options, RotationSummary,
    Work, new_campaign_id,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::mpsc;

use super::which::{Due, due, in_use, of_consumer, of_issuer};
use super::{Rotate, counted, show::Board, summary};
use crate::args::Global;
use crate::commands::campaign::{Stand, stands};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain, refused};
use crate::home::Home;
use crate::output::{Output, table};
use crate::people;

/// For so long a campaign that could not begin everything is gone on with by the same command.
const GOES_ON: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn run(args: &Rotate, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let asked = args.asked();
    let command = format!("rotate {asked}");
    let unseen = is_unseen(&home, &command)?;
    // For the lease; whether each of them may be rotated is asked below, before anything begins.
    let pass = home.allow(Act::Campaign, None)?;
    let engine = home.acting(&pass, &command, args.how.take_over)?;
    let now = engine.now();
    let all = engine.campaigns()?;
    let last = all.into_iter().rev().find(|one| one.asked == asked && one.closed.is_none());
    let last = match last {
        Some(last) => Some((stands(&engine, &last)?, last)),
        None => None,
    };
    if let (true, Some((stands, last))) = (unseen && !args.which.due, &last)
        && stands.values().all(Stand::is_over)
        && now.duration_since(last.at) < GOES_ON
    {
        output.say(&format!("{} had ended when its process was killed", last.id));
        return told(&engine, last, &BTreeMap::new(), stands, output);
    }
    let going = last.filter(|(stands, last)| goes_on(stands, now.duration_since(last.at)));
    let job = match going {
        Some((stands, last)) => {
            output.say(&format!("going on with {}", last.id));
            Job::going_on(args, &home, &engine, last, &stands)?
        }
        None => Job::new(args, &home, &engine, asked)?,
    };
    match job.nothing_to_do(args, &home, now, output)? {
        Some(exit) => Ok(exit),
        None => {
            job.allowed(args, &home, &engine)?;
            job.run(args, engine, &home, global, output).await
        }
    }
}

impl Rotate {
    fn mode(&self) -> Mode {
        if self.compromised.is_some() { Mode::Emergency } else { self.why.mode() }
    }

    /// What is asked for; two runs of one command say the same.
    fn asked(&self) -> String {
        match &self.compromised {
            Some(what) => format!("--compromised {what}"),
            None => format!("{}{}", self.which.text(), self.why.option()),
        }
    }
}

/// Whether some of it is still under way, or could not begin a short time ago.
fn goes_on(stands: &BTreeMap<SecretName, Stand>, age: SignedDuration) -> bool {
    let open = stands.values().any(|stand| matches!(stand, Stand::Open(_) | Stand::Owes));
    let begun = stands.values().any(|stand| !matches!(stand, Stand::NotBegun));
    let missing = stands.values().any(|stand| matches!(stand, Stand::NotBegun));
    open || (missing && age < GOES_ON && (begun || age < SignedDuration::from_hours(1)))
}

/// Whether this very command was killed before it could say how it ended.
fn is_unseen(home: &Home, command: &str) -> Result<bool> {
    let key = home.key()?;
    let Ok(reader) = journal::Reader::open(&home.database(), &key) else { return Ok(false) };
    let lease = reader.lease()?;
    Ok(lease.is_some_and(|lease| !lease.released && lease.holder.command == command))
}

/// What is to be done, and what is known of it.
struct Job {
    mode: Mode,
    /// The campaign that new rotations belong to.
    campaign: Opened,
    /// Whether it is in the audit log already.
    is_open: bool,
    /// To be planned and begun, and in which mode.
    begin: BTreeMap<SecretName, Mode>,
    /// To be gone on with.
    open: BTreeMap<SecretName, RotationId>,
    /// How the others of the campaign stand.
    before: BTreeMap<SecretName, Stand>,
    /// Nobody knows how old these are.
    unknown: BTreeSet<SecretName>,
}

impl Job {
    fn new(args: &Rotate, home: &Home, engine: &Engine, asked: String) -> Result<Self> {
        let (mut unknown, mut open) = (BTreeSet::new(), BTreeMap::new());
        let mut members = match &args.compromised {
            // What is out of use is proven dead; there is nothing to rotate.
            Some(what) => in_use(engine.reader(), hit_by(home, what)?)?,
            None => args.which.names(home, engine.reader())?,
        };
        if args.which.due {
            let Due { due: _, unknown: nobody_knows } = due(home, engine.reader(), engine.now())?;
            unknown = nobody_knows;
            // What was begun because it was due is gone on with, due or not.
            open = begun_when_due(engine, &asked)?;
        }
        for name in &members {
            if let Some(id) = engine.open_rotation(name)?
                && engine.rotation(&id)?.plan().mode == args.mode()
            {
                open.insert(name.clone(), id);
            }
        }
        members.retain(|name| !open.contains_key(name));
        let mode = args.mode();
        Ok(Self {
            mode,
            campaign: Opened {
                id: new_campaign_id()?,
                asked,
                mode,
                reason: args.reason.clone().or_else(|| args.anyway.clone()),
                compromised: args.compromised.clone(),
                members: members.clone(),
                exposed: BTreeMap::new(),
                by: engine.actor().to_owned(),
                at: engine.now(),
                justified: BTreeMap::new(),
                closed: None,
            },
            is_open: false,
            begin: members.into_iter().map(|name| (name, mode)).collect(),
            open,
            before: BTreeMap::new(),
            unknown,
        })
    }

    fn going_on(
        args: &Rotate,
        home: &Home,
        engine: &Engine,
        campaign: Opened,
        stands: &BTreeMap<SecretName, Stand>,
    ) -> Result<Self> {
        if args.which.due {
            // What has become due since belongs to a campaign of its own.
            return Self::new(args, home, engine, campaign.asked);
        }
        let (mut begin, mut open) = (BTreeMap::new(), BTreeMap::new());
        for (name, stand) in stands {
            match stand {
                Stand::Open(id) => drop(open.insert(name.clone(), id.clone())),
                Stand::Owes => drop(begin.insert(name.clone(), Mode::Reissue)),
                Stand::NotBegun if home.inventory.secret(name).is_some() => {
                    begin.insert(name.clone(), campaign.mode);
                }
                _ => {}
            }
        }
        let (mode, is_open, before) = (campaign.mode, true, stands.clone());
        Ok(Self { mode, campaign, is_open, begin, open, before, unknown: BTreeSet::new() })
    }

    /// The exit code, where nothing is to be done, or not now.
    fn nothing_to_do(
        &self,
        args: &Rotate,
        home: &Home,
        now: Timestamp,
        output: Output,
    ) -> Result<Option<Exit>> {
        if !self.unknown.is_empty() && args.which.due {
            output.say(&format!(
                "(!) the age of {} is not known, so nobody can say whether they are due: {}",
                counted(self.unknown.len(), "token"),
                names(&self.unknown)
            ));
        }
        if self.begin.is_empty() && self.open.is_empty() {
            output.json(&json!({ "campaign": null, "members": [] }))?;
            output.text(if args.which.due { "nothing is due" } else { "nothing is left to do" })?;
            return Ok(Some(Exit::Ok));
        }
        let closed = if args.which.due { home.inventory.schedule.closed(now) } else { None };
        match closed {
            Some(why) if args.anyway.is_none() => {
                let what = format!(
                    "{} due, but it is no time for rotations: {why}",
                    counted(self.begin.len() + self.open.len(), "rotation")
                );
                Err(Fail::new(Exit::TryLater, what)
                    .hint("where it cannot wait: --anyway REASON, which is audited"))
            }
            _ => Ok(None),
        }
    }

    /// Whether whoever runs this may begin and go on with each of them. One that they may not is
    /// no reason to do the others: what was asked for is refused as a whole.
    fn allowed(&self, args: &Rotate, home: &Home, engine: &Engine) -> Result<()> {
        for (name, mode) in &self.begin {
            home.allow(Act::begin(*mode), Some(name))?;
            home.allow_beforehand(name, &args.how)?;
        }
        for id in self.open.values() {
            let rotation = engine.rotation(id)?;
            home.allow_in(Act::Resume, &rotation)?;
            home.allow_meanwhile(&rotation, &args.how)?;
        }
        Ok(())
    }

    async fn run(
        mut self,
        args: &Rotate,
        engine: Arc<Engine>,
        home: &Home,
        global: &Global,
        output: Output,
    ) -> Result<Exit> {
        let mut ends: BTreeMap<SecretName, MemberEnd> = BTreeMap::new();
        let mut members = Vec::new();
        for (secret, id) in &self.open {
            members.push(Member { secret: secret.clone(), work: Work::Open(id.clone()) });
        }
        for (secret, planned) in self.planned(&engine).await {
            match planned {
                Ok(planned) => {
                    if self.campaign.compromised.is_some() {
                        let exposed = planned.plan.old.fingerprint;
                        self.campaign.exposed.entry(secret.clone()).or_insert(exposed);
                    }
                    members.push(Member { secret, work: Work::New(Box::new(planned)) });
                }
                Err(error) => drop(ends.insert(secret, MemberEnd::Failed(error))),
            }
        }
        self.hold_back(home, &mut members, &mut ends);
        let count = members.len();
        let campaign = Campaign::new(Arc::clone(&engine), self.campaign.id.clone(), members)?;
        output.say(&summary(campaign.plan()));
        for (secret, end) in &ends {
            output.say(&format!("(!) {secret}: {}", why_not(end)));
        }
        let approved = self.approved(args, &engine, count)?;
        if count > 0 && !args.how.yes && approved.is_none() && !begins(count, global, output) {
            output.say("nothing was changed");
            return Ok(Exit::Waiting);
        }
        self.remember(args, &engine).await?;
        let asks = people::can_ask(global.no_input) && !output.json;
        let options =
            Options { wait: !args.how.no_wait && (args.how.wait || asks), approved_by: approved };
        ends.extend(watched(campaign, &self, options, asks, &engine, output).await);
        engine.forget_logins();
        told(&engine, &self.campaign, &ends, &self.before, output)
    }

    async fn planned(
        &self,
        engine: &Arc<Engine>,
    ) -> Vec<(SecretName, std::result::Result<engine::Planned, EngineError>)> {
        let mut planned = Vec::new();
        for mode in [self.mode, Mode::Reissue] {
            let of_mode = self.begin.iter().filter(|(_, own)| **own == mode);
            let names: Vec<SecretName> = of_mode.map(|(name, _)| name.clone()).collect();
            planned.extend(engine.plan_all(&names, mode).await);
        }
        planned
    }

    /// What serves production does not go before what does not and could not go.
    fn hold_back(
        &self,
        home: &Home,
        members: &mut Vec<Member>,
        ends: &mut BTreeMap<SecretName, MemberEnd>,
    ) {
        if self.mode != Mode::Scheduled {
            return;
        }
        let production = |name: &SecretName| home.inventory.secret(name).is_none_or(is_production);
        let stuck: Vec<SecretName> = ends
            .keys()
            .chain(self.before.iter().filter(|(_, one)| one.is_unproven()).map(|(name, _)| name))
            .filter(|name| !production(name))
            .cloned()
            .collect();
        members.retain(|member| {
            let first = stuck.iter().find(|name| name.key() == member.secret.key());
            match (&member.work, first) {
                (Work::New(_), Some(first)) if production(&member.secret) => {
                    let why = format!("{first} goes first, and is not proven");
                    ends.insert(member.secret.clone(), MemberEnd::NotBegun(why));
                    false
                }
                _ => true,
            }
        });
    }

    /// Who has agreed to all revocations beforehand, by their number.
    fn approved(&self, args: &Rotate, engine: &Engine, count: usize) -> Result<Option<String>> {
        let Some(confirmed) = &args.how.confirm else { return Ok(None) };
        let whole = if self.begin.is_empty() || self.is_open { self.whole(engine)? } else { count };
        let asked = self.campaign.members.len();
        let fits = [count, asked, whole].iter().any(|all| *confirmed == format!("all:{all}"));
        if fits && count > 0 || count == 0 {
            return Ok(Some(engine.actor().to_owned()));
        }
        Err(Fail::usage(format!("--confirm says `{confirmed}`, this is about {count}")).hint(
            format!("agreeing to several revocations needs their number: --confirm all:{count}"),
        ))
    }

    /// How many the campaign had that is gone on with.
    fn whole(&self, engine: &Engine) -> Result<usize> {
        let all = engine.campaigns()?;
        let of = |id: &RotationId| Ok::<_, Fail>(engine.rotation(id)?.plan().campaign.clone());
        let mut most = self.campaign.members.len();
        for id in self.open.values() {
            let own = of(id)?;
            let members = all.iter().find(|one| Some(&one.id) == own.as_ref());
            most = most.max(members.map_or(0, |one| one.members.len()));
        }
        Ok(most)
    }

    async fn remember(&self, args: &Rotate, engine: &Engine) -> Result<()> {
        if let Some(why) = &args.anyway {
            let context = BTreeMap::from([("reason".to_owned(), why.clone())]);
            let (at, actor) = (engine.now(), engine.actor().to_owned());
            let action = "schedule.overridden".to_owned();
            engine
                .note(Record { at, action, actor, secret: None, rotation: None, context })
                .await?;
        }
        if !self.is_open && !self.begin.is_empty() {
            engine.open_campaign(&self.campaign).await?;
        }
        Ok(())
    }
}

/// The open rotations of campaigns that were begun by the same question.
fn begun_when_due(engine: &Engine, asked: &str) -> Result<BTreeMap<SecretName, RotationId>> {
    let campaigns: BTreeSet<_> =
        engine.campaigns()?.into_iter().filter(|one| one.asked == asked).map(|it| it.id).collect();
    let mut open = BTreeMap::new();
    for row in engine.reader().open_rotations()? {
        let campaign = engine.rotation(&row.id)?.plan().campaign.clone();
        if campaign.is_some_and(|id| campaigns.contains(&id)) {
            open.insert(row.secret, row.id);
        }
    }
    Ok(open)
}

/// Every secret that a compromised issuer has minted or a compromised consumer has held.
fn hit_by(home: &Home, what: &str) -> Result<BTreeSet<SecretName>> {
    match what.split_once(':') {
        Some(("issuer", name)) => of_issuer(home, name),
        Some(("consumer", name)) => of_consumer(home, name),
        _ => Err(Fail::usage(format!("`{what}` is neither issuer:NAME nor consumer:NAME"))),
    }
}

fn names(names: &BTreeSet<SecretName>) -> String {
    const SHOWN_MAX: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
    let more = names.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Beginning is reversible, so a plain yes is enough.
fn begins(count: usize, global: &Global, output: Output) -> bool {
    if !people::can_ask(global.no_input) {
        output.say("nobody can be asked; begin with --yes");
        return false;
    }
    let prompt = format!("Begin {}? [y/N] ", counted(count, "rotation"));
    matches!(people::line(&prompt).as_deref(), Some("y" | "Y" | "yes"))
}

/// Runs a campaign while somebody watches.
async fn watched(
    campaign: Campaign,
    job: &Job,
    options: Options,
    asks: bool,
    engine: &Engine,
    output: Output,
) -> BTreeMap<SecretName, MemberEnd> {
    let (tell, commands) = mpsc::unbounded_channel();
    let (progress, mut seen) = mpsc::unbounded_channel();
    let all = job.open.keys().chain(job.begin.keys()).cloned();
    let mut board = Board::new(output, all);
    let interrupts = tokio::spawn(crate::running::interrupted(tell.clone(), output));
    let by = engine.actor().to_owned();
    let watching = tokio::spawn(async move {
        let mut asked = 0;
        while let Some((secret, one)) = seen.recv().await {
            board.show(&secret, &one);
            let wait = board.all_agree().filter(|wait| asks && *wait != asked);
            if let Some(wait) = wait {
                asked = wait;
                // Whoever has ended meanwhile needs no answer.
                let _ = tell.send(board.aside(|| agreement(wait, &by)));
            }
        }
        board.finish();
    });
    let ends = campaign.run(options, commands, progress).await;
    interrupts.abort();
    // A prompt that nobody answered any more must not hold up the end.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), watching).await;
    ends
}

fn agreement(count: usize, by: &str) -> Command {
    let wanted = format!("all:{count}");
    loop {
        let prompt = format!(
            "Everybody is on the new tokens. Type `{wanted}` to revoke the {count} old ones, \
             `back` to go back, or nothing to leave it for later: "
        );
        match people::line(&prompt).as_deref() {
            Some(answer) if answer == wanted => return Command::Approve { by: by.to_owned() },
            Some("back") => {
                let why = "not agreed to the revocation".to_owned();
                return Command::Back { by: by.to_owned(), why };
            }
            None | Some("") => return Command::Stop,
            Some(_) => {}
        }
    }
}

fn why_not(end: &MemberEnd) -> String {
    match end {
        MemberEnd::NotBegun(why) => why.clone(),
        MemberEnd::Failed(EngineError::Plan(plan)) => {
            refused(&plan.secret.to_string(), &plan.refusals).what
        }
        MemberEnd::Failed(error) => chain(error),
        MemberEnd::Ran { .. } => String::new(),
    }
}

/// What became of each, and the exit code of the worst.
fn told(
    engine: &Engine,
    campaign: &Opened,
    ends: &BTreeMap<SecretName, MemberEnd>,
    before: &BTreeMap<SecretName, Stand>,
    output: Output,
) -> Result<Exit> {
    let (mut exit, mut objects, mut rows) = (Exit::Ok, Vec::new(), Vec::new());
    for (secret, end) in ends {
        let (own, what) = of_end(end, engine.now());
        exit = exit.worst(own);
        let summary = match end {
            MemberEnd::Ran { rotation, .. } => Some(RotationSummary::of(rotation)),
            _ => None,
        };
        if own != Exit::Ok {
            rows.push(vec![secret.to_string(), what.clone()]);
        }
        objects.push(json!({
            "secret": secret, "exit": own as u8, "what": what,
            "rotation": summary.as_ref().map(|it| &it.rotation), "summary": summary,
        }));
    }
    for (secret, stand) in before.iter().filter(|(name, _)| !ends.contains_key(*name)) {
        exit = exit.worst(stand.exit());
        objects.push(json!({
            "secret": secret, "exit": stand.exit() as u8, "what": stand.to_string(),
            "rotation": stand.rotation(), "summary": null,
        }));
    }
    output
        .json_line(&json!({ "campaign": campaign.id, "exit": exit as u8, "members": objects }))?;
    let good = objects.iter().filter(|one| one["exit"] == 0).count();
    output.text(&format!("{}: {good} of {} done", campaign.id, objects.len()))?;
    if !rows.is_empty() {
        output.text(&table(&["SECRET", "STANDS"], &rows))?;
        output.say("go on: the same command; see it: rollover run ls, rollover task ls");
    }
    if campaign.compromised.is_some() {
        let id = &campaign.id;
        output.say(&format!("what is left before it may be closed: rollover campaign show {id}"));
    }
    Ok(exit)
}

fn of_end(end: &MemberEnd, now: Timestamp) -> (Exit, String) {
    let (ended, rotation) = match end {
        MemberEnd::Ran { ended, rotation } => (ended, rotation),
        MemberEnd::NotBegun(why) => return (Exit::Waiting, format!("not begun: {why}")),
        MemberEnd::Failed(EngineError::Plan(plan)) => {
            let fail = refused(&plan.secret.to_string(), &plan.refusals);
            return (fail.exit, fail.what);
        }
        MemberEnd::Failed(error) => return (Exit::Failed, chain(error)),
    };
    let id = &rotation.plan().id;
    match ended {
        Ended::Closed(outcome) => of_outcome(rotation, outcome),
        Ended::Waiting(waiting) => {
            let attention = waiting.iter().any(|one| matches!(one, Waiting::Attention { .. }));
            let tasks = rotation.tasks(now);
            let what = tasks.first().map_or_else(String::new, |task| task.title.clone());
            let exit = if attention { Exit::Attention } else { Exit::Waiting };
            (exit, format!("{id} waits: {what}"))
        }
        Ended::Stopped => (Exit::Interrupted, format!("{id} stopped at {}", rotation.stage())),
    }
}

fn of_outcome(rotation: &Rotation, outcome: &Outcome) -> (Exit, String) {
    match outcome {
        Outcome::Completed if rotation.plan().owes_reissue() => {
            (Exit::Waiting, "owes a second rotation: whoever held it could read the new one".into())
        }
        Outcome::Completed => (Exit::Ok, "completed".into()),
        Outcome::Decommissioned => (Exit::Ok, "decommissioned".into()),
        Outcome::Removed => (Exit::Ok, "removed".into()),
        Outcome::Rehearsed => (Exit::Ok, "rehearsed".into()),
        Outcome::RolledBack { why } => (Exit::RolledBack, format!("rolled back: {why}")),
        Outcome::Abandoned { why } => (Exit::Attention, format!("abandoned: {why}")),
    }
}
