//! Everything that rotations share: inventory, connectors, journal, key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use connectors::{CallObserver, Consumer, Issuer, Login, Prober, Store, World};
use domain::inventory::{Auth, Inventory, Secret, Source};
use domain::{
    ConsumerId, Fingerprint, FingerprintKey, ProbeName, Rotation, RotationId, SecretName, TaskKind,
    Token, Which,
};
use jiff::Timestamp;
use journal::{Journal, Reader, Slot};

use crate::EngineError;
use crate::clock::Clock;
use crate::desk::OwnDesk;
use crate::fence::Fenced;
use crate::others::Remembered;
use crate::writers::Writers;

/// What all rotations of one installation share.
pub struct Engine {
    pub(crate) inventory: Inventory,
    pub(crate) world: World,
    pub(crate) journal: Option<Journal>,
    pub(crate) reader: Reader,
    pub(crate) fingerprints: FingerprintKey,
    pub(crate) actor: String,
    pub(crate) clock: Clock,
    pub(crate) writers: Writers,
    pub(crate) others: Remembered,
}

impl Engine {
    /// Opens the connections of an inventory. `journal` is `None` for commands that only look.
    ///
    /// # Errors
    /// A connection cannot be built: a login that is not there, a certificate that is not one.
    pub fn new(
        inventory: Inventory,
        directory: &Path,
        key: &seal::Key,
        journal: Option<Journal>,
        reader: Reader,
        actor: String,
        observer: Option<Arc<dyn CallObserver>>,
    ) -> Result<Self, EngineError> {
        let fenced = Arc::new(Fenced::new(journal.as_ref(), observer)?);
        let desk = Arc::new(OwnDesk::of(&reader));
        let world = World::build(&inventory, directory, key, Some(fenced), Some(desk))?;
        let fingerprints = reader.fingerprint_key();
        let clock = Clock::start();
        let (writers, others) = (Writers::default(), Remembered::default());
        Ok(Self { inventory, world, journal, reader, fingerprints, actor, clock, writers, others })
    }

    /// The inventory.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The memory, for looking.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The key that fingerprints are made with.
    #[must_use]
    pub fn fingerprints(&self) -> &FingerprintKey {
        &self.fingerprints
    }

    /// What the journal tells of a rotation.
    ///
    /// # Errors
    /// It is not there, or its journal cannot be followed.
    pub fn rotation(&self, id: &RotationId) -> Result<Rotation, EngineError> {
        replay(&self.reader, id)
    }

    /// Fills the logins that are secrets of the inventory: from the journal where that secret is
    /// being rotated, from its store otherwise. `read` is a secret whose store was read just now.
    pub(crate) async fn fill_logins(
        &self,
        read: Option<(&SecretName, &Token)>,
    ) -> Result<(), EngineError> {
        for (_, name, login) in self.secret_logins() {
            if login.get().is_none() {
                login.set(self.login_token(name, read).await?);
            }
        }
        Ok(())
    }

    /// The same, and those that cannot be filled are answered with the reason, by connection.
    pub(crate) async fn fill_what_logins_there_are(
        &self,
        read: (&SecretName, Option<&Token>),
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let mut shut = BTreeMap::new();
        for (connection, name, login) in self.secret_logins() {
            if login.get().is_some() {
                continue;
            }
            match self.login_token(name, read.1.map(|token| (read.0, token))).await {
                Ok(token) => login.set(token),
                Err(error @ EngineError::Login { .. }) => {
                    shut.insert(connection.to_owned(), error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(shut)
    }

    /// Connections that log in with a secret of the inventory.
    fn secret_logins(&self) -> impl Iterator<Item = (&str, &SecretName, &Login)> {
        self.inventory.connections.values().filter_map(|connection| {
            let Auth::Token(Source::Secret(name)) = &connection.auth else { return None };
            let login = self.world.logins.get(&connection.name)?;
            Some((connection.name.as_str(), name, login))
        })
    }

    async fn login_token(
        &self,
        name: &SecretName,
        read: Option<(&SecretName, &Token)>,
    ) -> Result<Token, EngineError> {
        if let Some(id) = self.rotating(name)? {
            let rotation = self.rotation(&id)?;
            let slot = slot_of(rotation.login());
            if let Some(token) = self.reader.open_value(&id, slot)? {
                return Ok(token);
            }
        }
        if let Some((_, token)) = read.filter(|(secret, _)| *secret == name) {
            return Ok(token.clone());
        }
        let secret = self.secret(name)?;
        let fail = |why: String| EngineError::Login { name: name.clone(), why };
        let store = self.store(&secret.store).ok_or_else(|| fail("no such store".into()))?;
        match store.read(&secret.store_key).await {
            Ok(Some(stored)) => Ok(stored.token),
            Ok(None) => Err(fail(format!("{} holds nothing", secret.store))),
            Err(fault) => Err(fail(fault.to_string())),
        }
    }

    /// The rotation of this secret that is open.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn open_rotation(&self, name: &SecretName) -> Result<Option<RotationId>, EngineError> {
        let open = self.reader.open_rotations()?;
        Ok(open.into_iter().find(|row| row.secret == *name).map(|row| row.id))
    }

    /// The same, where it is the secret's own token that goes: not one that only lives at its
    /// issuer and is being removed.
    pub(crate) fn rotating(&self, name: &SecretName) -> Result<Option<RotationId>, EngineError> {
        let Some(id) = self.open_rotation(name)? else { return Ok(None) };
        Ok(self.rotation(&id)?.plan().mode.takes_current().then_some(id))
    }

    pub(crate) fn secret(&self, name: &SecretName) -> Result<&Secret, EngineError> {
        self.inventory.secret(name).ok_or_else(|| EngineError::NoSecret(name.clone()))
    }

    pub(crate) fn issuer(&self, name: &str) -> Option<Arc<dyn Issuer>> {
        self.world.issuers.get(name).cloned()
    }

    pub(crate) fn store(&self, name: &str) -> Option<Arc<dyn Store>> {
        self.world.stores.get(name).cloned()
    }

    pub(crate) fn consumer(
        &self,
        secret: &SecretName,
        id: &ConsumerId,
    ) -> Option<Arc<dyn Consumer>> {
        self.world.consumers.get(&(secret.clone(), id.clone())).cloned()
    }

    pub(crate) fn prober(&self, secret: &SecretName, name: &ProbeName) -> Option<Arc<dyn Prober>> {
        self.world.probers.get(&(secret.clone(), name.clone())).cloned()
    }

    /// The logins that are this very token.
    pub(crate) fn logins_with(&self, token: &Token) -> Vec<Login> {
        let is_it = |login: &&Login| login.get().is_some_and(|held| held == *token);
        self.world.logins.values().filter(is_it).cloned().collect()
    }

    /// Forgets every login: nothing is asked of a vendor any more, and only the lease is held.
    pub fn forget_logins(&self) {
        self.world.logins.values().for_each(Login::clear);
    }

    /// What a person is told for a task of a rotation, one line a step. A token that is to be
    /// revoked is named by its fingerprint and, since the issuer's page knows no fingerprints,
    /// by its last four characters; deleting the wrong one would be the outage.
    #[must_use]
    pub fn instructions(
        &self,
        rotation: &Rotation,
        kind: TaskKind,
        value: Option<&Token>,
    ) -> Vec<String> {
        let plan = rotation.plan();
        let Some(issuer) = self.issuer(&plan.issuer.name) else {
            return Vec::new();
        };
        let which = |fingerprint: Fingerprint| match value.map(last_four) {
            Some(end) => format!("fp {fingerprint}, which ends in {end}"),
            None => format!("fp {fingerprint}"),
        };
        let page = plan.issuer.page.as_ref().map(|page| format!("its page: {page}"));
        let back = matches!(rotation.direction(), domain::Direction::Back { .. });
        let lines = match kind {
            TaskKind::Create if back => going_back(&plan.id, plan.issuer.listed),
            TaskKind::Create => {
                let mut lines = plan.issuer.create_text.clone();
                if !plan.issuer.listed {
                    lines.push(format!(
                        "the issuer does not show its tokens to rollover: enter the new one here, or \
                         elsewhere with rollover task done {}.create --token-stdin",
                        plan.id
                    ));
                }
                lines
            }
            TaskKind::Revoke => issuer.how_to_revoke(&which(plan.old.fingerprint)),
            TaskKind::Discard => match rotation.new_fingerprint() {
                Some(fingerprint) => issuer.how_to_revoke(&which(fingerprint)),
                None => Vec::new(),
            },
            TaskKind::Fetch => to_fetch(&plan.secret),
            TaskKind::Approve => {
                vec![format!(
                    "Agree with: rollover task done {}.approve --confirm {}",
                    plan.id, plan.secret
                )]
            }
            TaskKind::Receipt => receipts(rotation),
            TaskKind::Attend => {
                vec![format!("Try again with: rollover run resume {}", plan.id)]
            }
        };
        let at_the_issuer = matches!(kind, TaskKind::Create | TaskKind::Revoke | TaskKind::Discard);
        page.into_iter().filter(|_| at_the_issuer).chain(lines).collect()
    }

    /// Writes a value into the store of a secret, for the first time or after it was lost there.
    ///
    /// # Errors
    /// The secret is not in the inventory, or the journal does not take the audit record.
    pub async fn import(
        &self,
        name: &SecretName,
        token: &Token,
    ) -> Result<Result<String, connectors::Fault>, EngineError> {
        let secret = self.secret(name)?;
        let Some(store) = self.store(&secret.store) else {
            return Err(EngineError::NoSecret(name.clone()));
        };
        if let Some(open) = self.rotating(name)? {
            return Err(EngineError::Plan(domain::PlanError {
                secret: name.clone(),
                refusals: vec![domain::Refusal::AlreadyOpen(open)],
            }));
        }
        let fingerprint = self.fingerprints.of(token);
        self.audit("secret.import.intent", name, &[("fingerprint", fingerprint.hex())]).await?;
        let result = store.write(&secret.store_key, token).await;
        let told = match &result {
            Ok(written) => format!("{written:?}"),
            Err(fault) => fault.to_string(),
        };
        let context = [("fingerprint", fingerprint.hex()), ("result", told)];
        self.audit("secret.import.outcome", name, &context).await?;
        Ok(result.map(|written| match written {
            connectors::StoreWrite::Done(version) => version,
            connectors::StoreWrite::PendingApproval(what) => format!("waits for approval: {what}"),
        }))
    }

    pub(crate) async fn audit(
        &self,
        action: &str,
        name: &SecretName,
        context: &[(&str, String)],
    ) -> Result<(), EngineError> {
        let record = domain::audit::Record {
            at: self.clock.now(),
            action: action.to_owned(),
            actor: self.actor.clone(),
            secret: Some(name.clone()),
            rotation: None,
            context: context.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
        };
        if let Some(journal) = &self.journal {
            journal.append_audit(vec![record]).await?;
        }
        Ok(())
    }
}

/// What has been sent and is to be looked for in a mailbox, and how to answer.
fn receipts(rotation: &Rotation) -> Vec<String> {
    let tasks = rotation.tasks(Timestamp::now());
    let asked = tasks.iter().filter_map(|task| Some((task, task.probe.as_ref()?)));
    let lines = asked.map(|(task, probe)| {
        let sent = rotation.sent(probe).unwrap_or("no receipt");
        let what = rotation.plan().probe(probe).map(|part| part.what.as_str()).unwrap_or_default();
        format!(
            "{what}: {sent}. It arrived: rollover task done {0}. It did not, and everything goes \
             back: rollover task done {0} --no",
            task.id
        )
    });
    lines.collect()
}

/// The end of a value, for telling it from its siblings on the issuer's own page.
fn last_four(token: &Token) -> String {
    let value: Vec<char> = token.expose().chars().collect();
    value.iter().skip(value.len().saturating_sub(4)).collect()
}

/// Replays a rotation from the journal.
pub(crate) fn replay(reader: &Reader, id: &RotationId) -> Result<Rotation, EngineError> {
    replay_with_time(reader, id).map(|(rotation, _)| rotation)
}

/// The same, with the latest time that its entries tell.
pub(crate) fn replay_with_time(
    reader: &Reader,
    id: &RotationId,
) -> Result<(Rotation, Timestamp), EngineError> {
    let entries = reader.events(id)?;
    let latest = entries.iter().map(|entry| entry.at).max();
    let latest = latest.ok_or_else(|| EngineError::NoRotation(id.clone()))?;
    let rotation = Rotation::replay(&entries)
        .map_err(|source| EngineError::History { id: id.clone(), source })?;
    Ok((rotation, latest))
}

/// Where the journal seals a token of a rotation.
pub(crate) fn slot_of(which: Which) -> Slot {
    match which {
        Which::Old => Slot::Old,
        Which::New => Slot::New,
    }
}

/// What the owner of a workstation is told.
pub(crate) fn to_fetch(secret: &SecretName) -> Vec<String> {
    vec![format!(
        "At your own machine: rollover env pull {secret}. No message ever carries the value."
    )]
}

/// What a person is told of a token that may have been created before a rotation turned back.
fn going_back(id: &RotationId, listed: bool) -> Vec<String> {
    let mut lines = vec!["it goes back: create no token".to_owned()];
    if !listed {
        lines.push(format!(
            "if one was created for it, enter it, so that it is deleted and proven dead: rollover \
             task done {id}.create --token-stdin"
        ));
        lines.push(format!("if none was, say so: rollover task done {id}.create"));
    }
    lines
}
