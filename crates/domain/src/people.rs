//! Who may do what: members, their roles, and the least role for each act.
//!
//! Where nobody is declared, one person works alone and may do everything. Where somebody is,
//! everybody else may look and do nothing more. What is allowed is decided here and nowhere else.

mod act;
mod denied;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::inventory::Secret;
use crate::{Plan, Rotation, SecretName};

pub use act::{Act, Least};
pub use denied::{Denied, Why};

/// A person who works with an installation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// What journal and audit call them.
    pub name: String,
    /// The users of the operating system that they are.
    pub users: Vec<User>,
    /// Where notices for them go.
    pub email: Option<String>,
    /// The roles that they were given.
    pub roles: BTreeSet<String>,
}

/// A user of the operating system.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum User {
    /// By name.
    Name(String),
    /// By number, `uid:1001` in the inventory.
    Uid(u32),
}

/// Everybody who may change something. Empty where one person works alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct People {
    members: BTreeMap<String, Member>,
    /// Each role with all that it holds, itself included.
    roles: BTreeMap<String, BTreeSet<String>>,
    /// The least role for what concerns the whole installation.
    admin: String,
}

/// Somebody who acts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// What journal and audit call them.
    pub name: String,
    /// What they are here.
    pub standing: Standing,
}

/// What somebody is to an installation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// No members are declared: whoever can use the installation may do everything.
    Alone,
    /// A member, with the roles that the inventory gives.
    Member,
    /// Members are declared, and this is none of them.
    Stranger,
}

/// What the steps of one secret's rotation ask of people, where that is not the secret's role.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Gates {
    /// The least role for creating the token at the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<String>,
    /// The least role for agreeing to the revocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<String>,
    /// The least role for deleting a token at the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<String>,
    /// Whether whoever starts a rotation may not agree to its revocation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub second_person: bool,
}

/// A secret, or a rotation of one, as far as it says who may act.
#[derive(Clone, Copy, Debug)]
pub struct Guarded<'a> {
    /// The secret.
    pub secret: &'a SecretName,
    /// Its least role.
    pub role: &'a str,
    /// Where a step asks for another.
    pub gates: &'a Gates,
    /// Who started the rotation, if there is one.
    pub started_by: Option<&'a str>,
}

impl<'a> Guarded<'a> {
    /// A rotation, as its plan says; the inventory may say something else by now.
    #[must_use]
    pub fn rotation(rotation: &'a Rotation) -> Self {
        Self::planned(rotation.plan(), rotation.started_by())
    }

    /// A rotation that is about to be started by somebody.
    #[must_use]
    pub fn planned(plan: &'a Plan, by: &'a str) -> Self {
        let (secret, role, gates) = (&plan.secret, plan.role.as_str(), &plan.gates);
        Self { secret, role, gates, started_by: Some(by) }
    }

    /// The least role for an act on it; `None` for an act that no secret decides.
    #[must_use]
    pub fn role_for(self, act: Act) -> Option<&'a str> {
        let own = match act.least() {
            Least::Role => None,
            Least::Create => self.gates.create.as_deref(),
            Least::Approve => self.gates.approve.as_deref(),
            Least::Revoke => self.gates.revoke.as_deref(),
            Least::Admin | Least::Member => return None,
        };
        Some(own.unwrap_or(self.role))
    }
}

impl<'a> From<&'a Secret> for Guarded<'a> {
    fn from(secret: &'a Secret) -> Self {
        let (name, role, gates) = (&secret.name, secret.role.as_str(), &secret.gates);
        Self { secret: name, role, gates, started_by: None }
    }
}

impl People {
    /// Members with the roles that there are, each with all that it holds, itself included, and
    /// the least role for what concerns the whole installation.
    #[must_use]
    pub fn new(
        members: Vec<Member>,
        roles: BTreeMap<String, BTreeSet<String>>,
        admin: String,
    ) -> Self {
        let members = members.into_iter().map(|member| (member.name.clone(), member)).collect();
        Self { members, roles, admin }
    }

    /// Whether nobody is declared, so that whoever can use the installation may do everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Everybody, by name.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// The least role for what concerns the whole installation.
    #[must_use]
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The roles that there are.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// Who a user of the operating system is. `user` is the name that the system knows the
    /// number by, if it knows one.
    #[must_use]
    pub fn who(&self, uid: u32, user: Option<&str>) -> Actor {
        let is = |known: &User| match known {
            User::Name(name) => user == Some(name.as_str()),
            User::Uid(number) => *number == uid,
        };
        let member = self.members.values().find(|member| member.users.iter().any(is));
        match (member, user) {
            (Some(member), _) => Actor { name: member.name.clone(), standing: Standing::Member },
            (None, user) if self.is_empty() => {
                let name = user.map_or_else(|| format!("uid {uid}"), str::to_owned);
                Actor { name, standing: Standing::Alone }
            }
            // No member can have a name with a space in it.
            (None, Some(user)) => {
                Actor { name: format!("user {user} (uid {uid})"), standing: Standing::Stranger }
            }
            (None, None) => Actor { name: format!("uid {uid}"), standing: Standing::Stranger },
        }
    }

    /// Whoever journal and inbox call by this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Actor {
        let standing = match self.is_empty() {
            true => Standing::Alone,
            false if self.members.contains_key(name) => Standing::Member,
            false => Standing::Stranger,
        };
        Actor { name: name.to_owned(), standing }
    }

    /// Whether a member has a role, by itself or by one that holds it.
    #[must_use]
    pub fn has(&self, member: &Member, role: &str) -> bool {
        member.roles.iter().any(|given| {
            given == role || self.roles.get(given).is_some_and(|held| held.contains(role))
        })
    }

    /// The names of those who have a role.
    #[must_use]
    pub fn holders(&self, role: &str) -> Vec<String> {
        let has = |member: &&Member| self.has(member, role);
        self.members.values().filter(has).map(|member| member.name.clone()).collect()
    }

    /// Whether somebody may do something. `of` is what it is done to; an act that concerns the
    /// whole installation needs none.
    ///
    /// # Errors
    /// Why not, who may, and what can be done.
    pub fn may(&self, actor: &Actor, act: Act, of: Option<Guarded<'_>>) -> Result<(), Box<Denied>> {
        if self.is_empty() {
            return Ok(());
        }
        let role = match (act.least(), of.and_then(|of| of.role_for(act))) {
            (Least::Member, _) => None,
            (_, Some(role)) => Some(role),
            // What would need a secret to say, and has none, is the whole installation's.
            (_, None) => Some(self.admin.as_str()),
        };
        let denied = |why: Why, may: Vec<String>| {
            Box::new(Denied {
                actor: actor.name.clone(),
                act,
                secret: of.map(|of| of.secret.clone()),
                why,
                may,
            })
        };
        let holders =
            role.map_or_else(|| self.members.keys().cloned().collect(), |role| self.holders(role));
        let Some(member) = self.members.get(&actor.name) else {
            return Err(denied(Why::Stranger, holders));
        };
        if let Some(role) = role
            && !self.has(member, role)
        {
            return Err(denied(Why::Role(role.to_owned()), holders));
        }
        let starter = of.filter(|of| of.gates.second_person).and_then(|of| of.started_by);
        if act == Act::Approve && starter == Some(actor.name.as_str()) {
            let others = holders.into_iter().filter(|name| *name != actor.name).collect();
            return Err(denied(Why::Starter, others));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
