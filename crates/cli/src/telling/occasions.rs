//! Which messages there are at this moment, from the journal, the audit log and the schedule.

use std::collections::BTreeSet;
use std::path::Path;

use domain::audit::Record;
use domain::inventory::Inventory;
use domain::notify::{About, Channel, Message};
use domain::{Rotation, SecretName};
use jiff::{SignedDuration, Timestamp};
use journal::{JournalError, Reader, RotationFilter, TokenState};
use seal::Key;

/// Rotations that have ended are told of for so long.
const TOLD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many rotations are looked at, newest first; more do not end within a week.
const ROTATIONS_MAX: u32 = 200;
/// How many audit records of one kind are.
const RECORDS_MAX: u64 = 50;

/// Audit records that people are told of.
const RECORDS: [(&str, About); 3] = [
    (domain::leak::OPENED, About::LeakFound),
    (domain::drift::FOUND, About::Drift),
    ("secret.pull.again", About::PullAgain),
];

/// Everything that there is to be said, by whomever.
pub(super) struct Messages {
    all: Vec<Message>,
    /// What waits, and since when; said again on channels that want it.
    open: Vec<Rotation>,
    /// Secrets that are being rotated now.
    rotating: BTreeSet<SecretName>,
    /// Channels whose login is dead.
    dead: Vec<Message>,
    channels: Vec<Channel>,
    now: Timestamp,
    escalated: Vec<(String, Message)>,
}

pub(super) fn messages(
    inventory: &Inventory,
    database: &Path,
    key: &Key,
    more: Vec<Message>,
    now: Timestamp,
) -> Result<Messages, JournalError> {
    let reader = Reader::open(database, key)?;
    let filter = RotationFilter { limit: Some(ROTATIONS_MAX), ..RotationFilter::default() };
    let (mut all, mut open) = (more, Vec::new());
    for row in reader.rotations(&filter)? {
        if row.closed_at.is_some_and(|at| at + TOLD < now) {
            continue;
        }
        let entries = reader.events(&row.id)?;
        all.extend(Message::of_journal(&entries));
        if row.closed_at.is_none() {
            open.extend(Rotation::replay(&entries));
        }
    }
    all.extend(records(&reader)?);
    all.extend(due(inventory, &reader, now)?);
    all.extend(digest(inventory, &reader, open.len(), now)?);
    all.sort_by_key(|message| message.at);
    let dead = dead(&reader, now)?;
    let rotating = open.iter().map(|rotation| rotation.plan().secret.clone()).collect();
    let channels: Vec<Channel> = inventory.notify.values().cloned().collect();
    let mut messages = Messages { all, open, rotating, dead, channels, now, escalated: Vec::new() };
    messages.escalate();
    Ok(messages)
}

impl Messages {
    /// Those for one channel, in order.
    pub(super) fn of<'a>(&'a self, channel: &'a Channel) -> impl Iterator<Item = &'a Message> {
        let away = |other: &Channel| {
            other.secret.as_ref().is_some_and(|secret| self.rotating.contains(secret))
        };
        let own = !away(channel);
        // While a channel's own token is rotated, the others say what it would have said.
        let for_others: Vec<&Channel> = self
            .channels
            .iter()
            .filter(|other| other.name != channel.name && away(other))
            .collect();
        let wanted = move |message: &&Message| {
            own && (channel.wants(message.about)
                || for_others.iter().any(|other| other.wants(message.about)))
        };
        let dead = self.dead.iter().filter(|one| one.name.as_deref() != Some(&channel.name));
        let again = self.escalated.iter().filter(|(name, _)| *name == channel.name);
        let again = again.map(|(_, message)| message);
        self.all.iter().filter(wanted).chain(dead.filter(move |_| own)).chain(again)
    }

    fn escalate(&mut self) {
        for channel in &self.channels {
            let Some(after) = channel.escalate else { continue };
            for rotation in &self.open {
                let again = Message::escalations(rotation, after, self.now);
                let again = again.into_iter().filter(|message| channel.wants(message.about));
                self.escalated.extend(again.map(|message| (channel.name.clone(), message)));
            }
        }
    }
}

fn records(reader: &Reader) -> Result<Vec<Message>, JournalError> {
    let mut told = Vec::new();
    for (action, about) in RECORDS {
        for line in reader.audit_of(action, None, RECORDS_MAX)? {
            let Ok(record) = serde_json::from_str::<Record>(&line.body) else { continue };
            let mut message = Message::new(about, format!("{action}#{}", line.seq), record.at);
            message.secret = record.secret;
            let place = record.context.get("consumer").or(record.context.get("place"));
            message.consumer = place.map(|name| name.as_str().into());
            message.name = Some(record.actor);
            told.push(message);
        }
    }
    Ok(told)
}

/// What is due, and what is overdue, once each time.
fn due(
    inventory: &Inventory,
    reader: &Reader,
    now: Timestamp,
) -> Result<Vec<Message>, JournalError> {
    let mut told = Vec::new();
    for secret in inventory.secrets.values() {
        let active = reader.tokens(&secret.name)?;
        let active = active.into_iter().filter(|token| token.state == TokenState::Active);
        let Some(since) = active.map(|token| token.since).max() else { continue };
        let slot = inventory.schedule.slot(&secret.name.to_string(), since, secret.max_age);
        let (about, at) = match () {
            () if slot.due <= now => (About::SecretOverdue, slot.due),
            () if slot.start <= now => (About::SecretDue, slot.start),
            () => continue,
        };
        let id = format!("{about}:{}@{}", secret.name, since.as_millisecond());
        // Said when it is seen: the moment itself may lie long before the channel was there.
        told.push(Message::new(about, id, at.max(now)).of_secret(&secret.name));
    }
    Ok(told)
}

/// Once a week, how everything stands.
fn digest(
    inventory: &Inventory,
    reader: &Reader,
    open: usize,
    now: Timestamp,
) -> Result<Option<Message>, JournalError> {
    let week = now.to_zoned(inventory.schedule.zone.clone()).date().iso_week_date();
    let overdue = due(inventory, reader, now)?;
    let overdue = overdue.iter().filter(|one| one.about == About::SecretOverdue).count();
    let id = format!("digest:{}-W{:02}", week.year(), week.week());
    let mut message = Message::new(About::Digest, id, now);
    message.numbers = vec![
        ("secrets", inventory.secrets.len() as u64),
        ("overdue", overdue as u64),
        ("rotations open", open as u64),
    ];
    Ok(Some(message))
}

/// Channels that refused their login today; the others say so.
fn dead(reader: &Reader, now: Timestamp) -> Result<Vec<Message>, JournalError> {
    let day = now.strftime("%F");
    let mut told: Vec<Message> = Vec::new();
    for notice in reader.unsaid_notices()? {
        let is_dead = notice.why.as_deref().is_some_and(|why| why.starts_with("the login is dead"));
        let id = format!("channel.dead:{}@{day}", notice.channel);
        if is_dead && !told.iter().any(|message| message.id == id) {
            let mut message = Message::new(About::ChannelDead, id, now);
            message.name = Some(notice.channel);
            told.push(message);
        }
    }
    Ok(told)
}
