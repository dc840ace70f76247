//! Many rotations side by side in one process.
//!
//! Each is a [`Drive`] like any other, with its own journal entries; what is added here is when
//! each may begin, and that writes to one place are made together (see `writers`). A process that
//! is killed leaves so many open rotations; the same campaign, run again, goes on with each.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::campaign::{CampaignPlan, Costs, Member as Place, Opened};
use domain::{CampaignId, Mode, Outcome, Plan, Rotation, RotationId, SecretName};
use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::writers::Life;
use crate::{Command, Drive, Ended, Engine, EngineError, Options, Planned, Progress};

/// How many secrets are looked at side by side while planning.
const LOOKS_MAX: usize = 256;
/// How often whoever waits for another rotation says that it is still there.
const SIGNS: Duration = Duration::from_secs(20);

/// What is to be done for one secret.
pub enum Work {
    /// A new rotation.
    New(Box<Planned>),
    /// One that exists.
    Open(RotationId),
}

/// One secret of a campaign.
pub struct Member {
    /// Which.
    pub secret: SecretName,
    /// What.
    pub work: Work,
}

/// How it went for one secret.
#[derive(Debug)]
pub enum MemberEnd {
    /// Its rotation ran, so far.
    Ran {
        /// Why it stopped.
        ended: Ended,
        /// The rotation as it is; the second one, where a leak was answered by two.
        rotation: Box<Rotation>,
    },
    /// It was not begun, or not picked up.
    NotBegun(String),
    /// It could not go on.
    Failed(EngineError),
}

/// Rotations that are about to be run together.
pub struct Campaign {
    engine: Arc<Engine>,
    id: CampaignId,
    plan: CampaignPlan,
    members: Vec<Member>,
}

impl Engine {
    /// Plans the rotations of several secrets; those that cannot be rotated now are answered with
    /// why.
    pub async fn plan_all(
        self: &Arc<Self>,
        names: &[SecretName],
        mode: Mode,
    ) -> Vec<(SecretName, Result<Planned, EngineError>)> {
        self.world.gather(true);
        let planned = stream::iter(names.iter().cloned().map(|name| {
            let engine = Arc::clone(self);
            async move {
                // A task of its own: what hundreds of plans compute is not one thread's alone.
                let planning = tokio::spawn(async move {
                    let planned = engine.plan(&name, mode).await;
                    (name, planned)
                });
                planning.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
            }
        }));
        let planned = planned.buffer_unordered(LOOKS_MAX).collect::<Vec<_>>().await;
        self.world.gather(false);
        planned
    }

    /// What these plans come to together, with what the vendors have told of their limits.
    #[must_use]
    pub fn campaign_plan(&self, plans: &[&Plan]) -> CampaignPlan {
        let told = self.world.quotas.iter();
        let left = told.filter_map(|(name, quota)| Some((name.clone(), quota.remaining()?)));
        let costs = Costs { left: left.collect(), ..Costs::default() };
        CampaignPlan::make(&self.inventory, plans, &costs)
    }

    /// Every campaign that there was, oldest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn campaigns(&self) -> Result<Vec<Opened>, EngineError> {
        Ok(Opened::all(&self.reader.audit_records(&[domain::campaign::ACTIONS])?))
    }

    /// Opens a campaign: from here it exists.
    ///
    /// # Errors
    /// The journal does not take it.
    pub async fn open_campaign(&self, campaign: &Opened) -> Result<(), EngineError> {
        self.note(campaign.record()).await
    }

    /// Notes something that belongs to no rotation in the audit log.
    ///
    /// # Errors
    /// The journal does not take it.
    pub async fn note(&self, record: domain::audit::Record) -> Result<(), EngineError> {
        let journal = self.journal.as_ref().ok_or(EngineError::ReadOnly)?;
        journal.append_audit(vec![record]).await?;
        Ok(())
    }

    /// What time it is here.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A fresh id: `c-` and 40 random bits.
///
/// # Errors
/// The operating system gave no random numbers.
pub fn new_campaign_id() -> Result<CampaignId, EngineError> {
    Ok(CampaignId(crate::observe::fresh("c-")?))
}

impl Campaign {
    /// These rotations, run as one campaign.
    ///
    /// # Errors
    /// The journal of an open one cannot be followed.
    pub fn new(
        engine: Arc<Engine>,
        id: CampaignId,
        mut members: Vec<Member>,
    ) -> Result<Self, EngineError> {
        let mut plans = Vec::new();
        for member in &mut members {
            match &mut member.work {
                Work::New(planned) => {
                    planned.plan.campaign = Some(id.clone());
                    plans.push(planned.plan.clone());
                }
                Work::Open(open) => plans.push(engine.rotation(open)?.plan().clone()),
            }
        }
        let plan = engine.campaign_plan(&plans.iter().collect::<Vec<_>>());
        Ok(Self { engine, id, plan, members })
    }

    /// What it comes to.
    #[must_use]
    pub fn plan(&self) -> &CampaignPlan {
        &self.plan
    }

    /// Runs all of them until each has ended, or waits and the caller does not, or is told to
    /// stop. What is told by `commands` is told to every one that runs.
    pub async fn run(
        self,
        options: Options,
        commands: mpsc::UnboundedReceiver<Command>,
        progress: mpsc::UnboundedSender<(SecretName, Progress)>,
    ) -> BTreeMap<SecretName, MemberEnd> {
        self.engine.world.gather(true);
        self.engine.writers.expect(&self.plan.writes);
        let shared = Arc::new(Shared {
            id: self.id.clone(),
            options,
            running: Mutex::default(),
            over: watch::Sender::new(BTreeMap::new()),
            stopping: watch::Sender::new(false),
            progress,
            engine: Arc::clone(&self.engine),
        });
        self.leave_what_is_written(&shared.engine);
        let places = &self.plan.members;
        let mut tasks = JoinSet::new();
        for Member { secret, work } in self.members {
            let place = places.iter().find(|place| place.secret == secret).cloned();
            tasks.spawn(Arc::clone(&shared).member(secret, work, place));
        }
        let listening = tokio::spawn(Arc::clone(&shared).listen(commands));
        let mut ends = BTreeMap::new();
        while let Some(joined) = tasks.join_next().await {
            // One that panicked has told what it told; its rotation is journaled.
            if let Ok((secret, end)) = joined {
                ends.insert(secret, end);
            }
        }
        listening.abort();
        self.engine.world.gather(false);
        ends
    }
}

impl Campaign {
    /// Rotations that are picked up may have written already.
    fn leave_what_is_written(&self, engine: &Engine) {
        for member in &self.members {
            let Work::Open(id) = &member.work else { continue };
            let Ok(rotation) = engine.rotation(id) else { continue };
            let again = rotation.plan().mode == Mode::Reissue;
            for part in &rotation.plan().consumers {
                let action = domain::Action::Propagate(part.id.clone());
                if rotation.state(&action) == domain::StepState::Done {
                    engine.writers.leave(&member.secret, again, Some(&part.id));
                }
            }
        }
    }
}

/// What the rotations of one campaign share.
struct Shared {
    engine: Arc<Engine>,
    id: CampaignId,
    options: Options,
    running: Mutex<BTreeMap<SecretName, mpsc::UnboundedSender<Command>>>,
    /// Who has ended, and whether it is completed.
    over: watch::Sender<BTreeMap<SecretName, bool>>,
    stopping: watch::Sender<bool>,
    progress: mpsc::UnboundedSender<(SecretName, Progress)>,
}

impl Shared {
    async fn listen(self: Arc<Self>, mut commands: mpsc::UnboundedReceiver<Command>) {
        while let Some(command) = commands.recv().await {
            if matches!(command, Command::Stop) {
                self.stopping.send_replace(true);
            }
            for running in self.running().values() {
                // One that has just ended needs not be told.
                let _ = running.send(command.clone());
            }
        }
    }

    async fn member(
        self: Arc<Self>,
        secret: SecretName,
        work: Work,
        place: Option<Place>,
    ) -> (SecretName, MemberEnd) {
        let end = match self.turn(&secret, place.as_ref()).await {
            Ok(waited) => self.rounds(&secret, work, waited).await,
            Err(why) => MemberEnd::NotBegun(why),
        };
        for again in [false, true] {
            self.engine.writers.leave(&secret, again, None);
        }
        let completed = matches!(
            &end,
            MemberEnd::Ran { ended: Ended::Closed(Outcome::Completed | Outcome::Rehearsed), .. }
        );
        self.over.send_modify(|over| {
            over.insert(secret.clone(), completed);
        });
        (secret, end)
    }

    /// Waits until a rotation may begin; answers whether it had to, or why it may not.
    async fn turn(&self, secret: &SecretName, place: Option<&Place>) -> Result<bool, String> {
        let Some(place) = place else { return Ok(false) };
        let (mut over, mut stopping) = (self.over.subscribe(), self.stopping.subscribe());
        let mut waited = false;
        loop {
            if *stopping.borrow() {
                return Err("it was told to stop before".into());
            }
            {
                let over = over.borrow_and_update();
                let failed = place.proven.iter().find(|name| over.get(*name) == Some(&false));
                if let Some(failed) = failed {
                    return Err(format!("{failed} goes first, and is not proven"));
                }
                let mut before = place.proven.iter().chain(&place.over);
                if before.all(|name| over.contains_key(name)) {
                    return Ok(waited);
                }
            }
            waited = true;
            self.engine.writers.sign(secret, Life::Works);
            tokio::select! {
                _ = over.changed() => {}
                _ = stopping.changed() => {}
                () = tokio::time::sleep(SIGNS) => {}
            }
        }
    }

    /// The rotation, and once more where it owes another one.
    async fn rounds(&self, secret: &SecretName, mut work: Work, waited: bool) -> MemberEnd {
        if let (true, Work::New(planned)) = (waited, &work) {
            // The world has changed since: others have rotated.
            let mode = planned.plan.mode;
            match self.plan(secret, mode).await {
                Ok(planned) => work = Work::New(planned),
                Err(error) => return MemberEnd::Failed(error),
            }
        }
        loop {
            let (ended, rotation) = match self.ran(secret, work).await {
                Ok(ran) => ran,
                Err(error) => return MemberEnd::Failed(error),
            };
            let again = rotation.plan().mode == Mode::Reissue;
            self.engine.writers.leave(secret, again, None);
            let owes = ended == Ended::Closed(Outcome::Completed) && rotation.plan().owes_reissue();
            if !owes || *self.stopping.borrow() {
                return MemberEnd::Ran { ended, rotation: Box::new(rotation) };
            }
            match self.plan(secret, Mode::Reissue).await {
                Ok(planned) => work = Work::New(planned),
                Err(error) => return MemberEnd::Failed(error),
            }
        }
    }

    async fn plan(&self, secret: &SecretName, mode: Mode) -> Result<Box<Planned>, EngineError> {
        let mut planned = self.engine.plan(secret, mode).await?;
        planned.plan.campaign = Some(self.id.clone());
        Ok(Box::new(planned))
    }

    async fn ran(&self, secret: &SecretName, work: Work) -> Result<(Ended, Rotation), EngineError> {
        let (tell, commands) = mpsc::unbounded_channel();
        let (progress, mut seen) = mpsc::unbounded_channel();
        if *self.stopping.borrow() {
            // The receiver is right here.
            let _ = tell.send(Command::Stop);
        }
        self.running().insert(secret.clone(), tell);
        let (of, onward) = (secret.clone(), self.progress.clone());
        let teller = tokio::spawn(async move {
            while let Some(one) = seen.recv().await {
                // Nobody may be listening; then there is nobody to tell.
                let _ = onward.send((of.clone(), one));
            }
        });
        let ran = self.driven(work, commands, progress).await;
        self.running().remove(secret);
        // The drive is gone and its channel closed: everything is told soon.
        let _ = teller.await;
        ran
    }

    async fn driven(
        &self,
        work: Work,
        commands: mpsc::UnboundedReceiver<Command>,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> Result<(Ended, Rotation), EngineError> {
        let (engine, options) = (Arc::clone(&self.engine), self.options.clone());
        let mut drive = match work {
            Work::New(planned) => {
                Drive::start(engine, *planned, options, commands, progress).await?
            }
            Work::Open(id) => Drive::resume(engine, &id, options, commands, progress).await?,
        };
        let ended = drive.run().await?;
        Ok((ended, drive.rotation().clone()))
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<SecretName, mpsc::UnboundedSender<Command>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
