//! `[members]`, `[roles]`, and what the policy and the secrets' files say of people.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_spanned::Spanned;

use crate::inventory::raw;
use crate::inventory::reference::Page;
use crate::inventory::{Inventory, SecondPerson};
use crate::{Gates, Member, People, User, steers};

const NAME_CHARS_MAX: usize = 64;

/// Roles by name, each with those that it lists.
type Listed = BTreeMap<String, Vec<String>>;

impl Page<'_> {
    /// Members and roles. Without members nobody is asked for a role.
    pub(super) fn people(&mut self, raw: &raw::Organisation) -> People {
        let listed = self.listed(raw);
        let roles: BTreeMap<String, BTreeSet<String>> =
            listed.keys().map(|name| (name.clone(), held(name, &listed))).collect();
        let mut members = Vec::new();
        let mut taken: BTreeMap<User, String> = BTreeMap::new();
        for (name, member) in &raw.members {
            self.member_name(name, member.span());
            for role in &member.get_ref().roles {
                self.known_role(role, &roles);
            }
            let users = self.users(name, member.get_ref(), &mut taken);
            let email = member.get_ref().email.as_ref();
            members.push(Member {
                name: name.clone(),
                users,
                email: email.and_then(|email| self.email(email)),
                roles: member.get_ref().roles.iter().map(|role| role.get_ref().clone()).collect(),
            });
        }
        let asked = [&raw.policy.admin, &raw.policy.role, &raw.policy.approve_role];
        if !members.is_empty() {
            for role in asked.into_iter().flatten() {
                self.known_role(role, &roles);
            }
        } else if let Some(second) = &raw.policy.second_person
            && second_person(Some(second)) != SecondPerson::Never
        {
            self.nobody_else(second.span());
        }
        let given = raw.policy.admin.as_ref().map(|role| role.get_ref().clone());
        let highest = || roles.iter().find(|(_, held)| held.len() == roles.len());
        let admin = given.or_else(|| highest().map(|(name, _)| name.clone()));
        if let (None, Some(first)) = (&admin, raw.members.values().next()) {
            self.say_hint(
                first.span(),
                "no role holds all others, so nobody may do what concerns the whole installation"
                    .into(),
                "name the role for it: admin = \"...\" under [policy]".into(),
            );
        }
        People::new(members, roles, admin.unwrap_or_default())
    }

    /// Every role with those that it lists; a name that only stands in a list is a role, too.
    fn listed(&mut self, raw: &raw::Organisation) -> Listed {
        let Some(given) = &raw.roles else {
            let ops = || "ops".to_owned();
            return BTreeMap::from([("superadmin".into(), vec![ops()]), (ops(), Vec::new())]);
        };
        let mut listed = Listed::new();
        for (name, list) in given {
            self.member_name(name, list.span());
            for role in list.get_ref() {
                self.member_name(role.get_ref(), role.span());
                listed.entry(role.get_ref().clone()).or_default();
            }
            let names = list.get_ref().iter().map(|role| role.get_ref().clone());
            listed.entry(name.clone()).or_default().extend(names);
        }
        for (name, list) in given {
            for role in list.get_ref() {
                if held(role.get_ref(), &listed).contains(name) {
                    let message = format!("the role `{name}` would hold itself");
                    self.say(role.span(), message);
                }
            }
        }
        listed
    }

    /// A name that journal and audit show: no space in it, so that a stranger is never taken for
    /// a member.
    fn member_name(&mut self, name: &str, span: Range<usize>) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(plain) {
            self.say_hint(
                span,
                format!("`{name}` is not a name for a member or a role"),
                "letters of ASCII, digits and . _ - @ will do, 64 at most".into(),
            );
        }
    }

    fn users(
        &mut self,
        member: &str,
        raw: &raw::Member,
        taken: &mut BTreeMap<User, String>,
    ) -> Vec<User> {
        let mut users = Vec::new();
        for user in &raw.users {
            let Some(known) = self.user(user) else { continue };
            if let Some(other) = taken.insert(known.clone(), member.to_owned()) {
                self.say(user.span(), format!("`{}` is {other} already", user.get_ref()));
            }
            users.push(known);
        }
        users
    }

    fn user(&mut self, text: &raw::Text) -> Option<User> {
        let written = text.get_ref();
        if let Some(number) = written.strip_prefix("uid:") {
            match number.parse() {
                Ok(uid) => return Some(User::Uid(uid)),
                Err(_) => self.say(text.span(), format!("`{written}` has no number of a user")),
            }
            return None;
        }
        if written.is_empty() || written.contains(|c: char| steers(c) || " :,/".contains(c)) {
            self.say_hint(
                text.span(),
                format!("`{written}` is not a user of the operating system"),
                "write its name, or its number as \"uid:1001\"".into(),
            );
            return None;
        }
        Some(User::Name(written.clone()))
    }

    pub(super) fn email(&mut self, text: &raw::Text) -> Option<String> {
        let written = text.get_ref();
        let plain = |c: char| c.is_ascii_graphic() && !"<>()[]\\,;:\"".contains(c);
        let parts = written.split('@').filter(|part| !part.is_empty()).count();
        if parts == 2 && written.matches('@').count() == 1 && written.chars().all(plain) {
            return Some(written.clone());
        }
        self.say(text.span(), format!("`{written}` is not a mail address"));
        None
    }

    fn known_role(&mut self, role: &raw::Text, roles: &BTreeMap<String, BTreeSet<String>>) {
        if !roles.contains_key(role.get_ref()) {
            self.unknown_word(role, "role", roles.keys().map(String::as_str));
        }
    }

    fn nobody_else(&mut self, span: Range<usize>) {
        self.say_hint(
            span,
            "a second person is asked for, and no members are declared".into(),
            "declare at least two under [members] in rollover.toml".into(),
        );
    }

    /// The role of a secret, and what its steps ask of people besides.
    pub(super) fn gates(&mut self, raw: &raw::Secret, inventory: &Inventory) -> (String, Gates) {
        let (people, policy) = (&inventory.people, &inventory.policy);
        let own = |text: Option<&raw::Text>| text.map(|text| text.get_ref().clone());
        let issuer = inventory.issuers.get(raw.issuer.get_ref());
        let usual = issuer.and_then(|issuer| issuer.kind.usual_role());
        let role = own(raw.role.as_ref())
            .or_else(|| usual.map(str::to_owned))
            .unwrap_or_else(|| policy.role.clone());
        let second = raw.approve.second_person.as_ref();
        let environment = raw.environment.get_ref();
        let gates = Gates {
            create: own(raw.create.role.as_ref()),
            approve: own(raw.approve.role.as_ref()).or_else(|| policy.approve_role.clone()),
            revoke: own(raw.revoke.role.as_ref()),
            second_person: second
                .map_or(policy.second_person.holds_in(environment), |given| *given.get_ref()),
        };
        if people.is_empty() {
            if let Some(second) = second.filter(|second| *second.get_ref()) {
                self.nobody_else(second.span());
            }
            return (role, gates);
        }
        let named = [&raw.role, &raw.create.role, &raw.approve.role, &raw.revoke.role];
        for text in named.into_iter().flatten() {
            if !people.roles().any(|known| known == text.get_ref()) {
                self.unknown_word(text, "role", people.roles());
            }
        }
        if raw.role.is_none() && !people.roles().any(|known| known == role) {
            let message = format!("its role is `{role}`, which is not under [roles]");
            let hint = "name one here: role = \"...\", or for all under [policy]".into();
            self.say_hint(raw.name.span(), message, hint);
        }
        self.require_two(raw, people, &role, &gates);
        (role, gates)
    }

    /// Where two people are needed there must be two: one who may start, and another one who may
    /// agree.
    fn require_two(&mut self, raw: &raw::Secret, people: &People, role: &str, gates: &Gates) {
        let approve = gates.approve.as_deref().unwrap_or(role);
        let (start, agree) = (people.holders(role), people.holders(approve));
        let two = start.iter().any(|first| agree.iter().any(|second| second != first));
        if gates.second_person && !two {
            self.say_hint(
                raw.name.span(),
                format!(
                    "a second person must agree, and there are no two members of whom one has the \
                     role {role} and another one {approve}"
                ),
                "give the roles to one more under [members] in rollover.toml".into(),
            );
        }
    }
}

/// The policy's word for where two people are needed.
pub(super) fn second_person(raw: Option<&Spanned<raw::SecondPerson>>) -> SecondPerson {
    match raw.map(Spanned::get_ref) {
        None | Some(raw::SecondPerson::All(false)) => SecondPerson::Never,
        Some(raw::SecondPerson::All(true)) => SecondPerson::Always,
        Some(raw::SecondPerson::One(one)) => SecondPerson::In(vec![one.clone()]),
        Some(raw::SecondPerson::Several(several)) => SecondPerson::In(several.clone()),
    }
}

/// Everything that a role holds, itself included. One that would hold itself is told elsewhere.
fn held(name: &str, listed: &Listed) -> BTreeSet<String> {
    let mut held = BTreeSet::from([name.to_owned()]);
    let mut waiting = vec![name];
    while let Some(role) = waiting.pop() {
        for other in listed.get(role).into_iter().flatten() {
            if held.insert(other.clone()) {
                waiting.push(other);
            }
        }
    }
    held
}
