//! Reading of Heroku's answers about config vars, releases and dynos.

use super::*;
use crate::http::tests::{answer, change, fixture};

const NEW: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "sk_live_of_another_vendor";

fn keys() -> Vec<String> {
    vec!["A".into(), "B".into()]
}

fn adoption(releases: &str, dynos: &str, written: Option<u64>) -> Adoption {
    let releases = read_releases(&answer("Heroku", 206, releases)).unwrap();
    runs_on(&releases, &read_dynos(&answer("Heroku", 200, dynos)).unwrap(), written)
}

fn release(version: u64, status: &str, current: bool) -> String {
    format!(r#"{{"version":{version},"status":"{status}","current":{current},"id":"x"}}"#)
}

fn dyno(name: &str, state: &str, version: u64) -> String {
    let kind = name.split('.').next().unwrap();
    format!(
        r#"{{"name":"{name}","type":"{kind}","state":"{state}","release":{{"version":{version}}}}}"#
    )
}

fn list(entries: &[String]) -> String {
    format!("[{}]", entries.join(","))
}

#[test]
fn only_our_keys_are_read() {
    let body = format!(r#"{{"A":"{NEW}","DATABASE_URL":"{OTHER}"}}"#);
    let held = read_config(&answer("Heroku", 200, &body), &keys()).unwrap();
    assert_eq!(held, Values::from([("A".to_owned(), Token::from(NEW))]));
    for body in ["", "<html>", "[]", "null", r#"{"A":"cut"#] {
        let fault = read_config(&answer("Heroku", 200, body), &keys()).unwrap_err();
        assert!(matches!(fault, Fault::Unsure { .. }), "{body}");
    }
}

#[test]
fn a_write_is_taken_only_if_the_answer_shows_it() {
    let due = PlacedWrite { keys: keys(), token: Token::from(NEW) };
    let write = |status, body: &str| read_write(&change("Heroku", status, body), &[&due]);
    assert_eq!(write(200, &format!(r#"{{"A":"{NEW}","B":"{NEW}","C":"{OTHER}"}}"#)), Ok(()));
    let half = write(200, &format!(r#"{{"A":"{NEW}","B":"{OTHER}"}}"#)).unwrap_err();
    assert!(matches!(&half, Fault::Unsure { .. }) && !format!("{half:?} {half}").contains(OTHER));
    let limits = r#"{"id":"invalid_params","message":"Config vars limit exceeded"}"#;
    assert!(matches!(write(422, limits), Err(Fault::Refused { .. })));
    let gone = r#"{"resource":"app","id":"not_found","message":"Couldn't find that app."}"#;
    assert!(matches!(write(404, gone), Err(Fault::Refused { .. })));
    assert!(matches!(write(403, "<html>"), Err(Fault::Later { .. })));
    assert!(matches!(write(500, gone), Err(Fault::Unsure { .. })));
    assert!(matches!(write(200, "<html>"), Err(Fault::Unsure { .. })));
}

#[test]
fn adopted_when_every_dyno_is_up_on_the_release() {
    let releases = list(&[release(411, "succeeded", false), release(412, "succeeded", true)]);
    for (dynos, what) in [
        (list(&[dyno("web.1", "up", 412), dyno("worker.1", "up", 413)]), "v412, 2 of 2 dynos up"),
        (list(&[]), "v412, no dyno runs"),
        (list(&[dyno("web.1", "idle", 400), dyno("web.2", "up", 412)]), "v412, 1 of 1 dynos up"),
        (
            list(&[dyno("web.1", "up", 412), dyno("run.77", "up", 3)]),
            "v412, 1 of 1 dynos up, 1 one-off older",
        ),
    ] {
        assert_eq!(adoption(&releases, &dynos, Some(412)), Adoption::ByFingerprint(what.into()));
    }
}

#[test]
fn not_yet_says_what_is_missing() {
    let up = list(&[dyno("web.1", "up", 412)]);
    let good = list(&[release(412, "succeeded", true)]);
    let pending = list(&[release(412, "pending", false), release(411, "succeeded", true)]);
    let failed = list(&[release(412, "failed", false), release(411, "succeeded", true)]);
    let old = list(&[dyno("web.1", "up", 411), dyno("web.2", "up", 412)]);
    let starting = list(&[dyno("web.1", "starting", 412)]);
    let crashed = list(&[dyno("web.1", "crashed", 412), dyno("web.2", "up", 412)]);
    let bare = r#"[{"name":"web.1","type":"web","state":"up","release":null}]"#.to_owned();
    for (releases, dynos, written, why) in [
        (&pending, &up, Some(412), "v412 is pending"),
        (&failed, &up, Some(412), "v412 failed in its release phase"),
        (&failed, &up, None, "v412 failed in its release phase"),
        (&good, &old, Some(412), "v412, 1 of 2 dynos up"),
        (&good, &old, None, "v412, 1 of 2 dynos up"),
        (&good, &starting, Some(412), "v412, 0 of 1 dynos up"),
        (&good, &crashed, Some(412), "web.1 crashed"),
        (&good, &bare, Some(412), "v412, 0 of 1 dynos up"),
        (&good, &up, Some(413), "v413 is not the current release"),
    ] {
        assert_eq!(adoption(releases, dynos, written), Adoption::NotYet(why.into()));
    }
    assert!(matches!(adoption("[]", "[]", None), Adoption::NotYet(_)));
}

#[test]
fn a_failed_release_of_somebody_else_does_not_matter() {
    let releases = list(&[release(413, "failed", false), release(412, "succeeded", true)]);
    let dynos = list(&[dyno("web.1", "up", 412)]);
    assert!(matches!(adoption(&releases, &dynos, Some(412)), Adoption::ByFingerprint(_)));
}

#[test]
fn receipts() {
    assert_eq!(release_of("v412"), Some(412));
    assert_eq!(release_of(UNCHANGED), None);
    assert_eq!(release_of(RELEASE_UNKNOWN), None);
}

#[test]
fn no_answer_shows_a_token_whatever_field_it_stands_in() {
    let body = format!(
        r#"{{"A":"{NEW}","B":"{NEW}","id":"{NEW}","message":"{NEW}","url":"{NEW}","app":"{NEW}"}}"#
    );
    let dynos = format!(
        r#"[{{"name":"{NEW}","type":"{NEW}","state":"crashed","release":{{"version":1}}}}]"#
    );
    let releases = list(&[release(1, NEW, true), release(0, "succeeded", true)]);
    for status in [200, 301, 400, 401, 403, 404, 422, 429, 500] {
        let text = format!(
            "{:?} {:?}",
            read_config(&answer("Heroku", status, &body), &keys()),
            read_write(
                &change("Heroku", status, &body),
                &[&PlacedWrite { keys: keys(), token: Token::from(OTHER) }],
            ),
        );
        assert!(!text.contains(NEW), "{text}");
    }
    assert!(!format!("{:?}", adoption(&releases, &dynos, Some(0))).contains(NEW));
}

#[test]
fn the_shared_fixtures_are_understood() {
    let body = |name: &str| fixture(&format!("heroku/{name}.json"));
    let keys = ["HEROKU_API_KEY".to_owned()];
    let held = read_config(&answer("Heroku", 200, &body("config-vars.200")), &keys).unwrap();
    assert_eq!(held["HEROKU_API_KEY"], Token::from("HRKU-EXAMPLE-0000"));
    let adoption = |releases, dynos| adoption(&body(releases), &body(dynos), Some(42));
    let (good, up) = ("releases.206", "dynos.200");
    assert!(matches!(adoption(good, up), Adoption::ByFingerprint(_)));
    for (releases, dynos) in
        [("releases.failed.206", up), ("releases.pending.206", up), (good, "dynos.starting.200")]
    {
        assert!(matches!(adoption(releases, dynos), Adoption::NotYet(_)));
    }
    let fault = |status, name| read_config(&answer("Heroku", status, &body(name)), &keys);
    assert!(matches!(fault(404, "404.app"), Err(Fault::Refused { .. })));
    assert!(matches!(fault(403, "403.app"), Err(Fault::Refused { .. })));
    assert!(matches!(fault(429, "429"), Err(Fault::Later { .. })));
}
