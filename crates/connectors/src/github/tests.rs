//! Reading of GitHub's answers, and what follows from them about runs that hold an older value.

use super::read::{
    alerts, environments, metadata, public_key, put, repositories, resolved, runs, secret_names,
};
use super::*;
use crate::http::tests::{answer, answer_with, change, fixture};

const TOKEN: &str = concat!("ghp_", "0123456789abcdefghijABCDEFGHIJ012345");
const NOT_FOUND: &str =
    r#"{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}"#;
const BAD: &str = r#"{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}"#;
const SECRET: &str =
    r#"{"name":"A","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-04T05:06:07Z"}"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_public_key_is_32_bytes_of_base64() {
    let good =
        r#"{"key_id":"568250167242549743","key":"hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs="}"#;
    let key = public_key(&answer("GitHub", 200, good)).ok().unwrap();
    assert_eq!((key.key_id.as_str(), key.key[0]), ("568250167242549743", 0x84));
    for body in
        ["", "<html>", "{}", r#"{"key_id":"1","key":"AAAA"}"#, r#"{"key_id":"1","key":"?"}"#]
    {
        let fault = public_key(&answer("GitHub", 200, body)).err().unwrap();
        assert!(matches!(fault, Fault::Unsure { .. }), "{body}");
    }
}

#[test]
fn faults_of_a_reading_call() {
    let fault = |status, body| public_key(&answer("GitHub", status, body)).err().unwrap();
    assert!(matches!(fault(401, BAD), Fault::Refused { .. }));
    assert!(matches!(fault(403, NOT_FOUND), Fault::Refused { .. }));
    assert!(matches!(fault(404, NOT_FOUND), Fault::Refused { .. }));
    assert!(matches!(fault(403, "<html>"), Fault::Later { .. }));
    assert!(matches!(fault(404, "<html>"), Fault::Later { .. }));
    assert!(matches!(fault(503, ""), Fault::Later { .. }));
    assert!(matches!(fault(429, ""), Fault::Later { .. }));
    let secondary = r#"{"message":"You have exceeded a secondary rate limit. Please wait."}"#;
    assert!(matches!(fault(403, secondary), Fault::Later { after: Some(_), .. }));
    for headers in [[("x-ratelimit-remaining", "0")], [("retry-after", "3")]] {
        let limited = answer_with("GitHub", 403, &headers, BAD);
        assert!(matches!(public_key(&limited).err().unwrap(), Fault::Later { .. }));
    }
}

#[test]
fn a_secret_that_is_not_there() {
    assert!(metadata(&answer("GitHub", 404, NOT_FOUND)).unwrap().is_none());
    assert!(matches!(metadata(&answer("GitHub", 404, "<html>")), Err(Fault::Later { .. })));
    let found = metadata(&answer("GitHub", 200, SECRET)).unwrap().unwrap();
    assert_eq!(found.updated_at, at("2026-03-04T05:06:07Z"));
    assert!(matches!(metadata(&answer("GitHub", 200, "{}")), Err(Fault::Unsure { .. })));
}

#[test]
fn a_put_is_201_or_204() {
    let put = |status, body| put(&change("GitHub", status, body));
    assert_eq!((put(201, "{}"), put(201, ""), put(204, "")), (Ok(()), Ok(()), Ok(())));
    assert!(matches!(put(200, "<html>"), Err(Fault::Unsure { .. })));
    assert!(matches!(put(422, r#"{"message":"Bad request"}"#), Err(Fault::Refused { .. })));
    assert!(matches!(put(403, "<html>"), Err(Fault::Later { .. })));
    assert!(matches!(put(500, BAD), Err(Fault::Unsure { .. })));
    assert!(matches!(put(502, "<html>"), Err(Fault::Unsure { .. })));
}

#[test]
fn lists() {
    let body = r#"{"total_count":2,"repositories":[{"id":7,"name":"x"},{"id":8}]}"#;
    assert_eq!(repositories(&answer("GitHub", 200, body)), Ok((2, vec![7, 8])));
    let body = r#"{"total_count":1,"environments":[{"id":1,"name":"prod"}]}"#;
    assert_eq!(environments(&answer("GitHub", 200, body)), Ok(vec!["prod".to_owned()]));
    assert_eq!(environments(&answer("GitHub", 404, NOT_FOUND)), Ok(vec![]));
    assert!(environments(&answer("GitHub", 500, "")).is_err());
    let body = format!(r#"{{"total_count":1,"secrets":[{SECRET}]}}"#);
    assert_eq!(secret_names(&answer("GitHub", 200, &body)), Ok(vec!["A".to_owned()]));
    let body =
        r#"{"total_count":101,"workflow_runs":[{"id":1,"created_at":"2026-03-04T05:06:07Z"}]}"#;
    let page = runs(&answer("GitHub", 200, body)).ok().unwrap();
    assert_eq!((page.total, page.created.len()), (101, 1));
}

fn seen(updated: &str) -> Option<Metadata> {
    Some(Metadata { updated_at: at(updated), visibility: None })
}

fn page(created: &[&str]) -> Runs {
    Runs { total: created.len(), created: created.iter().map(|text| at(text)).collect() }
}

#[test]
fn runs_from_before_the_write_hold_the_value_before() {
    let names = ["A".to_owned()];
    let written = [seen("2026-03-04T05:06:07Z")];
    let adoption = |runs: &[Runs], receipt: Option<&str>| {
        held_by_nothing_older(&names, &written, runs, receipt)
    };
    let own = Some("updated 2026-03-04T05:06:07Z");
    assert!(matches!(adoption(&[], own), Adoption::ByWrite(_)));
    assert!(matches!(adoption(&[page(&["2026-03-04T05:06:08Z"])], own), Adoption::ByWrite(_)));
    let older = [page(&["2026-03-04T05:06:06Z"]), page(&["2026-03-04T05:06:07Z"])];
    assert_eq!(
        adoption(&older, own),
        Adoption::NotYet("2 runs still hold the value before".into())
    );
    let later = Some("updated 2026-03-04T05:06:09Z");
    assert!(
        matches!(adoption(&[], later), Adoption::NotYet(why) if why.contains("before the write"))
    );
    assert!(matches!(adoption(&[], Some(RECEIPT_UNKNOWN)), Adoption::ByWrite(_)));
    assert!(matches!(adoption(&[], None), Adoption::NotYet(why) if why.contains("no write")));
    let many = Runs { total: 101, created: Vec::new() };
    assert!(matches!(adoption(&[many], own), Adoption::NotYet(_)));
}

#[test]
fn every_name_counts() {
    let names = ["A".to_owned(), "B".to_owned()];
    let missing = held_by_nothing_older(&names, &[seen("2026-03-04T05:06:07Z"), None], &[], None);
    assert_eq!(missing, Adoption::Differs("there is no `B`".into()));
    assert_eq!(oldest(&[seen("2026-03-04T05:06:07Z"), None]), None);
    let both = [seen("2026-03-04T05:06:07Z"), seen("2026-03-04T05:06:01Z")];
    assert_eq!(oldest(&both), Some(at("2026-03-04T05:06:01Z")));
    // A run from between the two writes holds one of the values before.
    let between = [page(&["2026-03-04T05:06:03Z"])];
    assert!(matches!(
        held_by_nothing_older(&names, &both, &between, Some("updated x")),
        Adoption::NotYet(_)
    ));
}

#[test]
fn a_value_that_somebody_else_wrote_after_us_is_not_ours() {
    let names = ["A".to_owned()];
    let ours = receipt(Some((at("2026-03-04T05:06:07Z"), at("2026-03-04T05:06:07Z"))));
    let adoption = |text| held_by_nothing_older(&names, &[seen(text)], &[page(&[])], Some(&ours.0));
    assert!(matches!(adoption("2026-03-04T05:06:06Z"), Adoption::NotYet(_)));
    assert!(matches!(adoption("2026-03-04T05:06:07Z"), Adoption::ByWrite(_)));
    assert!(matches!(adoption("2026-03-04T05:06:09Z"), Adoption::Differs(_)));
}

#[test]
fn a_receipt_is_read_back() {
    let written = at("2026-03-04T05:06:07Z");
    let later = written + jiff::SignedDuration::from_secs(2);
    for times in [(written, written), (written, later)] {
        assert_eq!(times_of(&receipt(Some(times)).0), Some(times));
    }
    assert_eq!(times_of(&receipt(None).0), None);
}

#[test]
fn a_later_write_that_fails_leaves_doubt() {
    let fault = put(&change("GitHub", 422, r#"{"message":"no"}"#)).unwrap_err();
    assert!(matches!(partly(fault), Fault::Unsure { .. }));
}

#[test]
fn no_answer_shows_a_token_whatever_field_it_stands_in() {
    let body = format!(
        r#"{{"message":"{TOKEN}","documentation_url":"{TOKEN}","status":"{TOKEN}","name":"{TOKEN}",
            "key_id":"{TOKEN}","key":"{TOKEN}","visibility":"{TOKEN}","created_at":"{TOKEN}"}}"#
    );
    for status in [200, 201, 301, 400, 401, 403, 404, 422, 429, 500] {
        let text = format!(
            "{:?} {:?} {:?} {:?}",
            public_key(&answer("GitHub", status, &body)).err(),
            metadata(&answer("GitHub", status, &body)).err(),
            put(&change("GitHub", status, &body)),
            environments(&answer("GitHub", status, &body)),
        );
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn the_shared_fixtures_are_understood() {
    let at =
        |status, name: &str| answer("GitHub", status, &fixture(&format!("github/{name}.json")));
    assert!(public_key(&at(200, "public-key.200")).is_ok());
    assert!(metadata(&at(200, "secret.get.200")).unwrap().is_some());
    assert!(metadata(&at(404, "404")).unwrap().is_none());
    let shared = metadata(&at(200, "org-secret.get.200")).unwrap().unwrap();
    assert_eq!(shared.visibility.as_deref(), Some("all"));
    assert_eq!(put(&at(201, "secret.put.201")), Ok(()));
    assert!(matches!(put(&at(422, "422.key-id")), Err(Fault::Later { .. })));
    assert!(matches!(put(&at(401, "401")), Err(Fault::Refused { .. })));
    assert!(matches!(put(&at(429, "429.secondary")), Err(Fault::Later { .. })));
    assert!(matches!(put(&at(403, "429.secondary")), Err(Fault::Later { .. })));
    assert_eq!(runs(&at(200, "runs.list.200")).unwrap().created.len(), 1);
    assert_eq!(secret_names(&at(200, "secrets.list.200")), Ok(vec!["HEROKU_API_KEY".into()]));
}

#[test]
fn an_alert_has_its_value_and_is_resolved_only_where_github_says_so() {
    let one = fixture("github/alert.200.json");
    let all = alerts(&answer("GitHub", 200, &format!("[{one}]"))).unwrap();
    let [alert] = all.as_slice() else { panic!("{}", all.len()) };
    assert!(alert.number > 0 && alert.secret.is_some());
    assert!(!format!("{alert:?}").contains(alert.secret.as_ref().unwrap().expose()));
    let hidden = r#"[{"number":7,"secret_type":"x"}]"#;
    assert!(alerts(&answer("GitHub", 200, hidden)).unwrap()[0].secret.is_none());
    assert!(matches!(alerts(&answer("GitHub", 404, NOT_FOUND)), Err(Fault::Refused { .. })));
    let done = fixture("github/alert.resolved.200.json");
    assert!(resolved(&answer("GitHub", 200, &done)).is_ok());
    assert!(matches!(resolved(&answer("GitHub", 200, &one)), Err(Fault::Unsure { .. })));
    assert!(resolved(&answer("GitHub", 403, NOT_FOUND)).is_err());
}
