//! Members, roles and gates: read as they are meant, and refused where they could be meant
//! otherwise.

use super::{MAIN, SECRET, read};
use crate::{Act, Guarded};

const MEMBERS: &str = r#"
[members.ops-1]
users = ["alpha", "uid:1001"]
email = "ops-1@example.com"
roles = ["superadmin"]

[members.ops-2]
users = ["beta"]
roles = ["ops"]
"#;

fn with_members(more: &str) -> String {
    format!("{MAIN}{MEMBERS}{more}")
}

#[test]
fn members_have_what_their_roles_hold() {
    let main = with_members("\n[roles]\nsuperadmin = [\"ops\", \"audit\"]\n");
    let inventory = read(&main, SECRET).unwrap();
    let people = &inventory.people;
    assert_eq!(people.who(1001, None).name, "ops-1");
    assert_eq!(people.who(5, Some("beta")).name, "ops-2");
    assert_eq!(people.admin(), "superadmin");
    assert_eq!(people.holders("ops"), ["ops-1", "ops-2"]);
    assert_eq!(people.holders("audit"), ["ops-1"]);
}

#[test]
fn without_members_nobody_is_asked_and_every_role_will_do() {
    let inventory = read(MAIN, &SECRET.replace("superadmin", "whoever")).unwrap();
    assert!(inventory.people.is_empty());
    let secret = inventory.secrets.values().next().unwrap();
    assert_eq!(secret.role, "whoever");
}

#[test]
fn a_step_has_its_own_role_or_the_policys_or_the_secrets() {
    let policy =
        |main: String, line: &str| main.replace("[policy]\n", &format!("[policy]\n{line}\n"));
    let main = policy(with_members(""), "approve_role = \"superadmin\"\nrole = \"ops\"");
    let bare = SECRET.replace("role = \"superadmin\"\n", "");
    let roles = |main: &str, secret: &str| {
        let inventory = read(main, secret).unwrap();
        let secret = inventory.secrets.values().next().unwrap();
        let of = Guarded::from(secret);
        [Act::Rotate, Act::Create, Act::Approve, Act::Revoke]
            .map(|act| of.role_for(act).unwrap().to_owned())
    };
    assert_eq!(roles(&main, &bare), ["ops", "ops", "superadmin", "ops"]);
    assert_eq!(roles(&with_members(""), SECRET), ["superadmin"; 4]);
    let own = format!("{bare}[create]\nrole = \"superadmin\"\n[approve]\nrole = \"ops\"\n");
    assert_eq!(roles(&main, &own), ["ops", "superadmin", "ops", "ops"]);

    let second = |main: &str, secret: &str| {
        read(main, secret).unwrap().secrets.values().next().unwrap().gates.second_person
    };
    assert!(!second(&with_members(""), &bare));
    for (value, expected) in
        [("true", true), ("false", false), ("\"prod\"", true), ("[\"staging\"]", false)]
    {
        let main = policy(with_members(""), &format!("second_person = {value}"));
        assert_eq!(second(&main, &bare), expected, "{value}");
    }
    let own = format!("{bare}[approve]\nsecond_person = true\n");
    assert!(second(&with_members(""), &own));
}

#[test]
fn what_could_be_meant_otherwise_is_refused_with_its_place() {
    let bare = SECRET.replace("role = \"superadmin\"\n", "");
    let start = MAIN.lines().count() + 1;
    for (more, place, words) in [
        (
            "\n[roles]\na = [\"b\"]\nb = [\"a\"]\nops = []\nsuperadmin = [\"ops\"]\n",
            start + 11,
            "hold itself",
        ),
        ("\n[roles]\nsuperadmin = [\"osp\"]\n", start + 8, "role `ops` is not known"),
        ("\n[roles]\nsuperadmin = []\nops = []\n", start + 1, "no role holds all others"),
        ("\n[members.ops-3]\nusers = [\"alpha\"]\n", start + 11, "is ops-1 already"),
        ("\n[members.ops-3]\nusers = [\"uid:x\"]\n", start + 11, "no number of a user"),
        ("\n[members.ops-3]\nusers = [\"a b\"]\n", start + 11, "not a user"),
        ("\n[members.\"ops 3\"]\nusers = []\n", start + 10, "not a name for a member"),
        ("\n[members.ops-3]\nusers = []\nemail = \"a@b, c@d\"\n", start + 12, "not a mail address"),
        (
            "\n[members.ops-3]\nusers = []\nroles = [\"opps\"]\n",
            start + 12,
            "role `opps` is not known",
        ),
    ] {
        let wrong = read(&with_members(more), &bare).unwrap_err();
        let found = wrong.iter().any(|one| one.line == place && one.message.contains(words));
        assert!(found, "{words} at line {place}: {wrong:#?}");
    }
    for (secret, words) in [
        (SECRET.replace("superadmin", "opps"), "role `opps` is not known"),
        (format!("{bare}[approve]\nrole = \"opps\"\n"), "role `opps` is not known"),
        (format!("{SECRET}[approve]\nsecond_person = true\n"), "no two members"),
    ] {
        let wrong = read(&with_members(""), &secret).unwrap_err();
        assert!(wrong[0].message.contains(words), "{words}: {wrong:#?}");
    }
    let alone = read(MAIN, &format!("{bare}[approve]\nsecond_person = true\n")).unwrap_err();
    assert!(alone[0].message.contains("no members are declared"), "{alone:#?}");
}
