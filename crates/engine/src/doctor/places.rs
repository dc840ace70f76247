//! Looking at one consumer: what it holds, what shadows it, what has not taken it up.

use connectors::Held;
use domain::diagnosis::{Case, Place, Placed, Stored};
use domain::inventory::{Consumer as ConsumerConf, ConsumerKind, Secret};
use domain::{Fingerprint, Token};
use journal::TokenState;

use super::{Asking, Looked, is_right, stored};
use crate::{Engine, EngineError};

impl Engine {
    /// One consumer of a secret, beside what its store holds.
    pub(super) async fn at_consumer(
        &self,
        secret: &Secret,
        part: &ConsumerConf,
        asking: &Asking<'_>,
        store: &Case,
        looked: &Looked,
    ) -> Result<Case, EngineError> {
        let mut case = self.base(secret, store.kind, Place::Consumer(part.id.clone()));
        case.production = part.production && case.production;
        let (held, placed) = self.held_by(secret, part, looked).await;
        case.placed = placed;
        match &held {
            Some(value) => case.stored = Some(stored(store, looked.token.as_ref(), value)),
            None => {
                let name = secret.store.clone();
                let likeness = domain::diagnosis::Likeness::Unlike;
                let (fingerprint, heard) = (store.fingerprint, store.heard.clone());
                let good = is_right(store);
                case.stored = Some(Stored { name, fingerprint, heard, good, likeness });
            }
        }
        // Asked once is enough: what the store holds was asked about already.
        if held.is_some() && held == looked.token {
            let (place, placed, stored) = (case.place, case.placed, case.stored);
            let production = case.production;
            return Ok(Case { place, placed, stored, production, ..store.clone() });
        }
        self.fill(&mut case, asking, secret, held.as_ref()).await?;
        if !case.placed.reads_back {
            case.made = self.since(secret, store.fingerprint)?;
        }
        Ok(case)
    }

    async fn held_by(
        &self,
        secret: &Secret,
        part: &ConsumerConf,
        looked: &Looked,
    ) -> (Option<Token>, Placed) {
        let mut placed = Placed::default();
        let login =
            self.fill_logins(looked.token.as_ref().map(|token| (&secret.name, token))).await;
        let Some(consumer) = self.consumer(&secret.name, &part.id) else {
            placed.unseen = Some("it is not in the inventory".into());
            return (None, placed);
        };
        placed.reads_back = consumer.reads_back();
        if let Err(error) = login {
            placed.unseen = Some(error.to_string());
            return (None, placed);
        }
        placed.lag_is_of_runs = matches!(part.kind, ConsumerKind::GithubSecret { .. });
        // What these do not tell is told by the look itself.
        placed.shadow = consumer.shadowed().await.ok().flatten();
        placed.lag = consumer.lagging().await.ok().flatten();
        match consumer.look().await {
            Ok(Held::Values(values)) => {
                placed.mixed = values.windows(2).any(|pair| pair[0] != pair[1]);
                (values.into_iter().next().flatten(), placed)
            }
            Ok(Held::Unreadable(at)) => {
                placed.written = Some(at);
                (None, placed)
            }
            Ok(Held::Known(_)) => {
                placed.reads_back = false;
                (None, placed)
            }
            Ok(Held::Shadowed(_)) => (None, placed),
            Err(fault) => {
                placed.unseen = Some(fault.to_string());
                (None, placed)
            }
        }
    }

    /// Since when the store's token is the current one, as far as it is remembered.
    fn since(
        &self,
        secret: &Secret,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Option<jiff::Timestamp>, EngineError> {
        let rows = self.reader.tokens(&secret.name)?;
        let is_it = |row: &journal::TokenRow| {
            row.state == TokenState::Active && Some(row.fingerprint) == fingerprint
        };
        let Some(row) = rows.into_iter().find(is_it) else { return Ok(None) };
        // It became the current one in the end; it was written from the rotation's beginning on.
        let of_secret =
            journal::RotationFilter { secret: Some(secret.name.clone()), ..Default::default() };
        let rotations = self.reader.rotations(&of_secret)?;
        let began = rotations.iter().find(|one| Some(&one.id) == row.rotation.as_ref());
        Ok(Some(began.map_or(row.since, |began| began.started_at)))
    }
}
