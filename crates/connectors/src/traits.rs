//! What an issuer, a store and a consumer can be asked.
//!
//! All answers that matter for a rotation are data; nothing here keeps state between calls
//! except a login. A reading call may be repeated at will. A mutating call is made once per
//! order of the engine, and its doubtful end is settled by a reading call.

use std::sync::Arc;

use async_trait::async_trait;
use domain::drift::Wrote;
use domain::{Fingerprint, Handle, Liveness, Profile, Token};
use jiff::Timestamp;

use crate::Fault;

/// Mints, lists, checks and revokes tokens.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// The declaration of its kind.
    fn profile(&self) -> &'static Profile;

    /// One look at a token: does the issuer accept it, and as whom? Never an error: whatever is
    /// not understood is [`Liveness::Unknown`]. `Alive` carries the identity as the inventory
    /// names it (Postmark: the server's name; Heroku: the account's e-mail).
    async fn look(&self, token: &Token) -> Liveness;

    /// The identity that the inventory expects a token of this issuer to answer with.
    fn expected_identity(&self) -> &str;

    /// The live tokens, as far as the issuer lists them; `with` is a live token of the issuer
    /// for those that are listed by a sibling (Postmark).
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing, so `Unsure` means only "no answer".
    async fn list(&self, with: &Token) -> Result<Listing, Fault>;

    /// Whether the engine's login may create tokens here. Operator issuers answer `Allowed`.
    async fn may_mint(&self) -> MintRight;

    /// Creates a token that carries the order's marker in its description.
    ///
    /// # Errors
    /// [`Fault::Unsure`] where the token may exist without our knowing it. Operator issuers
    /// always refuse.
    async fn create(&self, order: &MintOrder) -> Result<Minted, Fault>;

    /// The tokens whose description carries the marker.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    async fn find(&self, marker: &str) -> Result<Vec<Found>, Fault>;

    /// Revokes by handle. A handle that is gone already is a success.
    ///
    /// # Errors
    /// [`Fault::Unsure`] where the token may or may not live. Operator issuers always refuse.
    async fn revoke(&self, handle: &Handle) -> Result<(), Fault>;

    /// What a person is to do to create a token, one line a step; safe to show.
    fn how_to_create(&self) -> Vec<String>;

    /// What a person is to do to revoke a token; `which` describes it (a fingerprint and the
    /// last characters), one line a step.
    fn how_to_revoke(&self, which: &str) -> Vec<String>;
}

/// The tokens that an issuer showed.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Whether this is really the list. `false` where the issuer masks or omits it.
    pub complete: bool,
    /// What was listed; many ask at once, and all are given the same.
    pub tokens: Arc<[ListedToken]>,
    /// The page on which people see the same, where the issuer tells; it is never fetched.
    pub page: Option<String>,
}

/// One listed token.
#[derive(Clone, Debug)]
pub struct ListedToken {
    /// Its value, where the issuer shows it.
    pub token: Option<Token>,
    /// Its handle, where the issuer gives one.
    pub handle: Option<Handle>,
    /// Its description.
    pub description: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// What it may do, where the issuer tells.
    pub scope: Vec<String>,
}

/// Whether a login may create tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MintRight {
    /// It may, or a person does it.
    Allowed,
    /// The vendor said no.
    Refused(String),
    /// Not found out.
    Unknown(String),
}

/// What to mint.
#[derive(Clone, Debug)]
pub struct MintOrder {
    /// Goes into the description, so that the token can be found again.
    pub marker: String,
}

/// A fresh token.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The value; shown by the issuer this once.
    pub token: Token,
    /// The handle to revoke it by.
    pub handle: Handle,
}

/// A token found by its marker.
#[derive(Clone, Debug)]
pub struct Found {
    /// The handle to revoke it by.
    pub handle: Handle,
    /// The value, where the issuer shows it again.
    pub token: Option<Token>,
}

/// Holds the current value of a secret.
#[async_trait]
pub trait Store: Send + Sync {
    /// The value under a key and its version; `None` where the key holds nothing.
    ///
    /// # Errors
    /// `Refused` also where the value is managed by somebody else and must not be written.
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault>;

    /// Writes a value, creating the key if need be, and reads it back: `Done` only where the
    /// store then answers with exactly this value.
    ///
    /// # Errors
    /// `Unsure` where the value may or may not have been written.
    async fn write(&self, key: &str, token: &Token) -> Result<StoreWrite, Fault>;

    /// Removes a key with its value, and looks: `Done` only where the store then holds nothing
    /// under it. A key that is not there is a success.
    ///
    /// # Errors
    /// `Unsure` where it may or may not have been removed.
    async fn remove(&self, key: &str) -> Result<StoreWrite, Fault>;
}

/// A value in a store.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The value.
    pub token: Token,
    /// The store's version of it.
    pub version: String,
    /// Who else writes it there by itself, where the store says so; then nobody should.
    pub managed: Option<String>,
}

/// How a write to a store ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreWrite {
    /// Written and read back, as this version.
    Done(String),
    /// Taken, but it waits for an approval in the store; not written yet.
    PendingApproval(String),
}

/// Holds a copy of a token and uses it.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// What it holds under its keys now, and whether it can be written as far as a look tells.
    ///
    /// # Errors
    /// `Refused` where the place does not exist or the login may not use it.
    async fn look(&self) -> Result<Held, Fault>;

    /// Writes the token under all of its keys in one call. Where it already holds the token
    /// under all of them, nothing is sent.
    ///
    /// # Errors
    /// `Unsure` where the write may or may not have happened.
    async fn write(&self, token: &Token) -> Result<Receipt, Fault>;

    /// Takes all of its keys away and leaves everything else as it is. Where none is there,
    /// nothing is sent.
    ///
    /// # Errors
    /// `Unsure` where the removal may or may not have happened.
    async fn remove(&self) -> Result<Receipt, Fault>;

    /// Whether none of its keys is there any more and nothing runs that was started with one; one
    /// look, no waiting. `receipt` is what the removal answered, where it is known.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    async fn absent(&self, receipt: Option<&str>) -> Result<Adoption, Fault>;

    /// Whether it runs on the token by now; one look, no waiting. `receipt` is what the write
    /// answered, where it is known.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    async fn adopted(&self, token: &Token, receipt: Option<&str>) -> Result<Adoption, Fault>;

    /// Takes back a token that its owner has not fetched yet. Only a place that is fetched for
    /// knows such a thing.
    ///
    /// # Errors
    /// Any [`Fault`]; it may be repeated at will.
    async fn withdraw(&self, token: &Token) -> Result<(), Fault> {
        let _ = token;
        Ok(())
    }

    /// What holds a value of the same name and is read before this one, in words. Only a place
    /// that knows such a thing answers.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    async fn shadowed(&self) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    /// What still runs on a value from before the last write, in words; `None` if nothing does,
    /// or nothing could be seen to.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    async fn lagging(&self) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    /// What runs there beside what it holds, and whose the last write was; one look.
    /// `receipt` is what our last write answered, where it is known.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    async fn running(&self, receipt: Option<&str>) -> Result<Running, Fault> {
        let _ = receipt;
        Ok(Running::default())
    }

    /// Whether its value can be read back.
    fn reads_back(&self) -> bool;

    /// Whether a write restarts it.
    fn restarts(&self) -> bool;

    /// The place that it shares with consumers of other secrets, where several can be written in
    /// one go.
    fn placed(&self) -> Option<Placed> {
        None
    }
}

/// Where several consumers are written in one call.
#[async_trait]
pub trait Place: Send + Sync {
    /// Writes each token under its keys, all in one call. What is there already is not sent.
    ///
    /// # Errors
    /// As [`Consumer::write`], for all of them together: `Refused` and `Later` where none was
    /// written, `Unsure` where any of them may have been.
    async fn write_all(&self, writes: &[PlacedWrite]) -> Result<Receipt, Fault>;
}

/// A consumer's part of a place.
#[derive(Clone)]
pub struct Placed {
    /// The place.
    pub place: Arc<dyn Place>,
    /// The keys that are its own there.
    pub keys: Vec<String>,
}

/// A token, and the keys of a place that are to hold it.
#[derive(Clone, Debug)]
pub struct PlacedWrite {
    /// The keys.
    pub keys: Vec<String>,
    /// The token.
    pub token: Token,
}

/// A key that two of these writes are about; one call cannot say both.
pub(crate) fn disputed(writes: &[PlacedWrite]) -> Option<&str> {
    let mut seen = std::collections::BTreeMap::new();
    let all = writes.iter().flat_map(|write| write.keys.iter().map(move |key| (key, &write.token)));
    all.into_iter().find_map(|(key, token)| {
        let before = seen.insert(key, token);
        before.filter(|other| *other != token).map(|_| key.as_str())
    })
}

/// Shows that a token works where it is used.
///
/// Some send something first: a mail, an order for a run. What they answer is known by a receipt,
/// and what became of a lost answer is found by looking, where there is somebody to ask.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Sends.
    ///
    /// # Errors
    /// `Unsure` where it may have been sent; `Refused` also where this kind sends nothing.
    async fn send(&self, order: &ProbeOrder<'_>) -> Result<Receipt, Fault>;

    /// What this order has sent, as far as it is to be seen.
    ///
    /// # Errors
    /// Any [`Fault`]; reading changes nothing.
    async fn find(&self, order: &ProbeOrder<'_>) -> Result<Option<Receipt>, Fault>;

    /// Looks once.
    ///
    /// # Errors
    /// Any [`Fault`]; looking changes nothing.
    async fn look(&self, order: &ProbeOrder<'_>) -> Result<Sight, Fault>;
}

/// What a probe has to know.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOrder<'a> {
    /// The new token.
    pub token: &'a Token,
    /// What is put into everything that is sent, so that it is found again.
    pub marker: &'a str,
    /// From when on what is seen counts: from when it was sent, or the place was given the token.
    pub since: Timestamp,
    /// The receipt of what was sent.
    pub sent: Option<&'a str>,
}

/// What a probe saw. Names, numbers and ids; safe to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sight {
    /// What it should.
    Fine(String),
    /// What was sent is under way; it is looked at again soon.
    Going(String),
    /// Not what it should be, so far.
    NotYet(String),
    /// Something else, which waiting does not change.
    Wrong(String),
}

/// What a consumer holds.
#[derive(Clone, Debug)]
pub enum Held {
    /// One entry for each of its keys, in order; `None` where a key is missing.
    Values(Vec<Option<Token>>),
    /// It cannot be read back; last written then, `None` where it was never written.
    Unreadable(Option<Timestamp>),
    /// It is not reached from here, but it was said what it holds under all of its keys.
    Known(Fingerprint),
    /// It may hold the token, but something else is in front of it; says what.
    Shadowed(String),
}

/// What runs at a consumer beside what it holds.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Processes that were started with other values than it holds now, with what each has under
    /// its keys.
    pub older: Vec<(String, Vec<Option<Token>>)>,
    /// The release that is in force and goes back to an earlier one, in the vendor's words.
    pub rolled_back: Option<String>,
    /// A write that was taken and is not in force, in the vendor's words.
    pub waits: Option<String>,
    /// Whose the last write was, where the value cannot be read back.
    pub wrote: Wrote,
}

/// What a write answered, in the vendor's words: a release, a time, a path. Safe to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt(pub String);

/// Whether a consumer runs on a token, or holds none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Adoption {
    /// Proven by reading the value back, with what was seen: `v412, 2 of 2 dynos up`.
    ByFingerprint(String),
    /// The vendor took the write and nothing still runs on the value before it, but the value
    /// cannot be read back: `written 14:09, 0 runs older`.
    ByWrite(String),
    /// Not yet, with what is missing: `1 of 2 dynos up`.
    NotYet(String),
    /// It holds something else.
    Differs(String),
}
