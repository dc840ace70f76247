//! From what was found to entries that an inventory could have: proposed, never decided.
//!
//! Places that hold the same token belong to one secret, whatever they call it; what cannot be
//! read is named and left switched off. Only names and fingerprints come in, and the text that
//! comes out is one that [`crate::inventory::load`] takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::inventory::{ConsumerKind, GithubScope, Inventory, Secret};
use crate::{Fingerprint, SecretName};

/// A name that may hold a token, in a place that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// Where.
    pub place: Spot,
    /// The name there.
    pub name: String,
    /// The kind of issuer whose usual name it is, or whose token it holds.
    pub kind: String,
    /// What it holds, where it can be read and is no empty value.
    pub held: Option<Fingerprint>,
    /// The issuer of the inventory that lists it, or whose secret has it.
    pub issuer: Option<String>,
    /// The secret of the inventory whose store holds the same.
    pub secret: Option<SecretName>,
    /// When it was written last, where the vendor tells.
    pub updated: Option<Timestamp>,
}

/// A place that was looked at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Spot {
    /// A dotenv file.
    Dotenv(String),
    /// A Heroku app, by the connection.
    App(String, String),
    /// A repository of GitHub, by the connection.
    Repository(String, String),
    /// An environment of a repository.
    Environment(String, String, String),
}

impl Spot {
    /// The place as people are told it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Dotenv(path) => path.clone(),
            Self::App(_, app) => format!("heroku:{app}"),
            Self::Repository(_, repo) => format!("github:{repo}"),
            Self::Environment(_, repo, name) => format!("github:{repo} ({name})"),
        }
    }

    /// Whether its name says that it does not serve production.
    fn is_beside_production(&self) -> bool {
        let name = match self {
            Self::Dotenv(_) => return true,
            Self::App(_, name) | Self::Repository(_, name) | Self::Environment(_, _, name) => name,
        };
        let words = name.split(|c: char| !c.is_ascii_alphanumeric());
        let beside = ["staging", "stage", "dev", "development", "test", "review", "sandbox", "qa"];
        words.map(str::to_ascii_lowercase).any(|word| beside.contains(&word.as_str()))
    }
}

/// One entry that is proposed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Proposal {
    /// The file, from the inventory's directory on.
    pub file: String,
    /// What would stand in it.
    pub text: String,
    /// The token that all of its places hold, where one was read.
    pub fingerprint: Option<Fingerprint>,
    /// What a person should know or decide.
    pub notes: Vec<String>,
}

/// A consumer that a secret of the inventory could have: a place that holds its token and that
/// nobody named. Its file is a person's, so it is only said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Addition {
    /// The secret.
    pub secret: SecretName,
    /// The file that describes it.
    pub file: String,
    /// The place.
    pub place: String,
    /// What could be added.
    pub text: String,
}

/// What an inventory could have besides what it has: entries, and consumers that secrets which
/// it has could have besides theirs. `taken` are the files that are there.
#[must_use]
pub fn propose(
    inventory: &Inventory,
    sightings: &[Sighting],
    taken: &BTreeSet<String>,
) -> (Vec<Proposal>, Vec<Addition>) {
    let unknown = sightings.iter().filter(|one| !is_known(inventory, one));
    let (more, new): (Vec<&Sighting>, Vec<&Sighting>) =
        unknown.partition(|one| one.secret.is_some());
    let secrets = || inventory.secrets.values();
    let name =
        |secret: &Secret| (secret.name.environment().to_owned(), secret.name.key().to_owned());
    let mut taken = Taken {
        names: secrets().map(name).collect(),
        keys: secrets().map(|one| (one.store.clone(), one.store_key.clone())).collect(),
        files: taken.clone(),
    };
    let mut proposals = Vec::new();
    for group in groups(&new) {
        proposals.extend(group.proposal(inventory, &mut taken));
    }
    let additions = more.iter().filter_map(|one| Addition::of(inventory, one)).collect();
    (proposals, additions)
}

impl Addition {
    fn of(inventory: &Inventory, seen: &Sighting) -> Option<Self> {
        let secret = inventory.secret(seen.secret.as_ref()?)?;
        let group =
            Group { kind: &seen.kind, name: secret.name.key(), held: seen.held, seen: vec![seen] };
        let text = group.consumer(&seen.place, &[seen], &mut Vec::new());
        Some(Self {
            secret: secret.name.clone(),
            file: secret.file.clone(),
            place: seen.place.label(),
            text: text.trim_start().to_owned(),
        })
    }
}

/// What another entry has already.
struct Taken {
    /// Environments with names.
    names: BTreeSet<(String, String)>,
    /// Stores with keys.
    keys: BTreeSet<(String, String)>,
    files: BTreeSet<String>,
}

/// Whether a consumer of the inventory is this name in this place.
fn is_known(inventory: &Inventory, sighting: &Sighting) -> bool {
    let all = inventory.secrets.values();
    let consumers = all.flat_map(|secret| secret.consumers.iter().chain(&secret.not_enabled));
    consumers.filter(|one| one.keys.contains(&sighting.name)).any(|one| {
        match (&one.kind, &sighting.place) {
            (ConsumerKind::Dotenv { path }, Spot::Dotenv(seen)) => path == seen,
            (ConsumerKind::HerokuConfig { app, .. }, Spot::App(_, seen)) => app == seen,
            (ConsumerKind::GithubSecret { scope, .. }, place) => match (scope, place) {
                (GithubScope::Repository(repo), Spot::Repository(_, seen)) => repo == seen,
                (GithubScope::Environment(repo, name), Spot::Environment(_, other, seen)) => {
                    (repo, name) == (other, seen)
                }
                _ => false,
            },
            _ => false,
        }
    })
}

/// Places that belong to one secret.
struct Group<'a> {
    kind: &'a str,
    name: &'a str,
    held: Option<Fingerprint>,
    seen: Vec<&'a Sighting>,
}

/// By token; what cannot be read goes with the only token of its name, if there is one.
fn groups<'a>(sightings: &[&'a Sighting]) -> Vec<Group<'a>> {
    let mut by_token: BTreeMap<(&str, Fingerprint), Vec<&Sighting>> = BTreeMap::new();
    for one in sightings {
        if let Some(held) = one.held {
            by_token.entry((one.kind.as_str(), held)).or_default().push(one);
        }
    }
    let mut groups: Vec<Group<'_>> = by_token
        .into_iter()
        .map(|((kind, held), seen)| Group { kind, name: usual(&seen), held: Some(held), seen })
        .collect();
    for one in sightings.iter().filter(|one| one.held.is_none()) {
        let same = |group: &Group<'_>| {
            group.kind == one.kind && group.seen.iter().any(|seen| seen.name == one.name)
        };
        let fits: Vec<usize> = (0..groups.len()).filter(|place| same(&groups[*place])).collect();
        match fits.as_slice() {
            [only] => groups[*only].seen.push(one),
            _ => {
                let (kind, name) = (one.kind.as_str(), one.name.as_str());
                groups.push(Group { kind, name, held: None, seen: vec![one] });
            }
        }
    }
    groups
}

/// The name that most of the places use; the first that was seen, where several are used alike.
fn usual<'a>(seen: &[&'a Sighting]) -> &'a str {
    let count = |name: &str| seen.iter().filter(|one| one.name == name).count();
    // Of several that are alike, the last one is the greatest.
    let names = seen.iter().rev().map(|one| one.name.as_str());
    names.max_by_key(|name| count(name)).unwrap_or_default()
}

impl Group<'_> {
    fn proposal(&self, inventory: &Inventory, taken: &mut Taken) -> Option<Proposal> {
        let mut notes = Vec::new();
        let issuer = self.issuer(inventory, &mut notes)?;
        let store = inventory.stores.keys().next()?;
        let environment = self.environment(&taken.names, &mut notes);
        taken.names.insert((environment.clone(), self.name.to_owned()));
        let slug = self.name.to_ascii_lowercase().replace('_', "-");
        let stem = match environment.as_str() {
            "prod" => slug,
            other => format!("{other}-{slug}"),
        };
        let mut named = (1_u32..).map(|n| match n {
            1 => format!("secrets/{stem}.toml"),
            n => format!("secrets/{stem}-{n}.toml"),
        });
        let file = named.find(|file| !taken.files.contains(file))?;
        taken.files.insert(file.clone());
        let kept = self.kept(store, &environment, taken);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# Proposed from what was found; see whether it is right.\nname = {}\nenvironment = \
             {}\nissuer = {}\nstore = {{ {kept} }}\n",
            quoted(self.name),
            quoted(&environment),
            quoted(&issuer)
        );
        for (place, keys) in self.places() {
            text.push_str(&self.consumer(place, &keys, &mut notes));
        }
        Some(Proposal { file, text, fingerprint: self.held, notes })
    }

    /// Where in the store it is kept: under its name, or where that is taken, with the environment.
    fn kept(&self, store: &str, environment: &str, taken: &mut Taken) -> String {
        let place = |key: &str| (store.to_owned(), key.to_owned());
        if taken.keys.insert(place(self.name)) {
            return format!("in = {}", quoted(store));
        }
        let word = environment.to_ascii_uppercase().replace('-', "_");
        let key = format!("{word}_{}", self.name);
        taken.keys.insert(place(&key));
        format!("in = {}, key = {}", quoted(store), quoted(&key))
    }

    /// Each place with the names it uses.
    fn places(&self) -> BTreeMap<&Spot, Vec<&Sighting>> {
        let mut places: BTreeMap<&Spot, Vec<&Sighting>> = BTreeMap::new();
        for one in &self.seen {
            places.entry(&one.place).or_default().push(one);
        }
        places
    }

    fn consumer(&self, place: &Spot, seen: &[&Sighting], notes: &mut Vec<String>) -> String {
        let mut text = String::from("\n[[consumers]]\n");
        let _ = match place {
            Spot::Dotenv(path) => write!(text, "kind = \"dotenv\"\npath = {}\n", quoted(path)),
            Spot::App(via, app) => write!(
                text,
                "kind = \"heroku-config\"\nvia = {}\napp = {}\n",
                quoted(via),
                quoted(app)
            ),
            Spot::Repository(via, repo) => write!(
                text,
                "kind = \"github-secret\"\nvia = {}\nrepo = {}\n",
                quoted(via),
                quoted(repo)
            ),
            Spot::Environment(via, repo, name) => write!(
                text,
                "kind = \"github-secret\"\nvia = {}\nrepo = {}\nenvironment = {}\n",
                quoted(via),
                quoted(repo),
                quoted(name)
            ),
        };
        let keys: Vec<String> = seen.iter().map(|one| quoted(&one.name)).collect();
        if seen.iter().any(|one| one.name != self.name) {
            let _ = writeln!(text, "keys = [{}]", keys.join(", "));
        }
        if place.is_beside_production() && !matches!(place, Spot::Dotenv(_)) {
            text.push_str("production = false\n");
        }
        if seen.iter().any(|one| one.held.is_none()) {
            let at = seen.iter().filter_map(|one| one.updated).max();
            let at = at.map(|at| format!(", written {at:.0}")).unwrap_or_default();
            let _ = writeln!(text, "enabled = false   # cannot be read{at}: is it this token?");
            notes.push(format!(
                "{} cannot be read{at}; it stands there with enabled = false until you know that \
                 it is this token",
                place.label()
            ));
        }
        text
    }

    /// The issuer that lists the token; without one, the only one of its kind, or the first, which
    /// is said.
    fn issuer(&self, inventory: &Inventory, notes: &mut Vec<String>) -> Option<String> {
        if let Some(issuer) = self.seen.iter().find_map(|one| one.issuer.clone()) {
            return Some(issuer);
        }
        let alike = inventory.issuers.values().filter(|issuer| issuer.kind.word() == self.kind);
        let first = alike.into_iter().next()?;
        notes.push(format!(
            "{} does not show whether it issued this token; see whether `issuer` is right",
            first.name
        ));
        Some(first.name.clone())
    }

    /// `prod`, unless every place says that it does not serve production; another word where the
    /// name is taken.
    fn environment(&self, names: &BTreeSet<(String, String)>, notes: &mut Vec<String>) -> String {
        let told: Vec<&&Sighting> =
            self.seen.iter().filter(|one| !matches!(one.place, Spot::Dotenv(_))).collect();
        let beside = !told.is_empty() && told.iter().all(|one| one.place.is_beside_production());
        let word = if beside { "staging" } else { "prod" };
        let free = |word: &str| !names.contains(&(word.to_owned(), self.name.to_owned()));
        if free(word) {
            return word.to_owned();
        }
        notes.push(format!(
            "{word}/{} is there already and another token; say which environment this one is of",
            self.name
        ));
        let mut numbered = (2_u32..).map(|n| format!("{word}-{n}"));
        numbered.find(|word| free(word)).unwrap_or_else(|| word.to_owned())
    }
}

/// A text as a TOML string.
#[must_use]
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The names of secrets that a workflow of GitHub Actions reads: `secrets.NAME`,
/// `secrets['NAME']`.
#[must_use]
pub fn names_in_workflow(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, word) in text.match_indices("secrets") {
        let after = &text[at + word.len()..];
        let rest = match (after.strip_prefix('.'), after.strip_prefix('[')) {
            (Some(rest), _) => rest,
            (None, Some(rest)) => rest.trim_start_matches(['\'', '"', ' ']),
            (None, None) => continue,
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name: String = rest.chars().take_while(|c| is_name(*c)).collect();
        if !name.is_empty() {
            names.insert(name.to_ascii_uppercase());
        }
    }
    names
}

#[cfg(test)]
mod tests;
