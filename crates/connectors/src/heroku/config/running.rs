//! What an app's processes were started with, beside what its config vars say now.
//!
//! A dyno keeps the config vars of the release it was started on. The vars of a release can be
//! read as long as it exists, so a dyno on an older release is told from one that only missed a
//! change of something else. One-off dynos end by themselves and are left out.
//!
//! <https://devcenter.heroku.com/articles/platform-api-reference#release>

use std::collections::BTreeSet;

use futures_util::future::{join, try_join, try_join_all};

use super::{Dyno, HerokuConfig, Release, Status, read_config, release_of, unfinished};
use crate::shown::shown;
use crate::{Fault, Running};

/// How many older releases are read at most; more are never alive at once.
const RELEASES_MAX: usize = 8;

impl HerokuConfig {
    /// One look at releases and dynos, and at older releases only where something runs on one.
    pub(super) async fn what_runs(&self, receipt: Option<&str>) -> Result<Running, Fault> {
        let (releases, dynos) = join(self.app.releases(), self.app.dynos()).await;
        let (releases, dynos) = (releases?, dynos?);
        let Some(current) = current(&releases) else {
            let waits = releases.first().map(|newest| unfinished(&releases, newest.version));
            return Ok(Running { waits, ..Running::default() });
        };
        let written = receipt.and_then(release_of);
        let waits = written
            .filter(|written| *written > current.version)
            .map(|written| unfinished(&releases, written));
        let serving: Vec<&Dyno> = dynos
            .iter()
            .filter(|dyno| !dyno.is_one_off() && !matches!(dyno.state.as_str(), "idle" | "down"))
            .filter(|dyno| (1..current.version).contains(&dyno.version()))
            .collect();
        Ok(Running {
            older: self.older(&serving).await?,
            rolled_back: rolled_back(current),
            waits,
            ..Running::default()
        })
    }

    /// Those of the dynos whose release has other values than are set now.
    async fn older(&self, dynos: &[&Dyno]) -> Result<Older, Fault> {
        let versions: BTreeSet<u64> = dynos.iter().map(|dyno| dyno.version()).collect();
        if versions.is_empty() {
            return Ok(Vec::new());
        }
        let read = versions.iter().rev().take(RELEASES_MAX).map(async |version| {
            let what = format!("v{version}");
            let answer = self.app.get_at(&["releases", &what, "config-vars"], None).await?;
            Ok::<_, Fault>((*version, self.ours(&read_config(&answer, &self.keys)?)))
        });
        let (now, then) = try_join(self.app.values(), try_join_all(read)).await?;
        let now = self.ours(&now);
        let started_with = |dyno: &&Dyno| {
            let (_, held) = then.iter().find(|(version, _)| *version == dyno.version())?;
            (*held != now).then(|| (shown(&dyno.name), held.clone()))
        };
        Ok(dynos.iter().filter_map(started_with).collect())
    }
}

/// Names of dynos and what they have under our keys.
type Older = Vec<(String, Vec<Option<domain::Token>>)>;

/// The release that is in force.
fn current(releases: &[Release]) -> Option<&Release> {
    let marked = releases.iter().any(|release| release.current.is_some());
    releases.iter().find(|release| {
        release.status == Status::Succeeded && (!marked || release.current == Some(true))
    })
}

/// `Rollback to v12`, as Heroku describes the release that a rollback makes.
fn rolled_back(release: &Release) -> Option<String> {
    let words = release.description.as_deref().filter(|words| words.starts_with("Rollback to"))?;
    let by = release.user.as_ref().map(|user| format!(" by {}", shown(&user.email)));
    let at = release.created_at.map(|at| format!(" at {at:.0}"));
    let (by, at) = (by.unwrap_or_default(), at.unwrap_or_default());
    Some(format!("release v{}: {}{by}{at}", release.version, shown(words)))
}

#[cfg(test)]
mod tests {
    use super::super::read_releases;
    use super::*;
    use crate::http::tests::answer;

    fn releases(body: &str) -> Vec<Release> {
        read_releases(&answer("Heroku", 206, body)).unwrap()
    }

    #[test]
    fn a_rollback_is_told_with_who_and_when() {
        let all = releases(
            r#"[{"version":14,"status":"succeeded","current":true,"description":"Rollback to v12",
                 "user":{"email":"ops@example.com"},"created_at":"2026-11-02T03:04:05Z"},
                {"version":13,"status":"succeeded","current":false,"description":"Set A config vars"}]"#,
        );
        let told = rolled_back(current(&all).unwrap()).unwrap();
        assert_eq!(told, "release v14: Rollback to v12 by ops@example.com at 2026-11-02T03:04:05Z");
    }

    #[test]
    fn an_ordinary_release_is_no_rollback_and_a_failed_one_is_not_current() {
        let all = releases(
            r#"[{"version":3,"status":"failed","current":false,"description":"Rollback to v1"},
                {"version":2,"status":"succeeded","current":true,"description":"Deploy abc"}]"#,
        );
        assert_eq!(current(&all).unwrap().version, 2);
        assert!(rolled_back(current(&all).unwrap()).is_none());
        assert!(current(&releases("[]")).is_none());
    }
}
