//! A person's own machine as a place that holds a token. Nobody reaches it, so nothing is sent:
//! a *ticket* waits for its owner, who redeems it there, once. What was written there is read back
//! and remembered by its fingerprint. Whoever comes second finds the ticket redeemed, and that is
//! told to everybody: either the owner has lost what they had, or somebody else was faster.
//!
//! The same idea as Vault's response wrapping, whose single use is what shows an interception:
//! <https://developer.hashicorp.com/vault/docs/concepts/response-wrapping>.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Fingerprint;

/// What is known of one secret at one workstation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Workstation {
    /// What was fetched last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Fetched>,
    /// What waits to be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
}

/// A value waits to be fetched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// Of which token.
    pub fingerprint: Fingerprint,
    /// Since when.
    pub since: Timestamp,
}

/// A value was fetched, written and read back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fetched {
    /// Of which token.
    pub fingerprint: Fingerprint,
    /// When.
    pub at: Timestamp,
    /// On which machine, as it calls itself.
    pub host: String,
    /// Into which file.
    pub path: String,
}

/// Why nothing can be fetched.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoTicket {
    /// It was fetched already.
    #[error("it was fetched already, {at:.0} on {host}")]
    Redeemed {
        /// When.
        at: Timestamp,
        /// On which machine.
        host: String,
    },
    /// Nothing ever waited.
    #[error("nothing waits to be fetched")]
    None,
}

impl Workstation {
    /// A token is to be fetched, unless it is what was fetched last. What waited before no longer
    /// does. Said again it changes nothing.
    pub fn offer(&mut self, fingerprint: Fingerprint, now: Timestamp) {
        if self.holds(fingerprint) {
            self.ticket = None;
        } else if self.ticket.as_ref().is_none_or(|ticket| ticket.fingerprint != fingerprint) {
            self.ticket = Some(Ticket { fingerprint, since: now });
        }
    }

    /// The same token once more: what was fetched was lost there.
    pub fn offer_again(&mut self, fingerprint: Fingerprint, now: Timestamp) {
        self.ticket = Some(Ticket { fingerprint, since: now });
    }

    /// A token is no longer to be fetched.
    pub fn withdraw(&mut self, fingerprint: Fingerprint) {
        self.ticket.take_if(|ticket| ticket.fingerprint == fingerprint);
    }

    /// Nothing is to be fetched any more, and what was fetched is no longer counted on.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// What may be fetched now.
    ///
    /// # Errors
    /// Why nothing can be.
    pub fn ticket(&self) -> Result<&Ticket, NoTicket> {
        self.ticket.as_ref().ok_or_else(|| match &self.held {
            Some(held) => NoTicket::Redeemed { at: held.at, host: held.host.clone() },
            None => NoTicket::None,
        })
    }

    /// The ticket is redeemed: this is what was written and read back.
    pub fn redeem(&mut self, fetched: Fetched) {
        self.withdraw(fetched.fingerprint);
        self.held = Some(fetched);
    }

    /// Whether the last thing that was fetched is this token.
    #[must_use]
    pub fn holds(&self, fingerprint: Fingerprint) -> bool {
        self.held.as_ref().is_some_and(|held| held.fingerprint == fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FingerprintKey, Token};

    fn fingerprint(value: &str) -> Fingerprint {
        FingerprintKey::new([7; 32]).of(&Token::from(value))
    }

    fn fetched(fingerprint: Fingerprint) -> Fetched {
        Fetched {
            fingerprint,
            at: Timestamp::UNIX_EPOCH,
            host: "ops-1-laptop".into(),
            path: "~/.env".into(),
        }
    }

    /// Goal: a ticket is good once. Method: it is offered, redeemed, and asked for again; then the
    /// same token is offered again, as a run that was killed does.
    #[test]
    fn a_ticket_is_good_once() {
        let (old, new, now) = (fingerprint("old"), fingerprint("new"), Timestamp::UNIX_EPOCH);
        let mut at = Workstation::default();
        assert_eq!(at.ticket(), Err(NoTicket::None));
        at.offer(new, now);
        at.offer(new, Timestamp::MAX);
        assert_eq!(at.ticket().map(|ticket| (ticket.fingerprint, ticket.since)), Ok((new, now)));
        at.redeem(fetched(new));
        assert!(at.holds(new) && !at.holds(old));
        assert!(matches!(at.ticket(), Err(NoTicket::Redeemed { .. })));
        at.offer(new, now);
        assert!(at.ticket().is_err(), "whoever has it is not given it again by itself");
        at.offer_again(new, now);
        assert!(at.ticket().is_ok());
    }

    /// Goal: on the way back nobody fetches what they have, and nobody what is taken back.
    #[test]
    fn what_is_taken_back_is_not_fetched() {
        let (old, new, now) = (fingerprint("old"), fingerprint("new"), Timestamp::UNIX_EPOCH);
        let mut at = Workstation::default();
        at.redeem(fetched(old));
        at.offer(new, now);
        at.withdraw(old);
        assert!(at.ticket().is_ok(), "another token's ticket stays");
        at.withdraw(new);
        assert!(at.ticket().is_err());
        at.offer(new, now);
        at.offer(old, now);
        assert!(at.ticket().is_err(), "it holds the old one");
    }
}
