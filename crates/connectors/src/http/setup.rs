//! Building the client of a connection: address, certificate authorities, proxy, limits in time.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use domain::inventory::Connection;
use reqwest::{Certificate, Client, ClientBuilder, Proxy};
use url::{Host, Url};

/// How long a connection may take to stand, at most; the whole call has its own limit.
const CONNECT_SECONDS_MAX: u64 = 10;

/// How long an unused connection is kept. Short, because its buffers still hold what was sent
/// last, and because a call on one that the vendor is just closing ends in doubt. Calls that follow
/// one another share one.
const IDLE_SECONDS_MAX: u64 = 1;

/// Why no client can be built for a connection.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not an address.
    #[error("its url is not an address; write it like `https://api.heroku.com`")]
    Address,
    /// A token would cross a network unencrypted.
    #[error("its url is not https; plain http is for addresses of this machine only")]
    Plain,
    /// A login, a query or a fragment in the address.
    #[error("its url holds a login, a query or a fragment; name the login under `auth`")]
    Extra,
    /// The certificate authority cannot be read.
    #[error("failed to read its certificate authority `{path}`: {why}; it must be a PEM file")]
    Authority {
        /// The file.
        path: String,
        /// What was wrong with it.
        why: String,
    },
    /// The proxy cannot be used.
    #[error(
        "its proxy cannot be used; write it like `http://proxy.example:3128`, with an https url"
    )]
    Proxy,
    /// The client cannot be built.
    #[error("failed to build its client: {0}")]
    Client(String),
}

/// Parses a base address and refuses what would show a token on the way.
pub(super) fn base(text: &str) -> Result<Url, SetupError> {
    let url = Url::parse(text).map_err(|_| SetupError::Address)?;
    if url.cannot_be_a_base() || !url.has_host() {
        return Err(SetupError::Address);
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(SetupError::Plain);
    }
    let login = !url.username().is_empty() || url.password().is_some();
    if login || url.query().is_some() || url.fragment().is_some() {
        return Err(SetupError::Extra);
    }
    Ok(url)
}

/// Whether an address is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The client of a connection.
pub(super) fn client_of(
    connection: &Connection,
    base: &Url,
    directory: &Path,
) -> Result<Client, SetupError> {
    let mut builder = client(base, connection.timeout.duration());
    if let Some(path) = &connection.ca {
        builder = builder.tls_certs_merge(authorities(path, directory)?);
    }
    if let Some(proxy) = &connection.proxy {
        // Plain http is for this machine; through a proxy it would leave it.
        let encrypted = base.scheme() == "https";
        let proxy = Proxy::all(proxy).ok().filter(|_| encrypted).ok_or(SetupError::Proxy)?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| SetupError::Client(super::cause(&error)))
}

/// A client without redirects and without repetitions. The environment's proxies
/// (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, less `NO_PROXY`) hold, except for this machine.
pub(crate) fn client(base: &Url, timeout: Duration) -> ClientBuilder {
    install_provider();
    let connect = timeout.min(Duration::from_secs(CONNECT_SECONDS_MAX));
    let builder = Client::builder()
        .user_agent(concat!("rollover/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(connect)
        .timeout(timeout)
        .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX));
    let builder = if is_loopback(base) { builder.no_proxy() } else { builder };
    // Without TLS no authority is needed, and a bare container has none to load.
    if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder }
}

/// The client library asks for a cryptography provider at run time. Another one that was
/// installed before is as good.
fn install_provider() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

fn authorities(path: &str, directory: &Path) -> Result<Vec<Certificate>, SetupError> {
    let wrong = |why: String| SetupError::Authority { path: path.to_owned(), why };
    let pem = std::fs::read(directory.join(path)).map_err(|error| wrong(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(super::cause(&error)))?;
    if found.is_empty() {
        return Err(wrong("no certificate in it".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        for good in [
            "https://api.heroku.com",
            "http://127.0.0.1:8080",
            "http://[::1]:1/api",
            "http://localhost:1",
            "https://git.example/api/v3",
        ] {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.heroku.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://127.0.0.1",
            "https://user:pw@api.heroku.com",
            "https://api.heroku.com?x=1",
            "https://api.heroku.com#x",
            "api.heroku.com",
            "data:text/plain,x",
            "",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
