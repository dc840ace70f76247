//! What an app has logged since it was given the new token.
//!
//! `POST /apps/{app}/log-sessions` is answered with a URL that shows the app's newest lines to
//! whoever has it, for some minutes; 1,500 lines are kept. A line is `time source[dyno]: text`,
//! where the app's own lines have the source `app`. The URL is another service's: it is not asked
//! with a login, it is gone to only where this connection may go, and it is not shown. The lines
//! are counted and wiped; none is shown or kept.
//!
//! <https://devcenter.heroku.com/articles/platform-api-reference#log-session>,
//! <https://devcenter.heroku.com/articles/logging>

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use domain::inventory::Connection;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{said, send};
use crate::http::{Answer, Http, Observer, Request, named};
use crate::shown::shown;
use crate::{Fault, Login, ProbeOrder, Prober, Receipt, Sight};

/// As many lines as Heroku keeps.
const LINES: u32 = 1_500;

/// An app's log, and what it should not say.
pub(crate) struct AppLog {
    pub(crate) http: Arc<Http>,
    pub(crate) login: Login,
    pub(crate) connection: Connection,
    pub(crate) directory: PathBuf,
    pub(crate) observer: Observer,
    pub(crate) app: String,
    /// In lower case.
    pub(crate) about: Option<String>,
    pub(crate) words: Vec<String>,
}

#[derive(Serialize)]
struct Order {
    lines: u32,
    tail: bool,
}

#[async_trait]
impl Prober for AppLog {
    async fn send(&self, _order: &ProbeOrder<'_>) -> Result<Receipt, Fault> {
        Err(self.http.refusal("sending", "a log is only looked at"))
    }

    async fn find(&self, _order: &ProbeOrder<'_>) -> Result<Option<Receipt>, Fault> {
        Ok(None)
    }

    async fn look(&self, order: &ProbeOrder<'_>) -> Result<Sight, Fault> {
        let call = format!("POST /apps/{}/log-sessions", self.app);
        let request = Request::ask(&["apps", &self.app, "log-sessions"])
            .json(&Order { lines: LINES, tail: false });
        let now = Timestamp::now();
        let session = read_session(&send(&self.http, &self.login, &call, request).await?)?;
        // Heroku's clock, not ours, is that of the lines.
        let since = order.since + session.created_at.duration_since(now);
        let url = &session.logplex_url;
        let answer = named::get(&self.connection, &self.directory, &self.observer, url).await?;
        let seen = Seen::of(read_lines(&answer)?, since, self.about.as_deref(), &self.words);
        Ok(seen.told(since, self.about.as_deref(), &self.words))
    }
}

#[derive(Deserialize)]
struct Session {
    logplex_url: String,
    created_at: Timestamp,
}

/// `POST /apps/{app}/log-sessions`: 201.
fn read_session(answer: &Answer) -> Result<Session, Fault> {
    match answer.status {
        200 | 201 => answer.json().ok_or_else(|| answer.nonsense("a log session")),
        _ => Err(answer.failure(said(answer).as_ref())),
    }
}

/// The lines; a session that is over is opened anew by the next look.
fn read_lines(answer: &Answer) -> Result<&str, Fault> {
    match answer.status {
        200 => std::str::from_utf8(&answer.body).map_err(|_| answer.nonsense("text")),
        404 | 410 => Err(answer.later(format!("{}: the log session is over", answer.status), None)),
        429 | 500.. => Err(answer.later(answer.status.to_string(), None)),
        status => Err(answer.refused(format!("{status} for the log session's address"))),
    }
}

/// What a log has come to, in numbers.
#[derive(PartialEq, Eq, Debug, Default)]
struct Seen {
    /// Lines of any source and any time.
    all: usize,
    /// The app's own since it was given the token.
    since: usize,
    /// Of these, those that are about what counts.
    about: usize,
    /// Of these, how many hold each of the words.
    words: Vec<usize>,
}

impl Seen {
    fn of(text: &str, since: Timestamp, about: Option<&str>, words: &[String]) -> Self {
        let mut seen = Self { words: vec![0; words.len()], ..Self::default() };
        for line in text.lines() {
            let Some((at, rest)) = line.split_once(' ') else { continue };
            let Ok(at) = at.parse::<Timestamp>() else { continue };
            seen.all += 1;
            if at < since || !rest.starts_with("app[") {
                continue;
            }
            seen.since += 1;
            if about.is_some_and(|about| !rest.to_ascii_lowercase().contains(about)) {
                continue;
            }
            seen.about += 1;
            for (count, word) in seen.words.iter_mut().zip(words) {
                *count += usize::from(holds(rest, word));
            }
        }
        seen
    }

    fn told(&self, since: Timestamp, about: Option<&str>, words: &[String]) -> Sight {
        if self.all == 0 {
            return Sight::NotYet("the log shows no line at all".into());
        }
        let about =
            about.map(|about| format!(", {} about {about}", self.about)).unwrap_or_default();
        let lines = format!("{} lines since {since:.0}{about}", self.since);
        let bad: Vec<String> = words
            .iter()
            .zip(&self.words)
            .filter(|(_, count)| **count > 0)
            .map(|(word, count)| format!("{count} with `{}`", shown(word)))
            .collect();
        match bad.is_empty() {
            true => Sight::Fine(format!("{lines}, none with {}", shown(&words.join(" or ")))),
            false => Sight::Wrong(format!("{lines}, {}", bad.join(", "))),
        }
    }
}

/// Whether a line holds a word, whatever its case, and not as a part of another one.
fn holds(line: &str, word: &str) -> bool {
    let (line, word) = (line.to_ascii_lowercase(), word.to_ascii_lowercase());
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    line.match_indices(&word).any(|(at, found)| {
        !part(line[..at].chars().next_back()) && !part(line[at + found.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{answer, fixture};

    const LOG: &str = "\
2026-11-27T11:59:59.000000+00:00 app[web.1]: postmark 401 InvalidAPIToken\n\
2026-11-27T12:00:00.100000+00:00 heroku[web.1]: State changed from starting to up\n\
2026-11-27T12:00:01.000000+00:00 app[web.1]: Postmark sent 0a129aee-e1cd-480d-b401-4f48548ff48d\n\
2026-11-27T12:00:02.000000+00:00 app[web.1]: GET /login 401 in 3 ms\n\
2026-11-27T12:00:03.000000+00:00 heroku[router]: path=/login status=401\n\
not a line of a log 401\n";

    fn since() -> Timestamp {
        "2026-11-27T12:00:00Z".parse().unwrap()
    }

    fn seen(log: &str, about: Option<&str>) -> Sight {
        let words = ["401".to_owned(), "InvalidAPIToken".to_owned()];
        Seen::of(log, since(), about, &words).told(since(), about, &words)
    }

    #[test]
    fn only_the_apps_own_lines_count_since_it_has_the_token() {
        let fine = "2 lines since 2026-11-27T12:00:00Z, 1 about postmark, none with 401 or InvalidAPIToken";
        assert_eq!(seen(LOG, Some("postmark")), Sight::Fine(fine.into()));
        let wrong = "2 lines since 2026-11-27T12:00:00Z, 1 with `401`";
        assert_eq!(seen(LOG, None), Sight::Wrong(wrong.into()));
        let later = LOG.replace("11:59:59", "12:00:09");
        assert!(
            matches!(seen(&later, Some("postmark")), Sight::Wrong(why) if why.contains("InvalidAPIToken"))
        );
        assert!(matches!(seen("", None), Sight::NotYet(_)), "nothing at all proves nothing");
    }

    #[test]
    fn a_number_is_not_found_in_a_longer_one() {
        for line in ["status=401", "401", "(401)", "http 401: no"] {
            assert!(holds(line, "401"), "{line}");
        }
        for line in ["4012", "id 1401", "b401-4f48", "took 401ms"] {
            assert!(!holds(line, "401"), "{line}");
        }
        assert!(holds("error: invalidapitoken!", "InvalidAPIToken"));
    }

    #[test]
    fn no_line_is_ever_told() {
        let log = LOG.replace("GET /login", "SECRET-LINE InvalidAPIToken");
        for about in [None, Some("postmark")] {
            assert!(!format!("{:?}", seen(&log, about)).contains("SECRET-LINE"));
        }
    }

    #[test]
    fn a_session_that_is_over_is_opened_anew() {
        let read = |status| read_lines(&answer("Heroku", status, "x")).map(str::to_owned);
        assert_eq!(read(200).unwrap(), "x");
        assert!(matches!(read(404), Err(Fault::Later { .. })));
        assert!(matches!(read(503), Err(Fault::Later { .. })));
        assert!(matches!(read(302), Err(Fault::Refused { .. })));
        let body = r#"{"id":"x","logplex_url":"https://x","created_at":"2026-11-27T12:00:00Z"}"#;
        let session = read_session(&answer("Heroku", 201, body)).unwrap();
        assert_eq!(session.created_at.duration_since(since()), jiff::SignedDuration::ZERO);
        let body = fixture("heroku/log-sessions.201.json");
        assert!(
            read_session(&answer("Heroku", 201, &body)).unwrap().logplex_url.starts_with("http")
        );
        let gone = r#"{"id":"not_found","message":"Couldn't find that app."}"#;
        assert!(matches!(read_session(&answer("Heroku", 404, gone)), Err(Fault::Refused { .. })));
    }
}
