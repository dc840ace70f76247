//! Reading of one file's parts: a page that knows its text, and references between parts.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;

use super::raw::{KeyReference, Reference, Text};
use super::{AddressUse, Auth, Diagnostic, KeySource, Source, SourceFile, address};

/// One file while it is read. Collects what is wrong instead of stopping at the first thing.
pub(super) struct Page<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) wrong: Vec<Diagnostic>,
}

/// The text fields of a part, by name, after its kind's rules were checked.
pub(super) type Fields<'a> = BTreeMap<&'static str, &'a Text>;

impl<'a> Page<'a> {
    pub(super) fn new(file: &'a SourceFile) -> Self {
        Self { file, wrong: Vec::new() }
    }

    pub(super) fn parse<T: DeserializeOwned>(&mut self) -> Option<T> {
        self.refuse_literal_tokens();
        match toml::from_str(&self.file.text) {
            Ok(value) => Some(value),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                self.say(span, error.message().to_owned());
                None
            }
        }
    }

    pub(super) fn say(&mut self, span: Range<usize>, message: String) {
        self.wrong.push(Diagnostic::at(&self.file.path, &self.file.text, span, message));
    }

    pub(super) fn say_hint(&mut self, span: Range<usize>, message: String, hint: String) {
        let diagnostic = Diagnostic::at(&self.file.path, &self.file.text, span, message);
        self.wrong.push(diagnostic.hinted(hint));
    }

    /// A value of a secret must not stand in the inventory, not even in a comment.
    fn refuse_literal_tokens(&mut self) {
        for prefix in ["HRKU-", "ghp_", "github_pat_"] {
            for (start, _) in self.file.text.match_indices(prefix) {
                let rest = &self.file.text[start + prefix.len()..];
                let length = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
                    .unwrap_or(rest.len());
                if length >= 30 {
                    self.say_hint(
                        start..start + prefix.len(),
                        "a token's value stands in the inventory".into(),
                        "treat it as leaked and rotate it; write where it is found instead, such \
                         as { file = \"...\" }"
                            .into(),
                    );
                }
            }
        }
    }

    /// Checks a part's text fields against its kind: all required ones there, no others.
    pub(super) fn fields<'t>(
        &mut self,
        kind: &Text,
        given: &[(&'static str, Option<&'t Text>)],
        required: &[&'static str],
        optional: &[&'static str],
    ) -> Option<Fields<'t>> {
        let before = self.wrong.len();
        for name in required {
            if !given.iter().any(|(given, value)| given == name && value.is_some()) {
                let message = format!("kind `{}` needs `{name}`", kind.get_ref());
                self.say(kind.span(), message);
            }
        }
        let mut fields = Fields::new();
        for (name, value) in given {
            let Some(value) = value else { continue };
            if required.contains(name) || optional.contains(name) {
                if value.get_ref().trim().is_empty() {
                    self.say(value.span(), format!("`{name}` is empty"));
                }
                fields.insert(name, value);
            } else {
                let message = format!("`{name}` means nothing to kind `{}`", kind.get_ref());
                self.say(value.span(), message);
            }
        }
        (self.wrong.len() == before).then_some(fields)
    }

    /// Says that a word is none of those that are known, with the nearest one.
    pub(super) fn unknown_word<'n>(
        &mut self,
        word: &Text,
        what: &str,
        known: impl Iterator<Item = &'n str>,
    ) {
        let known: Vec<&str> = known.collect();
        let message = format!("{what} `{}` is not known", word.get_ref());
        let nearest = known
            .iter()
            .map(|name| (strsim::jaro_winkler(name, word.get_ref()), *name))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match nearest {
            Some((nearness, name)) if nearness > 0.8 => format!("did you mean `{name}`?"),
            _ if known.is_empty() => "none is defined in rollover.toml".into(),
            _ => format!("known: {}", known.join(", ")),
        };
        self.say_hint(word.span(), message, hint);
    }

    /// An address, without a slash at its end.
    pub(super) fn address(&mut self, text: &Text, purpose: AddressUse) -> Option<String> {
        let value = text.get_ref();
        match address(value, purpose) {
            Ok(_) => Some(value.trim_end_matches('/').to_owned()),
            Err(error) => {
                let (what, hint) = match purpose {
                    AddressUse::Dashboard => (
                        "people may be sent to",
                        "write https://HOST/..., or http:// for a page of this machine",
                    ),
                    AddressUse::Proxy => (
                        "a proxy may have",
                        "write http://HOST:PORT; a proxy's login goes into HTTPS_PROXY",
                    ),
                    AddressUse::Connection | AddressUse::Probe => (
                        "tokens may be sent to",
                        "write https://HOST, or http:// for an address on this machine",
                    ),
                };
                let message = format!("`{value}` is not an address that {what}: {error}");
                self.say_hint(text.span(), message, hint.into());
                None
            }
        }
    }

    pub(super) fn source(&mut self, reference: &Spanned<Reference>) -> Option<Source> {
        let raw = reference.get_ref();
        let secret = match &raw.secret {
            Some(text) => match text.get_ref().parse() {
                Ok(name) => Some(Source::Secret(name)),
                Err(error) => {
                    self.say(text.span(), format!("{error}"));
                    return None;
                }
            },
            None => None,
        };
        let mut given: Vec<Source> = [
            raw.env.clone().map(Source::Env),
            raw.file.clone().map(Source::File),
            raw.keyring.clone().map(Source::Keyring),
            secret,
        ]
        .into_iter()
        .flatten()
        .collect();
        if given.len() == 1 && raw.client_id.is_none() && raw.client_secret.is_none() {
            return given.pop();
        }
        self.say_hint(
            reference.span(),
            "this must name exactly one place in which the value is found".into(),
            "one of { env = \"NAME\" }, { file = \"PATH\" }, { keyring = \"NAME\" } or { secret = \
             \"prod/NAME\" }"
                .into(),
        );
        None
    }

    pub(super) fn auth(&mut self, reference: &Spanned<Reference>) -> Option<Auth> {
        let raw = reference.get_ref();
        match (&raw.client_id, &raw.client_secret) {
            (Some(id), Some(secret)) => {
                let (id, secret) = (self.source(id)?, self.source(secret)?);
                Some(Auth::Client { id, secret })
            }
            (None, None) => self.source(reference).map(Auth::Token),
            _ => {
                self.say(
                    reference.span(),
                    "`client_id` and `client_secret` go together".to_owned(),
                );
                None
            }
        }
    }

    pub(super) fn key(&mut self, reference: &Spanned<KeyReference>) -> Option<KeySource> {
        let raw = reference.get_ref();
        match (&raw.file, &raw.keyring, &raw.passphrase) {
            (Some(path), None, None) => Some(KeySource::File(path.clone())),
            (None, Some(name), None) => Some(KeySource::Keyring(name.clone())),
            (None, None, Some(path)) => Some(KeySource::Passphrase(path.clone())),
            _ => {
                self.say_hint(
                    reference.span(),
                    "this must name exactly one place for the key".into(),
                    "one of { file = \"PATH\" }, { keyring = \"NAME\" } or { passphrase = \
                     \"PATH\" }, where the path holds the salt"
                        .into(),
                );
                None
            }
        }
    }
}
