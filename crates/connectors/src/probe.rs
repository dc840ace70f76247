//! One look at the world over HTTP: what the inventory expects of an address, and what it said.
//!
//! Carries no login and follows no redirect. What was seen is told by status and by the names of
//! fields; of the answer's values only those show that the inventory itself holds.

use std::sync::Arc;
use std::time::Duration;

use domain::inventory::{AddressUse, Probe, address};
use reqwest::{Method, header};
use serde_json::Value;
use url::Url;

use crate::Fault;
use crate::http::egress::{Egress, Surroundings, System};
use crate::http::{Answer, Call, Kind, client, exchange};
use crate::shown::shown;

/// How long a probe may take.
const PROBE_SECONDS_MAX: u64 = 15;

/// Looks once; answers what was seen, such as `200, status is ok`.
///
/// # Errors
/// `Refused` where the address answered something else than expected, `Later` where it could not
/// be reached or answered 429 or 5xx, `Unsure` where its answer was lost.
pub async fn run_probe(probe: &Probe) -> Result<String, Fault> {
    within(probe, Arc::new(System)).await
}

/// The same, in other surroundings.
pub(crate) async fn within(probe: &Probe, around: Arc<dyn Surroundings>) -> Result<String, Fault> {
    // Asking is all it does, so nothing is in doubt that a second look could not settle.
    let call = Call { vendor: "the probe", name: shown(&probe.name), kind: Kind::Read };
    let refused =
        |why: String| Fault::Refused { vendor: call.vendor, call: call.name.clone(), why };
    let url = address(&probe.url, AddressUse::Probe)
        .map_err(|error| refused(format!("its url cannot be used: {error}")))?;
    let egress = Egress::to(&url, probe.private, None, around);
    if let Some(scheme) = egress.other_proxy(&url) {
        return Err(refused(crate::SetupError::OtherProxy { scheme }.to_string()));
    }
    let client = client(&url, Duration::from_secs(PROBE_SECONDS_MAX), egress);
    let client = client.build().map_err(|_| refused("no client can be built for it".into()))?;
    let answer =
        exchange(&client, request(probe, url), &call).await.map_err(|missed| missed.fault)?;
    read_probe(&answer, probe)
}

fn request(probe: &Probe, url: Url) -> reqwest::Request {
    let method = if probe.method == "POST" { Method::POST } else { Method::GET };
    let mut request = reqwest::Request::new(method, url);
    if let Some(json) = &probe.json {
        let value = header::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, value);
        *request.body_mut() = Some(json.clone().into());
    }
    request
}

/// The status, then each field.
pub(crate) fn read_probe(answer: &Answer, probe: &Probe) -> Result<String, Fault> {
    if answer.status != probe.expect_status {
        let why = format!("{} instead of {}", answer.status, probe.expect_status);
        return Err(match answer.status {
            429 | 500.. => answer.later(why, answer.wait(jiff::Timestamp::now())),
            _ => answer.refused(why),
        });
    }
    let mut seen = answer.status.to_string();
    if probe.expect_json.is_empty() {
        return Ok(seen);
    }
    let body: Value = answer.json().ok_or_else(|| answer.refused("the answer is not JSON"))?;
    for (path, expected) in &probe.expect_json {
        let found = field(&body, path).ok_or_else(|| answer.refused(format!("no `{path}`")))?;
        match expected {
            Some(expected) if text_of(found).as_deref() != Some(expected) => {
                return Err(answer.refused(format!("`{path}` is not {expected}")));
            }
            Some(expected) => seen.push_str(&format!(", {path} is {expected}")),
            None => seen.push_str(&format!(", {path} is there")),
        }
    }
    Ok(seen)
}

/// A field by its dotted path; numbers count the entries of a list.
fn field<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(body, |value, part| match value {
        Value::Array(entries) => entries.get(part.parse::<usize>().ok()?),
        _ => value.get(part),
    })
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) | Value::Null => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::answer;

    fn probe(fields: &[(&str, Option<&str>)]) -> Probe {
        let fields = fields.iter().map(|(path, value)| (path.to_string(), value.map(Into::into)));
        Probe {
            name: "health".into(),
            method: "GET".into(),
            url: "http://127.0.0.1:9/".into(),
            private: false,
            json: None,
            expect_status: 200,
            expect_json: fields.collect(),
        }
    }

    fn read(status: u16, body: &str, fields: &[(&str, Option<&str>)]) -> Result<String, Fault> {
        read_probe(&answer("the probe", status, body), &probe(fields))
    }

    #[test]
    fn status_and_fields() {
        let body = r#"{"mail":{"ok":true,"n":2},"list":["a","hidden-value"],"none":null}"#;
        let fields = [("mail.ok", Some("true")), ("list.1", None), ("mail.n", Some("2"))];
        assert_eq!(
            read(200, body, &fields).unwrap(),
            "200, mail.ok is true, list.1 is there, mail.n is 2"
        );
        assert_eq!(read(200, "anything", &[]).unwrap(), "200");
        for fields in [[("mail.x", None)], [("list.9", None)], [("list.1", Some("b"))]] {
            let fault = read(200, body, &fields).unwrap_err();
            assert!(matches!(fault, Fault::Refused { .. }));
            assert!(!fault.to_string().contains("hidden-value"));
        }
        assert!(matches!(read(200, "<html>", &fields), Err(Fault::Refused { .. })));
    }

    #[test]
    fn another_status() {
        assert!(
            matches!(read(401, "", &[]), Err(Fault::Refused { why, .. }) if why == "401 instead of 200")
        );
        assert!(matches!(read(302, "", &[]), Err(Fault::Refused { .. })));
        assert!(matches!(read(503, "", &[]), Err(Fault::Later { .. })));
        assert!(matches!(read(429, "", &[]), Err(Fault::Later { .. })));
    }

    #[tokio::test]
    async fn nobody_there_is_later() {
        assert!(matches!(run_probe(&probe(&[])).await, Err(Fault::Later { .. })));
        let file = Probe { url: "file:///etc/passwd".into(), ..probe(&[]) };
        assert!(matches!(run_probe(&file).await, Err(Fault::Refused { .. })));
    }
}
