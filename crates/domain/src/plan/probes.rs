//! The inventory's probes as parts of a plan.

use crate::inventory::{Probe, ProbeKind, Secret};
use crate::{Mode, Plan, ProbePart, Span};

/// How often a soak is looked at in the meantime; and the longest and the shortest pause.
const SOAK_LOOKS: u64 = 4;
const PROBE_INTERVAL_MAX: u64 = 300_000;
const PROBE_INTERVAL_MIN: u64 = 1_000;

pub(super) fn probe_interval(soak: Span) -> Span {
    let millis = soak.millis() / SOAK_LOOKS;
    Span::from_millis(millis.clamp(PROBE_INTERVAL_MIN, PROBE_INTERVAL_MAX))
}

/// Where every minute counts, nobody is asked about mails and no workflow is waited for.
pub(super) fn probe_parts(secret: &Secret, mode: Mode) -> Vec<ProbePart> {
    // They show that the token works where it is in use.
    let made = |probe: &&Probe| !(!mode.creates() || mode.hurries() && is_slow(&probe.kind));
    let part = |probe: &Probe| ProbePart {
        name: probe.name.as_str().into(),
        kind: probe.kind.word().to_owned(),
        what: probe.kind.describe(),
        sends: probe.kind.sends(),
        looks: probe.kind.looks(),
        repeats: probe.kind.repeats(),
        confirm: probe.confirm_receipt && !mode.hurries(),
    };
    secret.probes.iter().filter(made).map(part).collect()
}

fn is_slow(kind: &ProbeKind) -> bool {
    matches!(kind, ProbeKind::Workflow { .. })
}

/// Probes that are not made, because every minute counts.
pub(super) fn left_out(secret: &Secret, plan: &Plan) -> Option<String> {
    let missing = |probe: &&Probe| plan.probe(&probe.name.as_str().into()).is_none();
    let names: Vec<&str> =
        secret.probes.iter().filter(missing).map(|probe| probe.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("not waited for in a hurry: {}", names.join(", ")))
}
