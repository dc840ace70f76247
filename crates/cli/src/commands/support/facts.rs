//! Facts about the machine, the inventory and its files.

use std::fs::{self, File};
use std::io::{IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use domain::inventory::{
    Auth, ConsumerKind, GithubScope, Inventory, IssuerKind, KeySource, Source, StoreKind,
};
use rustix::process::Resource;
use serde_json::{Value, json};

use crate::home::{Home, MAIN};

/// Where SQLite keeps its version of the schema and whose file it is.
const HEADER_BYTES: usize = 100;
const USER_VERSION: usize = 60;
const APPLICATION: usize = 68;

pub(super) fn platform() -> Value {
    let about = rustix::system::uname();
    json!({
        "os": std::env::consts::OS, "arch": std::env::consts::ARCH,
        "kernel": about.release().to_string_lossy(),
    })
}

/// Limits and surroundings; of the environment only which variables are set.
pub(super) fn process() -> Value {
    let limit = |resource| {
        let limit = rustix::process::getrlimit(resource);
        limit.current.map_or_else(|| json!("unlimited"), |most| json!(most))
    };
    let set = |name: &&str| std::env::var_os(name).is_some();
    let variables = [
        "ROLLOVER_CRASH_AT",
        "ROLLOVER_STOP_BEFORE",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "USER",
        "LOGNAME",
        "TERM",
        "NO_COLOR",
        "DBUS_SESSION_BUS_ADDRESS",
    ];
    json!({
        "root": rustix::process::geteuid().is_root(),
        "core_limit": limit(Resource::Core), "files_limit": limit(Resource::Nofile),
        "variables_set": variables.iter().filter(|name| set(name)).collect::<Vec<_>>(),
        "terminals": {
            "input": std::io::stdin().is_terminal(), "output": std::io::stdout().is_terminal(),
            "errors": std::io::stderr().is_terminal(),
        },
    })
}

/// The shape of an inventory. Of a login only its kind.
pub(super) fn inventory(inventory: &Inventory) -> Value {
    let connections: Vec<Value> = inventory
        .connections
        .values()
        .map(|one| {
            json!({
                "name": one.name, "kind": format!("{:?}", one.kind), "url": one.url,
                "auth": auth(&one.auth), "ca": one.ca.is_some(), "proxy": one.proxy.is_some(),
                "timeout": one.timeout,
            })
        })
        .collect();
    let issuers: Vec<Value> = inventory
        .issuers
        .values()
        .map(|one| json!({ "name": one.name, "via": one.via, "kind": issuer(&one.kind) }))
        .collect();
    let stores: Vec<Value> = inventory
        .stores
        .values()
        .map(|one| json!({ "name": one.name, "kind": store(&one.kind) }))
        .collect();
    let policy = &inventory.policy;
    json!({
        "org": inventory.org, "key": key_kind(&inventory.state.key),
        "policy": {
            "max_age": policy.max_age, "soak": policy.soak,
            "proof_interval": policy.proof_interval, "proof_timeout": policy.proof_timeout,
            "adopt_timeout": policy.adopt_timeout, "attempts_max": policy.attempts_max,
        },
        "connections": connections, "issuers": issuers, "stores": stores,
        "secrets": inventory.secrets.values().map(secret).collect::<Vec<_>>(),
    })
}

fn secret(secret: &domain::inventory::Secret) -> Value {
    let consumers: Vec<Value> = secret
        .consumers
        .iter()
        .map(|one| {
            let kind = match &one.kind {
                ConsumerKind::HerokuConfig { .. } => "heroku-config",
                ConsumerKind::Dotenv { .. } => "dotenv",
                ConsumerKind::Workstation { .. } => "workstation",
                ConsumerKind::GithubSecret { scope, .. } => match scope {
                    GithubScope::Repository(_) => "github repository",
                    GithubScope::Environment(..) => "github environment",
                    GithubScope::Organisation(_) => "github organisation",
                    GithubScope::Dependabot(_) => "github dependabot",
                },
            };
            json!({
                "id": one.id, "kind": kind, "keys": one.keys, "production": one.production,
            })
        })
        .collect();
    json!({
        "name": secret.name, "issuer": secret.issuer, "store": secret.store,
        "max_age": secret.max_age, "soak": secret.soak, "role": secret.role,
        "old_description": secret.old_description.is_some(), "known": secret.known.len(),
        "consumers": consumers, "probes": secret.probes.len(),
    })
}

fn issuer(kind: &IssuerKind) -> Value {
    match kind {
        IssuerKind::PostmarkServer { server, .. } => {
            json!({ "kind": "postmark-server", "server": server })
        }
        IssuerKind::PostmarkAccount { server, .. } => {
            json!({ "kind": "postmark-account", "server": server })
        }
        IssuerKind::HerokuAuthorization { account, scope, expires_in } => json!({
            "kind": "heroku-authorization", "account": account, "scope": scope,
            "expires": expires_in,
        }),
    }
}

fn store(kind: &StoreKind) -> Value {
    match kind {
        StoreKind::Infisical { via, environment, path, api, .. } => json!({
            "kind": "infisical", "via": via, "environment": environment, "path": path, "api": api,
        }),
        StoreKind::Sealed { file } => json!({ "kind": "sealed", "file": file }),
    }
}

fn auth(auth: &Auth) -> Value {
    match auth {
        Auth::None => json!("none"),
        Auth::Token(source) => json!(source_kind(source)),
        Auth::Client { id, secret } => json!([source_kind(id), source_kind(secret)]),
    }
}

fn source_kind(source: &Source) -> &'static str {
    match source {
        Source::Env(_) => "env",
        Source::File(_) => "file",
        Source::Keyring(_) => "keyring",
        Source::Secret(_) => "secret",
    }
}

fn key_kind(source: &KeySource) -> &'static str {
    match source {
        KeySource::File(_) => "file",
        KeySource::Keyring(_) => "keyring",
        KeySource::Passphrase(_) => "passphrase",
    }
}

/// Modes and sizes of everything that the inventory names on this machine; nothing is opened.
pub(super) fn files(home: &Home) -> Value {
    let inventory = &home.inventory;
    let mut paths: Vec<(&str, PathBuf)> = vec![("inventory", MAIN.into())];
    for (what, suffix) in
        [("database", ""), ("database", "-wal"), ("database", "-shm"), ("lock", ".lock")]
    {
        paths.push((what, format!("{}{suffix}", inventory.state.database).into()));
    }
    if let KeySource::File(path) | KeySource::Passphrase(path) = &inventory.state.key {
        paths.push(("key", path.into()));
    }
    for connection in inventory.connections.values() {
        let sources = match &connection.auth {
            Auth::None => Vec::new(),
            Auth::Token(source) => vec![source],
            Auth::Client { id, secret } => vec![id, secret],
        };
        for source in sources {
            if let Source::File(path) = source {
                paths.push(("login", path.into()));
            }
        }
    }
    for store in inventory.stores.values() {
        if let StoreKind::Sealed { file } = &store.kind {
            paths.push(("sealed store", file.into()));
        }
    }
    for secret in inventory.secrets.values() {
        for consumer in &secret.consumers {
            if let ConsumerKind::Dotenv { path } = &consumer.kind {
                paths.push(("dotenv", path.into()));
            }
        }
    }
    paths.iter().map(|(what, path)| file(what, path, &home.directory.join(path))).collect()
}

fn file(what: &str, name: &Path, path: &Path) -> Value {
    match fs::symlink_metadata(path) {
        Ok(about) => json!({
            "what": what, "path": name, "mode": format!("{:o}", about.mode() & 0o7777),
            "bytes": about.len(), "ours": about.uid() == rustix::process::geteuid().as_raw(),
        }),
        Err(error) => json!({ "what": what, "path": name, "error": error.kind().to_string() }),
    }
}

/// The database's own head, read past SQLite: for a file that cannot be opened any more.
pub(super) fn database(path: &Path) -> Value {
    let mut head = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(HEADER_BYTES as u64).read_to_end(&mut head));
    if let Err(error) = read {
        return json!({ "error": error.kind().to_string() });
    }
    let number = |at: usize| {
        let bytes = head.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    let space = rustix::fs::statvfs(path).ok();
    json!({
        "sqlite": head.starts_with(b"SQLite format 3\0"),
        "ours": number(APPLICATION) == Some(u32::from_be_bytes(*b"roll")),
        "schema": number(USER_VERSION),
        "free_bytes_on_disk": space.map(|space| space.f_bavail.saturating_mul(space.f_frsize)),
    })
}
