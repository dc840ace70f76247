//! Building the client of a connection: address, certificate authorities, proxy, limits in time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::inventory::{AddressError, Connection, is_on_this_machine};
use reqwest::{Certificate, Client, ClientBuilder, Proxy};
use url::Url;

use super::Observer;
use super::egress::{Egress, Surroundings};
use super::gate::Gate;

/// How long a connection may take to stand, at most; the whole call has its own limit.
const CONNECT_SECONDS_MAX: u64 = 10;

/// How long an unused connection is kept. Short, because its buffers still hold what was sent
/// last, and because a call on one that the vendor is just closing ends in doubt. Calls that follow
/// one another share one.
const IDLE_SECONDS_MAX: u64 = 1;

/// Why no client can be built for a connection.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Nothing that a token may be sent to.
    #[error("its url is not an address that tokens may be sent to")]
    Address(#[from] AddressError),
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
    /// The environment's proxy for it cannot be used.
    #[error(
        "the environment names a proxy for it over which nobody can check where a token goes \
         ({scheme}://); name an http proxy in HTTPS_PROXY, or the host in NO_PROXY"
    )]
    OtherProxy {
        /// What kind of proxy.
        scheme: String,
    },
    /// The client cannot be built.
    #[error("failed to build its client: {0}")]
    Client(String),
}

/// The client of a connection.
pub(super) fn client_of(
    connection: &Connection,
    base: &Url,
    directory: &Path,
    around: Arc<dyn Surroundings>,
    observer: &Observer,
) -> Result<Client, SetupError> {
    let egress = Egress::to(base, connection.private, connection.proxy.as_deref(), around);
    if let Some(scheme) = egress.other_proxy(base).filter(|_| connection.proxy.is_none()) {
        return Err(SetupError::OtherProxy { scheme });
    }
    let mut builder = client(base, connection.timeout.duration(), egress);
    if let Some(path) = &connection.ca {
        builder = builder.tls_certs_merge(authorities(path, directory)?);
    }
    if let Some(proxy) = &connection.proxy {
        // Plain http is for this machine; through a proxy it would leave it.
        let encrypted = base.scheme() == "https";
        let known = proxy.starts_with("http://") || proxy.starts_with("https://");
        let proxy =
            Proxy::all(proxy).ok().filter(|_| encrypted && known).ok_or(SetupError::Proxy)?;
        builder = builder.proxy(proxy);
    }
    gated(builder, observer).build().map_err(|error| SetupError::Client(super::cause(&error)))
}

/// A client without redirects and without repetitions, which goes where `egress` lets it. The environment's proxies
/// (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, less `NO_PROXY`) hold, except for this machine.
pub(crate) fn client(base: &Url, timeout: Duration, egress: Egress) -> ClientBuilder {
    install_provider();
    let direct = is_on_this_machine(base) || !egress.proxied();
    let connect = timeout.min(Duration::from_secs(CONNECT_SECONDS_MAX));
    let builder = Client::builder()
        .user_agent(concat!("rollover/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .dns_resolver(Arc::new(egress))
        .connect_timeout(connect)
        .timeout(timeout)
        .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX));
    let builder = if direct { builder.no_proxy() } else { builder };
    // Without TLS no authority is needed, and a bare container has none to load.
    if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder }
}

/// The client library asks for a cryptography provider at run time. Another one that was
/// installed before is as good.
fn install_provider() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Has the observer asked whenever a connection stands.
pub(crate) fn gated(builder: ClientBuilder, observer: &Observer) -> ClientBuilder {
    match observer {
        Some(observer) => builder.connector_layer(Gate(Arc::clone(observer))),
        None => builder,
    }
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
