//! The simulated apps at work: real requests, at a steady rate, with whatever token each process holds.
//!
//! This is what shows an outage: a refused request of a process that is running is one, and nothing else
//! is. A process that was stopped while its request was under way has nobody left to be refused.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::browser::{Answer, Ask, Connection, WireError};
use crate::heroku::ProcessState;
use crate::lab::Shared;
use crate::wire::TRAFFIC_AGENT;

/// Who sends, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrafficSource {
    /// The dynos of a Heroku app send mail with their `POSTMARK_SERVER_TOKEN`.
    Mail {
        /// The app.
        app: String,
    },
    /// The dynos of a Heroku app ask the Heroku API with their `HEROKU_API_KEY`.
    Platform {
        /// The app.
        app: String,
    },
    /// The dynos of a Heroku app ask Postmark for servers with their `POSTMARK_ACCOUNT_TOKEN`.
    Servers {
        /// The app.
        app: String,
    },
    /// A program on this machine, which reads a dotenv file before each request.
    Dotenv {
        /// The name in the report.
        name: String,
        /// The file.
        path: PathBuf,
        /// `POSTMARK_SERVER_TOKEN` sends mail, `POSTMARK_ACCOUNT_TOKEN` asks for servers; any
        /// other name asks the Heroku API.
        key: String,
    },
}

impl TrafficSource {
    fn name(&self) -> &str {
        match self {
            Self::Mail { app } | Self::Platform { app } | Self::Servers { app } => app,
            Self::Dotenv { name, .. } => name,
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::Mail { .. } => MAIL_KEY,
            Self::Platform { .. } => "HEROKU_API_KEY",
            Self::Servers { .. } => SERVERS_KEY,
            Self::Dotenv { key, .. } => key,
        }
    }

    fn asks(&self) -> Asks {
        match self.key() {
            MAIL_KEY => Asks::Mail,
            SERVERS_KEY => Asks::Servers,
            _ => Asks::Platform,
        }
    }
}

/// What a source asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Mail,
    Servers,
    Platform,
}

const MAIL_KEY: &str = "POSTMARK_SERVER_TOKEN";
const SERVERS_KEY: &str = "POSTMARK_ACCOUNT_TOKEN";

/// Who sends how much.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficConfig {
    /// Each source with its requests per second.
    pub sources: Vec<(TrafficSource, f64)>,
}

impl TrafficConfig {
    /// The apps of [`crate::Org::acme`]: 220 mails a second, and a look at Heroku now and then.
    #[must_use]
    pub fn acme() -> Self {
        let mail = |app: &str| TrafficSource::Mail { app: app.to_owned() };
        let platform = |app: &str| TrafficSource::Platform { app: app.to_owned() };
        Self {
            sources: vec![
                (mail("acme-api-prod"), 160.0),
                (mail("acme-api-staging"), 60.0),
                (platform("acme-console-prod"), 0.2),
                (platform("acme-rotation-pipeline"), 0.2),
            ],
        }
    }

    /// As [`TrafficConfig::acme`], with mail at these rates per second.
    #[must_use]
    pub fn acme_at(mails_prod: f64, mails_staging: f64) -> Self {
        let mut config = Self::acme();
        for ((_, rate), wanted) in config.sources.iter_mut().zip([mails_prod, mails_staging]) {
            *rate = wanted;
        }
        config
    }

    /// One more source.
    #[must_use]
    pub fn with(mut self, source: TrafficSource, per_second: f64) -> Self {
        self.sources.push((source, per_second));
        self
    }
}

impl Default for TrafficConfig {
    fn default() -> Self {
        Self::acme()
    }
}

/// What one source has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCounts {
    /// Requests sent.
    pub sent: u64,
    /// Answered with success.
    pub ok: u64,
    /// Answered with 401 or 403 while the process was running: an outage.
    pub refused: u64,
    /// Failed otherwise: other statuses, cut connections.
    pub failed: u64,
    /// Not sent, because no process was up (or the file had no token).
    pub idle: u64,
    /// Answered after the process had been stopped; counted nowhere else.
    pub stopped: u64,
}

/// What all sources have done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficReport {
    /// By name of the source.
    pub apps: BTreeMap<String, AppCounts>,
    /// Since the start, in milliseconds.
    pub elapsed_ms: u64,
    /// The first refusals: when (on the machine's clock), who, which process, what status.
    pub refusals: Vec<(Timestamp, String, String, u16)>,
}

/// How many refusals are written down.
const REFUSALS_MAX: usize = 100;

impl TrafficReport {
    /// The counts of all sources together.
    #[must_use]
    pub fn total(&self) -> AppCounts {
        self.apps.values().fold(AppCounts::default(), |sum, app| AppCounts {
            sent: sum.sent + app.sent,
            ok: sum.ok + app.ok,
            refused: sum.refused + app.refused,
            failed: sum.failed + app.failed,
            idle: sum.idle + app.idle,
            stopped: sum.stopped + app.stopped,
        })
    }

    /// Requests sent per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.total().sent as f64 / (self.elapsed_ms.max(1) as f64 / 1_000.0)
    }
}

/// Running traffic.
pub struct Traffic {
    book: Arc<Book>,
    workers: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

struct Book {
    started: Instant,
    report: Mutex<TrafficReport>,
}

impl Book {
    fn report(&self) -> MutexGuard<'_, TrafficReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, source: &TrafficSource, count: impl FnOnce(&mut AppCounts)) {
        count(self.report().apps.entry(source.name().to_owned()).or_default());
    }
}

/// How many requests a second one connection carries at most.
const PER_CONNECTION: f64 = 40.0;

impl Traffic {
    pub(crate) fn start(shared: &Arc<Shared>, config: TrafficConfig) -> Self {
        let book = Arc::new(Book {
            started: Instant::now(),
            report: Mutex::new(TrafficReport::default()),
        });
        let stop = watch::channel(false).0;
        let mut workers = Vec::new();
        for (source, per_second) in config.sources {
            if per_second.is_nan() || per_second <= 0.0 {
                continue;
            }
            let connections = (per_second / PER_CONNECTION).ceil().max(1.0);
            let turn = Arc::new(AtomicUsize::new(0));
            for number in 0..connections as u32 {
                let worker = Worker {
                    shared: Arc::clone(shared),
                    source: source.clone(),
                    book: Arc::clone(&book),
                    turn: Arc::clone(&turn),
                    connection: None,
                };
                let pause = Duration::from_secs_f64(connections / per_second);
                // Spread over the pause, so that the connections do not beat in time.
                let offset = pause.mul_f64(f64::from(number) / connections);
                workers.push(tokio::spawn(worker.run(pause, offset, stop.subscribe())));
            }
        }
        Self { book, workers, stop }
    }

    /// What has been done so far.
    #[must_use]
    pub fn report(&self) -> TrafficReport {
        let mut report = self.book.report().clone();
        report.elapsed_ms =
            u64::try_from(self.book.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        report
    }

    /// Lets requests under way end, and stops.
    pub async fn stop(mut self) -> TrafficReport {
        let _nobody_left = self.stop.send(true);
        for worker in self.workers.drain(..) {
            let _ended = worker.await;
        }
        self.report()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.abort();
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    source: TrafficSource,
    book: Arc<Book>,
    /// Whose turn it is among the processes, shared by the workers of a source.
    turn: Arc<AtomicUsize>,
    connection: Option<Connection>,
}

/// Who sends one request: a process, or (without an id) a program on this machine.
struct Sender {
    id: Option<String>,
    name: String,
    token: String,
}

impl Worker {
    async fn run(mut self, pause: Duration, offset: Duration, mut stop: watch::Receiver<bool>) {
        let start = tokio::time::Instant::now() + offset;
        let mut ticks = tokio::time::interval_at(start, pause);
        // After a stall the missed requests are made up for, so that the rate holds.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                biased;
                _ = stop.changed() => return,
                _ = ticks.tick() => self.send_one().await,
            }
        }
    }

    async fn send_one(&mut self) {
        let Some(sender) = self.sender() else {
            self.book.count(&self.source, |counts| counts.idle += 1);
            return;
        };
        self.book.count(&self.source, |counts| counts.sent += 1);
        let answer = self.ask(&sender.token).await;
        let running = self.is_running(&sender);
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        self.book.count(&self.source, |counts| match status {
            _ if !running => counts.stopped += 1,
            200..=299 => counts.ok += 1,
            401 | 403 => counts.refused += 1,
            _ => counts.failed += 1,
        });
        if running && matches!(status, 401 | 403) {
            self.note_refusal(&sender, status);
        }
    }

    /// The next process that is up, with what it has in its environment.
    fn sender(&self) -> Option<Sender> {
        let key = self.source.key();
        match &self.source {
            TrafficSource::Dotenv { path, .. } => {
                let text = std::fs::read_to_string(path).ok()?;
                let token = dotenv_value(&text, key)?;
                Some(Sender { id: None, name: "local".to_owned(), token })
            }
            TrafficSource::Mail { app }
            | TrafficSource::Platform { app }
            | TrafficSource::Servers { app } => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                self.shared.world(|world, now| {
                    let app = world.scene.heroku.apps.get(app)?;
                    let up = || {
                        app.processes
                            .iter()
                            .filter(|process| process.state(now) == ProcessState::Up)
                    };
                    let process = up().nth(turn.checked_rem(up().count())?)?;
                    Some(Sender {
                        id: Some(process.id.clone()),
                        name: process.name.clone(),
                        token: process.env.get(key)?.clone(),
                    })
                })
            }
        }
    }

    fn is_running(&self, sender: &Sender) -> bool {
        let Some(id) = &sender.id else { return true };
        self.shared.world(|world, now| {
            world.scene.heroku.apps.get(self.source.name()).is_some_and(|app| {
                app.processes
                    .iter()
                    .any(|process| process.id == *id && process.state(now) == ProcessState::Up)
            })
        })
    }

    async fn ask(&mut self, token: &str) -> Result<Answer, WireError> {
        let asks = self.source.asks();
        let urls = &self.shared.urls;
        let base = if asks == Asks::Platform { &urls.heroku } else { &urls.postmark };
        let mut connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => Connection::open(base).await?,
        };
        let agent = format!("{TRAFFIC_AGENT}/{}", self.source.name());
        let answer = if asks == Asks::Servers {
            let headers = [
                ("user-agent", agent.as_str()),
                ("accept", "application/json"),
                ("x-postmark-account-token", token),
            ];
            let path = "/servers?count=1&offset=0";
            let ask = Ask { method: "GET", path, headers: &headers, body: Vec::new() };
            connection.send(ask).await
        } else if asks == Asks::Mail {
            let headers = [
                ("user-agent", agent.as_str()),
                ("accept", "application/json"),
                ("content-type", "application/json"),
                ("x-postmark-server-token", token),
            ];
            let body = mail_body().into_bytes();
            connection.send(Ask { method: "POST", path: "/email", headers: &headers, body }).await
        } else {
            let bearer = format!("Bearer {token}");
            let headers = [
                ("user-agent", agent.as_str()),
                ("accept", "application/vnd.heroku+json; version=3"),
                ("authorization", bearer.as_str()),
            ];
            let ask = Ask { method: "GET", path: "/apps", headers: &headers, body: Vec::new() };
            connection.send(ask).await
        };
        if answer.is_ok() {
            self.connection = Some(connection);
        }
        answer
    }

    fn note_refusal(&self, sender: &Sender, status: u16) {
        let mut report = self.book.report();
        if report.refusals.len() < REFUSALS_MAX {
            let name = self.source.name().to_owned();
            report.refusals.push((Timestamp::now(), name, sender.name.clone(), status));
        }
        drop(report);
        let text = match self.source.asks() {
            Asks::Mail | Asks::Servers => format!("postmark {status} InvalidAPIToken"),
            Asks::Platform => format!("heroku_api {status} unauthorized"),
        };
        self.shared.world(|world, now| {
            if let Some(app) = world.scene.heroku.apps.get_mut(self.source.name()) {
                app.log(now, "app", &sender.name, &text);
            }
        });
    }
}

fn mail_body() -> String {
    json!({
        "From": "noreply@acme.example",
        "To": "customer@example.com",
        "Subject": "Your order",
        "TextBody": "Thank you for your order.",
        "MessageStream": "outbound",
    })
    .to_string()
}

/// The value of a key in a dotenv file, the last one where there are several.
fn dotenv_value(text: &str, key: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim().trim_start_matches("export ").trim_start();
            let (name, value) = line.split_once('=')?;
            (name.trim_end() == key).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
        })
        .rfind(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotenv_values_with_and_without_quotes() {
        let text = "# A=1\nA=2\nexport A=\"3\"\nB='4'\nC=\n";
        assert_eq!(dotenv_value(text, "A").as_deref(), Some("3"));
        assert_eq!(dotenv_value(text, "B").as_deref(), Some("4"));
        assert_eq!(dotenv_value(text, "C"), None);
    }
}
