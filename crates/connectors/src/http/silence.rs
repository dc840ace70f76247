//! In what way no answer came, for whoever has to find out why.

use std::error::Error;
use std::io::ErrorKind;

use domain::diagnosis::Silence;

use crate::Fault;

/// A call without an answer: what that means for it, and in what way nothing came.
pub(crate) struct Missed {
    pub(crate) fault: Fault,
    pub(crate) how: Silence,
}

/// What the client's error says of the way.
pub(super) fn way(error: &reqwest::Error) -> Silence {
    if error.is_timeout() {
        return Silence::Timeout;
    }
    if error.is_builder() {
        return Silence::Unsendable;
    }
    let connects = error.is_connect();
    let mut at: Option<&(dyn Error + 'static)> = error.source();
    let mut way = if connects { Silence::Refused } else { Silence::Broken };
    while let Some(inner) = at {
        if let Some(found) = one(inner) {
            way = found;
        }
        at = inner.source();
    }
    way
}

/// What one link of the chain of reasons says.
fn one(error: &(dyn Error + 'static)) -> Option<Silence> {
    if error.is::<rustls::Error>() {
        return Some(Silence::Tls);
    }
    // An error of the system hides the one that it holds from its own `source`.
    if let Some(io) = error.downcast_ref::<std::io::Error>() {
        let mut held = io.get_ref();
        while let Some(inner) = held {
            if inner.is::<rustls::Error>() {
                return Some(Silence::Tls);
            }
            held = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        }
        return match io.kind() {
            ErrorKind::TimedOut => Some(Silence::Timeout),
            ErrorKind::ConnectionRefused
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable => Some(Silence::Refused),
            _ => None,
        };
    }
    let text = error.to_string();
    match () {
        () if text.starts_with("dns error") => Some(Silence::Name),
        () if text.contains("tunnel") => Some(Silence::Proxy),
        () => None,
    }
}
