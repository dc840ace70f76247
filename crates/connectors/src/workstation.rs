//! A person's own machine as a place that holds a token. It is not reached from here: a ticket
//! waits at the [`Desk`], and its owner redeems it there with `rollover env pull`, which writes the
//! file, reads it back and says so. What is known of the place is what was said then.

pub(crate) mod manual;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use domain::{ConsumerId, Fingerprint, SecretName, Token, Workstation as Known};

use crate::dotenv::Dotenv;
use crate::http::Observer;
use crate::{Adoption, Consumer, Fault, Held, Receipt};

const VENDOR: &str = "the workstation's desk";

/// Where tickets lie, and what was fetched is remembered.
pub trait Desk: Send + Sync {
    /// What is known of a secret at a workstation.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn at(&self, secret: &SecretName, place: &ConsumerId) -> Result<Known, String>;

    /// Has a token wait for its owner, unless they have it; said again it changes nothing.
    ///
    /// # Errors
    /// Why it could not be written, in words.
    fn offer(&self, secret: &SecretName, place: &ConsumerId, of: &Token) -> Result<Known, String>;

    /// Takes a ticket back.
    ///
    /// # Errors
    /// Why it could not be written, in words.
    fn withdraw(&self, secret: &SecretName, place: &ConsumerId, of: &Token) -> Result<(), String>;

    /// Forgets what is known of a secret at a workstation, tickets included.
    ///
    /// # Errors
    /// Why it could not be written, in words.
    fn forget(&self, secret: &SecretName, place: &ConsumerId) -> Result<(), String>;

    /// The fingerprint by which a token is known there.
    fn fingerprint(&self, token: &Token) -> Fingerprint;
}

/// One secret at one workstation.
#[derive(Clone)]
pub(crate) struct Workstation {
    pub(crate) secret: SecretName,
    pub(crate) id: ConsumerId,
    pub(crate) member: String,
    pub(crate) desk: Option<Arc<dyn Desk>>,
    pub(crate) observer: Observer,
}

impl Workstation {
    async fn ask<T: Send + 'static>(
        &self,
        call: &str,
        changes: bool,
        what: impl FnOnce(&dyn Desk, &Self) -> Result<T, String> + Send + 'static,
    ) -> Result<T, Fault> {
        let (call, own) = (format!("{call} for {}", self.id), self.clone());
        let later =
            |why: String| Fault::Later { vendor: VENDOR, call: call.clone(), why, after: None };
        let Some(desk) = self.desk.clone() else {
            return Err(later("there is no desk here".into()));
        };
        let told = self.observer.as_ref().filter(|_| changes);
        if let Some(observer) = told {
            observer.may_change(VENDOR, &call).map_err(later)?;
            observer.before(VENDOR, &call);
        }
        let ended = tokio::task::spawn_blocking(move || what(&*desk, &own)).await;
        if let Some(observer) = told {
            observer.after(VENDOR, &call);
        }
        ended.map_err(|_| later("it did not answer".into()))?.map_err(later)
    }
}

#[async_trait]
impl Consumer for Workstation {
    async fn look(&self) -> Result<Held, Fault> {
        let known = self.ask("looking", false, |desk, own| desk.at(&own.secret, &own.id)).await?;
        Ok(known.held.map_or(Held::Unreadable(None), |held| Held::Known(held.fingerprint)))
    }

    async fn write(&self, token: &Token) -> Result<Receipt, Fault> {
        let of = token.clone();
        let known = self
            .ask("a ticket", true, move |desk, own| desk.offer(&own.secret, &own.id, &of))
            .await?;
        Ok(Receipt(match known.ticket {
            Some(ticket) => format!("waits for {} since {:.0}", self.member, ticket.since),
            None => format!("{} has it already", self.member),
        }))
    }

    async fn adopted(&self, token: &Token, _receipt: Option<&str>) -> Result<Adoption, Fault> {
        let of = token.clone();
        let look = move |desk: &dyn Desk, own: &Self| {
            Ok((desk.at(&own.secret, &own.id)?, desk.fingerprint(&of)))
        };
        let (known, wanted) = self.ask("looking", false, look).await?;
        let waits = known.ticket.is_some_and(|ticket| ticket.fingerprint == wanted);
        Ok(match known.held {
            Some(held) if held.fingerprint == wanted => Adoption::ByFingerprint(format!(
                "{} fetched it {:.0} on {}, read back from {}",
                self.member, held.at, held.host, held.path
            )),
            _ if waits => Adoption::NotYet(format!(
                "{} has not fetched it yet: rollover env pull {}",
                self.member, self.secret
            )),
            Some(held) => Adoption::Differs(format!("fp {} was fetched last", held.fingerprint)),
            None => Adoption::Differs("nothing was ever fetched".into()),
        })
    }

    async fn withdraw(&self, token: &Token) -> Result<(), Fault> {
        let of = token.clone();
        self.ask("taking a ticket back", true, move |desk, own| {
            desk.withdraw(&own.secret, &own.id, &of)
        })
        .await
    }

    /// What lies in its owner's file cannot be removed from here; nothing more is given out, and
    /// the plan has said so.
    async fn remove(&self) -> Result<Receipt, Fault> {
        self.ask("forgetting", true, |desk, own| desk.forget(&own.secret, &own.id)).await?;
        Ok(Receipt(format!("nothing waits for {} any more", self.member)))
    }

    async fn absent(&self, _receipt: Option<&str>) -> Result<Adoption, Fault> {
        let known = self.ask("looking", false, |desk, own| desk.at(&own.secret, &own.id)).await?;
        Ok(match (known.held, known.ticket) {
            (None, None) => Adoption::ByWrite(format!(
                "nothing waits for {}; a copy in the own file is theirs to delete",
                self.member
            )),
            _ => Adoption::NotYet("it is still given out".into()),
        })
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn restarts(&self) -> bool {
        false
    }
}

/// Writes a token into its owner's own dotenv file, and reads it back from there. `~/` is the
/// owner's home.
///
/// # Errors
/// The file cannot be written, or then holds something else.
pub fn keep_in_own_file(path: &Path, keys: &[String], token: &Token) -> Result<(), Fault> {
    let place = || format!("writing {}", path.display());
    let refused = |why: String| Fault::Refused { vendor: "the file", call: place(), why };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(|error| refused(error.to_string()))?;
    }
    let file = Dotenv::new(path.to_owned(), keys.to_vec(), None);
    file.write_own(token)?;
    match file.holds(token)? {
        true => Ok(()),
        false => Err(refused("it holds something else after the write".into())),
    }
}

/// The path with `~/` as a person's home.
#[must_use]
pub fn at_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
