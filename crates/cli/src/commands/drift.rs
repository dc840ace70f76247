//! `rollover drift`: compares what everybody holds with what they should, once or again and again.

mod watch;

use clap::Args;
use domain::drift::{Finding, Grade, Report, Standing, State};
use domain::{Act, Liveness, SecretName, Span};
use engine::Engine;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::Result;
use crate::home::Home;
use crate::output::{Output, table};

/// Compare what everybody holds with what they should
#[derive(Args, Debug)]
pub(crate) struct Drift {
    /// The secrets, as `prod/NAME`; all of them without one
    pub(crate) secrets: Vec<String>,
    /// End with code 3 where something differs, and with 75 where something did not answer
    #[arg(long)]
    pub(crate) check: bool,
    /// Write what came and what is gone since the last time into the audit log
    #[arg(long)]
    pub(crate) record: bool,
    /// Only secrets whose last rotation is younger than the policy's `watch`
    #[arg(long)]
    pub(crate) since_rotation: bool,
    /// Stay and look again; tell and record each change once, until SIGTERM or Ctrl-C
    #[arg(long, conflicts_with = "check")]
    pub(crate) watch: bool,
    /// How long between two looks of --watch
    #[arg(long, default_value = "15m", value_name = "SPAN", requires = "watch")]
    pub(crate) every: Span,
}

/// What the audit log says of drift.
const RECORDS: &[&str] = &["secret.drift."];

pub(crate) async fn run(args: &Drift, global: &Global, output: Output) -> Result<Exit> {
    if args.watch {
        return watch::run(args, global, output).await;
    }
    let home = Home::find(global)?;
    let pass = args.record.then(|| home.allow(Act::RecordDrift, None)).transpose()?;
    let key = home.key()?;
    let engine = home.looking_with(&key)?;
    if let Some(why) = engine.reader().set_back(home.marks.as_deref())? {
        output
            .say(&format!("(!) the database is not taken at its word: {why}; rollover reconcile"));
    }
    let reports = look(&home, &engine, args).await?;
    let state = State::of(&engine.reader().audit_records(RECORDS)?);
    show(&reports, &state, output)?;
    if let Some(pass) = pass {
        let changes = state.changes(&reports);
        if !changes.is_empty() {
            let records = changes.records(engine.actor(), Timestamp::now());
            let journal = home.open_journal(&pass, &key, watch::COMMAND, false);
            journal.map_err(|error| home.failed(&error))?.append_audit(records).await?;
        }
    }
    Ok(if args.check { exit(&reports) } else { Exit::Ok })
}

/// One look at the secrets that are meant.
pub(super) async fn look(home: &Home, engine: &Engine, args: &Drift) -> Result<Vec<Report>> {
    let names = match args.secrets.as_slice() {
        [] => home.inventory.secrets.keys().cloned().collect::<Vec<SecretName>>(),
        some => some.iter().map(|text| home.secret(text)).collect::<Result<_>>()?,
    };
    let mut reports = engine.drift(&names).await?;
    if args.since_rotation {
        reports.retain(|report| report.watched_until.is_some());
    }
    Ok(reports)
}

/// What differs comes first: it will not settle by itself.
pub(super) fn exit(reports: &[Report]) -> Exit {
    if reports.iter().any(Report::drifted) {
        Exit::Changes
    } else if reports.iter().any(Report::unseen) {
        Exit::TryLater
    } else {
        Exit::Ok
    }
}

fn show(reports: &[Report], state: &State, output: Output) -> Result<()> {
    output.json(&reports.iter().map(|report| object(report, state)).collect::<Vec<Value>>())?;
    let rows: Vec<Vec<String>> = reports.iter().map(row).collect();
    output.text(&table(&["NAME", "IN-STEP", "LIVE", "DRIFT", "WATCHED"], &rows))?;
    for report in reports {
        for finding in &report.findings {
            let since = state.since(&report.secret, finding);
            for line in lines(&report.secret, finding, since) {
                output.text(&line)?;
            }
        }
    }
    output.text(&sum(reports))
}

fn object(report: &Report, state: &State) -> Value {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let mut object = json!(finding);
            object["known_since"] = json!(state.since(&report.secret, finding));
            object
        })
        .collect();
    let mut object = json!(report);
    object["findings"] = json!(findings);
    object["drifted"] = json!(report.drifted());
    object["unknown"] = json!(report.unseen());
    object
}

fn row(report: &Report) -> Vec<String> {
    let drifted = report.of(Grade::Drift).count();
    let drift = match (drifted, report.unseen()) {
        (0, false) => "no".to_owned(),
        (0, true) => "unknown".to_owned(),
        (count, _) => format!("{count} (!)"),
    };
    vec![
        report.secret.to_string(),
        in_step(report),
        live(report).to_owned(),
        drift,
        report.watched_until.map_or_else(|| "-".into(), |until| format!("{until:.0}")),
    ]
}

/// Read back and right, or written by us and by nobody since, of all.
pub(super) fn in_step(report: &Report) -> String {
    let right = report.count(Standing::InStep) + report.count(Standing::Written);
    let mark = if report.count(Standing::Drifted) > 0 { " (!)" } else { "" };
    format!("{right}/{}{mark}", report.consumers.len())
}

/// One word for a table.
pub(super) fn live(report: &Report) -> &'static str {
    match &report.live {
        _ if report.decommissioned.is_some() => "-",
        Liveness::Alive { .. } => "yes",
        Liveness::Dead { .. } => "DEAD",
        Liveness::Unknown { .. } => "unknown",
    }
}

/// A finding for people: what, since when, and what puts it right.
pub(super) fn lines(
    secret: &SecretName,
    finding: &Finding,
    since: Option<Timestamp>,
) -> Vec<String> {
    let mark = match finding.grade {
        Grade::Drift => "(!)",
        Grade::Unknown => "(?)",
        Grade::Note => "( )",
    };
    let mut lines = vec![format!("{mark} {secret}: {} {}", finding.place, finding.what)];
    lines.extend(finding.because.as_ref().map(|why| format!("    {why}")));
    lines.extend(since.map(|since| format!("    known since {since:.0}")));
    lines.extend(finding.fix.as_ref().map(|fix| format!("    fix: {fix}")));
    lines
}

fn sum(reports: &[Report]) -> String {
    let count = |is: fn(&Report) -> bool| reports.iter().filter(|report| is(report)).count();
    format!(
        "{} looked at, {} drifted, {} not wholly seen",
        reports.len(),
        count(Report::drifted),
        count(Report::unseen)
    )
}
