//! Who may do what, and how a refusal reads.

use jiff::Timestamp;

use super::*;

fn member(name: &str, user: User, roles: &[&str]) -> Member {
    Member {
        name: name.into(),
        users: vec![user],
        email: None,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}

fn people() -> People {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let roles = BTreeMap::from([
        ("ops".to_owned(), set(&["ops"])),
        ("superadmin".to_owned(), set(&["superadmin", "ops"])),
    ]);
    let members = vec![
        member("ops-1", User::Name("alpha".into()), &["ops"]),
        member("ops-2", User::Uid(1002), &["superadmin"]),
    ];
    People::new(members, roles, "superadmin".into())
}

fn guarded<'a>(name: &'a SecretName, role: &'a str, gates: &'a Gates) -> Guarded<'a> {
    Guarded { secret: name, role, gates, started_by: None }
}

#[test]
fn a_user_of_the_system_is_a_member_a_stranger_or_alone() {
    let people = people();
    let who = |uid, user| people.who(uid, user);
    assert_eq!(who(7, Some("alpha")).name, "ops-1");
    assert_eq!(who(1002, None).name, "ops-2");
    let stranger = who(1003, Some("beta"));
    assert_eq!(stranger.standing, Standing::Stranger);
    // A user whose name is a member's is not that member.
    assert_eq!(who(1004, Some("ops-2")).standing, Standing::Stranger);
    assert_ne!(who(1004, Some("ops-2")).name, "ops-2");
    let alone = People::default().who(1003, Some("beta"));
    assert_eq!((alone.name.as_str(), alone.standing), ("beta", Standing::Alone));
}

#[test]
fn a_role_holds_those_that_it_lists_and_an_act_needs_its_own() {
    let (people, name) = (people(), "prod/X".parse().unwrap());
    let gates = Gates { approve: Some("superadmin".into()), ..Gates::default() };
    let of = Some(guarded(&name, "ops", &gates));
    let may = |who: &str, act| people.may(&people.named(who), act, of).is_ok();
    assert!(may("ops-1", Act::Rotate) && may("ops-2", Act::Rotate));
    assert!(!may("ops-1", Act::Approve) && may("ops-2", Act::Approve));
    assert!(may("ops-1", Act::Create) && may("ops-1", Act::Revoke));
    assert!(!may("ops-1", Act::Rekey) && may("ops-2", Act::Rekey));
    assert!(may("ops-1", Act::Anchor) && !may("nobody", Act::Anchor));
    for act in Act::ALL {
        assert!(!may("nobody", act), "{act}");
        assert!(may("ops-2", act), "{act}");
        assert!(People::default().may(&people.named("nobody"), act, of).is_ok(), "{act}");
    }
}

#[test]
fn whoever_started_it_does_not_agree_where_two_are_needed() {
    let (people, name) = (people(), "prod/X".parse().unwrap());
    let gates = Gates { second_person: true, ..Gates::default() };
    let of = Guarded { started_by: Some("ops-1"), ..guarded(&name, "ops", &gates) };
    let first = people.may(&people.named("ops-1"), Act::Approve, Some(of)).unwrap_err();
    assert_eq!(first.why, Why::Starter);
    assert!(first.hint().contains("ops-2"), "{}", first.hint());
    assert!(people.may(&people.named("ops-2"), Act::Approve, Some(of)).is_ok());
    assert!(people.may(&people.named("ops-1"), Act::Revoke, Some(of)).is_ok());
}

#[test]
fn a_refusal_says_who_what_why_and_whom_to_ask() {
    let (people, name) = (people(), "prod/X".parse().unwrap());
    let gates = Gates::default();
    let of = Some(guarded(&name, "superadmin", &gates));
    let denied = people.may(&people.named("ops-1"), Act::Rotate, of).unwrap_err();
    assert_eq!(denied.to_string(), "ops-1 may not rotate prod/X: this needs the role superadmin");
    assert_eq!(denied.hint(), "ask one of these: ops-2");
    let record = denied.record(Timestamp::UNIX_EPOCH, None);
    assert_eq!((record.action.as_str(), record.actor.as_str()), ("access.denied", "ops-1"));
    assert_eq!(record.context["role"], "superadmin");
}
