//! Where a connection may go: to the host that the inventory names, and to nothing else.
//!
//! Names are looked up here and not by the client, and what is handed on is what was checked: the
//! client connects to exactly these addresses, so that no second look-up can tell another story.
//! One bad address refuses a whole answer.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use domain::inventory::{Network, is_on_this_machine};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

/// The variables of the environment that name proxies.
const PROXY_VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// What looking up a name comes to.
pub(crate) type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// What the machine says of the network around it.
pub(crate) trait Surroundings: Send + Sync {
    /// Every address of a name.
    fn lookup(&self, name: &str) -> LookingUp;

    /// The proxies that the environment names.
    fn proxies(&self) -> Vec<String>;

    /// What kind of proxy the environment has for this address, as its scheme.
    fn proxy_of(&self, _url: &Url) -> Option<String> {
        None
    }
}

/// The system's own resolver, and this process's environment.
pub(crate) struct System;

impl Surroundings for System {
    fn lookup(&self, name: &str) -> LookingUp {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    fn proxies(&self) -> Vec<String> {
        PROXY_VARIABLES.iter().filter_map(|name| std::env::var(name).ok()).collect()
    }

    /// Read by the very code by which the client reads it, so that both mean the same proxy.
    fn proxy_of(&self, url: &Url) -> Option<String> {
        let proxy = Matcher::from_env().intercept(&url.as_str().parse().ok()?)?;
        proxy.uri().scheme_str().map(str::to_owned)
    }
}

/// Which names may be looked up, and what they may stand for.
pub(crate) struct Egress {
    rules: Arc<Rules>,
    around: Arc<dyn Surroundings>,
    /// Whether the environment names a proxy.
    proxied: bool,
}

struct Rules {
    host: String,
    /// Whether the host may be in a private network.
    private: bool,
    /// Whoever runs this program has chosen these; they may be in any network that hosts are in.
    proxies: BTreeSet<String>,
}

impl Egress {
    /// To the host of this address, over the proxy of the inventory or those of the environment.
    pub(crate) fn to(
        url: &Url,
        private: bool,
        proxy: Option<&str>,
        around: Arc<dyn Surroundings>,
    ) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        let of_environment = around.proxies();
        let proxied = !of_environment.is_empty();
        let named = of_environment.into_iter().chain(proxy.map(str::to_owned));
        let proxies = named.filter_map(|text| host_of(&text)).collect();
        Self { rules: Arc::new(Rules { host, private, proxies }), around, proxied }
    }

    /// The environment's proxy for this address, where it is none that the client asks for a
    /// connection by name (`CONNECT`): through any other it would go where nothing was checked.
    pub(crate) fn other_proxy(&self, url: &Url) -> Option<String> {
        let scheme = self.around.proxy_of(url).filter(|_| !is_on_this_machine(url))?;
        (scheme != "http" && scheme != "https").then_some(scheme)
    }

    /// Whether the environment names a proxy at all.
    pub(crate) fn proxied(&self) -> bool {
        self.proxied
    }
}

/// The host of a proxy: `http://user:password@HOST:3128/`, where all but the host may be missing.
fn host_of(proxy: &str) -> Option<String> {
    let behind_scheme = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
    let authority = behind_scheme.split('/').next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let host = place.split(':').next().unwrap_or_default();
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// Why nothing is connected to.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EgressError {
    #[error("`{0}` is not named for this connection")]
    Foreign(String),
    #[error("`{0}` stands for no address")]
    Nowhere(String),
    #[error("`{name}` stands for {ip}, which {network}{hint}")]
    Network { name: String, ip: IpAddr, network: Network, hint: &'static str },
}

impl Rules {
    /// The addresses that a name may be connected to.
    fn allowed(&self, name: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, EgressError> {
        let proxy = self.proxies.contains(name);
        if name != self.host && !proxy {
            return Err(EgressError::Foreign(name.to_owned()));
        }
        if found.is_empty() {
            return Err(EgressError::Nowhere(name.to_owned()));
        }
        for ip in &found {
            let (network, mut hint) = (Network::of(*ip), "");
            let fine = match network {
                Network::Refused(_) => false,
                _ if proxy => true,
                Network::Loopback => name == "localhost",
                Network::Public => name != "localhost",
                Network::Private => {
                    hint = "; write `private = true` beside its url, if that is meant";
                    self.private && name != "localhost"
                }
            };
            if !fine {
                let (name, ip) = (name.to_owned(), *ip);
                return Err(EgressError::Network { name, ip, network, hint });
            }
        }
        Ok(found)
    }
}

impl Resolve for Egress {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_ascii_lowercase();
        let rules = Arc::clone(&self.rules);
        // A name that is not ours is not even asked for.
        let known = name == rules.host || rules.proxies.contains(&name);
        let found = known.then(|| self.around.lookup(&name));
        Box::pin(async move {
            let found = match found {
                Some(found) => found.await?,
                None => Vec::new(),
            };
            let allowed = rules.allowed(&name, found)?;
            let addresses = allowed.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok::<Addrs, _>(Box::new(addresses))
        })
    }
}

#[cfg(test)]
mod proxies;
#[cfg(test)]
mod tests;
