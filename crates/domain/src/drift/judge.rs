//! From what was seen to what is wrong with it.

use super::{
    ConsumerLook, Finding, Grade, Kind, Looked, Memory, Place, Report, Running, Standing, Stands,
    StoreLook, UseEnds, Whose, Wrote,
};
use crate::inventory::{ConsumerKind, Inventory, Secret};
use crate::{Fingerprint, Holding, LiveToken, Liveness};

/// Compares what was seen of a secret with what should be there.
///
/// `slots` is how many tokens the issuer has place for, where it has a limit: there each unknown
/// one is drift. Elsewhere one that is older than the current token is only worth knowing.
#[must_use]
pub fn judge(
    inventory: &Inventory,
    secret: &Secret,
    slots: Option<u32>,
    looked: &Looked,
) -> Report {
    let expected = inventory.issuers.get(&secret.issuer).map(|issuer| issuer.kind.identity());
    let stored = match &looked.store {
        StoreLook::Holds { fingerprint, .. } => Some(*fingerprint),
        _ => None,
    };
    let case = Case { secret, looked, stored, expected: expected.as_deref().unwrap_or_default() };
    let ended = match looked.memory.use_ends {
        Some(UseEnds::Since(at)) => Some(at),
        _ => None,
    };
    let mut findings = match ended {
        Some(_) => case.store_after_use(),
        None => case.store(),
    };
    findings.extend(case.current().filter(|_| ended.is_none()));
    let mut consumers = Vec::new();
    for seen in &looked.consumers {
        let (stands, found) = match looked.memory.use_ends {
            Some(ends) if holds_nothing(&seen.holding) => (holds_none(seen, ends), Vec::new()),
            Some(UseEnds::Since(_)) => case.holds_again(seen),
            _ => case.consumer(seen),
        };
        consumers.push(stands);
        findings.extend(found);
    }
    findings.extend(case.tokens(slots));
    Report {
        secret: secret.name.clone(),
        at: looked.at,
        stored,
        live: looked.live.clone(),
        since: looked.memory.since,
        rotation: looked.memory.open.as_ref().map(|(id, _)| id.clone()),
        decommissioned: ended,
        watched_until: looked.memory.watched_until.filter(|until| *until > looked.at),
        consumers,
        findings,
    }
}

/// Whether it is known that a consumer holds nothing under its names.
fn holds_nothing(holding: &Holding) -> bool {
    matches!(holding, Holding::Nothing | Holding::Unreadable(None))
}

/// A consumer that holds nothing, and should not or need not.
fn holds_none(seen: &ConsumerLook, ends: UseEnds) -> Stands {
    let how = match ends {
        UseEnds::Now => "holds nothing; a decommission is open",
        UseEnds::Since(_) => "holds nothing",
    };
    stands(seen, Standing::InStep, None, how)
}

struct Case<'a> {
    secret: &'a Secret,
    looked: &'a Looked,
    stored: Option<Fingerprint>,
    expected: &'a str,
}

impl Case<'_> {
    fn memory(&self) -> &Memory {
        &self.looked.memory
    }

    fn finding(&self, place: Place, kind: Kind, what: String) -> Finding {
        let grade = match kind {
            Kind::Unseen => Grade::Unknown,
            Kind::Unreadable => Grade::Note,
            _ => Grade::Drift,
        };
        let fix = match (&place, grade) {
            (_, Grade::Drift) => Some(self.fix(&place, kind)),
            _ => None,
        };
        Finding { place, kind, grade, token: None, what, because: None, fix }
    }

    /// The command or the move that puts it right.
    fn fix(&self, place: &Place, kind: Kind) -> String {
        let name = &self.secret.name;
        if let Some((id, _)) = &self.memory().open {
            return format!("rollover run resume {id}");
        }
        match (place, kind) {
            (_, Kind::Dead) => format!("rollover rotate {name} --repair"),
            (_, Kind::Managed) => {
                "stop the store's own rotation of this key, or take the secret out of the inventory"
                    .into()
            }
            (_, Kind::UnknownToken) => {
                format!(
                    "rollover secret adopt {name} TOKEN, or rollover secret remove {name} TOKEN"
                )
            }
            (_, Kind::Revived) => {
                "revoke it again at the issuer, and ask who brought it back".into()
            }
            (Place::Consumer(id), Kind::HoldsAgain) => self.take_out(id.as_str()),
            (_, Kind::HoldsAgain) => format!("take `{}` out of it", self.secret.store_key),
            (_, Kind::Shadowed) => {
                "add the environment as a consumer, or delete its secret at GitHub".into()
            }
            (_, Kind::Refused) => "correct the name or the login's rights".into(),
            (Place::Consumer(id), Kind::RunsOlder | Kind::NotInForce) => self.restart(id.as_str()),
            (Place::Consumer(_), _) if self.looked.live.is_dead() => {
                format!("rollover rotate {name} --repair")
            }
            (Place::Consumer(id), _) => format!("rollover secret sync {name} {id}"),
            (Place::Store(_) | Place::Issuer(_), _) => format!("rollover secret import {name}"),
        }
    }

    /// How a name is taken out of a place by hand.
    fn take_out(&self, id: &str) -> String {
        let consumer = self.secret.consumers.iter().find(|one| one.id.as_str() == id);
        let Some(consumer) = consumer else { return format!("take it out of {id}") };
        let keys = consumer.keys.join(" ");
        match &consumer.kind {
            ConsumerKind::HerokuConfig { app, .. } => {
                format!("ask who set it, then: heroku config:unset {keys} --app {app}")
            }
            ConsumerKind::GithubSecret { .. } => {
                format!("ask who wrote it, then delete {keys} there")
            }
            ConsumerKind::Dotenv { path } => {
                format!("ask who wrote it, then delete {keys} in {path}")
            }
            ConsumerKind::Workstation { member, path } => {
                format!("ask {member} to delete {keys} in {path}")
            }
        }
    }

    fn restart(&self, id: &str) -> String {
        let consumer = self.secret.consumers.iter().find(|one| one.id.as_str() == id);
        match consumer.map(|one| &one.kind) {
            Some(ConsumerKind::HerokuConfig { app, .. }) => {
                format!("see why its release is not in force, then: heroku ps:restart --app {app}")
            }
            _ => format!("restart what runs at {id}"),
        }
    }

    fn about(&self, fingerprint: Fingerprint, held: Option<&Liveness>) -> (Kind, String) {
        let (kind, whose) = match self.memory().whose(fingerprint) {
            Some(Whose::Former(state)) => {
                (Kind::HoldsFormer, format!("an earlier token of it ({state})"))
            }
            Some(Whose::Of(other)) => (Kind::HoldsForeign, format!("the token of {other}")),
            Some(Whose::Current) => {
                (Kind::HoldsFormer, "the token that was the current one".into())
            }
            None => match held {
                Some(Liveness::Alive { identity }) if identity != self.expected => {
                    (Kind::HoldsForeign, "which nobody here knows".into())
                }
                _ => (Kind::HoldsUnknown, "which nobody here knows".into()),
            },
        };
        let says = match held {
            Some(Liveness::Dead { .. }) => "; it is DEAD".to_owned(),
            Some(Liveness::Alive { identity }) if identity != self.expected => {
                format!("; it answers as `{identity}`")
            }
            Some(Liveness::Alive { .. }) => "; it works".to_owned(),
            _ => String::new(),
        };
        (kind, format!("holds fp {fingerprint}, {whose}{says}"))
    }

    fn store(&self) -> Vec<Finding> {
        let place = || Place::Store(self.secret.store.clone());
        match &self.looked.store {
            StoreLook::Unknown(why) => vec![self.finding(place(), Kind::Unseen, why.clone())],
            StoreLook::Refuses(why) => vec![self.finding(place(), Kind::Refused, why.clone())],
            StoreLook::Empty if self.memory().use_ends.is_some() => Vec::new(),
            StoreLook::Empty => {
                vec![self.finding(place(), Kind::Missing, "holds nothing".to_owned())]
            }
            StoreLook::Holds { fingerprint, managed } => {
                let managed = managed.as_ref().map(|by| {
                    self.finding(place(), Kind::Managed, format!("{by} writes this value itself"))
                });
                managed.into_iter().chain(self.store_holds(place(), *fingerprint)).collect()
            }
        }
    }

    /// The store of a secret that is out of use.
    fn store_after_use(&self) -> Vec<Finding> {
        let place = Place::Store(self.secret.store.clone());
        match (&self.looked.store, self.stored) {
            (StoreLook::Holds { .. }, Some(stored)) => {
                let (_, what) = self.about(stored, Some(&self.looked.live));
                let mut finding = self.finding(place, Kind::HoldsAgain, what);
                finding.token = Some(stored.hex());
                vec![finding]
            }
            // Where it is not there, it was taken out together with the value.
            (StoreLook::Unknown(why), _) => vec![self.finding(place, Kind::Unseen, why.clone())],
            _ => Vec::new(),
        }
    }

    /// A consumer that has something although the secret is out of use.
    fn holds_again(&self, seen: &ConsumerLook) -> (Stands, Vec<Finding>) {
        let (kind, what, held) = match &seen.holding {
            Holding::Token(held) => {
                (Kind::HoldsAgain, self.about(*held, seen.held.as_ref()).1, Some(*held))
            }
            Holding::Mixed(held) => (Kind::HoldsAgain, mixed(held), None),
            Holding::Unreadable(at) => {
                let at = at.map(|at| format!(", written {at:.0}")).unwrap_or_default();
                (Kind::HoldsAgain, format!("it is there again{at}"), None)
            }
            Holding::Shadowed(why) => (Kind::Shadowed, why.clone(), None),
            Holding::Refused(why) | Holding::Unknown(why) => (Kind::Unseen, why.clone(), None),
            Holding::Nothing => {
                return (stands(seen, Standing::InStep, None, "holds nothing"), Vec::new());
            }
        };
        let mut finding = self.finding(Place::Consumer(seen.id.clone()), kind, what);
        finding.token = held.map(|held| held.hex());
        if let Ok(Running { rolled_back: Some(release), .. }) = &seen.running {
            finding.because = Some(release.clone());
        }
        let standing = match finding.grade {
            Grade::Unknown => Standing::Unknown,
            _ => Standing::Drifted,
        };
        (stands(seen, standing, held, &finding.what), vec![finding])
    }

    fn store_holds(&self, place: Place, stored: Fingerprint) -> Option<Finding> {
        if self.of_the_open_one(stored) {
            return None;
        }
        let foreign = matches!(self.memory().whose(stored), Some(Whose::Of(_)));
        let right = self.memory().current.map_or(!foreign, |current| current == stored);
        if right {
            return None;
        }
        let (kind, what) = self.about(stored, Some(&self.looked.live));
        let mut finding = self.finding(place, kind, what);
        finding.token = Some(stored.hex());
        finding.because = self.memory().current.map(|current| {
            format!("fp {current} is believed to be the current one; who wrote another?")
        });
        if self.looked.live.is_dead() && self.memory().open.is_none() {
            let name = &self.secret.name;
            finding.fix = Some(format!(
                "rollover secret import {name} with the right token; where it is lost: rollover \
                 rotate {name} --repair"
            ));
        }
        Some(finding)
    }

    /// The token that the store holds, at the issuer.
    fn current(&self) -> Option<Finding> {
        let stored = self.stored?;
        let place = Place::Issuer(self.secret.issuer.clone());
        let mut finding = match &self.looked.live {
            Liveness::Alive { identity } if identity == self.expected => return None,
            Liveness::Alive { identity } => {
                let what = format!(
                    "the store's token answers as `{identity}`, expected `{}`",
                    self.expected
                );
                self.finding(place, Kind::OtherIdentity, what)
            }
            // While a rotation is open the token that the store still holds may be revoked first.
            Liveness::Dead { .. } if self.memory().open.is_some() => return None,
            Liveness::Dead { evidence } => {
                self.finding(place, Kind::Dead, format!("the store's token is dead: {evidence}"))
            }
            Liveness::Unknown { why } => {
                let what = format!("the store's token could not be asked about: {why}");
                return Some(self.finding(place, Kind::Unseen, what));
            }
        };
        finding.token = Some(stored.hex());
        Some(finding)
    }

    fn of_the_open_one(&self, fingerprint: Fingerprint) -> bool {
        self.memory().open.as_ref().is_some_and(|(_, tokens)| tokens.contains(&fingerprint))
    }

    /// Whether a consumer may hold it. Where the store itself has drifted, one that still holds
    /// what is believed to be current is not the one to be told of.
    fn is_right(&self, fingerprint: Fingerprint) -> bool {
        Some(fingerprint) == self.stored
            || Some(fingerprint) == self.memory().current
            || self.of_the_open_one(fingerprint)
    }

    fn consumer(&self, seen: &ConsumerLook) -> (Stands, Vec<Finding>) {
        let place = Place::Consumer(seen.id.clone());
        let mut finding = match &seen.holding {
            Holding::Token(held) if self.is_right(*held) => return self.holds_right(seen, *held),
            Holding::Token(_) if self.stored.is_none() && self.memory().current.is_none() => {
                self.finding(place, Kind::Unseen, "there is nothing to compare it with".to_owned())
            }
            Holding::Token(held) => {
                let (kind, what) = self.about(*held, seen.held.as_ref());
                let mut finding = self.finding(place, kind, what);
                finding.token = Some(held.hex());
                finding
            }
            Holding::Mixed(held) => self.finding(place, Kind::Mixed, mixed(held)),
            Holding::Nothing => {
                self.finding(place, Kind::Missing, "holds nothing under its names".to_owned())
            }
            Holding::Unreadable(None) => {
                self.finding(place, Kind::Missing, "there is no such secret".to_owned())
            }
            Holding::Unreadable(Some(at)) => return self.unreadable(seen, *at),
            Holding::Shadowed(why) => self.finding(place, Kind::Shadowed, why.clone()),
            // What a dead login is told says nothing about the place.
            Holding::Refused(why) if self.looked.login_is_current && self.looked.live.is_dead() => {
                self.finding(place, Kind::Unseen, format!("rollover's login is dead: {why}"))
            }
            Holding::Refused(why) => self.finding(place, Kind::Refused, why.clone()),
            Holding::Unknown(why) => self.finding(place, Kind::Unseen, why.clone()),
        };
        if let Ok(Running { rolled_back: Some(release), .. }) = &seen.running {
            finding.because = Some(release.clone());
        }
        let held = match &seen.holding {
            Holding::Token(held) => Some(*held),
            _ => None,
        };
        let standing = match finding.grade {
            Grade::Unknown => Standing::Unknown,
            _ => Standing::Drifted,
        };
        (stands(seen, standing, held, &finding.what), vec![finding])
    }

    /// It holds what it should; does what runs there hold it, too?
    fn holds_right(&self, seen: &ConsumerLook, held: Fingerprint) -> (Stands, Vec<Finding>) {
        let place = || Place::Consumer(seen.id.clone());
        let step = |how: &str| stands(seen, Standing::InStep, Some(held), how);
        // While a rotation is open its own looks wait for what runs.
        if self.memory().open.is_some() {
            return (step("read back; a rotation is open"), Vec::new());
        }
        match &seen.running {
            Err(why) => {
                let what = format!("holds the right token; what runs was not seen: {why}");
                let finding = self.finding(place(), Kind::Unseen, what);
                (stands(seen, Standing::Unknown, Some(held), &finding.what), vec![finding])
            }
            Ok(running) => {
                let mut findings = self.older(&place(), running);
                if let Some(waits) = &running.waits {
                    findings.push(self.finding(place(), Kind::NotInForce, waits.clone()));
                }
                match findings.first() {
                    None => (step("read back"), findings),
                    Some(first) => {
                        let how = first.what.clone();
                        (stands(seen, Standing::Drifted, Some(held), &how), findings)
                    }
                }
            }
        }
    }

    /// Processes on something else, one finding a token.
    fn older(&self, place: &Place, running: &Running) -> Vec<Finding> {
        let mut tokens: Vec<Option<Fingerprint>> = Vec::new();
        for (_, held) in &running.older {
            if !tokens.contains(held) {
                tokens.push(*held);
            }
        }
        let of = |token: Option<Fingerprint>| {
            let names: Vec<&str> = running
                .older
                .iter()
                .filter(|(_, held)| *held == token)
                .map(|(name, _)| name.as_str())
                .collect();
            let on = match token {
                None => "without it".to_owned(),
                Some(fp) => match self.memory().whose(fp) {
                    Some(Whose::Former(state)) => format!("on fp {fp}, an earlier token ({state})"),
                    Some(Whose::Of(other)) => format!("on fp {fp}, the token of {other}"),
                    _ => format!("on fp {fp}"),
                },
            };
            let what = format!("holds the right token, but {} run {on}", names.join(", "));
            let mut finding = self.finding(place.clone(), Kind::RunsOlder, what);
            finding.token = token.map(|fp| fp.hex());
            finding
        };
        tokens.into_iter().map(of).collect()
    }

    fn unreadable(&self, seen: &ConsumerLook, at: jiff::Timestamp) -> (Stands, Vec<Finding>) {
        let place = || Place::Consumer(seen.id.clone());
        let open = self.memory().open.is_some();
        let (standing, finding) = match &seen.running {
            Err(why) => (Standing::Unknown, self.finding(place(), Kind::Unseen, why.clone())),
            Ok(running) => match running.wrote {
                Wrote::Ours(at) => {
                    let how = format!("cannot be read back; written by rollover at {at:.0}");
                    return (stands(seen, Standing::Written, None, &how), Vec::new());
                }
                // Its own writes come while a rotation is open.
                _ if open => {
                    let how = format!("cannot be read back; written {at:.0}; a rotation is open");
                    return (stands(seen, Standing::Unknown, None, &how), Vec::new());
                }
                Wrote::Somebody(at) => {
                    let what = format!("was written by somebody else at {at:.0}");
                    let mut finding = self.finding(place(), Kind::WrittenSince, what);
                    finding.token = Some(format!("{at:.0}"));
                    (Standing::Drifted, finding)
                }
                Wrote::Before(at) => {
                    let what = format!("shows a last write of {at:.0}, before rollover's own");
                    (Standing::Unknown, self.finding(place(), Kind::Unseen, what))
                }
                Wrote::NotKnown => {
                    let what = format!(
                        "cannot be read back, and rollover has not written it; written {at:.0}"
                    );
                    (Standing::Unknown, self.finding(place(), Kind::Unreadable, what))
                }
            },
        };
        (stands(seen, standing, None, &finding.what), vec![finding])
    }

    /// Live tokens at the issuer that should not be there.
    fn tokens(&self, slots: Option<u32>) -> Vec<Finding> {
        let place = || Place::Issuer(self.secret.issuer.clone());
        match &self.looked.tokens {
            Err(why) => {
                let what = format!("its tokens could not be listed: {why}");
                vec![self.finding(place(), Kind::Unseen, what)]
            }
            // A rotation that is open counts its own.
            Ok(_) if self.memory().open.is_some() => Vec::new(),
            Ok(None) => Vec::new(),
            Ok(Some(tokens)) => {
                tokens.iter().filter_map(|token| self.token(place(), token, slots)).collect()
            }
        }
    }

    fn token(&self, place: Place, token: &LiveToken, slots: Option<u32>) -> Option<Finding> {
        if self.is_current(token) {
            return None;
        }
        let name = match (&token.handle, token.fingerprint) {
            (Some(handle), _) => handle.to_string(),
            (None, Some(fingerprint)) => format!("fp {fingerprint}"),
            (None, None) => return None,
        };
        let described = match &token.description {
            Some(words) => format!("{name} (\"{words}\")"),
            None => name,
        };
        let mut finding = match self.whose(token) {
            Some(Whose::Former(state)) if is_over(state) => {
                let what = format!("token {described} is {state}, and lives");
                self.finding(place, Kind::Revived, what)
            }
            Some(_) => return None,
            None if self.memory().answered.iter().any(|known| names(known, token)) => return None,
            None => {
                let made = token.created.map(|at| format!(", made {at:.0}")).unwrap_or_default();
                let what = format!("token {described} lives, and nobody here knows it{made}");
                self.finding(place, Kind::UnknownToken, what)
            }
        };
        let newer = match (token.created, self.memory().since) {
            (Some(created), Some(since)) => created > since,
            _ => false,
        };
        if finding.kind == Kind::UnknownToken && slots.is_none() && !newer {
            finding.grade = Grade::Note;
        }
        finding.token = token
            .handle
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| token.fingerprint.map(|fp| fp.hex()));
        if let (Some(fix), Some(_)) = (&mut finding.fix, &finding.token) {
            *fix = fix.replace("TOKEN", &token.typed());
        }
        Some(finding)
    }

    fn is_current(&self, token: &LiveToken) -> bool {
        let memory = self.memory();
        token.fingerprint.is_some_and(|fp| Some(fp) == self.stored || Some(fp) == memory.current)
            || (token.handle.is_some() && token.handle == memory.handle)
    }

    fn whose(&self, token: &LiveToken) -> Option<&Whose> {
        let memory = self.memory();
        let by_handle = token.handle.as_ref().and_then(|handle| {
            memory.handles.iter().find(|(known, _)| known == handle).map(|(_, whose)| whose)
        });
        by_handle.or_else(|| memory.whose(token.fingerprint?))
    }
}

/// The states after which a token answers nobody.
fn is_over(state: &str) -> bool {
    matches!(state, "revoked" | "proven-dead" | "discarded")
}

/// Whether a word of the inventory's `known`, or a description of a current token, names it.
fn names(known: &str, token: &LiveToken) -> bool {
    token.handle.as_ref().is_some_and(|handle| handle.0 == known)
        || token.fingerprint.is_some_and(|fp| fp.hex() == known || fp.to_string() == known)
        || token.description.as_deref() == Some(known)
}

fn mixed(held: &[Option<Fingerprint>]) -> String {
    let each: Vec<String> = held
        .iter()
        .map(|one| one.map_or_else(|| "nothing".to_owned(), |fp| format!("fp {fp}")))
        .collect();
    format!("holds different values under its names: {}", each.join(", "))
}

fn stands(
    seen: &ConsumerLook,
    standing: Standing,
    holds: Option<Fingerprint>,
    how: &str,
) -> Stands {
    Stands { consumer: seen.id.clone(), standing, holds, how: how.to_owned() }
}
