//! Looks at everything around a token that is refused: the value in each of its places, what the
//! vendor says to it, what the journal remembers. Reads only, but for a test mail, which is asked
//! for; what it means is said by [`domain::diagnosis`].
//!
//! A value is sent to the vendor only where it has the form of one of its tokens, as it stands
//! or after what is wrong with it was undone. What is another vendor's token stays here.

mod places;

use std::path::Path;

use connectors::{Answered, Examiner, TestMail};
use domain::diagnosis::{
    Anatomy, Case, Heard, Kind, Known, KnownState, Need, Place, Placed, Repaired, Reported,
};
use domain::inventory::{Auth, Connection, ConsumerKind, IssuerKind, Secret, Source};
use domain::{Doer, Fingerprint, SecretName, Token};
use jiff::Timestamp;
use journal::TokenState;

use crate::{Engine, EngineError};

/// What is asked about a secret.
pub struct Question<'a> {
    /// Which secret.
    pub secret: &'a SecretName,
    /// Where the inventory lies; relative paths of a connection start there.
    pub directory: &'a Path,
    /// Only this place: `store`, or a consumer's id.
    pub at: Option<&'a str>,
    /// A value that a person gave, in the place of all others.
    pub given: Option<&'a Token>,
    /// What the program was told.
    pub reported: Option<&'a Reported>,
}

/// The kind of tokens of an issuer, where it is one that can be examined.
#[must_use]
pub fn kind_of(kind: &IssuerKind) -> Option<Kind> {
    match kind {
        IssuerKind::PostmarkServer { .. } => Some(Kind::PostmarkServer),
        IssuerKind::PostmarkAccount { .. } => Some(Kind::PostmarkAccount),
        IssuerKind::HerokuAuthorization { .. } => Some(Kind::HerokuAuthorization),
    }
}

/// Asks about a value that no inventory knows.
///
/// # Errors
/// The connection cannot be used.
pub async fn examine_alone(
    kind: Kind,
    token: &Token,
    connection: &Connection,
    reported: Option<&Reported>,
) -> Result<Case, connectors::SetupError> {
    let examiner = Examiner::new(connection, Path::new("."), None)?;
    let now = Timestamp::now();
    let mut case = blank(kind, Place::Given, now);
    case.reported = reported.cloned();
    Asking { kind, examiner: &examiner, server: None }.fill(&mut case, Some(token), now).await;
    Ok(case)
}

/// Sends a test mail with a value that no inventory knows.
///
/// # Errors
/// The connection cannot be used.
pub async fn mail_alone(
    token: &Token,
    connection: &Connection,
    mail: &TestMail,
) -> Result<Heard, connectors::SetupError> {
    Ok(Examiner::new(connection, Path::new("."), None)?.postmark_mail(token, mail).await)
}

impl Engine {
    /// Everything that can be seen around a secret, one case a place: the store first, then the
    /// consumers in the inventory's order; or the one place that is asked about.
    ///
    /// # Errors
    /// The secret is not in the inventory, its issuer is of no kind that can be examined, or the
    /// journal cannot be read.
    pub async fn examine(&self, ask: &Question<'_>) -> Result<Vec<Case>, EngineError> {
        let secret = self.secret(ask.secret)?;
        let (kind, examiner) = self.examiner(secret, ask.directory)?;
        let issuer = self.inventory.issuers.get(&secret.issuer);
        let server = issuer.and_then(|issuer| match &issuer.kind {
            IssuerKind::PostmarkAccount { server, .. } => Some(server.as_str()),
            _ => None,
        });
        let asking = Asking { kind, examiner: &examiner, server };
        let looked = self.look_at_store(secret).await;
        let mut store = self.base(secret, kind, Place::Store(secret.store.clone()));
        store.reported = ask.reported.cloned();
        store.placed.unseen.clone_from(&looked.unseen);
        store.placed.reads_back = true;
        self.fill(&mut store, &asking, secret, looked.token.as_ref()).await?;
        if let Some(given) = ask.given {
            let mut case = self.base(secret, kind, Place::Given);
            case.reported = ask.reported.cloned();
            case.stored = Some(stored(&store, looked.token.as_ref(), given));
            self.fill(&mut case, &asking, secret, Some(given)).await?;
            return Ok(vec![case]);
        }
        let mut cases = Vec::new();
        for consumer in &secret.consumers {
            if ask.at.is_none_or(|at| at == consumer.id.as_str()) {
                let found = self.at_consumer(secret, consumer, &asking, &store, &looked).await?;
                cases.push(Case { reported: ask.reported.cloned(), ..found });
            }
        }
        if ask.at.is_none_or(|at| at == "store") {
            cases.insert(0, store);
        }
        Ok(cases)
    }

    /// Sends a test mail with the store's token. Audited: it leaves the house.
    ///
    /// # Errors
    /// As [`Engine::examine`]; the audit does not take the record.
    pub async fn send_test_mail(
        &self,
        ask: &Question<'_>,
        mail: &TestMail,
    ) -> Result<Heard, EngineError> {
        let secret = self.secret(ask.secret)?;
        if self.journal.is_none() {
            return Err(EngineError::ReadOnly);
        }
        let (kind, examiner) = self.examiner(secret, ask.directory)?;
        let looked = self.look_at_store(secret).await;
        let token = ask.given.or(looked.token.as_ref());
        let (Some(token), Kind::PostmarkServer) = (token, kind) else {
            return Ok(Heard::NotAsked);
        };
        let context = [
            ("to", mail.to.clone()),
            ("from", mail.from.clone()),
            ("fingerprint", self.fingerprints.of(token).hex()),
        ];
        self.audit("secret.doctor.mail.intent", ask.secret, &context).await?;
        let heard = examiner.postmark_mail(token, mail).await;
        let told = [("result", heard.words())];
        self.audit("secret.doctor.mail.outcome", ask.secret, &told).await?;
        Ok(heard)
    }

    fn examiner(&self, secret: &Secret, directory: &Path) -> Result<(Kind, Examiner), EngineError> {
        let none = || EngineError::NoExaminer(secret.name.clone());
        let issuer = self.inventory.issuers.get(&secret.issuer).ok_or_else(none)?;
        let kind = kind_of(&issuer.kind).ok_or_else(none)?;
        let connection = self.inventory.connections.get(&issuer.via).ok_or_else(none)?;
        let examiner = Examiner::new(connection, directory, None).map_err(|source| {
            let connection = issuer.via.clone();
            EngineError::World(connectors::WorldError::Connection { connection, source })
        })?;
        Ok((kind, examiner))
    }

    /// What holds of every place of a secret.
    fn base(&self, secret: &Secret, kind: Kind, place: Place) -> Case {
        let issuer = self.inventory.issuers.get(&secret.issuer);
        let identity = issuer.map(|issuer| issuer.kind.identity().into_owned());
        let profile = self.issuer(&secret.issuer).map(|issuer| issuer.profile());
        let is_the_login = self.inventory.connections.values().any(|connection| {
            matches!(&connection.auth, Auth::Token(Source::Secret(name)) if *name == secret.name)
        });
        Case {
            secret: Some(secret.name.clone()),
            production: secret.name.environment().starts_with("prod"),
            identity,
            activation_seconds: profile.map_or(0, |it| it.activation_max.millis() / 1_000),
            by_operator: profile.is_some_and(|it| it.creates == Doer::Operator),
            is_the_login,
            ..blank(kind, place, self.clock.now())
        }
    }

    /// Judges a value, asks the vendor about it and looks it up in the memory.
    async fn fill(
        &self,
        case: &mut Case,
        asking: &Asking<'_>,
        secret: &Secret,
        value: Option<&Token>,
    ) -> Result<(), EngineError> {
        asking.fill(case, value, self.clock.now()).await;
        let repaired = case.anatomy.as_ref().and_then(Anatomy::repaired).cloned();
        case.fingerprint = value.map(|value| self.fingerprints.of(value));
        let repaired_print = repaired.as_ref().map(|token| self.fingerprints.of(token));
        if let Some(part) = &mut case.repaired {
            part.fingerprint = repaired_print;
        }
        self.remember(case, secret, repaired_print).await?;
        let issuer = self.inventory.issuers.get(&secret.issuer);
        if let Some(IssuerKind::HerokuAuthorization { scope, expires_in, .. }) =
            issuer.map(|issuer| &issuer.kind)
        {
            case.expires = case
                .made
                .zip(*expires_in)
                .and_then(|(made, span)| made.checked_add(span.duration()).ok());
            if let Some(value) = value.filter(|_| knows(&case.heard)) {
                case.needs = asking.needs(value, scope, app_of(secret)).await;
            }
        }
        Ok(())
    }

    /// What the memory, and the stores of other secrets, tell of a value.
    async fn remember(
        &self,
        case: &mut Case,
        secret: &Secret,
        repaired: Option<Fingerprint>,
    ) -> Result<(), EngineError> {
        for name in self.inventory.secrets.keys() {
            for row in self.reader.tokens(name)? {
                let as_it_stands = case.fingerprint == Some(row.fingerprint);
                if !as_it_stands && repaired != Some(row.fingerprint) {
                    continue;
                }
                match row.state {
                    TokenState::Active if *name == secret.name => case.made = Some(row.since),
                    TokenState::Candidate if *name == secret.name => case.minted = Some(row.since),
                    _ => {}
                }
                case.known.push(Known {
                    secret: name.clone(),
                    state: state_of(row.state),
                    since: Some(row.since),
                    rotation: row.rotation,
                    as_it_stands,
                });
            }
        }
        let Some(fingerprint) = case.fingerprint.filter(|_| case.known.is_empty()) else {
            return Ok(());
        };
        for other in self.inventory.secrets.values().filter(|other| other.name != secret.name) {
            let looked = self.look_at_store(other).await;
            if looked.token.is_some_and(|held| self.fingerprints.of(&held) == fingerprint) {
                case.known.push(Known {
                    secret: other.name.clone(),
                    state: KnownState::Stored,
                    since: None,
                    rotation: None,
                    as_it_stands: true,
                });
            }
        }
        Ok(())
    }
}

/// A store and what it gave.
pub(crate) struct Looked {
    pub(crate) token: Option<Token>,
    pub(crate) unseen: Option<String>,
}

impl Engine {
    pub(crate) async fn look_at_store(&self, secret: &Secret) -> Looked {
        let Some(store) = self.store(&secret.store) else {
            return Looked { token: None, unseen: Some("it is not in the inventory".into()) };
        };
        match store.read(&secret.store_key).await {
            Ok(stored) => Looked { token: stored.map(|stored| stored.token), unseen: None },
            Err(fault) => Looked { token: None, unseen: Some(fault.to_string()) },
        }
    }
}

/// What the store holds, for a place beside it.
fn stored(store: &Case, theirs: Option<&Token>, mine: &Token) -> domain::diagnosis::Stored {
    use domain::diagnosis::{Likeness, Stored};
    let anatomy = Anatomy::of(mine, store.kind);
    let likeness =
        theirs.map_or(Likeness::Unlike, |theirs| Likeness::of(mine, anatomy.repaired(), theirs));
    let name = match &store.place {
        Place::Store(name) => name.clone(),
        _ => String::new(),
    };
    let (heard, good) = (store.heard.clone(), is_right(store));
    Stored { name, fingerprint: store.fingerprint, heard, good, likeness }
}

/// Whether the vendor takes the value of a case, as whom it should be.
fn is_right(case: &Case) -> bool {
    match (&case.heard, &case.identity) {
        (Heard::Accepted { identity, .. }, Some(wanted)) => {
            identity == wanted || identity.is_empty()
        }
        (heard, _) => heard.is_accepted(),
    }
}

fn state_of(state: TokenState) -> KnownState {
    match state {
        TokenState::Candidate | TokenState::Active => KnownState::Current,
        TokenState::Retiring | TokenState::Compromised => KnownState::Retiring,
        TokenState::Revoked | TokenState::ProvenDead | TokenState::Discarded => KnownState::Gone,
    }
}

/// Whether the vendor knows the token, even if it may not do what was asked.
fn knows(heard: &Heard) -> bool {
    heard.is_accepted() || heard.coded().is_some_and(|(status, _)| status == 403)
}

fn app_of(secret: &Secret) -> Option<&str> {
    secret.consumers.iter().find_map(|consumer| match &consumer.kind {
        ConsumerKind::HerokuConfig { app, .. } => Some(app.as_str()),
        _ => None,
    })
}

fn blank(kind: Kind, place: Place, at: Timestamp) -> Case {
    Case {
        kind,
        secret: None,
        place,
        at,
        production: false,
        identity: None,
        anatomy: None,
        fingerprint: None,
        heard: Heard::NotAsked,
        repaired: None,
        as_other: Heard::NotAsked,
        needs: Vec::new(),
        known: Vec::new(),
        stored: None,
        placed: Placed { reads_back: true, ..Placed::default() },
        made: None,
        minted: None,
        activation_seconds: 0,
        expires: None,
        is_the_login: false,
        by_operator: kind != Kind::HerokuAuthorization,
        sent: Heard::NotAsked,
        reported: None,
        ahead_seconds: None,
    }
}

/// Asking one vendor about values of one kind.
pub(super) struct Asking<'a> {
    kind: Kind,
    examiner: &'a Examiner,
    /// A server that the account is to have, where the kind is an account's.
    server: Option<&'a str>,
}

impl Asking<'_> {
    /// Judges a value and hears what the vendor says to it.
    async fn fill(&self, case: &mut Case, value: Option<&Token>, now: Timestamp) {
        let Some(value) = value else { return };
        let anatomy = Anatomy::of(value, self.kind);
        if anatomy.fits {
            let Answered { heard, date } = self.look(value).await;
            case.ahead_seconds = date.map(|date| date.as_second() - now.as_second());
            if heard.is_unknown_token() {
                case.as_other = self.look_as_other(value).await;
            }
            case.heard = heard;
        } else if let Some(repaired) = anatomy.repaired() {
            let Answered { heard, date } = self.look(repaired).await;
            case.ahead_seconds = date.map(|date| date.as_second() - now.as_second());
            case.repaired = Some(Repaired { fingerprint: None, heard });
        }
        case.anatomy = Some(anatomy);
    }

    async fn look(&self, token: &Token) -> Answered {
        match self.kind {
            Kind::PostmarkServer => self.examiner.postmark_server(token).await,
            Kind::PostmarkAccount => self.examiner.postmark_account(token, self.server).await,
            Kind::HerokuAuthorization => self.examiner.heroku(token).await,
        }
    }

    async fn look_as_other(&self, token: &Token) -> Heard {
        match self.kind {
            Kind::PostmarkServer => self.examiner.postmark_account(token, None).await.heard,
            Kind::PostmarkAccount => self.examiner.postmark_server(token).await.heard,
            Kind::HerokuAuthorization => Heard::NotAsked,
        }
    }

    async fn needs(
        &self,
        token: &Token,
        scope: &[String],
        app: Option<&str>,
    ) -> Vec<(Need, Heard)> {
        let mut needs: Vec<(Need, Heard)> = Vec::new();
        for need in scope.iter().filter_map(|word| Need::of(word)) {
            if !needs.iter().any(|(had, _)| *had == need) {
                needs.push((need, self.examiner.heroku_need(token, need, app).await));
            }
        }
        needs
    }
}
