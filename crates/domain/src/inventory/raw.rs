//! The files' own form, as serde reads it: strict about names, with the place of every value.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_spanned::Spanned;

use crate::Span;

pub(super) type Text = Spanned<String>;

/// `rollover.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Organisation {
    pub(super) schema: Spanned<u32>,
    pub(super) org: String,
    pub(super) state: State,
    #[serde(default)]
    pub(super) policy: Policy,
    #[serde(default)]
    pub(super) schedule: Schedule,
    #[serde(default)]
    pub(super) freezes: Vec<Spanned<Freeze>>,
    #[serde(default)]
    pub(super) members: BTreeMap<String, Spanned<Member>>,
    pub(super) roles: Option<BTreeMap<String, Spanned<Vec<Text>>>>,
    #[serde(default)]
    pub(super) connections: BTreeMap<String, Spanned<Connection>>,
    #[serde(default)]
    pub(super) issuers: BTreeMap<String, Spanned<Issuer>>,
    #[serde(default)]
    pub(super) stores: BTreeMap<String, Spanned<Store>>,
    #[serde(default)]
    pub(super) notify: BTreeMap<String, Spanned<Notify>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notify {
    pub(super) kind: Text,
    pub(super) url: Option<Text>,
    #[serde(default)]
    pub(super) private: bool,
    pub(super) auth: Option<Spanned<Reference>>,
    pub(super) channel: Option<Text>,
    pub(super) from: Option<Text>,
    pub(super) to: Option<Text>,
    pub(super) stream: Option<Text>,
    #[serde(default)]
    pub(super) events: Vec<Text>,
    #[serde(default)]
    pub(super) quiet: Vec<Text>,
    pub(super) escalate: Option<Span>,
    pub(super) secret: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) database: String,
    pub(super) key: Spanned<KeyReference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyReference {
    pub(super) file: Option<String>,
    pub(super) keyring: Option<String>,
    pub(super) passphrase: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    pub(super) max_age: Option<Span>,
    pub(super) soak: Option<Span>,
    pub(super) proof_interval: Option<Spanned<Span>>,
    pub(super) proof_timeout: Option<Span>,
    pub(super) adopt_timeout: Option<Span>,
    pub(super) attempts_max: Option<Spanned<u32>>,
    pub(super) watch: Option<Span>,
    pub(super) task_deadline: Option<Span>,
    pub(super) claim: Option<Span>,
    pub(super) admin: Option<Text>,
    pub(super) role: Option<Text>,
    pub(super) approve_role: Option<Text>,
    pub(super) second_person: Option<Spanned<SecondPerson>>,
}

/// In which environments whoever starts a rotation may not agree to its revocation.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum SecondPerson {
    All(bool),
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub(super) users: Vec<Text>,
    pub(super) email: Option<Text>,
    #[serde(default)]
    pub(super) roles: Vec<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    pub(super) zone: Option<Text>,
    #[serde(default)]
    pub(super) windows: Vec<Text>,
    pub(super) warn_before: Option<Span>,
    pub(super) jitter: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Freeze {
    pub(super) from: Text,
    pub(super) to: Text,
    pub(super) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connection {
    pub(super) kind: Text,
    pub(super) url: Option<Text>,
    #[serde(default)]
    pub(super) private: bool,
    pub(super) auth: Option<Spanned<Reference>>,
    pub(super) ca: Option<String>,
    pub(super) proxy: Option<Text>,
    pub(super) timeout: Option<Span>,
}

/// Where a value is found. One of the four, or the two halves of a client login.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    pub(super) env: Option<String>,
    pub(super) file: Option<String>,
    pub(super) keyring: Option<String>,
    pub(super) secret: Option<Text>,
    pub(super) client_id: Option<Box<Spanned<Reference>>>,
    pub(super) client_secret: Option<Box<Spanned<Reference>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    pub(super) kind: Text,
    pub(super) via: Text,
    pub(super) server: Option<Text>,
    pub(super) dashboard: Option<Text>,
    pub(super) account: Option<Text>,
    pub(super) scope: Option<Spanned<Vec<Text>>>,
    pub(super) expires_in: Option<Spanned<Span>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Store {
    pub(super) kind: Text,
    pub(super) via: Option<Text>,
    pub(super) project: Option<Text>,
    pub(super) environment: Option<Text>,
    pub(super) path: Option<Text>,
    pub(super) api: Option<Spanned<u8>>,
    pub(super) file: Option<Text>,
}

/// `secrets/*.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secret {
    pub(super) name: Text,
    pub(super) environment: Text,
    #[serde(default)]
    pub(super) also: Vec<Text>,
    pub(super) owner: Option<String>,
    pub(super) issuer: Text,
    pub(super) store: StoreReference,
    pub(super) max_age: Option<Span>,
    pub(super) soak: Option<Span>,
    pub(super) role: Option<Text>,
    #[serde(default)]
    pub(super) old: Old,
    #[serde(default)]
    pub(super) known: Vec<String>,
    #[serde(default)]
    pub(super) create: OperatorText,
    #[serde(default)]
    pub(super) revoke: OperatorText,
    #[serde(default)]
    pub(super) approve: Approve,
    #[serde(default)]
    pub(super) consumers: Vec<Spanned<Consumer>>,
    #[serde(default)]
    pub(super) verify: Vec<Spanned<Verify>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreReference {
    #[serde(rename = "in")]
    pub(super) store: Text,
    pub(super) key: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Old {
    pub(super) description: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorText {
    pub(super) operator: Option<String>,
    pub(super) role: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    pub(super) role: Option<Text>,
    pub(super) second_person: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consumer {
    pub(super) name: Option<String>,
    pub(super) kind: Text,
    pub(super) via: Option<Text>,
    pub(super) app: Option<Text>,
    pub(super) repo: Option<Text>,
    pub(super) org: Option<Text>,
    pub(super) environment: Option<Text>,
    pub(super) scope: Option<Text>,
    pub(super) path: Option<Text>,
    pub(super) member: Option<Text>,
    pub(super) keys: Option<Spanned<Vec<Text>>>,
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    #[serde(default = "yes")]
    pub(super) production: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    pub(super) name: Option<Text>,
    pub(super) kind: Text,
    #[serde(default)]
    pub(super) confirm_receipt: bool,
    pub(super) via: Option<Text>,
    pub(super) method: Option<Text>,
    pub(super) url: Option<Text>,
    #[serde(default)]
    pub(super) private: bool,
    pub(super) json: Option<toml::Value>,
    #[serde(default)]
    pub(super) expect: Expect,
    pub(super) id: Option<Text>,
    pub(super) from: Option<Text>,
    pub(super) to: Option<Text>,
    pub(super) subject: Option<Text>,
    pub(super) stream: Option<Text>,
    pub(super) app: Option<Text>,
    pub(super) about: Option<Text>,
    pub(super) words: Option<Spanned<Vec<Text>>>,
    pub(super) repo: Option<Text>,
    pub(super) workflow: Option<Text>,
    #[serde(rename = "ref")]
    pub(super) git_ref: Option<Text>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, Spanned<toml::Value>>,
    pub(super) correlate: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) json: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub(super) json_has: Vec<String>,
}

fn yes() -> bool {
    true
}
