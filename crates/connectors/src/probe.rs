//! Probes over HTTP: what the inventory expects of an address, and what it said.
//!
//! Carries no login and follows no redirect. What was seen is told by status and by the names of
//! fields; of the answer's values only those show that the inventory itself holds, and the id of a
//! mail that the inventory names a field for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::inventory::{AddressUse, Ask, address};
use reqwest::{Method, header};
use serde_json::Value;
use url::Url;

use crate::http::egress::{Egress, Surroundings, System};
use crate::http::{Answer, Call, Kind, Observer, client, exchange, gated};
use crate::shown::shown;
use crate::{Fault, ProbeOrder, Prober, Receipt, Sight};

/// How long a probe may take.
const PROBE_SECONDS_MAX: u64 = 15;

/// The longest id of a mail.
const ID_CHARS_MAX: usize = 100;

/// One question over HTTP.
pub(crate) struct OverHttp {
    name: String,
    ask: Ask,
    /// The field that holds the id of a mail, where asking sends one.
    id: Option<String>,
    /// Asked where asking changes something.
    observer: Observer,
}

impl OverHttp {
    /// Asking changes nothing.
    pub(crate) fn health(name: &str, ask: &Ask) -> Self {
        Self { name: name.to_owned(), ask: ask.clone(), id: None, observer: None }
    }

    /// Asking has an application send a mail, whose id is in this field of the answer.
    pub(crate) fn mail(name: &str, ask: &Ask, id: &str, observer: Observer) -> Self {
        Self { name: name.to_owned(), ask: ask.clone(), id: Some(id.to_owned()), observer }
    }

    /// Asks once, in these surroundings.
    pub(crate) async fn within(&self, around: Arc<dyn Surroundings>) -> Result<Answer, Fault> {
        // A health that was asked for is in no doubt that a second look could not settle.
        let kind = if self.id.is_some() { Kind::Change } else { Kind::Read };
        let call = Call { vendor: "the probe", name: shown(&self.name), kind };
        let refused =
            |why: String| Fault::Refused { vendor: call.vendor, call: call.name.clone(), why };
        let url = address(&self.ask.url, AddressUse::Probe)
            .map_err(|error| refused(format!("its url cannot be used: {error}")))?;
        let egress = Egress::to(&url, self.ask.private, None, around);
        if let Some(scheme) = egress.other_proxy(&url) {
            return Err(refused(crate::SetupError::OtherProxy { scheme }.to_string()));
        }
        let client = client(&url, Duration::from_secs(PROBE_SECONDS_MAX), egress);
        let client = gated(client, &self.observer).build();
        let client = client.map_err(|_| refused("no client can be built for it".into()))?;
        call.may_leave(&self.observer)?;
        if let Some(observer) = &self.observer {
            observer.before(call.vendor, &call.name);
        }
        let ended = exchange(&client, request(&self.ask, url), &call).await;
        if let Some(observer) = &self.observer {
            observer.after(call.vendor, &call.name);
        }
        ended.map_err(|missed| missed.fault)
    }
}

#[async_trait]
impl Prober for OverHttp {
    async fn send(&self, order: &ProbeOrder<'_>) -> Result<Receipt, Fault> {
        let answer = self.within(Arc::new(System)).await?;
        let seen = read_probe(&answer, &self.ask)?;
        let id = self.id.as_deref().unwrap_or_default();
        Ok(Receipt(format!("{} ({seen})", read_id(&answer, id, order)?)))
    }

    /// Nobody can be asked what an application has sent. Asking it again may send a second mail,
    /// and does no other harm.
    async fn find(&self, _order: &ProbeOrder<'_>) -> Result<Option<Receipt>, Fault> {
        Ok(None)
    }

    async fn look(&self, _order: &ProbeOrder<'_>) -> Result<Sight, Fault> {
        let answer = self.within(Arc::new(System)).await?;
        match read_probe(&answer, &self.ask) {
            Ok(seen) => Ok(Sight::Fine(seen)),
            // An application that is about to start says many things.
            Err(Fault::Refused { why, .. }) => Ok(Sight::NotYet(why)),
            Err(fault) => Err(fault),
        }
    }
}

fn request(ask: &Ask, url: Url) -> reqwest::Request {
    let method = if ask.method == "POST" { Method::POST } else { Method::GET };
    let mut request = reqwest::Request::new(method, url);
    if let Some(json) = &ask.json {
        let value = header::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, value);
        *request.body_mut() = Some(json.clone().into());
    }
    request
}

/// The status, then each field.
pub(crate) fn read_probe(answer: &Answer, ask: &Ask) -> Result<String, Fault> {
    if answer.status != ask.expect_status {
        let why = format!("{} instead of {}", answer.status, ask.expect_status);
        return Err(match (answer.status, answer.kind) {
            (429, _) | (500.., Kind::Read) => {
                answer.later(why, answer.wait(jiff::Timestamp::now()))
            }
            (500.., Kind::Change) => answer.unsure(why),
            _ => answer.refused(why),
        });
    }
    let mut seen = answer.status.to_string();
    if ask.expect_json.is_empty() {
        return Ok(seen);
    }
    let body: Value = answer.json().ok_or_else(|| answer.refused("the answer is not JSON"))?;
    for (path, expected) in &ask.expect_json {
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

/// The id of the mail that an application says to have sent: short, of one word, and no token.
fn read_id(answer: &Answer, path: &str, order: &ProbeOrder<'_>) -> Result<String, Fault> {
    let body: Value = answer.json().ok_or_else(|| answer.refused("the answer is not JSON"))?;
    let id = field(&body, path).and_then(text_of).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| answer.refused(format!("no id of a mail in `{path}`")))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@<>".contains(c);
    let token = id.eq_ignore_ascii_case(order.token.expose());
    if token || id.len() > ID_CHARS_MAX || !id.chars().all(plain) {
        return Err(answer.refused(format!("`{path}` holds no id of a mail")));
    }
    Ok(format!("id {id}"))
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
    use crate::http::tests::{answer, change};

    fn ask(fields: &[(&str, Option<&str>)]) -> Ask {
        let fields = fields.iter().map(|(path, value)| (path.to_string(), value.map(Into::into)));
        Ask {
            method: "GET".into(),
            url: "http://127.0.0.1:9/".into(),
            private: false,
            json: None,
            expect_status: 200,
            expect_json: fields.collect(),
        }
    }

    fn read(status: u16, body: &str, fields: &[(&str, Option<&str>)]) -> Result<String, Fault> {
        read_probe(&answer("the probe", status, body), &ask(fields))
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

    const TOKEN: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn order(token: &domain::Token) -> ProbeOrder<'_> {
        ProbeOrder { token, marker: "r-1", since: jiff::Timestamp::UNIX_EPOCH, sent: None }
    }

    #[test]
    fn the_id_of_a_mail_is_no_token() {
        let token = domain::Token::from(TOKEN);
        let id = |body: &str| read_id(&change("the probe", 200, body), "mail.id", &order(&token));
        let uuid = "0a129aee-e1cd-480d-b08d-4f48548ff48d";
        assert_eq!(id(&format!(r#"{{"mail":{{"id":"{uuid}"}}}}"#)).unwrap(), format!("id {uuid}"));
        assert_eq!(id(r#"{"mail":{"id":7}}"#).unwrap(), "id 7");
        for odd in [
            "{}".to_owned(),
            r#"{"mail":{"id":""}}"#.into(),
            r#"{"mail":{"id":"two words"}}"#.into(),
            format!(r#"{{"mail":{{"id":"{}"}}}}"#, TOKEN.to_uppercase()),
            format!(r#"{{"mail":{{"id":"{}"}}}}"#, "x".repeat(101)),
            "<html>".into(),
        ] {
            let fault = id(&odd).unwrap_err();
            assert!(matches!(fault, Fault::Refused { .. }), "{odd}");
            assert!(!fault.to_string().to_lowercase().contains(TOKEN), "{fault}");
        }
    }

    #[test]
    fn a_mail_whose_answer_is_lost_may_have_been_sent() {
        let read = |status| read_probe(&change("the probe", status, ""), &ask(&[]));
        assert!(matches!(read(500), Err(Fault::Unsure { .. })));
        assert!(matches!(read(429), Err(Fault::Later { .. })));
        assert!(matches!(read(403), Err(Fault::Refused { .. })));
    }

    #[tokio::test]
    async fn nobody_there_is_later() {
        let token = domain::Token::from(TOKEN);
        let look = async |ask: Ask| OverHttp::health("health", &ask).look(&order(&token)).await;
        assert!(matches!(look(ask(&[])).await, Err(Fault::Later { .. })));
        let file = Ask { url: "file:///etc/passwd".into(), ..ask(&[]) };
        assert!(matches!(look(file).await, Err(Fault::Refused { .. })));
    }
}
