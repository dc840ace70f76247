//! What was said is said once; what was not is tried again, by one at a time.

use super::*;
use crate::Notices;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn a_message_is_claimed_by_one_and_said_once() {
    let home = Home::new();
    drop(home.open());
    let mut one = Notices::open(&home.path(), &key()).unwrap();
    let mut other = Notices::open(&home.path(), &key()).unwrap();
    let claim =
        |who: &mut Notices, now| who.claim("team", "r-1@0", Some("r-1"), at(now), at(now + 60));
    assert!(claim(&mut one, 100).unwrap());
    assert!(!claim(&mut other, 110).unwrap(), "somebody is at it");
    assert!(claim(&mut other, 170).unwrap(), "who had it never told how it ended");
    other.unsaid("team", "r-1@0", "429", at(300)).unwrap();
    assert!(!claim(&mut one, 200).unwrap(), "not before it is worth it");
    assert_eq!(home.reader().unsaid_notices().unwrap().len(), 1);
    one.retry_all(at(200)).unwrap();
    assert!(claim(&mut one, 201).unwrap());
    one.said("team", "r-1@0", at(202), "C1 1.2").unwrap();
    assert!(!claim(&mut other, 9_999).unwrap(), "it was said");
    let told = other.of("team").unwrap();
    assert_eq!((told.len(), told[0].attempts, told[0].why.as_deref()), (1, 3, None));
    assert_eq!(told[0].receipt.as_deref(), Some("C1 1.2"));
    assert!(home.reader().unsaid_notices().unwrap().is_empty());
    assert!(one.claim("other", "r-1@0", None, at(0), at(1)).unwrap(), "each channel for itself");
}

/// Goal: saying something needs no lease, and disturbs nobody who has it.
#[test]
fn it_is_noted_while_another_process_writes() {
    let home = Home::new();
    let journal = home.open();
    let mut notices = Notices::open(&home.path(), &key()).unwrap();
    assert!(notices.claim("team", "x", None, at(1), at(2)).unwrap());
    journal.append_blocking(begin("A")).unwrap();
    notices.said("team", "x", at(3), "ok").unwrap();
    assert!(home.reader().verify_audit().is_ok());
    let other = Key::from_bytes(&[1; 32]);
    assert!(Notices::open(&home.path(), &other).is_err(), "another installation's key");
}
