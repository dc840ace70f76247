//! `[notify.NAME]` of `rollover.toml`.

use serde_spanned::Spanned;

use crate::SecretName;
use crate::inventory::raw;
use crate::inventory::reference::Page;
use crate::inventory::{AddressUse, Source};
use crate::notify::{About, Channel, ChannelKind};

const KINDS: [&str; 4] = ["slack", "slack-webhook", "mail", "webhook"];
const SLACK: &str = "https://slack.com/api";
const POSTMARK: &str = "https://api.postmarkapp.com";

impl Page<'_> {
    pub(super) fn channel(&mut self, name: &str, raw: &Spanned<raw::Notify>) -> Option<Channel> {
        let part = raw.get_ref();
        let kind = self.channel_kind(part)?;
        let quiet = part.quiet.iter().filter_map(|window| match window.get_ref().parse() {
            Ok(window) => Some(window),
            Err(error) => {
                let error: crate::schedule::ParseWindowError = error;
                self.say(window.span(), error.to_string());
                None
            }
        });
        let quiet = quiet.collect();
        let events = part.events.iter().filter_map(|word| self.about(word)).collect();
        Some(Channel {
            name: name.to_owned(),
            kind,
            events,
            quiet,
            escalate: part.escalate,
            secret: self.channel_secret(part)?,
            private: part.private,
        })
    }

    fn channel_kind(&mut self, part: &raw::Notify) -> Option<ChannelKind> {
        let given = [
            ("url", part.url.as_ref()),
            ("channel", part.channel.as_ref()),
            ("from", part.from.as_ref()),
            ("to", part.to.as_ref()),
            ("stream", part.stream.as_ref()),
        ];
        let word = part.kind.get_ref().as_str();
        let (required, optional): (&[&'static str], &[&'static str]) = match word {
            "slack" => (&["channel"], &["url"]),
            "slack-webhook" => (&[], &[]),
            "mail" => (&["from", "to"], &["url", "stream"]),
            "webhook" => (&["url"], &[]),
            _ => {
                self.unknown_word(&part.kind, "the kind of channel", KINDS.into_iter());
                return None;
            }
        };
        let fields = self.fields(&part.kind, &given, required, optional)?;
        let text = |name: &str| fields.get(name).map(|field| field.get_ref().clone());
        let url = match (fields.get("url"), word) {
            (Some(url), _) => self.address(url, AddressUse::Connection)?,
            (None, "slack") => SLACK.to_owned(),
            (None, _) => POSTMARK.to_owned(),
        };
        let login = self.channel_login(part)?;
        Some(match word {
            "slack" => ChannelKind::Slack { url, token: login, channel: text("channel")? },
            "slack-webhook" => ChannelKind::SlackWebhook { address: login },
            "mail" => ChannelKind::Mail {
                url,
                token: login,
                from: text("from")?,
                to: text("to")?,
                stream: text("stream").unwrap_or_else(|| "outbound".into()),
            },
            _ => ChannelKind::Webhook { url, secret: login },
        })
    }

    /// A channel's own login; not a secret's current token, which a rotation would take away.
    fn channel_login(&mut self, part: &raw::Notify) -> Option<Source> {
        let Some(auth) = &part.auth else {
            let message = format!("kind `{}` needs `auth`", part.kind.get_ref());
            self.say_hint(part.kind.span(), message, "auth = { file = \"...\" }".into());
            return None;
        };
        match self.source(auth)? {
            Source::Secret(_) => {
                self.say_hint(
                    auth.span(),
                    "a channel has a login of its own".into(),
                    "one of { env = \"NAME\" }, { file = \"PATH\" } or { keyring = \"NAME\" }; \
                     `secret = \"prod/NAME\"` says whose token it is"
                        .into(),
                );
                None
            }
            source => Some(source),
        }
    }

    #[expect(clippy::option_option, reason = "not given is right, not a name is wrong")]
    fn channel_secret(&mut self, part: &raw::Notify) -> Option<Option<SecretName>> {
        let Some(name) = &part.secret else {
            return Some(None);
        };
        match name.get_ref().parse() {
            Ok(name) => Some(Some(name)),
            Err(error) => {
                let error: crate::NameError = error;
                self.say(name.span(), error.to_string());
                None
            }
        }
    }

    fn about(&mut self, word: &raw::Text) -> Option<About> {
        match word.get_ref().parse() {
            Ok(about) => Some(about),
            Err(()) => {
                self.unknown_word(word, "event", About::ALL.iter().map(|(_, word)| *word));
                None
            }
        }
    }
}
