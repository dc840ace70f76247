//! Runbooks from small journals and a small inventory.

use jiff::Timestamp;
use jiff::civil::date;

use super::*;
use crate::inventory::{Inventory, SourceFile, load};
use crate::rotation::sample_plan;
use crate::{
    Action, Entry, Event, Evidence, Fingerprint, Liveness, Look, Overlap, Plan, Proof, RotationId,
    Seen, Shape as TokenShape, Which,
};

const MAIN: &str = r#"schema = 1
org = "acme"
state = { database = "rollover.db", key = { file = "rollover.key" } }
[connections.postmark]
kind = "postmark"
[issuers.mail]
kind = "postmark-server"
via = "postmark"
server = "acme-prod"
[stores.local]
kind = "sealed"
file = "secrets.sealed"
"#;

const SECRET: &str = r#"name = "TOKEN"
environment = "prod"
issuer = "mail"
store = { in = "local" }
max_age = "90d"
[[consumers]]
name = "<b>the worker</b>"
kind = "dotenv"
path = ".env"
[[verify]]
kind = "health"
name = "health"
url = "http://127.0.0.1:9/health"
"#;

static PROFILE: Profile = Profile {
    kind: "postmark-server",
    title: "Postmark server token",
    overlap: Overlap::Coexist(3),
    creates: Doer::Operator,
    revokes: Doer::Operator,
    lists: true,
    reads_siblings: true,
    shape: TokenShape::Uuid,
    activation_max: Span::from_secs(30),
    usual_names: &[],
    traces: crate::Traces { words: &[], ids: &[] },
};

static CLAIMS: &[Claim] = &[
    Claim {
        says: "the list is shown",
        source: "somebody",
        read: date(2026, 11, 21),
        shown: Shown::Listed,
        corrects: None,
    },
    Claim {
        says: "the dead answer 401",
        source: "somebody",
        read: date(2026, 11, 21),
        shown: Shown::Died,
        corrects: Some("an older one says 403"),
    },
];

fn inventory(secret: &str) -> Inventory {
    let file = |text: &str| SourceFile { path: "x".into(), text: text.into() };
    load(&file(MAIN), &[file(secret)]).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A journal of a completed rotation: people take 20 + 30 + 10 s, the soak 60 s, the machine the
/// rest; `away` seconds pass in the middle while nobody runs it.
fn journal(id: &str, began: i64, away: i64, plan: &Plan) -> Vec<Entry> {
    let consumer = plan.consumers[0].id.clone();
    let mut plan = plan.clone();
    plan.id = RotationId(id.into());
    let checked = || Evidence::Checked { detail: "seen".into() };
    let done = |action: Action, evidence| Event::Done { action, evidence };
    let wrote = |what: &str| Evidence::Written { receipt: what.into() };
    let created = Evidence::Created {
        fingerprint: Fingerprint::from_bytes([7; 16]),
        handle: None,
        seen: Seen::Watched,
    };
    let proven = Evidence::Proven { proof: Proof::Fingerprint, detail: "read".into() };
    let dead = Liveness::Dead { evidence: "401".into() };
    let look = Event::Looked { look: Look { which: Which::Old, liveness: dead } };
    let began_at = |action| Event::Began { action };
    let story = vec![
        (0, Event::Planned { plan: Box::new(plan), by: "ops-1".into() }),
        (1, began_at(Action::Create)),
        (21, done(Action::Create, created)),
        (22, done(Action::Validate, checked())),
        (22, began_at(Action::Store)),
        (23, done(Action::Store, wrote("v2"))),
        (23 + away, Event::Resumed { by: "ops-1".into() }),
        (23 + away, began_at(Action::Propagate(consumer.clone()))),
        (25 + away, done(Action::Propagate(consumer.clone()), wrote("v412"))),
        (28 + away, done(Action::Verify(consumer), proven)),
        (88 + away, done(Action::Soak, checked())),
        (118 + away, Event::Approved { by: "ops-2".into() }),
        (119 + away, done(Action::Gate, checked())),
        (119 + away, began_at(Action::Revoke)),
        (129 + away, done(Action::Revoke, wrote("gone"))),
        (130 + away, look),
        (160 + away, done(Action::Prove, checked())),
        (161 + away, Event::Closed { outcome: Outcome::Completed }),
    ];
    let entry = |(seq, (second, event))| Entry { seq, at: at(began + second), event };
    (0..).zip(story).map(entry).collect()
}

fn plan() -> Plan {
    let mut plan = sample_plan(1);
    plan.issuer.creates = Doer::Operator;
    plan.issuer.revokes = Doer::Operator;
    plan
}

fn runbook(inventory: &Inventory, runs: &[Run], now: i64) -> Runbook {
    let secret = inventory.secrets.values().next().unwrap();
    let issuer = IssuerManual { claims: CLAIMS, ..IssuerManual::default() };
    let manual = Manual {
        issuer,
        store: StoreManual::default(),
        consumers: Vec::new(),
        not_enabled: Vec::new(),
        probes: vec![ByHand::new("health", vec!["curl x".into()], "200")],
    };
    Runbook::of(&Sources {
        inventory,
        secret,
        profile: &PROFILE,
        manual,
        runs,
        replays: &[],
        now: Some(at(now)),
    })
}

/// Goal: people's time, the soak and the machine's time are told apart, and nobody is blamed for
/// a night in which no process ran. Method: one journal with known gaps.
#[test]
fn time_is_told_apart() {
    let run = Run::of(&journal("r-1", 1_000, 40_000, &plan())).unwrap();
    assert_eq!(run.active, Span::from_secs(161));
    assert_eq!(run.people, Span::from_secs(20 + 30 + 10));
    assert_eq!(run.soak, Span::from_secs(60));
    assert_eq!(run.steps["propagate c0"].took, Some(Span::from_secs(2)));
    assert_eq!(run.steps["verify c0"].took, Some(Span::from_secs(3)));
    assert_eq!(run.steps["prove"].took, Some(Span::from_secs(31)));
    let measured = Measured::of(&[run]).unwrap();
    assert_eq!(measured.machine, Span::from_secs(161 - 60 - 60));
    assert!(Run::of(&journal("r-1", 0, 0, &plan())[1..]).is_none(), "no plan, no run");
}

/// Goal: the average is that of the last ten runs, and p95 is an observed value.
#[test]
fn the_last_ten_runs_are_measured() {
    let run = |seconds: u64| {
        let mut run = Run::of(&journal("r", 0, 0, &plan())).unwrap();
        run.active = Span::from_secs(seconds);
        run
    };
    // Newest first: ten of 60 s, then slow ones of long ago.
    let mut runs: Vec<Run> = (0..10).map(|i| run(if i == 3 { 160 } else { 60 })).collect();
    runs.extend((0..5).map(|_| run(9_000)));
    let measured = Measured::of(&runs).unwrap();
    assert_eq!(measured.whole.times, RUNS_MEASURED);
    assert_eq!(measured.whole.average, Span::from_secs(70));
    assert_eq!(measured.whole.p95, Span::from_secs(160));
    runs.iter_mut().for_each(|run| run.mode = Mode::Emergency);
    assert_eq!(Measured::of(&runs), None, "an emergency is not how long it takes");
    assert_eq!(Timing::of(Vec::new()), None);
}

/// Goal: a claim that a run can show carries the date at which one did, and says so where a later
/// one showed the opposite.
#[test]
fn claims_are_dated_by_runs() {
    let inventory = inventory(SECRET);
    let never = runbook(&inventory, &[], 0);
    assert!(never.claims.iter().all(|claim| claim.seen.is_none() && claim.observable));
    let first = Run::of(&journal("r-1", 1_000, 0, &plan())).unwrap();
    let mut masked = plan();
    masked.issuer.listed = false;
    let second = Run::of(&journal("r-2", 9_000, 0, &masked)).unwrap();
    let told = runbook(&inventory, &[second, first], 10_000);
    assert_eq!(told.claims[0].seen, Some((at(1_000), "r-1".into())));
    assert_eq!(told.claims[0].denied, Some((at(9_000), "r-2".into())));
    assert_eq!(told.claims[1].seen, Some((at(9_130), "r-2".into())));
    let page = told.render(Format::Markdown);
    assert!(page.contains("A run has shown the opposite of: the list is shown"), "{page}");
    assert!(page.contains("an older one says 403"), "{page}");
}

/// Goal: a validation is amber when it is old, and when the inventory has changed since.
#[test]
fn a_validation_ages_and_is_outrun_by_changes() {
    let inventory = inventory(SECRET);
    let secret = inventory.secrets.values().next().unwrap();
    let mut run = Run::of(&journal("r-1", 1_000, 0, &plan())).unwrap();
    run.shape = Shape::of(&inventory, secret);
    let day = 86_400;
    let fresh = runbook(&inventory, std::slice::from_ref(&run), 180 * day);
    assert_eq!(fresh.validated.as_ref().unwrap().method, Method::ProductionRun);
    assert!(fresh.stale.is_empty() && fresh.changed.is_empty(), "{:?}", fresh.stale);
    let old = runbook(&inventory, std::slice::from_ref(&run), 181 * day);
    assert_eq!(old.stale, ["older than 180d"]);
    run.shape.consumers.clear();
    run.shape.probes.clear();
    let changed = runbook(&inventory, &[run], 2_000);
    assert_eq!(changed.changed, ["consumer dotenv:.env was added", "probe health was added"]);
    assert!(changed.stale.iter().all(|why| why.starts_with("since then ")), "{:?}", changed.stale);
    assert!(changed.render(Format::Text).contains("(!) The validation is not to be relied on"));
}

/// Goal: what a weaker validation says later does not hide a stronger one that still holds.
#[test]
fn the_strongest_validation_that_holds_counts() {
    let inventory = inventory(SECRET);
    let secret = inventory.secrets.values().next().unwrap();
    let shape = Shape::of(&inventory, secret);
    let one = |second, method| Validation {
        at: at(second),
        method,
        by: "ops-1".into(),
        took: Span::from_secs(1),
        run: None,
        shape: shape.clone(),
    };
    let sources = |replays: &[Validation], now: i64| {
        let manual = Manual {
            issuer: IssuerManual::default(),
            store: StoreManual::default(),
            consumers: Vec::new(),
            not_enabled: Vec::new(),
            probes: Vec::new(),
        };
        let now = Some(at(now));
        let runbook = Runbook::of(&Sources {
            inventory: &inventory,
            secret,
            profile: &PROFILE,
            manual,
            runs: &[],
            replays,
            now,
        });
        runbook.validated.map(|one| one.method)
    };
    let both = [one(10, Method::ProductionRun), one(500, Method::LabRun)];
    assert_eq!(sources(&both, 1_000), Some(Method::ProductionRun));
    let later = [one(10, Method::ProductionRun), one(15_552_011, Method::LabRun)];
    assert_eq!(sources(&later, 15_552_012), Some(Method::LabRun), "the other is too old");
    assert_eq!(sources(&[], 0), None);
    assert!(Method::ReadOnlyDocs < Method::LabRun);
    assert!(Method::LabRun < Method::DryRunOnProdWithRollback);
    assert!(Method::DryRunOnProdWithRollback < Method::ProductionRun);
}

/// Goal: a runbook has the steps that a plan has, in its order. Method: the verbs of both.
#[test]
fn the_steps_are_those_of_a_plan() {
    let inventory = inventory(SECRET);
    let told: Vec<String> =
        runbook(&inventory, &[], 0).steps.into_iter().map(|step| step.verb).collect();
    let mut plan = plan();
    plan.probes = vec![crate::ProbePart {
        name: "health".into(),
        kind: "health".into(),
        what: "an address answers".into(),
        sends: false,
        looks: true,
        repeats: true,
        confirm: false,
    }];
    let mut planned: Vec<String> = plan.steps().into_iter().map(|step| step.step).collect();
    planned.dedup();
    assert_eq!(told, planned);
    let crossing =
        |after: bool| plan.steps().iter().filter(|step| step.after_no_return == after).count();
    let told = runbook(&inventory, &[], 0).steps;
    assert_eq!(told.iter().filter(|step| step.after_no_return).count(), crossing(true));
}

/// Goal: a page is a page whatever names it holds. Method: a consumer that is called like a tag.
#[test]
fn names_are_not_markup() {
    let inventory = inventory(SECRET);
    let runs = [Run::of(&journal("r-1", 1_000, 0, &plan())).unwrap()];
    let page = runbook(&inventory, &runs, 2_000).render(Format::Html);
    assert!(page.contains("&lt;b&gt;the worker&lt;/b&gt;") && !page.contains("<b>"), "{page}");
    for never in ["<script", "http-equiv=\"refresh\"", "src=", "@import", "url("] {
        assert!(!page.contains(never), "{never}");
    }
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("lang=\"en\""));
    let opened = page.matches("<table>").count();
    assert_eq!(opened, page.matches("<caption>").count(), "each table says what it is about");
    let markdown = runbook(&inventory, &runs, 2_000).render(Format::Markdown);
    assert!(!markdown.contains("<b>") && markdown.contains("&lt;b>"), "{markdown}");
}
