//! The one place that talks HTTP: sends one request, reads one answer, and says how it ended.
//!
//! It never repeats a call and never follows a redirect. A call that certainly did not reach the
//! vendor is [`Fault::Later`]; one whose answer was lost is [`Fault::Unsure`]. What an answer
//! means is read by the vendor's own file from an [`Answer`].

mod answer;
mod body;
pub(crate) mod egress;
mod gate;
mod limit;
mod made;
pub(crate) mod named;
#[cfg(test)]
pub(crate) mod scripted;
mod setup;
mod silence;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::Token;
use domain::diagnosis::Silence;
use domain::inventory::{AddressUse, Connection, ConnectionKind, address};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use crate::Fault;
use crate::shown::shown;

pub(crate) use answer::{Answer, Said};
pub(crate) use body::Buffer;
use egress::{Surroundings, System};
pub(crate) use limit::Limiter;
pub(crate) use made::Made;
pub use setup::SetupError;
pub(crate) use setup::{client, gated};
pub(crate) use silence::Missed;

/// Told about every call right before it is sent and right after it ended, and asked whether one
/// that changes something may leave at all. Serves the rehearsal of crashes, too: whoever kills
/// the process in `after` kills it after the effect and before the record of it.
pub trait CallObserver: Send + Sync {
    /// Asked right before something is changed, at a vendor or in a file.
    ///
    /// # Errors
    /// Why it must not be: then nothing is sent or written.
    fn may_change(&self, _vendor: &str, _call: &str) -> Result<(), String> {
        Ok(())
    }
    /// Asked whenever a connection stands, before anything is sent over it, and right before a new
    /// file takes the place of an old one.
    ///
    /// # Errors
    /// Why nothing is to be sent any more.
    fn may_go_on(&self) -> Result<(), String> {
        Ok(())
    }
    /// The call is about to be sent.
    fn before(&self, vendor: &str, call: &str);
    /// The call ended, with an answer or without one.
    fn after(&self, vendor: &str, call: &str);
    /// One of the instants within a change of a file: around what makes it durable.
    fn within(&self, _vendor: &str, _instant: &str) {}
}

/// An observer, if there is one; cheap to copy.
pub(crate) type Observer = Option<Arc<dyn CallObserver>>;

/// How many calls a vendor still lets a connection make, as its last answer said.
#[derive(Clone, Debug)]
pub struct Quota(Arc<AtomicI64>);

impl Quota {
    fn unknown() -> Self {
        Self(Arc::new(AtomicI64::new(-1)))
    }

    /// The remaining calls; `None` until an answer told (Heroku: `RateLimit-Remaining`, GitHub:
    /// `x-ratelimit-remaining`).
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        u64::try_from(self.0.load(Ordering::Relaxed)).ok()
    }

    fn learn(&self, headers: &HeaderMap) {
        let told = ["ratelimit-remaining", "x-ratelimit-remaining"]
            .iter()
            .find_map(|name| headers.get(*name)?.to_str().ok()?.parse::<i64>().ok());
        if let Some(remaining) = told {
            self.0.store(remaining.max(0), Ordering::Relaxed);
        }
    }
}

/// Whether losing the answer loses anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Asking again changes nothing.
    Read,
    /// It may take effect although no answer arrives.
    Change,
}

/// One request, without the address of the vendor.
pub(crate) struct Request {
    kind: Kind,
    method: Method,
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    body: Option<Zeroizing<Vec<u8>>>,
    flaw: Option<&'static str>,
}

impl Request {
    /// A `GET` of a path, given as its segments; each is percent-encoded.
    pub(crate) fn get(segments: &[&str]) -> Self {
        Self::new(Kind::Read, Method::GET, segments)
    }

    /// A request that changes something.
    pub(crate) fn change(method: Method, segments: &[&str]) -> Self {
        Self::new(Kind::Change, method, segments)
    }

    /// A `POST` that changes nothing that matters, such as a login.
    pub(crate) fn ask(segments: &[&str]) -> Self {
        Self::new(Kind::Read, Method::POST, segments)
    }

    fn new(kind: Kind, method: Method, segments: &[&str]) -> Self {
        // `.` and `..` would silently address another resource: `DELETE /authorizations/..`.
        let wanders = |segment: &&str| matches!(*segment, "" | "." | "..");
        let flaw = segments.iter().any(wanders).then_some("a part of the path is empty or dots");
        let segments = segments.iter().map(|segment| (*segment).to_owned()).collect();
        let (query, headers) = (Vec::new(), HeaderMap::new());
        Self { kind, method, segments, query, headers, body: None, flaw }
    }

    pub(crate) fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    /// A header whose value is no secret.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => drop(self.headers.insert(HeaderName::from_static(name), value)),
            Err(_) => self.flaw = Some("a header holds a character that none can carry"),
        }
        self
    }

    /// A header that carries a token behind a scheme such as `Bearer `.
    pub(crate) fn token(mut self, name: &'static str, scheme: &str, token: &Token) -> Self {
        let text = Zeroizing::new(format!("{scheme}{}", token.expose()));
        match HeaderValue::from_str(&text) {
            Ok(_) if token.is_empty() => self.flaw = Some("the token is empty"),
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(HeaderName::from_static(name), value);
            }
            Err(_) => self.flaw = Some("the token holds a character that no header can carry"),
        }
        self
    }

    /// A JSON body; its memory here is wiped.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        let mut buffer = Buffer::default();
        match serde_json::to_writer(&mut buffer, body) {
            Ok(()) => self.body = Some(buffer.into_bytes()),
            Err(_) => self.flaw = Some("the body cannot be written as JSON"),
        }
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// A body as it is.
    pub(crate) fn body(mut self, kind: &'static str, bytes: Vec<u8>) -> Self {
        self.body = Some(Zeroizing::new(bytes));
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        self
    }

    /// `POST /oauth/authorizations`: what errors and observers call it. Ids are hidden.
    fn name(&self) -> String {
        shown(&format!("{} /{}", self.method, self.segments.join("/")))
    }
}

/// Where the answers of a connection come from.
enum Wire {
    /// The vendor.
    Client(reqwest::Client),
    /// A list that was made up, the last one of it again and again: what the fuzz targets read.
    MadeUp(Made),
}

/// One connection: its address, its client, and the limiter of its account. Shared by all that
/// use it.
pub(crate) struct Http {
    vendor: &'static str,
    base: Url,
    wire: Wire,
    limiter: Arc<Limiter>,
    observer: Observer,
}

impl Http {
    /// Builds the client of a connection; nothing is sent.
    ///
    /// # Errors
    /// An address that no token may be sent to, or a CA or proxy that cannot be used.
    pub(crate) fn new(
        connection: &Connection,
        directory: &std::path::Path,
        observer: Observer,
    ) -> Result<Self, SetupError> {
        Self::within(connection, directory, observer, Arc::new(System))
    }

    /// The same, in other surroundings.
    pub(crate) fn within(
        connection: &Connection,
        directory: &std::path::Path,
        observer: Observer,
        around: Arc<dyn Surroundings>,
    ) -> Result<Self, SetupError> {
        let base = address(&connection.url, AddressUse::Connection)?;
        let wire = Wire::Client(setup::client_of(connection, &base, directory, around, &observer)?);
        let vendor = vendor_of(connection.kind);
        let limiter = Arc::new(Limiter::new(connection.kind));
        Ok(Self { vendor, base, wire, limiter, observer })
    }

    /// The same, with another name in errors.
    pub(crate) fn called(mut self, vendor: &'static str) -> Self {
        self.vendor = vendor;
        self
    }

    /// A connection whose answers are made up; it has no socket.
    pub(crate) fn made_up(kind: ConnectionKind, made: Made) -> Option<Self> {
        let base = Url::parse("https://localhost/").ok()?;
        let (vendor, limiter) = (vendor_of(kind), Arc::new(Limiter::new(kind)));
        Some(Self { vendor, base, wire: Wire::MadeUp(made), limiter, observer: None })
    }

    /// The same, held back by the limiter of an account that other connections use, too.
    pub(crate) fn limited_by(self, limiter: Arc<Limiter>) -> Self {
        Self { limiter, ..self }
    }

    /// What the vendor said last about the calls that are left.
    pub(crate) fn quota(&self) -> Quota {
        self.limiter.quota().clone()
    }

    /// A refusal that was found before anything was sent.
    pub(crate) fn refusal(&self, call: &str, why: impl Into<String>) -> Fault {
        Fault::Refused { vendor: self.vendor, call: call.to_owned(), why: why.into() }
    }

    /// Sends one request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// `Refused` for a request that cannot be sent at all, `Later` where the vendor was not
    /// reached, `Unsure` where the answer was lost.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Fault> {
        self.hear(request).await.map_err(|missed| missed.fault)
    }

    /// The same, telling in what way no answer came.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub(crate) async fn hear(&self, request: Request) -> Result<Answer, Missed> {
        let call = Call { vendor: self.vendor, name: request.name(), kind: request.kind };
        let unsendable =
            |why: &str| Missed { fault: self.refusal(&call.name, why), how: Silence::Unsendable };
        if let Some(flaw) = request.flaw {
            return Err(unsendable(flaw));
        }
        let Some(ready) = self.address(request) else {
            return Err(unsendable("the address cannot hold a path"));
        };
        let _permit = match &self.wire {
            Wire::Client(_) => {
                let held = |wait| Missed { fault: call.held_back(wait), how: Silence::Timeout };
                self.limiter.admit().await.map_err(held)?
            }
            Wire::MadeUp(_) => None,
        };
        if let Some(observer) = &self.observer {
            let barred = |fault| Missed { fault, how: Silence::Unsendable };
            call.may_leave(&self.observer).map_err(barred)?;
            observer.before(call.vendor, &call.name);
        }
        let ended = match &self.wire {
            Wire::Client(client) => exchange(client, ready, &call).await,
            Wire::MadeUp(made) => {
                made.next(&call).map_err(|fault| Missed { fault, how: Silence::Broken })
            }
        };
        if let Some(observer) = &self.observer {
            observer.after(call.vendor, &call.name);
        }
        if let Ok(answer) = &ended {
            self.limiter.learn(answer);
        }
        ended
    }

    fn address(&self, request: Request) -> Option<reqwest::Request> {
        let mut url = self.base.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(&request.segments);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut ready = reqwest::Request::new(request.method, url);
        *ready.headers_mut() = request.headers;
        *ready.body_mut() =
            request.body.map(|mut body| reqwest::Body::from(std::mem::take(&mut *body)));
        Some(ready)
    }
}

fn vendor_of(kind: ConnectionKind) -> &'static str {
    match kind {
        ConnectionKind::Postmark => "Postmark",
        ConnectionKind::Heroku => "Heroku",
        ConnectionKind::Github => "GitHub",
        ConnectionKind::Infisical => "Infisical",
    }
}

/// A call as errors name it.
pub(crate) struct Call {
    pub(crate) vendor: &'static str,
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

impl Call {
    /// Not sent, because the account may not make so many calls.
    fn held_back(&self, wait: std::time::Duration) -> Fault {
        let why = format!("no more calls are allowed for {} s; not sent", wait.as_secs());
        Fault::Later { vendor: self.vendor, call: self.name.clone(), why, after: Some(wait) }
    }

    /// Asked right before it is sent, where it changes something: `Later`, because this process
    /// may not change anything now.
    pub(crate) fn may_leave(&self, observer: &Observer) -> Result<(), Fault> {
        let Some(observer) = observer.as_ref().filter(|_| self.kind == Kind::Change) else {
            return Ok(());
        };
        observer.may_change(self.vendor, &self.name).map_err(|why| {
            let why = format!("{why}; not sent");
            Fault::Later { vendor: self.vendor, call: self.name.clone(), why, after: None }
        })
    }

    fn unsure(&self, why: impl Into<String>) -> Fault {
        Fault::Unsure { vendor: self.vendor, call: self.name.clone(), why: why.into() }
    }
}

/// One request out, one answer in.
pub(crate) async fn exchange(
    client: &reqwest::Client,
    request: reqwest::Request,
    call: &Call,
) -> Result<Answer, Missed> {
    let response = client
        .execute(request)
        .await
        .map_err(|error| Missed { fault: lost(call, &error), how: silence::way(&error) })?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body =
        body::read(response, call).await.map_err(|fault| Missed { fault, how: Silence::Broken })?;
    Ok(Answer {
        vendor: call.vendor,
        call: call.name.clone(),
        kind: call.kind,
        status,
        headers,
        body,
    })
}

/// No answer. Only an error from before a connection stood proves that nothing was sent.
fn lost(call: &Call, error: &reqwest::Error) -> Fault {
    let why = cause(error);
    if error.is_connect() || error.is_builder() {
        let why = format!("no connection: {why}");
        return Fault::Later { vendor: call.vendor, call: call.name.clone(), why, after: None };
    }
    if error.is_timeout() {
        return call.unsure("no answer in time");
    }
    call.unsure(format!("the connection broke before the answer: {why}"))
}

/// The innermost reason. The outer ones repeat the address, whose query may say too much.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    shown(&innermost.to_string())
}
