//! One look at an address that a vendor's answer has named, such as that of a log session.
//!
//! Nobody has vouched for it: it carries no login, it must be an address that could stand in the
//! inventory, and it may be in no network that the connection itself is not in. It may be a
//! credential by itself, so it is never shown.

use std::path::Path;
use std::sync::Arc;

use domain::inventory::{AddressUse, Connection, Network, address, is_on_this_machine};
use url::Url;

use super::egress::System;
use super::{Answer, Call, Kind, Observer, exchange, setup, vendor_of};
use crate::Fault;

const CALL: &str = "GET of the address that it named";

/// Asks.
///
/// # Errors
/// `Refused` where it is nothing that this connection may go to, else as [`super::Http::send`].
pub(crate) async fn get(
    connection: &Connection,
    directory: &Path,
    observer: &Observer,
    url: &str,
) -> Result<Answer, Fault> {
    let vendor = vendor_of(connection.kind);
    let refused = |why: &str| Fault::Refused { vendor, call: CALL.into(), why: why.into() };
    let url = allowed(connection, url).map_err(refused)?;
    let client = setup::client_of(connection, &url, directory, Arc::new(System), observer)
        .map_err(|_| refused("no client can be built for it"))?;
    let call = Call { vendor, name: CALL.to_owned(), kind: Kind::Read };
    if let Some(observer) = observer {
        observer.before(vendor, CALL);
    }
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    let ended = exchange(&client, request, &call).await;
    if let Some(observer) = observer {
        observer.after(vendor, CALL);
    }
    ended.map_err(|missed| missed.fault)
}

/// The address, where this connection may go there.
fn allowed(connection: &Connection, text: &str) -> Result<Url, &'static str> {
    let url = address(text, AddressUse::Probe).map_err(|_| "it is nothing that is gone to")?;
    let base = address(&connection.url, AddressUse::Connection)
        .map_err(|_| "the connection has no address")?;
    if is_on_this_machine(&url) && !is_on_this_machine(&base) {
        return Err("it is on this machine, and the vendor is not");
    }
    // Names are looked at when they are looked up.
    let number = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    if number.map(Network::of) == Some(Network::Private) && !connection.private {
        return Err("it is in a private network");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use domain::Span;
    use domain::inventory::{Auth, ConnectionKind};

    use super::*;

    fn connection(url: &str, private: bool) -> Connection {
        Connection {
            name: "heroku".into(),
            kind: ConnectionKind::Heroku,
            url: url.into(),
            private,
            auth: Auth::None,
            ca: None,
            proxy: None,
            timeout: Span::from_secs(1),
        }
    }

    #[test]
    fn an_answer_sends_nobody_into_another_network() {
        let (vendor, lab) = ("https://api.heroku.com", "http://127.0.0.1:8080");
        for (base, private, url, goes) in [
            (vendor, false, "https://logs-api.heroku.com/streams/x?srv=1", true),
            (lab, false, "http://127.0.0.1:8080/logplex/sessions/x?num=5", true),
            (lab, false, "https://logs-api.heroku.com/streams/x", true),
            (vendor, false, "http://127.0.0.1:8080/x", false),
            (vendor, false, "https://localhost/x", false),
            (vendor, false, "https://[::1]/x", false),
            (vendor, false, "https://10.0.0.1/x", false),
            (vendor, true, "https://10.0.0.1/x", true),
            (vendor, false, "https://169.254.169.254/latest", false),
            (vendor, false, "http://logs-api.heroku.com/x", false),
            (vendor, false, "file:///etc/passwd", false),
            (vendor, false, "https://user:word@logs-api.heroku.com/x", false),
            (vendor, false, "", false),
        ] {
            assert_eq!(allowed(&connection(base, private), url).is_ok(), goes, "{base} {url}");
        }
    }
}
