//! The executor against a real socket that misbehaves, and answers made up for other tests.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use domain::Span;
use domain::inventory::Auth;
use jiff::Timestamp;
use reqwest::header::HeaderName;

use super::body::BODY_BYTES_MAX;
use super::*;

/// An answer to a reading call.
pub(crate) fn answer(vendor: &'static str, status: u16, body: &str) -> Answer {
    answer_with(vendor, status, &[], body)
}

/// An answer to a call that changes something.
pub(crate) fn change(vendor: &'static str, status: u16, body: &str) -> Answer {
    Answer { kind: Kind::Change, ..answer_with(vendor, status, &[], body) }
}

/// An answer with headers.
pub(crate) fn answer_with(
    vendor: &'static str,
    status: u16,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Answer {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    let body = Zeroizing::new(body.as_bytes().to_vec());
    Answer { vendor, call: "GET /x".into(), kind: Kind::Read, status, headers, body }
}

/// A body from the fixtures that the simulator is held to as well.
pub(crate) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A connection to an address of this machine.
pub(crate) fn connection(kind: ConnectionKind, url: String) -> Connection {
    let timeout = Span::from_millis(500);
    Connection {
        name: "test".into(),
        kind,
        url,
        private: false,
        auth: Auth::None,
        ca: None,
        proxy: None,
        timeout,
    }
}

/// Serves one connection with `serve`, and gives back what was asked and how the call ended.
async fn against(
    kind: Kind,
    serve: impl FnOnce(&mut TcpStream) + Send + 'static,
) -> (String, Result<Answer, Fault>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/base", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = vec![0; 4096];
        let length = stream.read(&mut asked).unwrap();
        serve(&mut stream);
        let _ = stream.shutdown(Shutdown::Both);
        String::from_utf8(asked[..length].to_vec()).unwrap()
    });
    let connection = connection(ConnectionKind::Heroku, url);
    let http = Http::new(&connection, Path::new("/"), None).unwrap();
    let method = if kind == Kind::Read { Method::GET } else { Method::POST };
    let request = Request::new(kind, method, &["a/b", "c d"]).query("q", "x&y").token(
        "authorization",
        "Bearer ",
        &Token::from("t-1"),
    );
    let ended = http.send(request).await;
    (server.join().unwrap(), ended)
}

fn say(text: &'static str) -> impl FnOnce(&mut TcpStream) + Send + 'static {
    move |stream| stream.write_all(text.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_path_stays_on_its_host_and_a_token_in_its_header() {
    let (asked, ended) =
        against(Kind::Read, say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).await;
    let answer = ended.ok().unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"{}".as_slice()));
    assert!(asked.starts_with("GET /base/a%2Fb/c%20d?q=x%26y HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Bearer t-1\r\n"));
    assert!(asked.contains(concat!("user-agent: rollover/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn whatever_happens_after_sending_is_in_doubt() {
    for kind in [Kind::Read, Kind::Change] {
        let closed = against(kind, |_| ()).await.1;
        assert!(matches!(closed, Err(Fault::Unsure { .. })), "closed before the answer");
        let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":";
        let cut = against(kind, say(half)).await.1;
        assert!(matches!(cut, Err(Fault::Unsure { why, .. }) if why.contains("cut")));
        let garbage = against(kind, say("SSH-2.0-OpenSSH\r\n")).await.1;
        assert!(matches!(garbage, Err(Fault::Unsure { .. })), "not HTTP");
        let silent = against(kind, |_| std::thread::sleep(Duration::from_millis(900))).await.1;
        assert!(matches!(silent, Err(Fault::Unsure { why, .. }) if why.contains("in time")));
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_in_doubt() {
    let large = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let _ = stream.write_all(&vec![b'x'; BODY_BYTES_MAX + 1]);
    };
    let ended = against(Kind::Read, large).await.1;
    assert!(matches!(ended, Err(Fault::Unsure { why, .. }) if why.contains("1 MiB")));
}

#[tokio::test]
async fn nobody_there_is_later() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let http = Http::new(&connection(ConnectionKind::Heroku, url), Path::new("/"), None).unwrap();
    let fault = http.send(Request::change(Method::POST, &["x"])).await.err().unwrap();
    assert!(matches!(&fault, Fault::Later { why, .. } if why.contains("no connection")), "{fault}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
    let answer = against(Kind::Read, say(moved)).await.1.ok().unwrap();
    assert!(matches!(answer.failure(None), Fault::Later { .. }));
    let answer = against(Kind::Change, say(moved)).await.1.ok().unwrap();
    assert!(matches!(answer.failure(None), Fault::Unsure { .. }));
}

#[tokio::test]
async fn a_rate_limit_says_how_long_and_the_quota_is_remembered() {
    let limited = "HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
    let answer = against(Kind::Change, say(limited)).await.1.ok().unwrap();
    let after = Some(Duration::from_secs(7));
    assert!(matches!(answer.failure(None), Fault::Later { after: a, .. } if a == after));
    let quota = Quota::unknown();
    assert_eq!(quota.remaining(), None);
    quota.learn(&answer_with("Heroku", 200, &[("ratelimit-remaining", "4486")], "").headers);
    assert_eq!(quota.remaining(), Some(4486));
}

#[test]
fn how_long_to_wait() {
    let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
    let wait = |headers: &[(&'static str, &str)]| answer_with("x", 429, headers, "").wait(now);
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(wait(&[]), None);
    assert_eq!(wait(&[("retry-after", "0")]), seconds(0));
    assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), seconds(37));
    assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), seconds(0));
    // The vendor's clock, where ours is a day off.
    let date = ("date", "Mon, 07 Nov 1994 08:49:00 GMT");
    assert_eq!(wait(&[("retry-after", "Mon, 07 Nov 1994 08:49:37 GMT"), date]), seconds(37));
    assert_eq!(wait(&[("retry-after", "soon")]), None);
    assert_eq!(wait(&[("retry-after", "99999999999")]), seconds(86_400));
    let reset = (now.as_second() + 5).to_string();
    let github = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str())];
    assert_eq!(wait(&github), seconds(5));
    let left = [("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", reset.as_str())];
    assert_eq!(wait(&left), None);
}

#[test]
fn statuses_that_are_no_success() {
    let said = || Some(Said { code: "id".into(), message: "no".into() });
    let read = |status, said: Option<Said>| answer("x", status, "").failure(said.as_ref());
    let change = |status, said: Option<Said>| change("x", status, "").failure(said.as_ref());
    for status in [400, 401, 403, 404, 409, 422] {
        assert!(matches!(read(status, said()), Fault::Refused { .. }));
        assert!(matches!(change(status, said()), Fault::Refused { .. }));
        assert!(matches!(read(status, None), Fault::Later { .. }));
        assert!(matches!(change(status, None), Fault::Later { .. }));
    }
    for status in [500, 502, 503, 504, 529] {
        assert!(matches!(read(status, said()), Fault::Later { .. }));
        assert!(matches!(change(status, said()), Fault::Unsure { .. }));
    }
    assert!(matches!(change(301, said()), Fault::Refused { .. }), "moved");
    assert!(matches!(change(302, None), Fault::Unsure { .. }));
    assert!(matches!(read(302, None), Fault::Later { .. }));
    assert!(matches!(change(429, said()), Fault::Later { .. }));
    assert!(matches!(change(200, None), Fault::Unsure { .. }));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is() {
    let http = Http::new(
        &connection(ConnectionKind::Postmark, "http://127.0.0.1:9".into()),
        Path::new("/"),
        None,
    )
    .unwrap();
    for request in [
        Request::get(&["a", ".."]),
        Request::get(&["", "b"]),
        Request::get(&["a"]).token("authorization", "", &Token::from("line\nbreak")),
        Request::get(&["a"]).token("authorization", "Bearer ", &Token::from("")),
        Request::get(&["a"]).header("range", "\u{0}"),
    ] {
        let fault = http.send(request).await.err().unwrap();
        assert!(matches!(&fault, Fault::Refused { .. }), "{fault}");
        assert!(!fault.to_string().contains("break"));
    }
}

struct Notes(Mutex<Vec<String>>);

impl CallObserver for Notes {
    fn before(&self, vendor: &str, call: &str) {
        self.0.lock().unwrap().push(format!("> {vendor} {call}"));
    }

    fn after(&self, vendor: &str, call: &str) {
        self.0.lock().unwrap().push(format!("< {vendor} {call}"));
    }
}

/// Lets nothing be changed.
pub(crate) struct Bar;

impl CallObserver for Bar {
    fn may_change(&self, vendor: &str, call: &str) -> Result<(), String> {
        Err(format!("no {vendor} {call}"))
    }

    fn before(&self, _: &str, _: &str) {}

    fn after(&self, _: &str, _: &str) {}
}

/// Goal: what may not be changed is not even tried, and what only looks is. Method: nobody
/// listens; whoever tries says so.
#[tokio::test]
async fn a_change_that_may_not_leave_is_not_sent() {
    let connection = connection(ConnectionKind::Postmark, "http://127.0.0.1:1".into());
    let http = Http::new(&connection, Path::new("/"), Some(Arc::new(Bar))).unwrap();
    let fault = http.send(Request::change(Method::POST, &["x"])).await.err().unwrap();
    let Fault::Later { why, .. } = &fault else { panic!("{fault}") };
    assert_eq!(why, "no Postmark POST /x; not sent");
    let fault = http.send(Request::get(&["x"])).await.err().unwrap();
    assert!(fault.to_string().contains("no connection"), "{fault}");
}

#[tokio::test]
async fn an_observer_is_told_before_and_after() {
    let notes = Arc::new(Notes(Mutex::new(Vec::new())));
    let connection = connection(ConnectionKind::Postmark, "http://127.0.0.1:1".into());
    let http = Http::new(&connection, Path::new("/"), Some(notes.clone())).unwrap();
    let _ = http.send(Request::get(&["server"])).await;
    assert_eq!(*notes.0.lock().unwrap(), ["> Postmark GET /server", "< Postmark GET /server"]);
}
