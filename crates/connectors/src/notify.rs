//! Saying something to people: Slack, mail through Postmark, a signed POST.
//!
//! What is said is a [`Message`], which holds no value; each file here gives it the form of its
//! place. A call is made once; whoever calls remembers what was said, and says it again with the
//! same id where nobody knows. A login that the place does not know any more is told apart from
//! everything else, because then nobody hears anything there.

mod mail;
mod slack;
mod webhook;

use std::path::Path;

use domain::Span;
use domain::Token;
use domain::inventory::{Auth, Connection, ConnectionKind, Source};
use domain::notify::{Channel, ChannelKind, Message};

use crate::http::{Http, SetupError};
use crate::{Fault, Login, LoginError};

/// The longest that a call may take; nobody waits for it.
const TIMEOUT: Span = Span::from_secs(10);

/// Why a channel cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Its login cannot be read.
    #[error("failed to read the login of the channel `{channel}`")]
    Login {
        /// The channel.
        channel: String,
        /// Why.
        source: LoginError,
    },
    /// Its address cannot be used; it may be a secret, so it is not shown.
    #[error("the address of the channel `{channel}` cannot be used")]
    Address {
        /// The channel.
        channel: String,
    },
}

/// Why something was not said.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsaid {
    /// The place does not know the login any more.
    #[error("the login is dead: {0}")]
    Dead(String),
    /// Anything else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A channel that can be spoken into.
pub struct Speaker {
    http: Http,
    login: Token,
    kind: ChannelKind,
}

impl Speaker {
    /// Reads the channel's login; nothing is sent. Relative paths start at `directory`.
    ///
    /// # Errors
    /// The login cannot be read, or the address cannot be used.
    pub fn new(channel: &Channel, directory: &Path) -> Result<Self, ChannelError> {
        let name = || channel.name.clone();
        let source = match &channel.kind {
            ChannelKind::Slack { token, .. } | ChannelKind::Mail { token, .. } => token,
            ChannelKind::SlackWebhook { address } => address,
            ChannelKind::Webhook { secret, .. } => secret,
        };
        let login = read(source, directory)
            .map_err(|source| ChannelError::Login { channel: name(), source })?;
        let (url, vendor) = match &channel.kind {
            ChannelKind::Slack { url, .. } => (url.as_str(), "Slack"),
            ChannelKind::SlackWebhook { .. } => (login.expose(), "Slack"),
            ChannelKind::Mail { url, .. } => (url.as_str(), "Postmark"),
            ChannelKind::Webhook { url, .. } => (url.as_str(), "the webhook"),
        };
        let http = http(url, channel.private, directory)
            .map_err(|_| ChannelError::Address { channel: name() })?;
        Ok(Self { http: http.called(vendor), login, kind: channel.kind.clone() })
    }

    /// Says it, once. The answer tells where it stands: what Slack calls a message, a mail's id.
    /// `thread` is such an answer, of the first message about the same rotation.
    ///
    /// # Errors
    /// The login is dead, or any [`Fault`]; after `Unsure` it may have been said.
    pub async fn say(&self, message: &Message, thread: Option<&str>) -> Result<String, Unsaid> {
        match &self.kind {
            ChannelKind::Slack { channel, .. } => {
                slack::post(&self.http, &self.login, channel, message, thread).await
            }
            ChannelKind::SlackWebhook { .. } => slack::hook(&self.http, message).await,
            ChannelKind::Mail { from, to, stream, .. } => {
                let mail = mail::Mail { from, to, stream };
                mail::send(&self.http, &self.login, &mail, message).await
            }
            ChannelKind::Webhook { .. } => webhook::post(&self.http, &self.login, message).await,
        }
    }

    /// Brings the first message of a thread up to date, where the place can.
    ///
    /// # Errors
    /// As [`Speaker::say`].
    pub async fn update(&self, first: &str, message: &Message) -> Result<(), Unsaid> {
        match &self.kind {
            ChannelKind::Slack { .. } => {
                slack::update(&self.http, &self.login, first, message).await
            }
            _ => Ok(()),
        }
    }
}

fn read(source: &Source, directory: &Path) -> Result<Token, LoginError> {
    let login = Login::read(source, directory)?;
    login.get().ok_or_else(|| LoginError::Env("auth".into()))
}

fn http(url: &str, private: bool, directory: &Path) -> Result<Http, SetupError> {
    let connection = Connection {
        name: "notify".into(),
        kind: ConnectionKind::Postmark,
        url: url.to_owned(),
        private,
        auth: Auth::None,
        ca: None,
        proxy: None,
        timeout: TIMEOUT,
    };
    Http::new(&connection, directory, None)
}
