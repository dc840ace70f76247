//! Vendors' answers, through the connectors.

use connectors::untrusted::{self, Seen};

use crate::shown::{fit_to_show, steers};

/// The longest id that is taken from an issuer.
const HANDLE_BYTES_MAX: usize = 128;

pub(crate) fn postmark(data: &[u8]) {
    seen(&untrusted::postmark(data));
    seen(&untrusted::postmark_account(data));
}

pub(crate) fn heroku_authorizations(data: &[u8]) {
    seen(&untrusted::heroku_authorizations(data));
}

pub(crate) fn heroku_config(data: &[u8]) {
    all_fit(&untrusted::heroku_config(data));
}

pub(crate) fn github(data: &[u8]) {
    all_fit(&untrusted::github(data));
}

pub(crate) fn infisical(data: &[u8]) {
    all_fit(&untrusted::infisical(data));
}

pub(crate) fn examined(data: &[u8]) {
    all_fit(&untrusted::examined(data));
}

pub(crate) fn surveyed(data: &[u8]) {
    all_fit(&untrusted::surveyed(data));
}

pub(crate) fn probe(data: &[u8]) {
    all_fit(&untrusted::probe(data));
}

pub(crate) fn all_fit(texts: &[String]) {
    for text in texts {
        fit_to_show(text);
    }
}

fn seen(seen: &Seen) {
    all_fit(&seen.texts);
    for handle in &seen.handles {
        assert!(handle.len() <= HANDLE_BYTES_MAX, "an id of {} bytes", handle.len());
        assert!(!handle.contains(steers), "an id that steers: {handle:?}");
    }
}
