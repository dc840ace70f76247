//! `rollover.toml`: state, policy, connections, issuers, stores.

use std::collections::BTreeMap;

use serde_spanned::Spanned;

use super::people::second_person;
use crate::Span;
use crate::inventory::raw;
use crate::inventory::reference::Page;
use crate::inventory::{
    AddressUse, Auth, Connection, ConnectionKind, Inventory, Issuer, IssuerKind, Policy, State,
    Store, StoreKind, address, is_on_this_machine,
};

const SCHEMA: u32 = 1;
const PROOF_INTERVAL_MIN: Span = Span::from_secs(30);
const POSTMARK_DASHBOARD: &str = "https://account.postmarkapp.com";

/// The vendors that can be connected to: the word, the default address.
const CONNECTIONS: [(&str, ConnectionKind, &str); 4] = [
    ("postmark", ConnectionKind::Postmark, "https://api.postmarkapp.com"),
    ("heroku", ConnectionKind::Heroku, "https://api.heroku.com"),
    ("github", ConnectionKind::Github, "https://api.github.com"),
    ("infisical", ConnectionKind::Infisical, "https://app.infisical.com/api"),
];

impl Page<'_> {
    pub(super) fn organisation(&mut self, raw: &raw::Organisation) -> Option<Inventory> {
        if *raw.schema.get_ref() != SCHEMA {
            let message = format!("schema {} is not known", raw.schema.get_ref());
            self.say_hint(
                raw.schema.span(),
                message,
                format!("this rollover reads schema {SCHEMA}"),
            );
        }
        let key = self.key(&raw.state.key);
        let connections = self.named(&raw.connections, Self::connection);
        let policy = self.policy(&raw.policy, &connections);
        let schedule = self.schedule(raw);
        let people = self.people(raw);
        let issuers = self
            .named(&raw.issuers, |page, name, raw| page.issuer(name, raw.get_ref(), &connections));
        let stores = self
            .named(&raw.stores, |page, name, raw| page.store(name, raw.get_ref(), &connections));
        let notify = self.named(&raw.notify, Self::channel);
        Some(Inventory {
            notify,
            org: raw.org.clone(),
            people,
            state: State { database: raw.state.database.clone(), key: key? },
            policy,
            schedule,
            connections,
            issuers,
            stores,
            secrets: BTreeMap::new(),
        })
    }

    fn named<R, T>(
        &mut self,
        parts: &BTreeMap<String, Spanned<R>>,
        mut read: impl FnMut(&mut Self, &str, &Spanned<R>) -> Option<T>,
    ) -> BTreeMap<String, T> {
        parts
            .iter()
            .filter_map(|(name, raw)| Some((name.clone(), read(self, name, raw)?)))
            .collect()
    }

    fn policy(&mut self, raw: &raw::Policy, connections: &BTreeMap<String, Connection>) -> Policy {
        let local = connections.values().all(|connection| {
            address(&connection.url, AddressUse::Connection)
                .is_ok_and(|url| is_on_this_machine(&url))
        });
        let interval = raw.proof_interval.as_ref();
        if let Some(interval) = interval
            && *interval.get_ref() < PROOF_INTERVAL_MIN
            && !local
        {
            self.say_hint(
                interval.span(),
                format!("the two answers that prove a death must be {PROOF_INTERVAL_MIN} apart"),
                "less is only for a lab, where every connection is on this machine".into(),
            );
        }
        if let Some(attempts) = &raw.attempts_max
            && *attempts.get_ref() == 0
        {
            self.say(attempts.span(), "a call must be tried at least once".into());
        }
        Policy {
            max_age: raw.max_age.unwrap_or(Span::from_secs(90 * 86_400)),
            soak: raw.soak.unwrap_or(Span::from_secs(600)),
            proof_interval: interval.map_or(PROOF_INTERVAL_MIN, |interval| *interval.get_ref()),
            proof_timeout: raw.proof_timeout.unwrap_or(Span::from_secs(7_200)),
            adopt_timeout: raw.adopt_timeout.unwrap_or(Span::from_secs(600)),
            attempts_max: raw.attempts_max.as_ref().map_or(8, |attempts| *attempts.get_ref()),
            watch: raw.watch.unwrap_or(Span::from_secs(86_400)),
            task_deadline: raw.task_deadline.unwrap_or(Policy::TASK_DEADLINE),
            claim: raw.claim.unwrap_or(Policy::CLAIM),
            role: raw.role.as_ref().map_or_else(|| "ops".into(), |role| role.get_ref().clone()),
            approve_role: raw.approve_role.as_ref().map(|role| role.get_ref().clone()),
            second_person: second_person(raw.second_person.as_ref()),
        }
    }

    fn connection(&mut self, name: &str, raw: &Spanned<raw::Connection>) -> Option<Connection> {
        let raw = raw.get_ref();
        let Some((_, kind, default)) =
            CONNECTIONS.iter().find(|(word, ..)| word == raw.kind.get_ref())
        else {
            self.unknown_word(
                &raw.kind,
                "the kind of connection",
                CONNECTIONS.iter().map(|known| known.0),
            );
            return None;
        };
        let url = match &raw.url {
            Some(url) => self.address(url, AddressUse::Connection)?,
            None => (*default).to_owned(),
        };
        let auth = match &raw.auth {
            Some(auth) => self.auth(auth)?,
            None => Auth::None,
        };
        let fits = match kind {
            ConnectionKind::Postmark => auth == Auth::None,
            ConnectionKind::Infisical => matches!(auth, Auth::Client { .. }),
            ConnectionKind::Heroku | ConnectionKind::Github => matches!(auth, Auth::Token(_)),
        };
        if !fits {
            let wanted = match kind {
                ConnectionKind::Postmark => "needs no `auth`: its tokens speak for themselves",
                ConnectionKind::Infisical => {
                    "logs in with auth = { client_id = { ... }, client_secret = { ... } }"
                }
                _ => "logs in with auth = { file = \"...\" } or another place of one token",
            };
            let place = raw.auth.as_ref().map_or(raw.kind.span(), Spanned::span);
            self.say(place, format!("kind `{}` {wanted}", raw.kind.get_ref()));
            return None;
        }
        let proxy = match &raw.proxy {
            Some(proxy) => Some(self.address(proxy, AddressUse::Proxy)?),
            None => None,
        };
        Some(Connection {
            name: name.to_owned(),
            kind: *kind,
            url,
            private: raw.private,
            auth,
            ca: raw.ca.clone(),
            proxy,
            timeout: raw.timeout.unwrap_or(Span::from_secs(30)),
        })
    }

    /// The named connection, if it is of this kind.
    pub(super) fn via(
        &mut self,
        via: &raw::Text,
        kind: ConnectionKind,
        connections: &BTreeMap<String, Connection>,
    ) -> Option<String> {
        match connections.get(via.get_ref()) {
            Some(connection) if connection.kind == kind => Some(via.get_ref().clone()),
            Some(connection) => {
                let message = format!(
                    "connection `{}` is of kind {:?}, {kind:?} is needed here",
                    connection.name, connection.kind
                );
                self.say(via.span(), message);
                None
            }
            None => {
                self.unknown_word(via, "connection", connections.keys().map(String::as_str));
                None
            }
        }
    }

    fn issuer(
        &mut self,
        name: &str,
        raw: &raw::Issuer,
        connections: &BTreeMap<String, Connection>,
    ) -> Option<Issuer> {
        let given = [
            ("server", raw.server.as_ref()),
            ("dashboard", raw.dashboard.as_ref()),
            ("account", raw.account.as_ref()),
        ];
        let (kind, connection) = match raw.kind.get_ref().as_str() {
            word @ ("postmark-server" | "postmark-account") => {
                let fields = self.fields(&raw.kind, &given, &["server"], &["dashboard"])?;
                if let Some(scope) = &raw.scope {
                    self.say(scope.span(), "a token of Postmark has no scope".into());
                }
                let dashboard = match fields.get("dashboard") {
                    Some(dashboard) => self.address(dashboard, AddressUse::Dashboard)?,
                    None => POSTMARK_DASHBOARD.into(),
                };
                let server = fields["server"].get_ref().clone();
                let kind = match word {
                    "postmark-server" => IssuerKind::PostmarkServer { server, dashboard },
                    _ => IssuerKind::PostmarkAccount { server, dashboard },
                };
                (kind, ConnectionKind::Postmark)
            }
            "heroku-authorization" => {
                let fields = self.fields(&raw.kind, &given, &["account"], &[])?;
                let scope = self.scope(raw.scope.as_ref())?;
                let account = fields["account"].get_ref().clone();
                let expires_in = raw.expires_in.as_ref().map(|span| *span.get_ref());
                (
                    IssuerKind::HerokuAuthorization { account, scope, expires_in },
                    ConnectionKind::Heroku,
                )
            }
            _ => {
                let known = ["postmark-server", "postmark-account", "heroku-authorization"];
                self.unknown_word(&raw.kind, "the kind of issuer", known.into_iter());
                return None;
            }
        };
        let via = self.via(&raw.via, connection, connections)?;
        Some(Issuer { name: name.to_owned(), via, kind })
    }

    /// Scopes of the Heroku Platform API; `global` where none is given.
    fn scope(&mut self, raw: Option<&Spanned<Vec<raw::Text>>>) -> Option<Vec<String>> {
        const KNOWN: [&str; 6] =
            ["global", "identity", "read", "write", "read-protected", "write-protected"];
        let Some(raw) = raw else {
            return Some(vec!["global".into()]);
        };
        let mut scope = Vec::new();
        for word in raw.get_ref() {
            if !KNOWN.contains(&word.get_ref().as_str()) {
                self.unknown_word(word, "scope", KNOWN.into_iter());
                return None;
            }
            scope.push(word.get_ref().clone());
        }
        if scope.is_empty() {
            self.say(raw.span(), "a token without a scope can do nothing".into());
            return None;
        }
        Some(scope)
    }

    fn store(
        &mut self,
        name: &str,
        raw: &raw::Store,
        connections: &BTreeMap<String, Connection>,
    ) -> Option<Store> {
        let given = [
            ("via", raw.via.as_ref()),
            ("project", raw.project.as_ref()),
            ("environment", raw.environment.as_ref()),
            ("path", raw.path.as_ref()),
            ("file", raw.file.as_ref()),
        ];
        let kind = match raw.kind.get_ref().as_str() {
            "infisical" => {
                let required = ["via", "project", "environment"];
                let fields = self.fields(&raw.kind, &given, &required, &["path"])?;
                let text = |name: &str| fields[name].get_ref().clone();
                StoreKind::Infisical {
                    via: self.via(fields["via"], ConnectionKind::Infisical, connections)?,
                    project: text("project"),
                    environment: text("environment"),
                    path: fields.get("path").map_or_else(|| "/".into(), |p| p.get_ref().clone()),
                    api: self.api(raw.api.as_ref())?,
                }
            }
            "sealed" => {
                let fields = self.fields(&raw.kind, &given, &["file"], &[])?;
                StoreKind::Sealed { file: fields["file"].get_ref().clone() }
            }
            _ => {
                self.unknown_word(
                    &raw.kind,
                    "the kind of store",
                    ["infisical", "sealed"].into_iter(),
                );
                return None;
            }
        };
        Some(Store { name: name.to_owned(), kind })
    }

    fn api(&mut self, raw: Option<&Spanned<u8>>) -> Option<u8> {
        match raw.map(|raw| (*raw.get_ref(), raw.span())) {
            None => Some(4),
            Some((version @ (3 | 4), _)) => Some(version),
            Some((version, span)) => {
                self.say(span, format!("api {version} is not known; 3 and 4 are"));
                None
            }
        }
    }
}
