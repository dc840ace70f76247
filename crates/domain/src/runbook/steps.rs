//! The steps of a scheduled rotation, from the inventory alone: nobody is looked at for them.
//!
//! Their verbs and their order are those of [`crate::Plan::steps`]; a test compares the two.

use std::borrow::Cow;

use super::{ByHand, Manual, Run, StepPage};
use crate::inventory::{Inventory, IssuerKind, Probe, Secret};
use crate::{Doer, Profile};

/// All steps, numbered.
pub(super) fn steps(
    inventory: &Inventory,
    secret: &Secret,
    profile: &Profile,
    manual: &Manual,
    runs: &[Run],
) -> Vec<StepPage> {
    let writer = Writer { inventory, secret, profile, manual, runs };
    let mut steps = vec![writer.preflight(), writer.create(), writer.validate(), writer.store()];
    steps.extend([writer.propagate(), writer.verify()]);
    steps.extend(writer.probe());
    steps.extend(writer.receipt());
    steps.extend([writer.soak(), writer.approve(), writer.gate()]);
    let before = steps.len();
    steps.extend([writer.revoke(), writer.prove(), writer.confirm(), writer.sweep()]);
    steps.push(writer.close());
    for (i, step) in steps.iter_mut().enumerate() {
        step.number = i + 1;
        step.after_no_return = i >= before;
    }
    steps
}

struct Writer<'a> {
    inventory: &'a Inventory,
    secret: &'a Secret,
    profile: &'a Profile,
    manual: &'a Manual,
    runs: &'a [Run],
}

const ENGINE: &str = "rollover";

impl Writer<'_> {
    fn step(&self, verb: &str, title: &str, who: &str) -> StepPage {
        StepPage::new(verb, title, who, self.runs)
    }

    fn who(&self, doer: Doer) -> &str {
        match doer {
            Doer::Api => ENGINE,
            Doer::Operator => &self.secret.role,
        }
    }

    fn identity(&self) -> Cow<'_, str> {
        let issuer = self.inventory.issuers.get(&self.secret.issuer);
        issuer.map(|issuer| issuer.kind.identity()).unwrap_or_default()
    }

    fn preflight(&self) -> StepPage {
        let slots = self.profile.overlap.slots().map(|slots| match self.profile.lists {
            true => {
                format!("fewer than {slots} tokens are live, so that there is room for one more")
            }
            false => {
                format!(
                    "whether fewer than {slots} tokens are live is seen on the issuer's page alone"
                )
            }
        });
        let what = [
            format!("the current token answers as `{}`", self.identity()),
            "the store and every consumer can be read and written".to_owned(),
        ];
        self.step("preflight", "Confirm the current token", ENGINE)
            .what(what)
            .what(slots)
            .by_hand(self.manual.issuer.confirm.clone())
    }

    fn create(&self) -> StepPage {
        let what = match self.profile.creates {
            Doer::Operator if !self.profile.lists => {
                vec![
                    "no API lists its tokens: whoever makes the new one enters it, at a hidden \
                     prompt or with `rollover task done`; it is taken only once it has answered"
                        .to_owned(),
                ]
            }
            Doer::Operator => {
                vec![
                    "rollover watches the issuer's list and takes the new token from there; \
                     nobody copies it"
                        .to_owned(),
                ]
            }
            Doer::Api => {
                let mut what = vec![
                    "made by the API; its description carries the rotation's id, so that it is \
                     found again after a lost answer"
                        .to_owned(),
                    "its value is sealed before anybody gets it; its id is kept beside it"
                        .to_owned(),
                ];
                what.extend(self.scope());
                what
            }
        };
        self.step("create", "Create the new token", self.who(self.profile.creates))
            .what(what)
            .undone_by("it is revoked")
            .by_hand(self.manual.issuer.create.clone())
    }

    fn scope(&self) -> Option<String> {
        match &self.inventory.issuers.get(&self.secret.issuer)?.kind {
            IssuerKind::HerokuAuthorization { scope, expires_in, .. } => {
                let ends = expires_in.map(|span| format!("; it ends by itself after {span}"));
                Some(format!("scope {}{}", scope.join(", "), ends.unwrap_or_default()))
            }
            _ => None,
        }
    }

    fn validate(&self) -> StepPage {
        self.step("validate", "Validate the new token", ENGINE)
            .what([format!("the new token answers as `{}`", self.identity())])
            .undone_by("it is revoked")
            .by_hand(self.manual.issuer.validate.clone())
    }

    fn store(&self) -> StepPage {
        let what = format!("{} `{}`, read back", self.secret.store, self.secret.store_key);
        self.step("store", "Store it", ENGINE)
            .what([what])
            .undone_by("the old one is put back")
            .by_hand(self.manual.store.write.clone())
    }

    fn propagate(&self) -> StepPage {
        let line = |consumer: &crate::inventory::Consumer| {
            let first =
                if consumer.production { "" } else { ", first, and proven before the rest" };
            format!("{}: {} as {}{first}", consumer.label, consumer.id, consumer.keys.join(", "))
        };
        let mut consumers: Vec<_> = self.secret.consumers.iter().collect();
        consumers.sort_by_key(|consumer| consumer.production);
        let idle = self.secret.not_enabled.iter().map(|consumer| {
            format!("not enabled, so left alone: {} ({})", consumer.label, consumer.id)
        });
        let ways = self.manual.consumers.iter().flat_map(|(_, one)| one.write.clone());
        let others = self.manual.not_enabled.iter().flat_map(|(_, one)| one.write.clone());
        let only_if = |way: ByHand| ByHand {
            title: format!("only if it uses the token: {}", way.title),
            ..way
        };
        self.step("propagate", "Give it to every consumer", ENGINE)
            .what(consumers.into_iter().map(line))
            .what(idle)
            .undone_by("each gets the old one again")
            .by_hand(ways)
            .by_hand(others.map(only_if))
    }

    fn verify(&self) -> StepPage {
        let what = "each is seen on the new fingerprint, and everything that runs was started \
                    with it; what cannot be read back is proven by its write";
        let ways = self.manual.consumers.iter().flat_map(|(_, one)| one.check.clone());
        self.step("verify", "See that each runs on it", ENGINE)
            .what([what.to_owned()])
            .by_hand(ways)
    }

    fn probe(&self) -> Option<StepPage> {
        let in_use = &self.manual.issuer.in_use;
        if self.secret.probes.is_empty() && in_use.is_empty() {
            return None;
        }
        let line = |probe: &Probe| {
            let again = if probe.kind.repeats() { "; again and again while both live" } else { "" };
            format!("{}: {}{again}", probe.name, probe.kind.describe())
        };
        Some(
            self.step("probe", "See that it works", ENGINE)
                .with_last("send", self.runs)
                .what(self.secret.probes.iter().map(line))
                .by_hand(self.manual.probes.clone())
                .by_hand(in_use.clone()),
        )
    }

    fn receipt(&self) -> Option<StepPage> {
        let asked = self.secret.probes.iter().filter(|probe| probe.confirm_receipt);
        let what: Vec<String> = asked
            .map(|probe| format!("{}: looks into the mailbox and says whether it came", probe.name))
            .collect();
        let no = "where it did not come, everything goes back to the old token".to_owned();
        (!what.is_empty()).then(|| {
            self.step("receipt", "Say what arrived", &self.secret.role).what(what).what([no])
        })
    }

    fn soak(&self) -> StepPage {
        let what = format!("{}, both tokens live; look at your own graphs", self.secret.soak);
        self.step("soak", "Let both live for a while", ENGINE).what([what])
    }

    fn approve(&self) -> StepPage {
        let what = "agrees to the revocation by typing the secret's name; `back` goes back";
        self.step("approve", "Agree to the revocation", &self.secret.role).what([what.to_owned()])
    }

    fn gate(&self) -> StepPage {
        let what = "the store and every consumer, once more; whoever went back is given it again";
        self.step("gate", "The last look", ENGINE).what([what.to_owned()])
    }

    fn revoke(&self) -> StepPage {
        let what = match self.profile.revokes {
            Doer::Operator => {
                "deletes the old token; the task says how it ends, because the page knows no \
                 fingerprints"
            }
            Doer::Api => "the old token, by its id",
        };
        self.step("revoke", "Revoke the old token", self.who(self.profile.revokes))
            .what([what.to_owned()])
            .by_hand(self.manual.issuer.revoke.clone())
    }

    fn prove(&self) -> StepPage {
        let apart = self.inventory.policy.proof_interval;
        let what = [
            format!("the old token is answered with the vendor's own 401, twice, {apart} apart"),
            "anything else, such as 403 or 5xx, proves nothing and is waited out".to_owned(),
        ];
        self.step("prove", "Prove that it is dead", ENGINE)
            .what(what)
            .by_hand(self.manual.issuer.prove.clone())
    }

    fn confirm(&self) -> StepPage {
        let what = "the store and every consumer, after the revocation";
        self.step("confirm", "Look at everybody again", ENGINE).what([what.to_owned()])
    }

    fn sweep(&self) -> StepPage {
        let what = match self.profile.lists {
            true => {
                "nothing of this rotation is left at the issuer; live tokens that nobody knows \
                 are told of and left alone"
            }
            false => {
                "what else lives at the issuer is not known, because no API lists its tokens; a \
                 person looks at its page"
            }
        };
        self.step("sweep", "Leave nothing behind", ENGINE).what([what.to_owned()])
    }

    fn close(&self) -> StepPage {
        let context = self.manual.issuer.audit.iter().map(|key| format!("`{key}`"));
        let context: Vec<String> = context.collect();
        let what = [
            format!("`secret.rotate.completed` with its actor, and {}", context.join(", ")),
            "the values are destroyed; fingerprints stay".to_owned(),
        ];
        self.step("close", "Write the audit record", ENGINE).what(what)
    }
}
