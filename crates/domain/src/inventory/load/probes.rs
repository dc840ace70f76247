//! The probes of `secrets/*.toml`.

use std::collections::BTreeMap;

use serde_spanned::Spanned;

use crate::inventory::raw::{self, Text};
use crate::inventory::reference::Page;
use crate::inventory::{AddressUse, Ask, ConnectionKind, Inventory, IssuerKind, Probe, ProbeKind};

/// The most inputs of a workflow (GitHub: 25, one of which the rotation's id may need).
const INPUTS_MAX: usize = 24;
/// What no line of a log may hold, where the inventory says nothing.
const WORDS: [&str; 2] = ["401", "InvalidAPIToken"];
const SUBJECT: &str = "Token rotation validation";

impl Page<'_> {
    pub(super) fn probes(&mut self, raw: &raw::Secret, inventory: &Inventory) -> Vec<Probe> {
        let mut probes: Vec<Probe> = Vec::new();
        for verify in &raw.verify {
            let Some(probe) = self.probe(verify, raw, inventory) else { continue };
            if probes.iter().any(|other| other.name == probe.name) {
                let place = verify.get_ref().name.as_ref().map_or(verify.span(), Spanned::span);
                self.say_hint(
                    place,
                    format!("two probes are called `{}`", probe.name),
                    "give each a name of its own: name = \"...\"".into(),
                );
            }
            probes.push(probe);
        }
        probes
    }

    fn probe(
        &mut self,
        raw: &Spanned<raw::Verify>,
        secret: &raw::Secret,
        inventory: &Inventory,
    ) -> Option<Probe> {
        let part = raw.get_ref();
        let kind = self.probe_kind(part, secret, inventory)?;
        if part.confirm_receipt
            && !matches!(kind, ProbeKind::TestMail { .. } | ProbeKind::AppMail { .. })
        {
            let message = format!("a `{}` probe sends nothing that could arrive", kind.word());
            self.say(part.kind.span(), message);
            return None;
        }
        let own = || match &kind {
            ProbeKind::Health(ask) => ask.url.clone(),
            other => other.describe(),
        };
        let name = part.name.as_ref().map_or_else(own, |name| name.get_ref().trim().to_owned());
        if name.is_empty() || name.chars().any(char::is_control) {
            let place = part.name.as_ref().map_or(raw.span(), Spanned::span);
            self.say(place, "a probe's name is some words in one line".into());
            return None;
        }
        Some(Probe { name, confirm_receipt: part.confirm_receipt, kind })
    }

    fn probe_kind(
        &mut self,
        part: &raw::Verify,
        secret: &raw::Secret,
        inventory: &Inventory,
    ) -> Option<ProbeKind> {
        let given = [
            ("via", part.via.as_ref()),
            ("method", part.method.as_ref()),
            ("url", part.url.as_ref()),
            ("id", part.id.as_ref()),
            ("from", part.from.as_ref()),
            ("to", part.to.as_ref()),
            ("subject", part.subject.as_ref()),
            ("stream", part.stream.as_ref()),
            ("app", part.app.as_ref()),
            ("about", part.about.as_ref()),
            ("repo", part.repo.as_ref()),
            ("workflow", part.workflow.as_ref()),
            ("ref", part.git_ref.as_ref()),
            ("correlate", part.correlate.as_ref()),
        ];
        let text = |text: &Text| text.get_ref().clone();
        match part.kind.get_ref().as_str() {
            "health" => {
                self.fields(&part.kind, &given, &["url"], &["method"])?;
                self.no_tables(part, true)?;
                Some(ProbeKind::Health(self.ask(part, "GET")?))
            }
            "app-mail" => {
                let fields = self.fields(&part.kind, &given, &["url", "id"], &["method"])?;
                let id = text(fields["id"]);
                self.no_tables(part, true)?;
                Some(ProbeKind::AppMail { ask: self.ask(part, "POST")?, id })
            }
            "test-mail" => {
                let optional = ["subject", "stream"];
                let fields = self.fields(&part.kind, &given, &["from", "to"], &optional)?;
                self.no_tables(part, false)?;
                let via = self.mailing_issuer(part, secret, inventory)?;
                let or = |name: &str, otherwise: &str| {
                    fields.get(name).map_or_else(|| otherwise.to_owned(), |given| text(given))
                };
                let (from, to) = (self.email(fields["from"]), self.email(fields["to"]));
                let (from, to) = (from?, to?);
                let (subject, stream) = (or("subject", SUBJECT), or("stream", "outbound"));
                Some(ProbeKind::TestMail { via, from, to, subject, stream })
            }
            "log" => {
                let fields = self.fields(&part.kind, &given, &["via", "app"], &["about"])?;
                self.no_tables(part, false)?;
                let via =
                    self.via(fields["via"], ConnectionKind::Heroku, &inventory.connections)?;
                let about = fields.get("about").map(|about| text(about));
                let words = self.words(part)?;
                Some(ProbeKind::Log { via, app: text(fields["app"]), about, words })
            }
            "workflow" => {
                let (needs, may) = (["via", "repo", "workflow"], ["ref", "correlate"]);
                let fields = self.fields(&part.kind, &given, &needs, &may)?;
                self.no_tables(part, false)?;
                let via =
                    self.via(fields["via"], ConnectionKind::Github, &inventory.connections)?;
                self.repository(fields["repo"])?;
                let correlate = fields.get("correlate").map(|input| text(input));
                Some(ProbeKind::Workflow {
                    via,
                    repo: text(fields["repo"]),
                    workflow: text(fields["workflow"]),
                    git_ref: fields.get("ref").map_or_else(|| "main".to_owned(), |at| text(at)),
                    inputs: self.inputs(part, correlate.as_deref())?,
                    correlate,
                })
            }
            _ => {
                self.unknown_word(&part.kind, "the kind of probe", ProbeKind::ALL.into_iter());
                None
            }
        }
    }

    /// What no text field is and another kind needs.
    fn no_tables(&mut self, part: &raw::Verify, asks: bool) -> Option<()> {
        let is = |kind: &str| part.kind.get_ref() == kind;
        let expects = part.expect.status.is_some()
            || !part.expect.json.is_empty()
            || !part.expect.json_has.is_empty();
        let odd = [
            ("json", !asks && part.json.is_some()),
            ("expect", !asks && expects),
            ("private", !asks && part.private),
            ("words", !is("log") && part.words.is_some()),
            ("inputs", !is("workflow") && !part.inputs.is_empty()),
        ];
        let found = odd.into_iter().find(|(_, given)| *given).map(|(name, _)| name);
        if let Some(name) = found {
            let message = format!("`{name}` means nothing to kind `{}`", part.kind.get_ref());
            self.say(part.kind.span(), message);
        }
        found.is_none().then_some(())
    }

    fn ask(&mut self, part: &raw::Verify, usual: &str) -> Option<Ask> {
        let url = self.address(part.url.as_ref()?, AddressUse::Probe)?;
        let method = part.method.as_ref().map_or(usual, |method| method.get_ref().as_str());
        if !["GET", "POST"].contains(&method) {
            let place = part.method.as_ref().map_or(part.kind.span(), Spanned::span);
            self.say(place, format!("method `{method}` is not GET or POST"));
            return None;
        }
        let value = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let exact = part.expect.json.iter().map(|(field, is)| (field.clone(), Some(value(is))));
        let mut expect_json: Vec<(String, Option<String>)> = exact.collect();
        expect_json.extend(part.expect.json_has.iter().map(|field| (field.clone(), None)));
        let json = match &part.json {
            Some(value) => Some(serde_json::to_string(value).ok()?),
            None => None,
        };
        Some(Ask {
            method: method.to_owned(),
            url,
            private: part.private,
            json,
            expect_status: part.expect.status.unwrap_or(200),
            expect_json,
        })
    }

    /// The connection of the secret's issuer, which has to make tokens that send mail.
    fn mailing_issuer(
        &mut self,
        part: &raw::Verify,
        secret: &raw::Secret,
        inventory: &Inventory,
    ) -> Option<String> {
        // An issuer that is not there was told of already.
        let issuer = inventory.issuers.get(secret.issuer.get_ref())?;
        if let IssuerKind::PostmarkServer { .. } = issuer.kind {
            return Some(issuer.via.clone());
        }
        self.say_hint(
            part.kind.span(),
            format!(
                "a test mail is sent with the new token, and `{}` makes none that sends mail",
                issuer.name
            ),
            "kind = \"app-mail\" has an application send one".into(),
        );
        None
    }

    fn words(&mut self, part: &raw::Verify) -> Option<Vec<String>> {
        let Some(given) = &part.words else {
            return Some(WORDS.map(str::to_owned).to_vec());
        };
        let empty = given.get_ref().iter().any(|word| word.get_ref().trim().is_empty());
        if given.get_ref().is_empty() || empty {
            self.say(given.span(), "a log is looked through for at least one word".into());
            return None;
        }
        Some(given.get_ref().iter().map(|word| word.get_ref().clone()).collect())
    }

    fn inputs(
        &mut self,
        part: &raw::Verify,
        correlate: Option<&str>,
    ) -> Option<BTreeMap<String, String>> {
        let mut inputs = BTreeMap::new();
        for (name, value) in &part.inputs {
            let text = match value.get_ref() {
                toml::Value::String(text) => text.clone(),
                toml::Value::Boolean(is) => is.to_string(),
                toml::Value::Integer(number) => number.to_string(),
                _ => {
                    self.say(
                        value.span(),
                        format!("input `{name}` is neither text, number nor boolean"),
                    );
                    return None;
                }
            };
            if correlate == Some(name.as_str()) {
                self.say(value.span(), format!("input `{name}` is given the rotation's id"));
                return None;
            }
            inputs.insert(name.clone(), text);
        }
        if inputs.len() > INPUTS_MAX {
            self.say(part.kind.span(), format!("a run takes no more than {INPUTS_MAX} inputs"));
            return None;
        }
        Some(inputs)
    }
}
