//! Tells people who do not watch: what follows from the journal and has not been said is said.
//!
//! It goes on beside whatever the command does, and never holds it up: a channel that does not
//! answer is tried again, later, by this process or the next one. Nothing has to be handed over
//! between them, because the messages follow from the journal, and only that one was said is
//! remembered there.

mod occasions;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use connectors::{Speaker, Unsaid};
use domain::inventory::Inventory;
use domain::notify::{About, Channel, Message};
use domain::retry_delay;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use journal::{JournalError, Notice, Notices, Reader};
use seal::Key;
use tokio::sync::Mutex;

use crate::fail::chain;
use crate::home::Home;

/// How often the journal is looked at for something new to say.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long the end of a command waits for what is still to be said.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// For so long a message is one process's; longer than any call takes.
const CLAIMED: SignedDuration = SignedDuration::from_secs(60);
/// What happened longer ago than this before a channel was first used is not said there.
const NEWS: SignedDuration = SignedDuration::from_mins(10);
/// The row that says since when a channel is used.
const SINCE: &str = "#since";

/// The one of this process, where its inventory has channels.
static TELLER: OnceLock<Teller> = OnceLock::new();

/// Who tells.
pub(crate) struct Teller {
    inventory: Inventory,
    directory: PathBuf,
    database: PathBuf,
    key: Key,
    /// One at a time within this process.
    turn: Mutex<()>,
}

/// What came of one look.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) said: usize,
    /// Each channel that could not be used, and why.
    pub(crate) failed: BTreeMap<String, String>,
}

/// Tells from here on, where the inventory has channels; `stays` says whether beside the command.
pub(crate) fn begin(home: &Home, key: &Key, stays: bool) {
    if home.inventory.notify.is_empty() {
        return;
    }
    let teller = TELLER.get_or_init(|| Teller::of(home, key));
    if stays {
        // It ends with the process; what is then not said is said by the next one.
        tokio::spawn(teller.watch());
    }
}

/// What is still to be said when a command has ended.
pub(crate) async fn last_words() {
    if let Some(teller) = TELLER.get() {
        // A channel that does not answer must not hold up the end.
        let _ = tokio::time::timeout(LAST_WORDS, teller.tell(Timestamp::now())).await;
    }
}

impl Teller {
    pub(crate) fn of(home: &Home, key: &Key) -> Self {
        Self {
            inventory: home.inventory.clone(),
            directory: home.directory.clone(),
            database: home.database(),
            key: key.clone(),
            turn: Mutex::new(()),
        }
    }

    /// Looks whenever the journal has changed.
    async fn watch(&'static self) {
        let mut seen = None;
        loop {
            let version = Reader::open(&self.database, &self.key)
                .and_then(|reader| Ok((reader.data_version()?, reader.audit_newest(1)?)));
            if let Ok((_, newest)) = version
                && seen != Some(newest.first().map(|line| line.seq))
            {
                seen = Some(newest.first().map(|line| line.seq));
                // What went wrong is remembered with the message, and told by `status`.
                let _ = self.tell(Timestamp::now()).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Says what is to be said and was not.
    pub(crate) async fn tell(&self, now: Timestamp) -> Result<Told, JournalError> {
        self.tell_besides(Vec::new(), now).await
    }

    /// The same, and what only the caller knows of.
    pub(crate) async fn tell_besides(
        &self,
        more: Vec<Message>,
        now: Timestamp,
    ) -> Result<Told, JournalError> {
        let _turn = self.turn.lock().await;
        let messages = occasions::messages(&self.inventory, &self.database, &self.key, more, now)?;
        let mut told = Told::default();
        let channels = self.inventory.notify.values();
        let ends = join_all(channels.map(|channel| self.tell_one(channel, &messages, now))).await;
        for (channel, end) in self.inventory.notify.values().zip(ends) {
            match end? {
                Ok(said) => told.said += said,
                Err(why) => drop(told.failed.insert(channel.name.clone(), why)),
            }
        }
        Ok(told)
    }

    /// Tries one channel with a message of its own.
    pub(crate) async fn test(&self, channel: &Channel, now: Timestamp) -> Result<String, String> {
        let message = Message::new(About::Test, format!("test@{}", now.as_millisecond()), now);
        let speaker = Speaker::new(channel, &self.directory).map_err(|error| chain(&error))?;
        speaker.say(&message, None).await.map_err(|error| error.to_string())
    }

    /// Everything on one channel, in order; the first that does not go stops the rest, so that
    /// nobody hears of an end before its beginning.
    async fn tell_one(
        &self,
        channel: &Channel,
        messages: &occasions::Messages,
        now: Timestamp,
    ) -> Result<Result<usize, String>, JournalError> {
        let mut notices = Notices::open(&self.database, &self.key)?;
        let known = notices.of(&channel.name)?;
        let since = since(&mut notices, channel, &known, now)?;
        let due: Vec<&Message> = messages.of(channel).filter(|one| one.at >= since).collect();
        let fresh = |one: &&&Message| {
            !known.iter().any(|notice| notice.id == one.id && notice.said_at.is_some())
        };
        let mut threads = threads(&known);
        let (mut said, mut speaker) = (0, None);
        for message in due.iter().filter(fresh) {
            let zone = &self.inventory.schedule.zone;
            if channel.holds(message, zone, now) {
                continue;
            }
            let rotation = message.rotation.as_ref().map(ToString::to_string);
            let (id, until) = (message.id.as_str(), now + CLAIMED);
            if !notices.claim(&channel.name, id, rotation.as_deref(), now, until)? {
                let failed = known.iter().find(|notice| notice.id == id && notice.why.is_some());
                match failed.and_then(|notice| notice.why.clone()) {
                    Some(why) => return Ok(Err(why)),
                    None => continue,
                }
            }
            let thread = rotation.as_ref().and_then(|id| threads.get(id).cloned());
            let end = self.say(&mut speaker, channel, message, thread.as_deref()).await;
            match end {
                Ok(receipt) => {
                    notices.said(&channel.name, id, now, &receipt)?;
                    said += 1;
                    if let Some(rotation) = rotation {
                        threads.entry(rotation).or_insert(receipt);
                    }
                }
                Err((why, asked)) => {
                    let tries = known.iter().find(|one| one.id == id).map_or(0, |one| one.attempts);
                    let wait = retry_delay(tries, asked).max(Duration::from_secs(1));
                    let wait = SignedDuration::try_from(wait).unwrap_or(CLAIMED);
                    notices.unsaid(&channel.name, id, &why, now + wait)?;
                    return Ok(Err(why));
                }
            }
        }
        Ok(Ok(said))
    }

    /// One message; the first of its thread is brought up to date besides.
    async fn say(
        &self,
        speaker: &mut Option<Speaker>,
        channel: &Channel,
        message: &Message,
        thread: Option<&str>,
    ) -> Result<String, (String, Option<Duration>)> {
        if speaker.is_none() {
            let made = Speaker::new(channel, &self.directory);
            *speaker = Some(made.map_err(|error| (chain(&error), None))?);
        }
        let Some(speaker) = speaker else { return Err(("no speaker".into(), None)) };
        let receipt = speaker.say(message, thread).await.map_err(|error| unsaid(&error))?;
        if let Some(first) = thread {
            // The reply is there; that the first message is old is worth no second reply.
            let _ = speaker.update(first, message).await;
        }
        Ok(receipt)
    }
}

fn unsaid(error: &Unsaid) -> (String, Option<Duration>) {
    let asked = match error {
        Unsaid::Fault(connectors::Fault::Later { after, .. }) => *after,
        _ => None,
    };
    (error.to_string(), asked)
}

/// Since when a channel is used; from now on, where it was never used.
fn since(
    notices: &mut Notices,
    channel: &Channel,
    known: &[Notice],
    now: Timestamp,
) -> Result<Timestamp, JournalError> {
    let found = known.iter().find(|notice| notice.id == SINCE).and_then(|notice| notice.said_at);
    if let Some(at) = found {
        return Ok(at - NEWS);
    }
    if notices.claim(&channel.name, SINCE, None, now, now)? {
        notices.said(&channel.name, SINCE, now, "")?;
    }
    Ok(now - NEWS)
}

/// Where the first message about each rotation stands.
fn threads(known: &[Notice]) -> BTreeMap<String, String> {
    let mut threads = BTreeMap::new();
    for notice in known {
        if let (Some(rotation), Some(receipt)) = (&notice.rotation, &notice.receipt) {
            threads.entry(rotation.clone()).or_insert_with(|| receipt.clone());
        }
    }
    threads
}
