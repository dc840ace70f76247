//! A request and a reply as plain values, so that a vendor is a function from one to the other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::HeaderMap;
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request that has arrived whole.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// The path without the query, still percent-encoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The decoded parts of the path.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// The body as JSON; an empty body reads as an empty object.
    pub(crate) fn json(&self) -> Option<Value> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Some(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&self.body).ok()
    }

    /// A field of a submitted form.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The token of a `Bearer`, `token` or `Basic` authorization (there, the password).
    pub(crate) fn authorization(&self) -> Option<String> {
        let text = self.header("authorization")?.trim();
        let (scheme, rest) = text.split_once(' ')?;
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "token" => Some(rest.trim().to_owned()),
            "basic" => {
                let plain = BASE64.decode(rest.trim()).ok()?;
                let plain = String::from_utf8(plain).ok()?;
                plain.split_once(':').map(|(_, password)| password.to_owned())
            }
            _ => None,
        }
    }

    /// Whether one of the simulated apps is asking, rather than the client under test.
    pub(crate) fn is_from_app(&self) -> bool {
        self.header("user-agent").is_some_and(|agent| agent.starts_with(APP_AGENT))
    }

    /// Whether it is the steady traffic, which is counted and not kept.
    pub(crate) fn is_from_traffic(&self) -> bool {
        self.header("user-agent").is_some_and(|agent| agent.starts_with(TRAFFIC_AGENT))
    }

    /// Whether the request only looks.
    pub(crate) fn only_reads(&self) -> bool {
        self.method == "GET" || self.method == "HEAD"
    }
}

/// How the simulated apps call themselves.
pub(crate) const APP_AGENT: &str = "lab-app/";
/// How their steady traffic calls itself.
pub(crate) const TRAFFIC_AGENT: &str = "lab-app/traffic";

/// An answer, whole.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json; charset=utf-8".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    pub(crate) fn html(status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
            body: body.into_bytes(),
        }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", "text/plain; charset=utf-8".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// 303 to another page: what a form answers, so that a reload does not submit it again.
    pub(crate) fn see_other(location: &str) -> Self {
        Self::empty(303).header("location", location)
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The query of a URL, decoded.
pub(crate) fn parse_query(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// A string field of a JSON object.
pub(crate) fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}
