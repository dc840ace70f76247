//! What the demo shows at its end. What it says of the vendors is read from the lab.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use engine::RotationSummary;
use journal::{AuditProblem, Verified};
use lab::{Lab, TrafficReport};
use serde::Serialize;

use super::PerApp;

const SERVER: &str = "acme-prod";

/// The lab before a rotation.
pub(super) struct Before {
    restarts: PerApp,
    live: BTreeSet<String>,
}

impl Before {
    pub(super) fn of(lab: &Lab) -> Self {
        Self { restarts: restarts(lab), live: live(lab) }
    }

    pub(super) fn restarts_since(&self, lab: &Lab) -> PerApp {
        let now = restarts(lab);
        now.into_iter()
            .map(|(app, count)| {
                let before = self.restarts.get(&app).copied().unwrap_or(0);
                (app, count - before)
            })
            .collect()
    }

    /// Live tokens more than before: a rotation replaces one by one.
    pub(super) fn orphans_since(&self, lab: &Lab) -> usize {
        live(lab).len().saturating_sub(self.live.len())
    }
}

fn restarts(lab: &Lab) -> PerApp {
    let world = lab.inspect();
    world.apps().into_iter().map(|app| (app.clone(), world.restarts(&app).len())).collect()
}

/// Every live token at both issuers, by value; never shown.
fn live(lab: &Lab) -> BTreeSet<String> {
    let world = lab.inspect();
    let heroku = world.heroku_authorizations();
    let heroku = heroku.into_iter().filter(|one| one.live).map(|one| one.token);
    world.live_postmark_tokens(SERVER).into_iter().chain(heroku).collect()
}

/// One rotation of the demo.
pub(super) struct Rotated {
    pub(super) summary: RotationSummary,
    pub(super) restarts: PerApp,
    pub(super) orphans: usize,
}

/// The whole demo as one object.
#[derive(Serialize)]
pub(super) struct Report {
    rotations: Vec<OneRotation>,
    traffic: TrafficSum,
    orphans: usize,
    audit: AuditSum,
    seconds: f64,
}

#[derive(Serialize)]
struct OneRotation {
    #[serde(flatten)]
    summary: RotationSummary,
    /// Restarts by the lab's count, per app.
    restarts_per_app: PerApp,
}

#[derive(Serialize)]
struct TrafficSum {
    requests: u64,
    refused: u64,
    failed: u64,
    per_second: f64,
    apps: std::collections::BTreeMap<String, lab::AppCounts>,
}

#[derive(Serialize)]
struct AuditSum {
    events: u64,
    verified: bool,
    /// The root over all records; what is wrong, where it does not verify.
    root: String,
}

impl Report {
    pub(super) fn new(
        lab: &Lab,
        rotated: Vec<Rotated>,
        traffic: &TrafficReport,
        verified: &Result<Verified, AuditProblem>,
        took: Duration,
    ) -> Self {
        let _ = lab;
        let total = traffic.total();
        let orphans = rotated.iter().map(|one| one.orphans).sum();
        Self {
            orphans,
            rotations: rotated
                .into_iter()
                .map(|one| OneRotation { summary: one.summary, restarts_per_app: one.restarts })
                .collect(),
            traffic: TrafficSum {
                requests: total.sent,
                refused: total.refused,
                failed: total.failed,
                per_second: traffic.per_second(),
                apps: traffic.apps.clone(),
            },
            audit: match verified {
                Ok(verified) => AuditSum {
                    events: verified.events,
                    verified: true,
                    root: verified.root.to_string(),
                },
                Err(problem) => AuditSum { events: 0, verified: false, root: problem.to_string() },
            },
            seconds: took.as_secs_f64(),
        }
    }

    /// Nothing refused, nothing orphaned, everything done, both dead, the log whole.
    pub(super) fn is_good(&self) -> bool {
        self.traffic.refused == 0
            && self.orphans == 0
            && self.audit.verified
            && self
                .rotations
                .iter()
                .all(|one| one.summary.outcome == "completed" && one.summary.old_token.proven_dead)
    }

    pub(super) fn text(&self, directory: &Path, kept: bool) -> String {
        let mut lines = vec![String::new()];
        for one in &self.rotations {
            let summary = &one.summary;
            let dead = summary.old_token.answers.iter().filter(|a| a.liveness.is_dead()).count();
            let in_step = summary.consumers.iter().filter(|c| c.in_step).count();
            lines.push(format!(
                "{:<28} {}, {in_step}/{} consumers in step, old token answered 401 {dead} times",
                summary.secret,
                summary.outcome,
                summary.consumers.len()
            ));
            let restarts: Vec<String> = one
                .restarts_per_app
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(app, count)| format!("{app} {count}"))
                .collect();
            lines.push(format!("{:<28} restarts: {}", "", restarts.join(", ")));
        }
        let traffic = &self.traffic;
        lines.push(format!(
            "{:<28} {} requests sent ({:.0} a second), {} refused",
            "traffic", traffic.requests, traffic.per_second, traffic.refused
        ));
        lines.push(format!("{:<28} {}", "orphans at the issuers", self.orphans));
        lines.push(format!(
            "{:<28} {} records, {}",
            "audit",
            self.audit.events,
            if self.audit.verified { "verified" } else { "NOT VERIFIED" }
        ));
        lines.push(format!("{:<28} {:.1} s", "took", self.seconds));
        lines.push(String::new());
        lines.push(if kept {
            let at = directory.display();
            format!("Look around: rollover -C {at} run ls; rollover -C {at} audit ls")
        } else {
            "Look around: rollover demo --keep DIR, then rollover -C DIR run ls".into()
        });
        lines.push("Play the operator yourself: rollover lab up, then rollover init --lab".into());
        lines.join("\n")
    }
}
