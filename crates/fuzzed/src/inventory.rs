//! The inventory's files: loaded, or refused with places that exist and can be shown.

use domain::inventory::{
    AddressUse, Diagnostic, Inventory, IssuerKind, Network, SourceFile, address,
    is_on_this_machine, load,
};

use crate::shown::steers;
use crate::text::{clean, marked};

const MAIN: &str = include_str!("../../../examples/acme/rollover.toml");

/// Between the files of one input.
const APART: &str = "\n#----\n";

/// Both kinds of files: the first one is `rollover.toml`.
pub(crate) fn whole(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut files = text.split(APART);
    let main = file("rollover.toml", files.next().unwrap_or_default());
    let secrets: Vec<SourceFile> = files
        .take(4)
        .enumerate()
        .map(|(i, text)| file(&format!("secrets/{i}.toml"), text))
        .collect();
    read(&main, &secrets);
}

/// A secret's file beside a good `rollover.toml`.
pub(crate) fn secret(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    read(&file("rollover.toml", MAIN), &[file("secrets/a.toml", text)]);
}

/// What stands behind `auth =` of a connection.
pub(crate) fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let main = format!(
        "schema = 1\norg = \"acme\"\n[state]\ndatabase = \"x.db\"\nkey = {{ file = \"key\" }}\n\
         [connections.heroku]\nkind = \"heroku\"\nauth = {text}\n"
    );
    read(&file("rollover.toml", &main), &[]);
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

fn read(main: &SourceFile, secrets: &[SourceFile]) {
    match load(main, secrets) {
        Ok(inventory) => good(&inventory),
        Err(wrong) => refused(&wrong, main, secrets),
    }
}

/// Whatever is taken can be used: addresses above all.
fn good(inventory: &Inventory) {
    for connection in inventory.connections.values() {
        goes(&connection.url, AddressUse::Connection);
        if let Some(proxy) = &connection.proxy {
            goes(proxy, AddressUse::Proxy);
        }
    }
    for issuer in inventory.issuers.values() {
        if let IssuerKind::PostmarkServer { dashboard, .. }
        | IssuerKind::PostmarkAccount { dashboard, .. } = &issuer.kind
        {
            goes(dashboard, AddressUse::Dashboard);
        }
    }
    for secret in inventory.secrets.values() {
        assert!(inventory.issuers.contains_key(&secret.issuer));
        assert!(inventory.stores.contains_key(&secret.store));
        assert_eq!(inventory.secret(&secret.name).map(|found| &found.name), Some(&secret.name));
        for probe in &secret.probes {
            probe.kind.ask().into_iter().for_each(|ask| goes(&ask.url, AddressUse::Probe));
        }
    }
}

/// Where tokens and people go.
fn goes(text: &str, purpose: AddressUse) {
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains('\\'), "{text}");
    let url = address(text, purpose);
    assert!(url.is_ok(), "{text} is taken once and then refused: {url:?}");
    if let Ok(url) = url {
        assert_eq!(url.as_str().trim_end_matches('/'), text, "read as it stands");
        assert!(url.username().is_empty() && url.password().is_none(), "{text}");
        let local = is_on_this_machine(&url) || purpose == AddressUse::Proxy;
        assert!(url.scheme() == "https" || local, "{text}");
        let host = url.host_str().unwrap_or_default();
        assert!(!host.is_empty() && !host.ends_with('.'), "{text}");
        if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
            assert!(!matches!(Network::of(ip), Network::Refused(_)), "{text}");
        }
    }
}

/// What stands behind `url =` of a connection, of a probe and of a dashboard.
pub(crate) fn addresses(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for purpose in [AddressUse::Connection, AddressUse::Probe, AddressUse::Dashboard] {
        match address(text, purpose) {
            Ok(_) => goes(text.trim_end_matches('/'), purpose),
            Err(error) => assert!(error.to_string().len() <= text.len() * 9 + 300, "{error}"),
        }
    }
}

/// Every refusal stands somewhere, and can be shown.
fn refused(wrong: &[Diagnostic], main: &SourceFile, secrets: &[SourceFile]) {
    assert!(!wrong.is_empty(), "refused without a reason");
    for diagnostic in wrong {
        let file = secrets.iter().chain([main]).find(|file| file.path == diagnostic.file);
        let lines = file.map_or(0, |file| file.text.matches('\n').count() + 1);
        assert!((1..=lines.max(1)).contains(&diagnostic.line), "{diagnostic}");
        assert!(diagnostic.column >= 1, "{diagnostic}");
    }
    // As many as there are can be thousands; the first ones are drawn like all others.
    let drawn = marked(&wrong[..wrong.len().min(20)], main, secrets);
    assert!(!clean(&drawn).contains(|c| steers(c) && !matches!(c, '\n' | '\t')));
}
