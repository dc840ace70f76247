//! Infisical: npm `@infisical/sdk` and PyPI `infisicalsdk`.
//! <https://infisical.com/docs/api-reference/overview/introduction>

use std::time::Duration;

use e2e::Result;
use e2e::clients::{Counter, Session, Set, call};
use serde_json::{Value, json};

use super::{counter, has, says};

/// How one of the two SDKs is called, and how it tells an error.
struct Sdk<'a> {
    session: Session,
    counter: &'a Counter,
    /// The name of each call.
    names: [&'static str; 5],
    /// What is given to it: which secret, with which value.
    given: fn(&str, &str, &str, Option<&str>) -> Value,
    /// The error of this status.
    error: fn(u16) -> Value,
    /// Where a status stands in the message.
    shows: fn(u16) -> String,
}

const GET: usize = 0;
const LIST: usize = 1;
const CREATE: usize = 2;
const UPDATE: usize = 3;
const DELETE: usize = 4;

impl Sdk<'_> {
    fn asks(&self, verb: usize, secret: &str, value: Option<&str>) -> Value {
        let project = self.counter.lab().credentials().infisical_project_id;
        call(self.names[verb], (self.given)(self.names[verb], &project, secret, value))
    }

    fn gives(
        &mut self,
        token: &str,
        verb: usize,
        secret: &str,
        value: Option<&str>,
    ) -> Result<Value> {
        let mut asked = self.asks(verb, secret, value);
        asked["token"] = token.into();
        self.session.gives(asked)
    }

    fn refuses(&mut self, token: &str, asked: Value, status: u16) -> Result<Value> {
        let mut asked = asked;
        asked["token"] = token.into();
        let told = self.session.refuses(asked)?;
        has(&told, &(self.error)(status));
        says(&told, &(self.shows)(status));
        Ok(told)
    }

    /// Everything that an SDK can meet; `login` makes the call that logs in.
    fn lives(&mut self, login: impl Fn(&str, &str) -> Value) -> Result<()> {
        let lab = self.counter.lab();
        let known = lab.credentials();
        let (id, secret) = (&known.infisical_client_id, &known.infisical_client_secret);
        let token = self.session.gives(login(id, secret))?;
        let token = token.as_str().ok_or("no token")?.to_owned();

        let held = self.gives(&token, GET, "HEROKU_API_KEY", None)?;
        has(&held, &json!({ "secretValue": known.heroku_api_key, "version": 1 }));
        let all = self.gives(&token, LIST, "", None)?;
        assert_eq!(all["secrets"].as_array().map(Vec::len), Some(2), "{all:#}");
        let made = self.gives(&token, CREATE, "NEW", Some(" one "))?;
        has(secret_of(&made), &json!({ "secretValue": "one", "version": 1 }));
        let changed = self.gives(&token, UPDATE, "NEW", Some("two"))?;
        has(secret_of(&changed), &json!({ "secretValue": "two", "version": 2 }));
        assert_eq!(lab.inspect().infisical_value("prod", "NEW").as_deref(), Some("two"));
        let _ = self.gives(&token, DELETE, "NEW", None)?;
        assert_eq!(lab.inspect().infisical_value("prod", "NEW"), None);

        let missing = self.asks(GET, "NO_SUCH", None);
        let told = self.refuses(&token, missing, 404)?;
        says(&told, "Secret with name 'NO_SUCH' not found");
        let there = self.asks(CREATE, "HEROKU_API_KEY", Some("again"));
        self.refuses(&token, there, 400)?;
        let missing = self.asks(UPDATE, "NO_SUCH", Some("x"));
        self.refuses(&token, missing, 404)?;
        let elsewhere = (self.given)(self.names[GET], "no-such-project", "HEROKU_API_KEY", None);
        self.refuses(&token, call(self.names[GET], elsewhere), 404)?;
        // An access token that never was, and one whose time is over, are 403 and not 401.
        let held = self.asks(GET, "HEROKU_API_KEY", None);
        says(&self.refuses("no.such.token", held.clone(), 403)?, "Your token is invalid");
        lab.knobs(|knobs| knobs.infisical.access_token_ttl = Duration::from_secs(60));
        let short = self.session.gives(login(id, secret))?;
        lab.advance(Duration::from_secs(61));
        let short = short.as_str().unwrap_or_default();
        says(&self.refuses(short, held.clone(), 403)?, "Your token has expired");
        Ok(())
    }

    /// Too much of everything; nothing is let in afterwards.
    fn ends(&mut self, login: impl Fn(&str, &str) -> Value) -> Result<()> {
        let lab = self.counter.lab();
        let known = lab.credentials();
        let (id, secret) = (&known.infisical_client_id, &known.infisical_client_secret);
        for _ in 0..3 {
            let told = self.session.refuses(login(id, "not the secret"))?;
            has(&told, &(self.error)(401));
            says(&told, "Invalid credentials");
        }
        let locked = self.session.refuses(login(id, secret))?;
        has(&locked, &(self.error)(401));
        says(&locked, "temporarily locked");
        lab.advance(Duration::from_secs(301));
        let _ = self.session.gives(login(id, secret))?;
        lab.advance(Duration::from_secs(61));
        lab.knobs(|knobs| knobs.infisical.requests_per_minute = 1);
        let token = self.session.gives(login(id, secret))?;
        let held = self.asks(GET, "HEROKU_API_KEY", None);
        let told = self.refuses(token.as_str().unwrap_or_default(), held, 429)?;
        says(&told, "Rate limit exceeded. Please try again in");
        Ok(())
    }
}

/// Some calls answer with the secret, others with what it lies in.
fn secret_of(told: &Value) -> &Value {
    told.get("secret").unwrap_or(told)
}

#[test]
fn infisicals_own_client_for_node_sees_infisical() -> Result<()> {
    let Some(counter) = counter(Set::Node)? else { return Ok(()) };
    let login = |id: &str, secret: &str| {
        call("login", json!({ "args": [{ "clientId": id, "clientSecret": secret }] }))
    };
    let base = json!({ "base": counter.lab().urls().infisical });
    let mut sdk = Sdk {
        session: counter.session("infisical", base)?,
        counter: &counter,
        names: [
            "secrets.getSecret",
            "secrets.listSecrets",
            "secrets.createSecret",
            "secrets.updateSecret",
            "secrets.deleteSecret",
        ],
        given: |name, project, secret, value| {
            let mut options =
                json!({ "projectId": project, "environment": "prod", "secretPath": "/" });
            if let Some(value) = value {
                options["secretValue"] = value.into();
            }
            match name.rsplit('.').next() {
                Some("getSecret") => {
                    options["secretName"] = secret.into();
                    json!({ "args": [options] })
                }
                Some("listSecrets") => json!({ "args": [options] }),
                _ => json!({ "args": [secret, options] }),
            }
        },
        error: |_| json!({ "name": "InfisicalSDKRequestError" }),
        shows: |status| format!("[StatusCode={status}]"),
    };
    sdk.lives(login)?;
    // 200 does not mean that anything was stored.
    counter.lab().knobs(|knobs| knobs.infisical.approval_policy = true);
    let known = counter.lab().credentials();
    let token =
        sdk.session.gives(login(&known.infisical_client_id, &known.infisical_client_secret))?;
    let held =
        sdk.gives(token.as_str().unwrap_or_default(), UPDATE, "HEROKU_API_KEY", Some("new"))?;
    assert!(held["approval"].is_object() && held.get("secret").is_none(), "{held:#}");
    counter.lab().knobs(|knobs| knobs.infisical.approval_policy = false);
    sdk.ends(login)
}

#[test]
fn infisicals_own_client_for_python_sees_infisical() -> Result<()> {
    let Some(counter) = counter(Set::Python)? else { return Ok(()) };
    let login = |id: &str, secret: &str| call("login", json!({ "id": id, "secret": secret }));
    let base = json!({ "base": counter.lab().urls().infisical });
    let mut sdk = Sdk {
        session: counter.session("infisical", base)?,
        counter: &counter,
        names: ["get", "list", "create", "update", "delete"],
        given: |name, project, secret, value| {
            let mut given =
                json!({ "project_id": project, "environment_slug": "prod", "secret_path": "/" });
            if let Some(value) = value {
                given["secret_value"] = value.into();
            }
            match name {
                "list" => {}
                "update" => given["current_secret_name"] = secret.into(),
                _ => given["secret_name"] = secret.into(),
            }
            json!({ "given": given })
        },
        error: |status| json!({ "class": "APIError", "status": status }),
        shows: |status| format!("(Status: {status})"),
    };
    sdk.lives(login)?;
    // This SDK knows nothing of approvals, and stumbles over the answer.
    counter.lab().knobs(|knobs| knobs.infisical.approval_policy = true);
    let known = counter.lab().credentials();
    let token =
        sdk.session.gives(login(&known.infisical_client_id, &known.infisical_client_secret))?;
    let mut asked = sdk.asks(UPDATE, "HEROKU_API_KEY", Some("new"));
    asked["token"] = token;
    has(&sdk.session.refuses(asked)?, &json!({ "class": "KeyError", "message": "'secret'" }));
    assert_eq!(counter.lab().inspect().infisical_pending(), 1);
    counter.lab().knobs(|knobs| knobs.infisical.approval_policy = false);
    sdk.ends(login)
}
