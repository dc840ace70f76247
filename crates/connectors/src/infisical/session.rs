//! The login of a machine identity, and the access token it gave.

use std::time::{Duration, Instant};

use domain::Token;
use serde::Serialize;
use tokio::sync::Mutex;

use super::read;
use crate::hidden::Exposed;
use crate::http::{Http, Request};
use crate::{Fault, Login};

/// An access token is renewed this long before it ends.
const MARGIN: Duration = Duration::from_secs(60);

/// How long an identity stays locked after three failed logins.
pub(super) const LOCKED: Duration = Duration::from_secs(300);

/// How a connection gets its access tokens. One a connection, so that they are shared.
pub(crate) struct Session {
    identity: Identity,
    state: Mutex<State>,
}

enum Identity {
    /// An access token that was given to us as it is.
    Fixed(Login),
    /// A machine identity with its client id and client secret.
    Client { id: Login, secret: Login },
}

#[derive(Default)]
struct State {
    access: Option<(Token, Instant)>,
    /// The client secret that was refused, and why: sending it again may lock the identity.
    refused: Option<(Token, Fault)>,
    locked_until: Option<Instant>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    client_id: Exposed<'a>,
    client_secret: Exposed<'a>,
}

impl Session {
    /// A session that uses an access token as it is.
    pub(crate) fn fixed(login: Login) -> Self {
        Self { identity: Identity::Fixed(login), state: Mutex::default() }
    }

    /// A session that logs in.
    pub(crate) fn client(id: Login, secret: Login) -> Self {
        Self { identity: Identity::Client { id, secret }, state: Mutex::default() }
    }

    /// An access token that is valid for a while yet; logs in if there is none. Whoever else
    /// wants one meanwhile waits for the same login.
    pub(super) async fn access(&self, http: &Http) -> Result<Token, Fault> {
        let missing = || http.refusal("a login", "the connection has no login yet");
        let (id, secret) = match &self.identity {
            Identity::Fixed(login) => return login.get().ok_or_else(missing),
            Identity::Client { id, secret } => {
                (id.get().ok_or_else(missing)?, secret.get().ok_or_else(missing)?)
            }
        };
        let mut state = self.state.lock().await;
        if let Some((access, _)) = state.access.as_ref().filter(|(_, end)| *end > Instant::now()) {
            return Ok(access.clone());
        }
        state.may_log_in(&secret)?;
        let sent = Instant::now();
        match log_in(http, &id, &secret).await {
            Ok((access, lifetime)) => {
                let end = sent + lifetime.saturating_sub(MARGIN).max(lifetime / 2);
                *state = State { access: Some((access.clone(), end)), ..State::default() };
                Ok(access)
            }
            Err(fault) => {
                state.remember(secret, &fault);
                Err(fault)
            }
        }
    }

    /// Drops an access token that the server does not accept any more.
    pub(super) async fn forget(&self, access: &Token) {
        let mut state = self.state.lock().await;
        if state.access.as_ref().is_some_and(|(held, _)| held == access) {
            state.access = None;
        }
    }
}

impl State {
    fn may_log_in(&self, secret: &Token) -> Result<(), Fault> {
        let left = self.locked_until.and_then(|end| end.checked_duration_since(Instant::now()));
        if let Some(left) = left {
            return Err(Fault::Later {
                vendor: "Infisical",
                call: "POST /v1/auth/universal-auth/login".to_owned(),
                why: "the identity is locked after failed logins".to_owned(),
                after: Some(left),
            });
        }
        match &self.refused {
            Some((refused, fault)) if refused == secret => Err(fault.clone()),
            _ => Ok(()),
        }
    }

    fn remember(&mut self, secret: Token, fault: &Fault) {
        match fault {
            Fault::Refused { .. } => self.refused = Some((secret, fault.clone())),
            Fault::Later { after: Some(after), .. } if *after == LOCKED => {
                self.locked_until = Some(Instant::now() + LOCKED);
            }
            _ => {}
        }
    }
}

async fn log_in(http: &Http, id: &Token, secret: &Token) -> Result<(Token, Duration), Fault> {
    let request = Request::ask(&["v1", "auth", "universal-auth", "login"])
        .json(&Credentials { client_id: Exposed(id), client_secret: Exposed(secret) });
    read::login(&http.send(request).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(after: Option<Duration>) -> Fault {
        Fault::Later { vendor: "Infisical", call: "x".into(), why: "y".into(), after }
    }

    #[test]
    fn a_refused_secret_is_not_sent_again_but_another_one_is() {
        let refused = Fault::Refused { vendor: "Infisical", call: "x".into(), why: "401".into() };
        let mut state = State::default();
        state.remember(Token::from("wrong"), &refused);
        assert_eq!(state.may_log_in(&Token::from("wrong")), Err(refused));
        assert_eq!(state.may_log_in(&Token::from("right")), Ok(()));
        state.remember(Token::from("right"), &fault(None));
        assert_eq!(state.may_log_in(&Token::from("right")), Ok(()), "no answer is no refusal");
    }

    #[test]
    fn a_locked_identity_waits_whatever_the_secret() {
        let mut state = State::default();
        state.remember(Token::from("right"), &fault(Some(LOCKED)));
        let waits = state.may_log_in(&Token::from("other"));
        assert!(matches!(waits, Err(Fault::Later { after: Some(left), .. }) if left <= LOCKED));
    }
}
