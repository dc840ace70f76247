//! Where people are told: the inventory's `[notify.NAME]`.

use jiff::Timestamp;

use super::{About, Message};
use crate::inventory::Source;
use crate::schedule::{Schedule, Window};
use crate::{SecretName, Span};

/// A place where people are told.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name in the inventory.
    pub name: String,
    /// Which kind, with what only that kind needs.
    pub kind: ChannelKind,
    /// What is said there; everything where it is empty.
    pub events: Vec<About>,
    /// When only what is urgent is said; the rest waits.
    pub quiet: Vec<Window>,
    /// After how long a task that nobody has done is said again, quiet or not.
    pub escalate: Option<Span>,
    /// The secret whose token its login is. While that one is rotated, the other channels are told.
    pub secret: Option<SecretName>,
    /// Whether the name in its address may stand for an address of a private network.
    pub private: bool,
}

/// The kinds of channels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChannelKind {
    /// A channel of Slack, by a bot: one thread a rotation, its first message kept current.
    Slack {
        /// The base of Slack's API.
        url: String,
        /// The bot's token.
        token: Source,
        /// The channel's id or name.
        channel: String,
    },
    /// A channel of Slack, by an incoming webhook. Its whole address is a secret.
    SlackWebhook {
        /// Where the address is found.
        address: Source,
    },
    /// Mail, through Postmark, with a server token of its own.
    Mail {
        /// The base of Postmark's API.
        url: String,
        /// The server token.
        token: Source,
        /// The sender.
        from: String,
        /// Who gets it.
        to: String,
        /// The message stream.
        stream: String,
    },
    /// A program of yours, by a signed POST.
    Webhook {
        /// Its address.
        url: String,
        /// What its bodies are signed with.
        secret: Source,
    },
}

impl Channel {
    /// Whether this is said here at all.
    #[must_use]
    pub fn wants(&self, about: About) -> bool {
        self.events.is_empty() || about == About::Test || self.events.contains(&about)
    }

    /// Whether it has to wait for the end of the quiet hours.
    #[must_use]
    pub fn holds(&self, message: &Message, zone: &jiff::tz::TimeZone, now: Timestamp) -> bool {
        if self.quiet.is_empty() || message.again || message.about.is_urgent() {
            return false;
        }
        let (zone, windows) = (zone.clone(), self.quiet.clone());
        let quiet = Schedule { zone, windows, ..Schedule::default() };
        quiet.closed(now).is_none()
    }
}
