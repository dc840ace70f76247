//! A running lab: started, looked at, disturbed, stopped.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::chat::Chat;
use crate::hooks::Hooks;
use crate::log::Log;
use crate::seed::seed;
use crate::server::{Door, serve};
use crate::world::{Scene, Turn, World};
use crate::{
    Clock, Counters, Credentials, FaultRule, Faults, Inspection, Knobs, LabConfig, LabError,
    Moment, Received, RequestRecord, SlackMessage, StandIn, StateFile, Traffic, TrafficConfig,
    Urls, Vendor, Verdict, random,
};

/// Five listeners on loopback and the world behind them. Dropping it stops it, too.
pub struct Lab {
    shared: Arc<Shared>,
    doors: Vec<JoinHandle<()>>,
    files: Vec<PathBuf>,
}

/// What every connection of a lab shares.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) urls: Arc<Urls>,
    pub(crate) credentials: Credentials,
    pub(crate) org: String,
    pub(crate) faults: Faults,
    pub(crate) hooks: Hooks,
    pub(crate) log: Log,
    pub(crate) chat: Chat,
    pub(crate) started: Timestamp,
    /// What control calls that change something have to carry.
    pub(crate) control_token: String,
    /// What forms of the pages carry, so that no other page can submit them.
    pub(crate) form_token: String,
    pub(crate) stop: watch::Sender<bool>,
    world: Mutex<World>,
    /// What a reset leads back to.
    pristine: Mutex<Scene>,
}

impl Shared {
    /// A look at the world, or a change of it, after everything that is due has happened.
    pub(crate) fn world<T>(&self, with: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the world never sees time go back.
        let now = self.clock.now();
        world.settle(now);
        with(&mut world, now)
    }

    pub(crate) fn inspect(&self) -> Inspection {
        self.world(|world, now| Inspection::new(world.scene.clone(), now))
    }

    pub(crate) fn reset(&self) {
        self.faults.clear();
        self.log.clear();
        let pristine = self.pristine.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.world(|world, _| world.reset(pristine));
    }

    fn keep(&self) {
        let scene = self.world(|world, _| world.scene.clone());
        *self.pristine.lock().unwrap_or_else(PoisonError::into_inner) = scene;
    }
}

impl Lab {
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Opens the listeners, seeds the organisation and begins to answer.
    ///
    /// # Errors
    ///
    /// When the address is not loopback, a port is taken, the seed is inconsistent or the state
    /// file cannot be written. Nothing listens then.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        if ![IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()]
            .contains(&config.address)
        {
            return Err(LabError::NotLoopback(config.address));
        }
        let (doors, urls) = open_doors(&config).await?;
        let urls = Arc::new(urls);
        let clock = Clock::new(config.clock);
        let (scene, credentials) = seed(&config, clock.now())?;
        let shared = Arc::new(Shared {
            clock,
            credentials,
            org: config.seed.name.clone(),
            faults: Faults::default(),
            hooks: Hooks::default(),
            log: Log::default(),
            chat: Chat::new(),
            started: Timestamp::now(),
            control_token: random::alnum(40),
            form_token: random::alnum(40),
            stop: watch::channel(false).0,
            world: Mutex::new(World::new(scene.clone(), Arc::clone(&urls))),
            pristine: Mutex::new(scene),
            urls,
        });
        let files: Vec<_> = [&config.state_file, &config.github_socket]
            .into_iter()
            .filter_map(Clone::clone)
            .collect();
        if let Some(path) = config.state_file {
            state_of(&shared)
                .write(&path)
                .map_err(|source| LabError::StateFile { path, source })?;
        }
        let doors = doors
            .into_iter()
            .map(|(vendor, door)| tokio::spawn(serve(Arc::clone(&shared), vendor, door)))
            .collect();
        Ok(Self { shared, doors, files })
    }

    /// Where everything is.
    #[must_use]
    pub fn urls(&self) -> Urls {
        (*self.shared.urls).clone()
    }

    /// The seeded values.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.shared.credentials.clone()
    }

    /// What another process needs to find and control this lab.
    #[must_use]
    pub fn state(&self) -> StateFile {
        state_of(&self.shared)
    }

    /// The base of the simulated Slack's API.
    #[must_use]
    pub fn slack_url(&self) -> String {
        format!("{}/slack/api", self.shared.urls.dashboard)
    }

    /// The token of the simulated Slack's bot.
    #[must_use]
    pub fn slack_token(&self) -> String {
        self.shared.chat.token()
    }

    /// The address of the simulated Slack's incoming webhook, which is a secret.
    #[must_use]
    pub fn slack_hook(&self) -> String {
        format!("{}/slack/services/{}", self.shared.urls.dashboard, self.shared.chat.hook())
    }

    /// What was said in the simulated Slack.
    #[must_use]
    pub fn slack_messages(&self) -> Vec<SlackMessage> {
        self.shared.chat.messages()
    }

    /// The bot's token is revoked.
    pub fn revoke_slack(&self) {
        self.shared.chat.revoke();
    }

    /// The next calls of Slack are too many.
    pub fn slack_is_busy(&self, times: u32) {
        self.shared.chat.be_busy(times);
    }

    /// The address of the receiver of signed POSTs.
    #[must_use]
    pub fn receiver_url(&self) -> String {
        format!("{}/receiver", self.shared.urls.dashboard)
    }

    /// What such a POST is signed with.
    #[must_use]
    pub fn receiver_secret(&self) -> String {
        self.shared.chat.secret()
    }

    /// What the receiver got, also what it refused.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.chat.received()
    }

    /// The lab's time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Moves time forward and lets everything happen that becomes due.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
        self.shared.world(|_, _| ());
    }

    /// The world as it is now.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        self.shared.inspect()
    }

    /// Every request so far, oldest first, except those of the control API.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log.records()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.shared.log.clear();
    }

    /// How many requests there were.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.log.counters()
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Puts a fault in force and answers its number.
    pub fn fault(&self, rule: FaultRule) -> u64 {
        self.shared.faults.add(rule)
    }

    /// Turns knobs.
    pub fn knobs(&self, turn: impl FnOnce(&mut Knobs)) {
        self.shared.world(|world, _| turn(&mut world.knobs));
    }

    /// Sets what is left of Heroku's hourly requests.
    pub fn set_heroku_rate_remaining(&self, remaining: u32) {
        self.shared.world(|world, now| world.scene.heroku.set_rate_remaining(remaining, now));
    }

    /// Sets what is left of GitHub's hourly requests, which all its tokens share here.
    pub fn set_github_rate_remaining(&self, remaining: u64) {
        self.shared.world(|world, now| world.scene.github.set_rate_remaining(remaining, now));
    }

    /// Gives the secret stores of GitHub new key pairs; ids of old ones are refused from now on.
    pub fn rotate_github_keys(&self) {
        self.shared.world(|world, _| world.scene.github.rotate_keys());
    }

    /// Lets workflow runs go on that wait for an environment.
    pub fn approve_waiting_runs(&self) {
        self.shared.world(|world, now| world.scene.github.approve_waiting(now));
    }

    /// Opens a secret scanning alert for `value` in the repository and answers its number.
    pub fn open_github_alert(&self, secret_type: &str, value: &str) -> u64 {
        self.shared.world(|world, now| world.scene.github.open_alert(secret_type, value, now))
    }

    /// Has Infisical's approval policy apply the oldest pending change; false when there is none.
    pub fn approve_infisical_change(&self) -> bool {
        self.shared.world(|world, now| world.scene.infisical.approve_oldest(now))
    }

    /// Changes a config var behind everybody's back, as a colleague with the CLI would.
    pub fn set_config_var(&self, app: &str, key: &str, value: Option<&str>) {
        let change = BTreeMap::from([(key.to_owned(), value.map(str::to_owned))]);
        self.shared.world(|world, now| {
            let knobs = &world.knobs.heroku;
            world.scene.heroku.change_config(app, &change, knobs, now)
        });
    }

    /// Restarts an app's dynos behind everybody's back, as the platform does once a day.
    pub fn cycle_dynos(&self, app: &str) {
        self.shared.world(|world, now| {
            let knobs = &world.knobs.heroku;
            world.scene.heroku.cycle(app, knobs, now)
        });
    }

    /// Calls `hook` just before each request takes effect and just after, before it is answered.
    /// The hook may block; the request waits. Requests of the simulated apps are left out.
    pub fn on_moment(&self, hook: Box<dyn Fn(Moment) + Send + Sync>) {
        self.on_moment_decide(Box::new(move |moment| {
            hook(moment);
            Verdict::Go
        }));
    }

    /// As [`Lab::on_moment`], and the hook says whether the request or its answer is lost.
    pub fn on_moment_decide(&self, hook: Box<dyn Fn(Moment) -> Verdict + Send + Sync>) {
        self.shared.hooks.set(Arc::from(hook));
    }

    /// Takes the hook away.
    pub fn clear_moment_hook(&self) {
        self.shared.hooks.clear();
    }

    /// The person who clicks in the dashboards.
    #[must_use]
    pub fn operator(&self) -> StandIn {
        StandIn::new(self.urls())
    }

    /// Starts the traffic of the simulated apps.
    #[must_use]
    pub fn traffic(&self, config: TrafficConfig) -> Traffic {
        Traffic::start(&self.shared, config)
    }

    /// Has a colleague revoke a token by hand, behind everybody's back; false when no vendor that
    /// is rotated at knows it.
    pub fn revoke_by_hand(&self, token: &str) -> bool {
        self.shared.world(|world, now| {
            let mut turn = Turn::new(now, Arc::clone(&world.urls));
            let heroku = &mut world.scene.heroku;
            let id = heroku.authorizations.values().find(|one| one.token == token);
            if let Some(id) = id.map(|one| one.id.clone()) {
                return heroku.revoke(&id, &mut turn).is_some();
            }
            let postmark = &mut world.scene.postmark;
            let row = postmark.account_tokens.iter().find(|one| one.value == token);
            if let Some(row) = row.map(|one| one.row.clone()) {
                return postmark.delete_account_token(&row, &mut turn).is_ok();
            }
            let place = postmark.servers.iter().find_map(|(id, server)| {
                let held = server.tokens.iter().find(|one| one.value == token)?;
                Some((*id, held.row.clone()))
            });
            place.is_some_and(|(id, row)| postmark.delete_token(id, &row, &mut turn).is_ok())
        })
    }

    /// From here on [`Lab::reset`] leads back to the world as it is now.
    pub fn keep(&self) {
        self.shared.keep();
    }

    /// Puts the world back to how it was seeded, or kept, with the same values; faults and knobs
    /// are cleared.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Waits until somebody stops the lab over the control API.
    pub async fn stopped(&self) {
        let mut stop = self.shared.stop.subscribe();
        // The sender lives as long as `self`, so this ends only when it says so.
        let _said_so = stop.wait_for(|stop| *stop).await;
    }

    /// Closes every connection and listener and removes the files.
    pub async fn stop(mut self) {
        let _nobody_waits = self.shared.stop.send(true);
        for door in self.doors.drain(..) {
            door.abort();
            let _aborted = door.await;
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for door in &self.doors {
            door.abort();
        }
        for file in &self.files {
            let _gone_already = std::fs::remove_file(file);
        }
    }
}

fn state_of(shared: &Shared) -> StateFile {
    StateFile {
        version: StateFile::VERSION,
        urls: (*shared.urls).clone(),
        pid: std::process::id(),
        control_token: shared.control_token.clone(),
        credentials: shared.credentials.clone(),
    }
}

async fn open_doors(config: &LabConfig) -> Result<(Vec<(Vendor, Door)>, Urls), LabError> {
    let mut doors = Vec::new();
    let mut bases = Vec::new();
    for (vendor, offset) in Vendor::ALL.into_iter().zip(0_u16..) {
        let port = match config.base_port {
            Some(base) => base.checked_add(offset).ok_or(LabError::BasePort(base))?,
            None => 0,
        };
        let address = SocketAddr::new(config.address, port);
        let failed = |source| LabError::Listen { vendor, address: address.to_string(), source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        bases.push(format!("http://{}", listener.local_addr().map_err(failed)?));
        doors.push((vendor, Door::Tcp(listener)));
    }
    if let Some(path) = &config.github_socket {
        let failed = |source| LabError::Listen {
            vendor: Vendor::Github,
            address: path.display().to_string(),
            source,
        };
        doors.push((Vendor::Github, Door::Unix(bind_socket(path).map_err(failed)?)));
    }
    let mut bases = bases.into_iter();
    let mut next = || bases.next().unwrap_or_default();
    let urls = Urls {
        postmark: next(),
        heroku: next(),
        github: next(),
        infisical: next(),
        dashboard: next(),
    };
    Ok((doors, urls))
}

/// A socket that only its owner may use, in place of one that a lab left behind.
fn bind_socket(path: &std::path::Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    if path.symlink_metadata().is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}
