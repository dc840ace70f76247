//! The state of all four vendors behind one lock, and the only ways in which it changes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{earlier, later};
use crate::faults::Hits;
use crate::github::Github;
use crate::heroku::Heroku;
use crate::infisical::Infisical;
use crate::postmark::Postmark;
use crate::wire::{Call, Reply};
use crate::{FaultKind, Faults, Knobs, Urls, Vendor, github, heroku, infisical, postmark};

/// What the four vendors know.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) postmark: Postmark,
    pub(crate) heroku: Heroku,
    pub(crate) github: Github,
    pub(crate) infisical: Infisical,
}

/// The scene, with its knobs, its past (while reads may be stale) and what is still to happen.
pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) knobs: Knobs,
    pub(crate) urls: Arc<Urls>,
    /// Older scenes, each with the instant until which it was the present.
    past: VecDeque<(Timestamp, Scene)>,
    /// Requests whose effect comes later than their connection's end.
    late: Vec<Late>,
}

struct Late {
    due: Timestamp,
    vendor: Vendor,
    call: Call,
}

/// How many older scenes are kept.
const PAST_MAX: usize = 64;

/// One request's turn at the world: what it may know, and what it did.
pub(crate) struct Turn<'a> {
    pub(crate) now: Timestamp,
    pub(crate) urls: Arc<Urls>,
    pub(crate) took_effect: bool,
    faults: Option<(&'a Faults, &'a Hits)>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(now: Timestamp, urls: Arc<Urls>) -> Self {
        Self { now, urls, took_effect: false, faults: None }
    }

    pub(crate) fn with_faults(mut self, faults: &'a Faults, hits: &'a Hits) -> Self {
        self.faults = Some((faults, hits));
        self
    }

    /// Marks that the world was changed.
    pub(crate) fn effect(&mut self) {
        self.took_effect = true;
    }

    /// From when a token that is minted in this turn is honoured.
    pub(crate) fn live_from(&self) -> Timestamp {
        later(
            self.now,
            self.delay(|kind| match kind {
                FaultKind::LateActivation { ms } => Some(*ms),
                _ => None,
            }),
        )
    }

    /// Until when a token that is revoked in this turn is still honoured.
    pub(crate) fn dead_from(&self) -> Timestamp {
        later(
            self.now,
            self.delay(|kind| match kind {
                FaultKind::LateRevocation { ms } => Some(*ms),
                _ => None,
            }),
        )
    }

    fn delay(&self, pick: impl Fn(&FaultKind) -> Option<u64>) -> Duration {
        let Some((faults, hits)) = self.faults else {
            return Duration::ZERO;
        };
        let ms = hits
            .kinds
            .iter()
            .filter_map(|(id, kind)| pick(kind).map(|ms| (*id, ms)))
            .find(|(id, _)| faults.count_effect(*id))
            .map_or(0, |(_, ms)| ms);
        Duration::from_millis(ms)
    }
}

impl World {
    pub(crate) fn new(scene: Scene, urls: Arc<Urls>) -> Self {
        Self { scene, knobs: Knobs::default(), urls, past: VecDeque::new(), late: Vec::new() }
    }

    /// Lets everything happen that is due: late effects, release phases, workflow runs.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        while let Some(late) = self.next_due(now) {
            self.scene.settle(late.due, &self.knobs);
            let mut turn = Turn::new(late.due, Arc::clone(&self.urls));
            self.scene.answer(late.vendor, &self.knobs, &late.call, &mut turn);
        }
        self.scene.settle(now, &self.knobs);
    }

    /// Answers a request, changing the scene.
    pub(crate) fn answer(&mut self, vendor: Vendor, call: &Call, turn: &mut Turn<'_>) -> Reply {
        self.scene.answer(vendor, &self.knobs, call, turn)
    }

    /// Answers a read as the scene was `ago`; who is let in is decided as of now.
    pub(crate) fn answer_from_the_past(
        &self,
        ago: Duration,
        vendor: Vendor,
        call: &Call,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let at = earlier(turn.now, ago);
        let then = self.past.iter().find(|(until, _)| *until > at);
        let mut scene = then.map_or_else(|| self.scene.clone(), |(_, scene)| scene.clone());
        scene.postmark.gate = self.scene.postmark.gate.clone();
        scene.heroku.gate = self.scene.heroku.gate.clone();
        scene.github.gate = self.scene.github.gate.clone();
        scene.infisical.gate = self.scene.infisical.gate.clone();
        scene.answer(vendor, &self.knobs, call, turn)
    }

    /// Keeps the present as the past that it is about to become.
    pub(crate) fn remember(&mut self, now: Timestamp) {
        if self.past.len() == PAST_MAX {
            self.past.pop_front();
        }
        self.past.push_back((now, self.scene.clone()));
    }

    /// Carries the request out at `due`.
    pub(crate) fn carry_out_later(&mut self, due: Timestamp, vendor: Vendor, call: Call) {
        self.late.push(Late { due, vendor, call });
    }

    /// Puts the scene back to `scene`, forgetting what was still to happen.
    pub(crate) fn reset(&mut self, scene: Scene) {
        *self = Self::new(scene, Arc::clone(&self.urls));
    }

    fn next_due(&mut self, now: Timestamp) -> Option<Late> {
        let (index, _) = self
            .late
            .iter()
            .enumerate()
            .filter(|(_, late)| late.due <= now)
            .min_by_key(|(_, late)| late.due)?;
        Some(self.late.remove(index))
    }
}

impl Scene {
    fn answer(&mut self, vendor: Vendor, knobs: &Knobs, call: &Call, turn: &mut Turn<'_>) -> Reply {
        match vendor {
            Vendor::Postmark => postmark::answer(&mut self.postmark, &knobs.postmark, call, turn),
            Vendor::Heroku => heroku::answer(&mut self.heroku, &knobs.heroku, call, turn),
            Vendor::Github => github::answer(&mut self.github, &knobs.github, call, turn),
            Vendor::Infisical => {
                infisical::answer(&mut self.infisical, &knobs.infisical, call, turn)
            }
            Vendor::Dashboard => Reply::empty(404),
        }
    }

    fn settle(&mut self, now: Timestamp, knobs: &Knobs) {
        self.heroku.settle(now, &knobs.heroku);
        let (heroku, postmark) = (&self.heroku, &self.postmark);
        // What a run's script finds out when it uses its tokens.
        let works = |name: &str, value: &str, at: Timestamp| match name {
            "HEROKU_API_KEY" | "HEROKU_PLATFORM_API_TOKEN" => {
                heroku.gate.who(value.trim(), at).is_some()
            }
            "POSTMARK_SERVER_TOKEN" | "POSTMARK_ACCOUNT_TOKEN" => {
                postmark.gate.who(&value.trim().to_ascii_lowercase(), at).is_some()
            }
            _ => true,
        };
        self.github.settle(now, &knobs.github, &works);
    }

    /// Whether `text` is a credential that some vendor knows or knew.
    pub(crate) fn ever_knew(&self, text: &str) -> bool {
        self.postmark.gate.ever_knew(text)
            || self.heroku.gate.ever_knew(text)
            || self.github.gate.ever_knew(text)
            || self.infisical.gate.ever_knew(text)
    }
}
