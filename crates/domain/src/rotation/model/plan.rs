//! A plan for so many consumers: the first one goes first, the others together.

use super::world::OLD;
use crate::{
    ConsumerId, ConsumerPart, Doer, Fingerprint, Gates, Handle, IssuerPart, Limits, LiveToken,
    Mode, OldToken, Overlap, Plan, ProbePart, RotationId, Span, StorePart,
};

/// More tries than any budget of faults can use up.
pub(super) const FOR_EVER: u32 = 100;

pub(crate) fn plan(consumers: u8) -> Plan {
    let part = |i: u8| ConsumerPart {
        id: ConsumerId::from(format!("c{i}")),
        label: String::new(),
        keys: vec!["KEY".into()],
        wave: u8::from(i > 0),
        reads_back: true,
        restarts: true,
        before: None,
        fetched_by: None,
    };
    Plan {
        id: RotationId("r-1".into()),
        secret: "prod/KEY".parse().unwrap(),
        mode: Mode::Scheduled,
        issuer: IssuerPart {
            name: "issuer".into(),
            title: "Issuer".into(),
            identity: "acme".into(),
            creates: Doer::Api,
            revokes: Doer::Api,
            overlap: Overlap::Unlimited,
            reads_siblings: false,
            marker: "r-1".into(),
            listed: true,
            activation_max: Span::from_secs(30),
            create_text: Vec::new(),
            page: None,
        },
        store: StorePart { name: "store".into(), key: "KEY".into(), version: "1".into() },
        consumers: (0..consumers).map(part).collect(),
        old: OldToken {
            fingerprint: fingerprint(OLD),
            handle: Some(Handle("0".into())),
            since: None,
        },
        baseline: vec![LiveToken {
            fingerprint: Some(fingerprint(OLD)),
            handle: Some(Handle("0".into())),
            description: None,
            created: None,
        }],
        unknown: Vec::new(),
        probes: Vec::new(),
        limits: Limits {
            soak: Span::from_millis(0),
            proof_interval: Span::from_millis(0),
            proof_timeout: Span::from_secs(3_600),
            adopt_timeout: Span::from_secs(60),
            attempts_max: FOR_EVER,
            probe_interval: Span::from_millis(0),
            task_deadline: Span::from_secs(3_600),
        },
        role: "ops".into(),
        gates: Gates::default(),
        login_is_old: false,
        reason: None,
        audit_context: Vec::new(),
        warnings: Vec::new(),
        campaign: None,
    }
}

/// One that sends, looks again and again, and asks a person: all that a probe can be.
pub(super) fn probe() -> ProbePart {
    ProbePart {
        name: "p".into(),
        kind: "workflow".into(),
        what: String::new(),
        sends: true,
        looks: true,
        repeats: true,
        confirm: true,
    }
}

pub(super) fn fingerprint(token: u8) -> Fingerprint {
    Fingerprint::from_bytes([token; 16])
}
