//! Goal: each cause is told from what is seen, and no text holds the value. Method: small cases.

use super::*;
use crate::{ConsumerId, FingerprintKey, SecretName, Token};

const A: &str = "0a234567-89ab-cdef-0123-456789abcdef";

fn heroku() -> String {
    format!("HRKU-{}", "aB3_".repeat(15))
}

fn flaws(value: &str, kind: Kind) -> (Vec<Flaw>, bool) {
    let anatomy = Anatomy::of(&Token::from(value), kind);
    let right = match kind {
        Kind::HerokuAuthorization => heroku(),
        _ => A.to_owned(),
    };
    let repaired = anatomy.repaired() == Some(&Token::from(right.as_str()));
    (anatomy.flaws, repaired)
}

#[test]
fn what_happened_to_a_value_is_seen_and_undone() {
    let server = |value: &str| flaws(value, Kind::PostmarkServer);
    for (value, flaw) in [
        (format!("\"{A}\""), Flaw::Quoted),
        (format!("'{A}'"), Flaw::Quoted),
        (format!("\u{201c}{A}\u{201d}"), Flaw::Quoted),
        (format!(" {A}"), Flaw::BlanksAround),
        (format!("{A}\t"), Flaw::BlanksAround),
        (format!("{A}\u{a0}"), Flaw::BlanksAround),
        (format!("{A}\n"), Flaw::LineEnd),
        (format!("{A}\r"), Flaw::LineEnd),
        (format!("{A}\\n"), Flaw::EscapedLineEnd),
        (format!("\u{feff}{A}"), Flaw::Invisible(1)),
        (format!("{}\u{200b}{}", &A[..9], &A[9..]), Flaw::Invisible(1)),
        (format!("{} {}", &A[..9], &A[9..]), Flaw::BlanksInside),
        (A.replace('0', "O"), Flaw::LookAlike(A.matches('0').count())),
        (A.replace('-', "\u{2013}"), Flaw::LookAlike(4)),
        (A.replace('a', "\u{430}"), Flaw::LookAlike(A.matches('a').count())),
        (format!("POSTMARK_SERVER_TOKEN={A}"), Flaw::Assignment),
        (format!("X-Postmark-Server-Token: {A}"), Flaw::Assignment),
        (format!("Bearer {A}"), Flaw::Scheme),
        (format!("{A},"), Flaw::Trailing),
        (A.replace('-', "%2D"), Flaw::PercentEncoded),
        (A.replace('-', ""), Flaw::DashesMissing),
        (format!("{A}{A}"), Flaw::Doubled),
    ] {
        let (found, repaired) = server(&value);
        assert_eq!(found.first(), Some(&flaw), "{value:?}: {found:?}");
        assert!(repaired, "{value:?}");
    }
    for (value, flaw) in [
        ("", Flaw::Empty),
        (" \n", Flaw::Empty),
        ("your-token-here", Flaw::Placeholder),
        ("POSTMARK_SERVER_TOKEN_HERE", Flaw::Placeholder),
        ("00000000-0000-0000-0000-000000000000", Flaw::Placeholder),
        ("${POSTMARK_SERVER_TOKEN}", Flaw::Unresolved),
        ("********-****-****-****-********cdef", Flaw::Masked),
        ("POSTMARK_API_TEST", Flaw::TestToken),
        (&A[..30], Flaw::CutAtEnd(6)),
        (&A[4..], Flaw::CutAtStart(4)),
        ("0g234567-89ab-cdef-0123-456789abcdef", Flaw::Characters(1)),
        ("too-short", Flaw::Length(9)),
        ("ghp_0123456789abcdefghij", Flaw::OtherKind("a GitHub token".into())),
    ] {
        let (found, repaired) = server(value);
        assert_eq!(found.last(), Some(&flaw), "{value:?}: {found:?}");
        assert!(!repaired, "{value:?}");
    }
    assert_eq!(server(A), (Vec::new(), false));
    assert_eq!(server(&A.to_uppercase()), (Vec::new(), false));
}

#[test]
fn herokus_form_is_judged_by_its_own_rules() {
    let of = |value: &str| flaws(value, Kind::HerokuAuthorization);
    let token = heroku();
    assert_eq!(of(&token), (Vec::new(), false));
    assert_eq!(of(&format!("{token}\n")), (vec![Flaw::LineEnd], true));
    assert_eq!(of(&token[..60]).0, vec![Flaw::CutAtEnd(5)]);
    assert_eq!(of(&token[6..]).0, vec![Flaw::CutAtStart(6)]);
    assert_eq!(of(&token.to_lowercase()).0, vec![Flaw::Case]);
    assert_eq!(of(&format!("{token}{token}")), (vec![Flaw::Doubled], true));
    assert_eq!(of(A), (Vec::new(), false), "a token of old");
}

#[test]
fn likeness_is_seen_without_the_flaws() {
    let token = |text: &str| Token::from(text);
    let of = |mine: &str, theirs: &str| {
        let mine = token(mine);
        let anatomy = Anatomy::of(&mine, Kind::PostmarkServer);
        Likeness::of(&mine, anatomy.repaired(), &token(theirs))
    };
    assert_eq!(of(A, A), Likeness::Same);
    assert_eq!(of(&format!("\"{A}\""), A), Likeness::SameRepaired);
    assert_eq!(of(&A.to_uppercase(), A), Likeness::SameButCase);
    assert_eq!(of("0a234567-89ab-cdef-0123-456789abcdee", A), Likeness::Near(1));
    assert_eq!(of("0a324567-89ab-cdef-0123-456789abcdef", A), Likeness::Near(1));
    assert_eq!(of(&A[..20], A), Likeness::Part);
    assert_eq!(of(&format!("{A}0123"), A), Likeness::Holds);
    assert_eq!(of("11111111-2222-3333-4444-555555555555", A), Likeness::Unlike);
    assert_eq!(of("x", A), Likeness::Unlike);
}

fn accepted(identity: &str) -> Heard {
    Heard::Accepted { identity: identity.into(), sandbox: Some(false) }
}

fn dead() -> Heard {
    Heard::Said { status: 401, code: "10".into(), message: "no".into() }
}

fn case(value: &str, heard: Heard) -> Case {
    let token = Token::from(value);
    let key = FingerprintKey::new([7; 32]);
    Case {
        kind: Kind::PostmarkServer,
        secret: Some(SecretName::new("prod", "POSTMARK_SERVER_TOKEN").unwrap()),
        place: Place::Consumer(ConsumerId::from("heroku:acme-api-prod")),
        at: "2026-11-01T00:00:00Z".parse().unwrap(),
        production: true,
        identity: Some("acme-prod".into()),
        anatomy: Some(Anatomy::of(&token, Kind::PostmarkServer)),
        fingerprint: Some(key.of(&token)),
        heard,
        repaired: None,
        as_other: Heard::NotAsked,
        needs: Vec::new(),
        known: Vec::new(),
        stored: Some(Stored {
            name: "infisical-prod".into(),
            fingerprint: Some(key.of(&Token::from(A))),
            heard: accepted("acme-prod"),
            good: true,
            likeness: Likeness::of(&token, None, &Token::from(A)),
        }),
        placed: Placed { reads_back: true, ..Placed::default() },
        made: None,
        minted: None,
        activation_seconds: 30,
        expires: None,
        is_the_login: false,
        by_operator: true,
        sent: Heard::NotAsked,
        reported: None,
        ahead_seconds: None,
    }
}

fn first(case: &Case) -> Option<Cause> {
    diagnose(case).first().map(|finding| finding.cause)
}

const B: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let found = diagnose(&case(A, accepted("acme-prod")));
    assert_eq!((found.health, found.first()), (Health::Fine, None));
}

#[test]
fn a_token_of_another_server_answers_and_is_the_wrong_one() {
    let mut case = case(B, accepted("acme-staging"));
    assert_eq!(first(&case), Some(Cause::WrongEnvironment));
    case.known.push(Known {
        secret: SecretName::new("staging", "POSTMARK_SERVER_TOKEN").unwrap(),
        state: KnownState::Stored,
        since: None,
        rotation: None,
        as_it_stands: true,
    });
    let found = diagnose(&case);
    assert_eq!(found.health, Health::Invalid);
    assert!(found.first().unwrap().evidence.contains("the token of staging/"), "{found:?}");
}

#[test]
fn a_dead_token_in_a_consumer_was_left_behind_and_one_in_the_store_was_revoked() {
    let mut here = case(B, dead());
    assert_eq!(first(&here), Some(Cause::NotDeployed));
    let fix = diagnose(&here).first().unwrap().fix.clone().unwrap();
    let command = "rollover secret sync prod/POSTMARK_SERVER_TOKEN heroku:acme-api-prod";
    assert_eq!(fix.command(), command);
    here.place = Place::Consumer(ConsumerId::from("dotenv:it's here.env"));
    let fix = diagnose(&here).first().unwrap().fix.clone().unwrap();
    assert!(fix.command().ends_with(" 'dotenv:it'\\''s here.env'"), "{}", fix.command());
    here.place = Place::Store("infisical-prod".into());
    here.stored = None;
    assert_eq!(first(&here), Some(Cause::Revoked));
    let fix = diagnose(&here).first().unwrap().fix.clone().unwrap();
    assert_eq!(fix.command(), "rollover rotate prod/POSTMARK_SERVER_TOKEN --repair");
    here.known.push(Known {
        secret: here.secret.clone().unwrap(),
        state: KnownState::Gone,
        since: Some(here.at),
        rotation: Some(crate::RotationId("r-1".into())),
        as_it_stands: true,
    });
    let found = diagnose(&here);
    assert_eq!(found.first().unwrap().cause, Cause::Replaced);
    assert!(found.first().unwrap().evidence.contains("by r-1 on 2026-11-01"), "{found:?}");
}

#[test]
fn what_is_not_the_token_is_not_called_the_token() {
    let said = |status, code: &str| Heard::Said { status, code: code.into(), message: "m".into() };
    let silence = |how| Heard::Silence { how, why: "w".into() };
    let stranger = |status| Heard::Stranger { status, looks: "a page of HTML".into() };
    for (heard, cause, health) in [
        (said(429, "429"), Cause::RateLimit, Health::Unknown),
        (said(503, "100"), Cause::Outage, Health::Unknown),
        (stranger(502), Cause::Outage, Health::Unknown),
        (stranger(403), Cause::Firewall, Health::Unknown),
        (stranger(200), Cause::WrongAddress, Health::Unknown),
        (stranger(407), Cause::Proxy, Health::Unknown),
        (silence(Silence::Tls), Cause::Tls, Health::Unknown),
        (silence(Silence::Name), Cause::Unreachable, Health::Unknown),
        (silence(Silence::Timeout), Cause::Unreachable, Health::Unknown),
        (silence(Silence::Proxy), Cause::Proxy, Health::Unknown),
    ] {
        let found = diagnose(&case(A, heard));
        assert_eq!((found.first().map(|one| one.cause), found.health), (Some(cause), health));
    }
    for (code, cause) in [
        ("405", Cause::Account),
        ("412", Cause::Account),
        ("413", Cause::Account),
        ("400", Cause::Sender),
        ("401", Cause::Sender),
        ("406", Cause::Message),
    ] {
        let mut case = case(A, accepted("acme-prod"));
        case.sent = said(422, code);
        let found = diagnose(&case);
        assert_eq!(found.first().map(|one| one.cause), Some(cause));
        assert_eq!(found.health, Health::InTheWay, "{code}");
    }
}

#[test]
fn the_place_is_looked_at_as_well() {
    let good = || case(A, accepted("acme-prod"));
    let mut shadow = good();
    shadow.placed.shadow = Some("environment `production` has its own".into());
    assert_eq!(first(&shadow), Some(Cause::Shadowed));
    let mut lag = good();
    lag.placed.lag = Some("1 of 2 dynos up".into());
    assert_eq!(first(&lag), Some(Cause::NotRestarted));
    lag.placed.lag_is_of_runs = true;
    assert_eq!(first(&lag), Some(Cause::RunsOlder));
    let mut sandbox = good();
    sandbox.heard = Heard::Accepted { identity: "acme-prod".into(), sandbox: Some(true) };
    assert_eq!(first(&sandbox), Some(Cause::Sandbox));
    sandbox.production = false;
    assert_eq!(first(&sandbox), None);
    let mut both = good();
    both.reported = Some(Reported { both_headers: true, ..Reported::default() });
    assert_eq!(first(&both), Some(Cause::BothHeaders));
    let mut young = good();
    young.heard = dead();
    young.minted = Some(young.at);
    assert_eq!(first(&young), Some(Cause::NotYetActive));
    let mut account = case(B, dead());
    account.as_other = accepted("");
    assert_eq!(first(&account), Some(Cause::AccountToken));
    let mut late = good();
    late.ahead_seconds = Some(4_000);
    assert_eq!(first(&late), Some(Cause::Clock));
}

#[test]
fn no_finding_shows_the_value() {
    for value in
        [A, B, &format!("\"{A}\""), &format!("TOKEN={B}"), &A[..30], "ghp_0123456789abcdefghij"]
    {
        for heard in [accepted("acme-prod"), dead(), Heard::NotAsked] {
            let text = serde_json::to_string(&diagnose(&case(value, heard))).unwrap();
            assert!(!text.contains(value), "{text}");
        }
    }
}
