//! Why a rotation is not even begun. Each is found before anything is created.

use crate::{ConsumerId, RotationId, SecretName};

/// A reason to leave everything as it is, with the next move.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Another rotation of this secret is open.
    #[error("rotation {0} of this secret is still open")]
    AlreadyOpen(RotationId),
    /// It is out of use, and its store holds nothing, as it should.
    #[error("{secret} is decommissioned since {at:.0}")]
    Decommissioned {
        /// Which secret.
        secret: SecretName,
        /// Since when.
        at: jiff::Timestamp,
    },
    /// The store has nothing under the key.
    #[error("the store holds no value for {0}")]
    StoreEmpty(SecretName),
    /// The store may not be written.
    #[error("the store cannot be written: {0}")]
    StoreRefuses(String),
    /// The store holds another token than the one that is believed to be current.
    #[error("the store {0}")]
    StoreDrifted(String),
    /// The old token is dead already.
    #[error("the current token is already dead at the issuer: {0}")]
    OldTokenDead(String),
    /// The current token answers as somebody else.
    #[error("the current token answers as `{got}`, expected `{expected}`")]
    OtherIdentity {
        /// What the inventory says.
        expected: String,
        /// What the issuer says.
        got: String,
    },
    /// All slots of the issuer are taken.
    #[error("all {max} token slots of the issuer are taken")]
    SlotsFull {
        /// How many there are.
        max: u32,
    },
    /// The engine's login may not create tokens.
    #[error("the engine's login may not create tokens: {0}")]
    MayNotMint(String),
    /// The old token's handle is needed for revoking it and not known.
    #[error("it is not known which token at the issuer is the current one")]
    HandleUnknown,
    /// Several tokens at the issuer fit the description of the current one.
    #[error("{count} tokens at the issuer carry the description `{description}`")]
    HandleAmbiguous {
        /// How many.
        count: usize,
        /// Which description.
        description: String,
    },
    /// A repair of a token that lives.
    #[error("the current token still works; a repair would not protect it")]
    StillAlive,
    /// The engine logs in with this token by a copy that no rotation reaches.
    #[error("connection `{0}` logs in with this token by a copy of its own")]
    LooseLogin(String),
    /// The engine logs in with this token, and the new one could not revoke.
    #[error("rollover logs in with this token, and the new one would lack scope `global`")]
    LoginTooNarrow,
    /// The engine logs in with this token, so after its revocation nothing could be created.
    #[error("rollover logs in with this token; once it is revoked no new one can be created")]
    LoginRevoked,
    /// The engine logs in with this token, so it is in use.
    #[error("rollover itself logs in with this token")]
    LoginUsed,
    /// Another secret of the inventory has the very same token.
    #[error("{0} has the same token")]
    Shared(SecretName),
    /// A consumer cannot be written.
    #[error("consumer {consumer} cannot be written: {why}")]
    ConsumerRefuses {
        /// Which.
        consumer: ConsumerId,
        /// What the vendor said.
        why: String,
    },
    /// Something could not be looked at; nothing is guessed.
    #[error("{what} could not be looked at: {why}")]
    Unseen {
        /// What.
        what: String,
        /// What was seen instead.
        why: String,
    },
    /// The issuer lists no token of this name.
    #[error("the issuer lists no live token `{0}`")]
    NoSuchToken(String),
    /// Several tokens that the issuer lists have this name.
    #[error("{count} live tokens at the issuer are called `{name}`")]
    SeveralTokens {
        /// Which name.
        name: String,
        /// How many.
        count: usize,
    },
    /// The issuer does not show the value of the token that is to be removed.
    #[error(
        "the issuer does not show the value of `{name}`, so neither who holds it nor its death \
         could be seen"
    )]
    ValueHidden {
        /// What it is called.
        name: String,
        /// How a person revokes it.
        by_hand: Vec<String>,
    },
    /// The token that is to be removed is that of a secret.
    #[error("it is the token of {0}")]
    TokenInUse(SecretName),
    /// Somebody answers for the token that is to be removed.
    #[error("somebody answers for it: it is `known` to {0}")]
    TokenKnown(SecretName),
    /// Somebody holds the token that is to be removed.
    #[error("{0} holds it")]
    TokenHeld(String),
    /// The token that is to be removed is one that an open rotation has made.
    #[error("it carries the marker of {rotation}, which is open for {secret}")]
    TokenMarked {
        /// Which rotation.
        rotation: RotationId,
        /// Of which secret.
        secret: SecretName,
    },
    /// The token that is to be removed is dead.
    #[error("it is dead already, although the issuer lists it: {0}")]
    TokenDead(String),
    /// The token that is to be removed answers as somebody else than the issuer is.
    #[error("it answers as `{got}`, and the issuer is `{expected}`")]
    TokenOfAnother {
        /// What the inventory says.
        expected: String,
        /// What the issuer says.
        got: String,
    },
    /// The secret has no consumers.
    #[error("no consumer of this secret is in the inventory")]
    NoConsumers,
}

impl Refusal {
    /// The next move.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::AlreadyOpen(id) => {
                format!(
                    "see it with `rollover run show {id}`, go on with `rollover run resume {id}`"
                )
            }
            Self::Decommissioned { secret, .. } => format!(
                "delete its file from the inventory; where it is needed again, give it a token: \
                 `rollover secret import {secret} --token-stdin`"
            ),
            Self::StoreEmpty(name) => format!(
                "put the current token into the store first: `rollover secret import {name} --token-stdin`"
            ),
            Self::StoreRefuses(_) => {
                "give the engine's identity write access to this key in the store".into()
            }
            Self::StoreDrifted(_) => {
                "put the right token into the store first: `rollover secret import NAME`; where it \
                 is lost, `rollover rotate NAME --repair`"
                    .into()
            }
            Self::OldTokenDead(_) => {
                "there is no overlap to protect any more; repair at once with \
                 `rollover rotate NAME --repair`"
                    .into()
            }
            Self::OtherIdentity { .. } => {
                "the store holds the token of another server, account or \
                 environment; put the right one there before rotating"
                    .into()
            }
            Self::SlotsFull { .. } => {
                "delete a token that nobody uses at the issuer, then plan again; \
                 the plan lists those it does not know"
                    .into()
            }
            Self::MayNotMint(_) => {
                "log the connection in with a token that may create authorizations (scope `global`)"
                    .into()
            }
            Self::HandleUnknown => {
                "name the description of its authorization in the secret's file: \
                 `[old] description = \"...\"`"
                    .into()
            }
            Self::HandleAmbiguous { .. } => {
                "give the current token's authorization a description of its own".into()
            }
            Self::StillAlive => "rotate it without --repair".into(),
            Self::LooseLogin(_) => {
                "write `auth = { secret = \"...\" }` in its place: then rollover goes \
                 over to the new token by itself"
                    .into()
            }
            Self::LoginTooNarrow => {
                "add \"global\" to the issuer's scope, or log the connection in \
                 with another token"
                    .into()
            }
            Self::LoginRevoked => {
                "rotate it with --emergency, which goes over to the new token before it revokes"
                    .into()
            }
            Self::LoginUsed => {
                "give that connection another login first; a token that is in use is rotated".into()
            }
            Self::Shared(_) => {
                "give each secret a token of its own; until then one rotation would \
                 break the other's consumers"
                    .into()
            }
            Self::ConsumerRefuses { .. } => {
                "correct the name or the login's rights, or set `enabled = false` for this consumer"
                    .into()
            }
            Self::Unseen { .. } => {
                "try again when the vendor answers; nothing was created or changed".into()
            }
            Self::NoSuchToken(_) => {
                "`rollover secret import` lists those that nobody answers for, with their ids"
                    .into()
            }
            Self::SeveralTokens { .. } => {
                "give more of its id, or its fingerprint; `rollover secret import` lists both"
                    .into()
            }
            Self::ValueHidden { by_hand, .. } => format!(
                "where it is nobody's, revoke it by hand: {}; that it is gone is seen in `rollover \
                 secret import`, which lists it no more",
                by_hand.join(", ")
            ),
            Self::TokenInUse(name) => format!(
                "a token that is in use is replaced: `rollover rotate {name}`, or taken out of use: \
                 `rollover secret decommission {name}`"
            ),
            Self::TokenKnown(_) => {
                "ask whoever it belongs to; then take it out of `known` in that secret's file"
                    .into()
            }
            Self::TokenHeld(_) => {
                "find out who uses it there and give them another; `rollover secret sync` brings a \
                 consumer in step with its store"
                    .into()
            }
            Self::TokenMarked { rotation, .. } => format!(
                "bring that rotation to its end, which removes what it leaves behind: `rollover run \
                 show {rotation}`"
            ),
            Self::TokenDead(_) => "there is nothing to remove; lists may lag behind".into(),
            Self::TokenOfAnother { .. } => {
                "remove it by a secret of whom it answers as; where nobody else is meant, correct \
                 the issuer in the inventory"
                    .into()
            }
            Self::NoConsumers => {
                "add the places that use it as `[[consumers]]`; a token that nobody uses should be \
                 revoked, not rotated"
                    .into()
            }
        }
    }

    /// A stable word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyOpen(_) => "already-open",
            Self::Decommissioned { .. } => "decommissioned",
            Self::StoreEmpty(_) => "store-empty",
            Self::StoreRefuses(_) => "store-refuses",
            Self::StoreDrifted(_) => "store-drifted",
            Self::OldTokenDead(_) => "old-token-dead",
            Self::OtherIdentity { .. } => "other-identity",
            Self::SlotsFull { .. } => "slots-full",
            Self::MayNotMint(_) => "may-not-mint",
            Self::HandleUnknown => "handle-unknown",
            Self::HandleAmbiguous { .. } => "handle-ambiguous",
            Self::StillAlive => "still-alive",
            Self::LooseLogin(_) => "loose-login",
            Self::LoginTooNarrow => "login-too-narrow",
            Self::LoginRevoked => "login-revoked",
            Self::LoginUsed => "login-used",
            Self::Shared(_) => "shared",
            Self::ConsumerRefuses { .. } => "consumer-refuses",
            Self::Unseen { .. } => "unseen",
            Self::NoSuchToken(_) => "no-such-token",
            Self::SeveralTokens { .. } => "several-tokens",
            Self::ValueHidden { .. } => "value-hidden",
            Self::TokenInUse(_) => "token-in-use",
            Self::TokenKnown(_) => "token-known",
            Self::TokenHeld(_) => "token-held",
            Self::TokenMarked { .. } => "token-marked",
            Self::TokenDead(_) => "token-dead",
            Self::TokenOfAnother { .. } => "token-of-another",
            Self::NoConsumers => "no-consumers",
        }
    }
}
