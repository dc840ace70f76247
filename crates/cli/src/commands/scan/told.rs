//! What is said of a scan: as text, as JSON, as SARIF.

use std::collections::BTreeMap;

use connectors::{ALL_PROFILES, profile_of};
use domain::{Liveness, SecretName};
use journal::{TokenRow, TokenState};
use scan::{Allow, Finding, Report, Scanned, What, sarif};
use serde_json::{Value, json};

use super::list::{Lists, Stays};
use super::{Among, Scan};
use crate::fail::Result;
use crate::home::Home;
use crate::output::Output;

/// A finding with everything that is known of it.
pub(super) struct One {
    pub(super) finding: Finding,
    pub(super) rows: Vec<TokenRow>,
    consumers: Vec<String>,
    stays: Option<Stays>,
    /// What its issuer says, where it was asked.
    pub(super) look: Option<Liveness>,
}

/// A whole scan, ready to be told.
pub(super) struct Told {
    pub(super) all: Vec<One>,
    scanned: Scanned,
    not_scanned: Vec<String>,
    stale: Vec<String>,
    empty: Option<Allow>,
}

/// So many places of one token are shown to people.
const PLACES_SHOWN: usize = 8;

impl Told {
    pub(super) fn new(report: Report, among: &Among, lists: &Lists, args: &Scan) -> Result<Self> {
        // Only a look at everything shows that something is not there any more.
        let whole = !(args.staged
            || args.stdin
            || args.since.is_some()
            || args.pre_push.is_some()
            || args.pre_receive
            || args.import.is_some()
            || args.github.is_some()
            || args.path.is_some());
        let stale = lists.stale(&report.findings, whole);
        let mut all = Vec::new();
        for finding in report.findings {
            if !finding.counts() && !args.all {
                continue;
            }
            let rows = match finding.what {
                What::Ours => among.rows(&finding.fingerprint)?,
                What::Looks { .. } => Vec::new(),
            };
            let consumers = consumers(among.home.as_ref(), &rows);
            let stays = lists.stays(&finding);
            all.push(One { finding, rows, consumers, stays, look: None });
        }
        let (scanned, not_scanned) = (report.scanned, report.not_scanned);
        Ok(Self { all, scanned, not_scanned, stale, empty: lists.emptied() })
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.all.iter().map(|one| &one.finding)
    }

    pub(super) fn empty_list(&self) -> Option<Allow> {
        self.empty.clone()
    }

    /// How many findings count.
    pub(super) fn counted(&self) -> usize {
        self.all.iter().filter(|one| one.counted()).count()
    }

    pub(super) fn print(&self, args: &Scan, output: Output) -> Result<()> {
        if args.sarif {
            let said: Vec<sarif::Said> = self.all.iter().map(One::said).collect();
            let findings: Vec<Finding> = self.findings().cloned().collect();
            let log = sarif::log(env!("CARGO_PKG_VERSION"), ALL_PROFILES, &findings, &said);
            return Output { json: true, ..output }.json(&log);
        }
        output.json(&self.json())?;
        for one in &self.all {
            output.text(&one.text())?;
        }
        for stale in &self.stale {
            output.say(&format!("(!) on the list for nothing: {stale}"));
        }
        let (ours, others) = self.numbers();
        let summary = format!("{ours} tokens of ours, {others} that look like somebody's");
        let scanned = scanned_in_words(&self.scanned);
        output.text(&format!("{summary}; looked at {scanned}"))?;
        for not in &self.not_scanned {
            output.text(&format!("not looked at: {not}"))?;
        }
        Ok(())
    }

    fn numbers(&self) -> (usize, usize) {
        let counted = || self.all.iter().filter(|one| one.counted());
        let ours = counted().filter(|one| one.finding.what == What::Ours).count();
        (ours, counted().count() - ours)
    }

    fn json(&self) -> Value {
        let (ours, others) = self.numbers();
        json!({
            "findings": self.all.iter().map(One::json).collect::<Vec<_>>(),
            "counted": { "ours": ours, "others": others },
            "scanned": self.scanned,
            "not_scanned": self.not_scanned,
            "stale": self.stale,
        })
    }
}

fn scanned_in_words(scanned: &Scanned) -> String {
    let mut parts = Vec::new();
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    add(scanned.files, "files");
    add(scanned.commits, "commits");
    add(scanned.objects, "objects");
    add(scanned.packs, "packs");
    add(scanned.packs_remembered, "packs remembered as clean");
    add(scanned.git_files, "of git's own files");
    add(scanned.bytes, "bytes");
    add(scanned.candidates, "candidates");
    if parts.is_empty() { "nothing: there was nothing to look at".into() } else { parts.join(", ") }
}

/// Who uses the secrets of a token.
fn consumers(home: Option<&Home>, rows: &[TokenRow]) -> Vec<String> {
    let Some(home) = home else { return Vec::new() };
    let secrets = rows.iter().filter_map(|row| home.inventory.secret(&row.secret));
    secrets.flat_map(|secret| secret.consumers.iter().map(|one| one.label.clone())).collect()
}

impl One {
    pub(super) fn counted(&self) -> bool {
        let dead = matches!(&self.look, Some(Liveness::Dead { .. }));
        self.stays.is_none() && self.finding.counts() && !dead
    }

    /// Whose it is, in words.
    pub(super) fn whose(&self) -> String {
        whose(&self.finding, &self.rows)
    }

    /// The next move.
    fn next(&self) -> String {
        let live =
            |row: &&TokenRow| !matches!(row.state, TokenState::ProvenDead | TokenState::Discarded);
        match (self.finding.what, &self.look) {
            (_, Some(Liveness::Dead { .. })) => "nothing: its issuer does not know it".to_owned(),
            (What::Ours, _) => match self.rows.iter().find(live) {
                Some(row) => format!("rollover leak respond {}", row.secret),
                None => "it is dead: take it out, or let it stay".to_owned(),
            },
            (What::Looks { .. }, Some(Liveness::Alive { identity })) => {
                format!("it is alive as {identity}: revoke it there")
            }
            (What::Looks { .. }, _) => {
                "find out whose it is; ask its issuer: --verify; or let it stay".to_owned()
            }
        }
    }

    fn text(&self) -> String {
        let finding = &self.finding;
        let mut text = format!("fp {}  {}", finding.fingerprint, self.whose());
        for place in finding.places.iter().take(PLACES_SHOWN) {
            text.push_str(&format!("\n    {place}"));
        }
        let shown = finding.places.len().min(PLACES_SHOWN) as u64;
        if finding.places_total > shown {
            text.push_str(&format!("\n    and {} more places", finding.places_total - shown));
        }
        if !self.consumers.is_empty() {
            text.push_str(&format!("\n    used by {}", self.consumers.join(", ")));
        }
        match &self.look {
            Some(Liveness::Unknown { why }) => {
                text.push_str(&format!("\n    its issuer: unknown, {why}"))
            }
            Some(Liveness::Alive { identity }) => {
                text.push_str(&format!("\n    its issuer: alive as {identity}"))
            }
            Some(Liveness::Dead { evidence }) => {
                text.push_str(&format!("\n    its issuer: dead, {evidence}"))
            }
            None => {}
        }
        match &self.stays {
            Some(Stays::Allowed(allowed)) => {
                let until = allowed.until.map_or_else(String::new, |day| format!(" until {day}"));
                text.push_str(&format!("\n    may stay{until}: {}", allowed.reason));
            }
            Some(Stays::Baseline) => text.push_str("\n    was there before (baseline)"),
            None => {
                text.push_str(&format!("\n    next: {}", self.next()));
                text.push_str(&format!(
                    "\n    let it stay: rollover scan --allow {} --reason TEXT",
                    finding.fingerprint.hex()
                ));
            }
        }
        text
    }

    fn json(&self) -> Value {
        let finding = &self.finding;
        let (issuer, confidence, reason) = match finding.what {
            What::Ours => (None, None, None),
            What::Looks { issuer, confidence, reason } => {
                (Some(issuer), Some(confidence), Some(reason))
            }
        };
        json!({
            "fingerprint": finding.fingerprint,
            "what": if finding.what == What::Ours { "ours" } else { "candidate" },
            "secrets": self.rows.iter().map(|row| json!({
                "secret": row.secret, "state": row.state, "since": row.since, "handle": row.handle,
            })).collect::<Vec<_>>(),
            "consumers": self.consumers,
            "issuer": issuer,
            "confidence": confidence,
            "reason": reason,
            "live": self.look.as_ref().map(ToString::to_string),
            "counted": self.counted(),
            "stays": self.stays.as_ref().map(|stays| match stays {
                Stays::Allowed(allowed) => json!({
                    "reason": allowed.reason, "until": allowed.until.map(|day| day.to_string()),
                }),
                Stays::Baseline => json!({ "reason": "baseline", "until": null }),
            }),
            "next": self.next(),
            "places": finding.places,
            "places_total": finding.places_total,
        })
    }

    fn said(&self) -> sarif::Said {
        let allowed = self.stays.as_ref().map(|stays| match stays {
            Stays::Allowed(allowed) => allowed.reason.clone(),
            Stays::Baseline => "baseline".to_owned(),
        });
        sarif::Said { message: format!("{}; next: {}", self.whose(), self.next()), allowed }
    }
}

/// A token's state in words.
fn state(row: &TokenRow) -> String {
    let life = match row.state {
        TokenState::ProvenDead => "proven dead",
        TokenState::Active => "LIVE: the current one",
        TokenState::Candidate => "LIVE: a new one",
        TokenState::Retiring => "LIVE: to be revoked",
        TokenState::Revoked => "revoked, not yet proven dead",
        TokenState::Compromised => "compromised",
        TokenState::Discarded => "discarded",
    };
    format!("{life} since {:.0}", row.since)
}

/// What a kind of issuer declares, for the issuer of a secret.
pub(super) fn kind_of(home: &Home, issuer: &str) -> Option<&'static str> {
    home.inventory.issuers.get(issuer).map(|issuer| profile_of(&issuer.kind).kind)
}

/// Whose token was found, in words; `rows` is what is known of it.
pub(crate) fn whose(finding: &Finding, rows: &[TokenRow]) -> String {
    match (finding.what, rows) {
        (What::Ours, []) => "a token of ours".to_owned(),
        (What::Ours, rows) => {
            let each: BTreeMap<&SecretName, &TokenRow> =
                rows.iter().map(|row| (&row.secret, row)).collect();
            let each = each.values().map(|row| format!("{}, {}", row.secret, state(row)));
            each.collect::<Vec<_>>().join("; ")
        }
        (What::Looks { issuer, confidence, reason }, _) => {
            let title = ALL_PROFILES.iter().find(|profile| profile.kind == issuer);
            let title = title.map_or(issuer, |profile| profile.title);
            let sure = match confidence {
                scan::Confidence::High => "almost certainly",
                scan::Confidence::Medium => "probably",
                scan::Confidence::Low => "perhaps",
            };
            format!("{sure} a {title}, because {}", reason.describe())
        }
    }
}
