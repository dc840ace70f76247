//! What is due, and when a case may be closed.

use super::*;

fn case(history: Vec<Happened>) -> Case {
    let at = Timestamp::UNIX_EPOCH;
    let by = "ops-1".to_owned();
    Case {
        id: CaseId("l-1".into()),
        secret: "prod/POSTMARK_SERVER_TOKEN".parse().unwrap(),
        fingerprint: Fingerprint::from_bytes([1; 16]),
        opened_at: at,
        opened_by: by.clone(),
        places: vec!["file .env:1:1".into()],
        reached: Vec::new(),
        strangers: vec!["3f9a-12c7 (no description)".into()],
        history: history.into_iter().map(|what| Note { at, by: by.clone(), what }).collect(),
        closed: None,
    }
}

fn open(case: &Case, life: Life) -> Vec<Stage> {
    case.due(life, &[])
        .into_iter()
        .filter(|due| due.required && !due.done)
        .map(|due| due.step)
        .collect()
}

#[test]
fn a_case_is_held_open_by_what_is_not_proven() {
    let new = case(Vec::new());
    assert_eq!(open(&new, Life::Lives), [Stage::Rotate, Stage::Prove, Stage::Remove]);
    assert_eq!(open(&new, Life::Revoked), [Stage::Prove, Stage::Remove]);
    assert_eq!(open(&new, Life::Dead), [Stage::Remove]);
    let dirty = case(vec![Happened::Scanned { place: ".".into(), still: 2 }]);
    assert_eq!(open(&dirty, Life::Dead), [Stage::Remove]);
    let clean = case(vec![
        Happened::Scanned { place: ".".into(), still: 2 },
        Happened::Scanned { place: ".".into(), still: 0 },
    ]);
    assert_eq!(open(&clean, Life::Dead), []);
    // What is seen later counts.
    let again = case(vec![
        Happened::Scanned { place: ".".into(), still: 0 },
        Happened::Scanned { place: ".".into(), still: 1 },
    ]);
    assert_eq!(open(&again, Life::Dead), [Stage::Remove]);
}

#[test]
fn every_secret_that_it_could_read_is_due() {
    let name: SecretName = "staging/POSTMARK_SERVER_TOKEN".parse().unwrap();
    let due = case(Vec::new()).due(Life::Dead, &[(name.clone(), false)]);
    let reached: Vec<&Due> = due.iter().filter(|due| due.step == Stage::Reached).collect();
    assert!(!reached[0].done && reached[0].required && reached[0].what.contains("--emergency"));
    assert!(
        case(Vec::new())
            .due(Life::Dead, &[(name, true)])
            .iter()
            .any(|due| due.step == Stage::Reached && due.done)
    );
}

#[test]
fn a_stranger_is_done_with_when_somebody_has_spoken_of_it() {
    let silent = case(Vec::new()).due(Life::Dead, &[]);
    assert!(silent.iter().any(|due| due.step == Stage::Strangers && !due.done));
    let said = case(vec![Happened::Said("3f9a-12c7 is the load test's".into())]);
    assert!(said.due(Life::Dead, &[]).iter().any(|due| due.step == Stage::Strangers && due.done));
}

/// Goal: whoever reads of a stranger has the commands for it, in words that an argument may have.
/// Method: one by its fingerprint, one by a UUID as older cases have it, and one without a name.
#[test]
fn a_stranger_is_told_with_what_can_be_done_about_it() {
    let mut case = case(Vec::new());
    case.strangers.push("01234567-89ab-cdef-0123-456789abcdef (a script)".into());
    case.strangers.push("(masked) (no description)".into());
    let next = |case: &Case| -> Vec<Vec<String>> {
        let due = case.due(Life::Lives, &[]).into_iter();
        due.filter(|due| due.step == Stage::Strangers)
            .map(|due| due.next.into_iter().map(|next| next.command).collect())
            .collect()
    };
    let both = |name: &str| {
        let secret = "prod/POSTMARK_SERVER_TOKEN";
        vec![
            format!("rollover secret adopt {secret} {name}"),
            format!("rollover secret remove {secret} {name} --reason TEXT"),
        ]
    };
    let beginning = "01234567-89ab-cdef-0123";
    assert_eq!(next(&case), [both("3f9a-12c7"), both(beginning), Vec::new()]);
    let said = Happened::Said(format!("{beginning} is the load test's"));
    let (at, by) = (Timestamp::UNIX_EPOCH, "ops-1".to_owned());
    case.history.push(Note { at, by, what: said });
    assert_eq!(next(&case), [both("3f9a-12c7"), Vec::new(), Vec::new()]);
}

#[test]
fn a_reached_secret_may_stay_for_a_reason() {
    let name: SecretName = "staging/POSTMARK_SERVER_TOKEN".parse().unwrap();
    let why = "it cannot send".to_owned();
    let justified = case(vec![Happened::Justified { secret: name.clone(), why }]);
    let due = justified.due(Life::Dead, &[(name, false)]);
    assert!(
        due.iter()
            .any(|due| due.step == Stage::Reached && due.done && due.what.contains("cannot send"))
    );
}
