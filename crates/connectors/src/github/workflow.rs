//! A run of a workflow, started to see that it works with the new token, and watched to its end.
//!
//! A dispatch that asks for `return_run_details` is answered with the run's id (200); servers that
//! do not know it answer 204. Then the run is found in the list of runs, where it may take seconds
//! to appear: by the rotation's id, if an input carries it into the run's title (`run-name`), or
//! as the only one that was dispatched since. The secrets of a run are those of the moment at which
//! it was queued. A workflow that has no `workflow_dispatch` is answered with 422.
//!
//! <https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event>,
//! <https://docs.github.com/en/rest/actions/workflow-runs>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::Serialize;

use super::read::{self, Progress, Started};
use super::{PAGE_SIZE, repository, send};
use crate::http::{Http, Request};
use crate::{Fault, Login, ProbeOrder, Prober, Receipt, Sight};

const RUN: &str = "run ";
const DISPATCHED: &str = "dispatched ";

/// How far the vendor's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Which workflow, where, with what.
pub(crate) struct WorkflowRun {
    pub(crate) http: Arc<Http>,
    pub(crate) login: Login,
    pub(crate) repo: String,
    pub(crate) workflow: String,
    pub(crate) git_ref: String,
    pub(crate) inputs: BTreeMap<String, String>,
    pub(crate) correlate: Option<String>,
}

#[derive(Serialize)]
struct Dispatch<'a> {
    #[serde(rename = "ref")]
    git_ref: &'a str,
    inputs: BTreeMap<&'a str, &'a str>,
    return_run_details: bool,
}

impl WorkflowRun {
    async fn ask(&self, request: Request) -> Result<crate::http::Answer, Fault> {
        send(&self.http, &self.login, request).await
    }

    fn path<'a>(&'a self, last: &'a str) -> Vec<&'a str> {
        repository(&self.repo, &["actions", "workflows", &self.workflow, last])
    }

    /// The run of an order; `None` where it has not appeared yet.
    async fn run_since(&self, marker: &str, since: Timestamp) -> Result<Option<u64>, Fault> {
        let since = since.saturating_sub(CLOCK_SKEW).unwrap_or(since);
        let request = Request::get(&self.path("runs"))
            .query("event", "workflow_dispatch")
            .query("created", &format!(">={}", since.strftime("%FT%TZ")))
            .query("per_page", &PAGE_SIZE.to_string());
        let runs = read::started(&self.ask(request).await?)?;
        let marker = self.correlate.as_ref().map(|_| marker);
        which(&runs, marker).map_err(|count| {
            let why = format!(
                "{count} runs of {} began since; name an input that tells them apart: correlate = \
                 \"...\"",
                self.workflow
            );
            Fault::Unsure { vendor: "GitHub", call: "finding the run".into(), why }
        })
    }
}

/// The run that carries the marker, or the only one there is.
fn which(runs: &[Started], marker: Option<&str>) -> Result<Option<u64>, usize> {
    let fits = |run: &&Started| marker.is_none_or(|marker| run.title.contains(marker));
    let found: Vec<u64> = runs.iter().filter(fits).map(|run| run.id).collect();
    match (found.as_slice(), marker) {
        ([], _) => Ok(None),
        ([one], _) => Ok(Some(*one)),
        // Newest first; each was started by this rotation.
        ([newest, ..], Some(_)) => Ok(Some(*newest)),
        (several, None) => Err(several.len()),
    }
}

#[async_trait]
impl Prober for WorkflowRun {
    async fn send(&self, order: &ProbeOrder<'_>) -> Result<Receipt, Fault> {
        let mut inputs: BTreeMap<&str, &str> =
            self.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Some(input) = &self.correlate {
            inputs.insert(input, order.marker);
        }
        let body = Dispatch { git_ref: &self.git_ref, inputs, return_run_details: true };
        let request = Request::change(Method::POST, &self.path("dispatches")).json(&body);
        let run = read::dispatched(&self.ask(request).await?)?;
        Ok(Receipt(
            run.map_or_else(|| format!("{DISPATCHED}{}", order.since), |run| format!("{RUN}{run}")),
        ))
    }

    async fn find(&self, order: &ProbeOrder<'_>) -> Result<Option<Receipt>, Fault> {
        let run = self.run_since(order.marker, order.since).await?;
        Ok(run.map(|run| Receipt(format!("{RUN}{run}"))))
    }

    async fn look(&self, order: &ProbeOrder<'_>) -> Result<Sight, Fault> {
        let sent = order.sent.unwrap_or_default();
        let run = match sent.strip_prefix(RUN) {
            Some(run) => Some(run.to_owned()),
            None => {
                let at = sent.strip_prefix(DISPATCHED).and_then(|at| at.parse().ok());
                let run = self.run_since(order.marker, at.unwrap_or(order.since)).await?;
                run.map(|run| run.to_string())
            }
        };
        let Some(run) = run else {
            return Ok(Sight::Going("its run has not appeared yet".into()));
        };
        let request = Request::get(&repository(&self.repo, &["actions", "runs", &run]));
        Ok(match read::progress(&self.ask(request).await?)? {
            Progress::Going(status) => Sight::Going(format!("run {run} is {status}")),
            Progress::Ended(how) if how == "success" => Sight::Fine(format!("run {run}: success")),
            Progress::Ended(how) => Sight::Wrong(format!("run {run} ended with {how}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{answer, change, fixture};

    #[test]
    fn the_answer_names_the_run_or_does_not() {
        let read = |status, body| read::dispatched(&change("GitHub", status, body));
        assert_eq!(read(204, "").unwrap(), None);
        assert_eq!(read(200, r#"{"workflow_run_id":7,"run_url":"x"}"#).unwrap(), Some(7));
        assert!(matches!(read(200, "{}"), Err(Fault::Unsure { .. })));
        let none = r#"{"message":"Workflow does not have 'workflow_dispatch' trigger"}"#;
        let fault = read(422, none).unwrap_err();
        assert!(matches!(&fault, Fault::Refused { why, .. } if why.contains("trigger")), "{fault}");
        assert!(matches!(read(404, r#"{"message":"Not Found"}"#), Err(Fault::Refused { .. })));
        assert!(matches!(read(502, ""), Err(Fault::Unsure { .. })));
    }

    #[test]
    fn a_run_that_has_not_ended_is_no_success() {
        let read = |body: &str| read::progress(&answer("GitHub", 200, body)).unwrap();
        for status in ["queued", "in_progress", "waiting", "pending", "requested"] {
            let body = format!(r#"{{"id":7,"status":"{status}","conclusion":null}}"#);
            assert_eq!(read(&body), Progress::Going(status.into()));
        }
        for how in ["success", "failure", "cancelled", "timed_out", "action_required", "stale"] {
            let body = format!(r#"{{"id":7,"status":"completed","conclusion":"{how}"}}"#);
            assert_eq!(read(&body), Progress::Ended(how.into()));
        }
        let odd = r#"{"id":7,"status":"completed","conclusion":null}"#;
        assert!(read::progress(&answer("GitHub", 200, odd)).is_err());
    }

    #[test]
    fn the_shared_fixtures_are_understood() {
        let body = |name: &str| fixture(&format!("github/{name}.json"));
        let dispatched = read::dispatched(&change("GitHub", 200, &body("dispatch.200")));
        assert!(dispatched.unwrap().is_some());
        let progress = |name: &str| read::progress(&answer("GitHub", 200, &body(name))).unwrap();
        assert_eq!(progress("run.200"), Progress::Ended("success".into()));
        assert_eq!(progress("run.failure.200"), Progress::Ended("failure".into()));
        assert_eq!(progress("run.queued.200"), Progress::Going("queued".into()));
        let runs = read::started(&answer("GitHub", 200, &body("runs.list.200"))).unwrap();
        assert!(!runs.is_empty());
    }

    #[test]
    fn one_run_among_others_is_found_by_its_title() {
        let run = |id, title: &str| Started { id, title: title.into() };
        let runs = [run(3, "Smoke r-2"), run(2, "Smoke r-1"), run(1, "Smoke r-1")];
        assert_eq!(which(&runs, Some("r-1")), Ok(Some(2)));
        assert_eq!(which(&runs, Some("r-9")), Ok(None));
        assert_eq!(which(&runs, None), Err(3), "nobody guesses");
        assert_eq!(which(&runs[..1], None), Ok(Some(3)));
    }
}
