//! The consumers of `secrets/*.toml`.

use serde_spanned::Spanned;

use crate::ConsumerId;
use crate::inventory::raw;
use crate::inventory::reference::Page;
use crate::inventory::{ConnectionKind, Consumer, ConsumerKind, GithubScope, Inventory};

const KINDS: [&str; 4] = ["heroku-config", "github-secret", "dotenv", "workstation"];

impl Page<'_> {
    /// Those that are enabled, or those that are not.
    pub(super) fn consumers(
        &mut self,
        raw: &raw::Secret,
        inventory: &Inventory,
        enabled: bool,
    ) -> Vec<Consumer> {
        let mut keys = vec![raw.name.get_ref().clone()];
        keys.extend(raw.also.iter().map(|name| name.get_ref().clone()));
        let mut consumers: Vec<Consumer> = Vec::new();
        for part in raw.consumers.iter().filter(|part| part.get_ref().enabled == enabled) {
            let Some(consumer) = self.consumer(part.get_ref(), &keys, inventory) else {
                continue;
            };
            if consumers.iter().any(|other| other.id == consumer.id) {
                self.say_hint(
                    part.span(),
                    format!("{} is a consumer twice", consumer.id),
                    "put all of its names into one: keys = [\"...\", \"...\"]".into(),
                );
            }
            consumers.push(consumer);
        }
        consumers
    }

    fn consumer(
        &mut self,
        raw: &raw::Consumer,
        keys: &[String],
        inventory: &Inventory,
    ) -> Option<Consumer> {
        let given = [
            ("via", raw.via.as_ref()),
            ("app", raw.app.as_ref()),
            ("repo", raw.repo.as_ref()),
            ("org", raw.org.as_ref()),
            ("environment", raw.environment.as_ref()),
            ("scope", raw.scope.as_ref()),
            ("path", raw.path.as_ref()),
            ("member", raw.member.as_ref()),
        ];
        let (id, kind) = match raw.kind.get_ref().as_str() {
            "heroku-config" => {
                let fields = self.fields(&raw.kind, &given, &["via", "app"], &[])?;
                let app = fields["app"].get_ref().clone();
                let connections = &inventory.connections;
                let via = self.via(fields["via"], ConnectionKind::Heroku, connections)?;
                (format!("heroku:{app}"), ConsumerKind::HerokuConfig { via, app })
            }
            "github-secret" => {
                let optional = ["repo", "org", "environment", "scope"];
                let fields = self.fields(&raw.kind, &given, &["via"], &optional)?;
                let connections = &inventory.connections;
                let via = self.via(fields["via"], ConnectionKind::Github, connections)?;
                let (id, scope) = self.github_scope(raw)?;
                (id, ConsumerKind::GithubSecret { via, scope })
            }
            "dotenv" => {
                let fields = self.fields(&raw.kind, &given, &["path"], &[])?;
                let path = fields["path"].get_ref().clone();
                (format!("dotenv:{path}"), ConsumerKind::Dotenv { path })
            }
            "workstation" => {
                let fields = self.fields(&raw.kind, &given, &["member", "path"], &[])?;
                let path = fields["path"].get_ref().clone();
                let member = self.member(fields["member"], inventory)?;
                (format!("workstation:{member}"), ConsumerKind::Workstation { member, path })
            }
            _ => {
                self.unknown_word(&raw.kind, "the kind of consumer", KINDS.into_iter());
                return None;
            }
        };
        let keys = self.keys(raw.keys.as_ref(), keys)?;
        let id = ConsumerId::from(id);
        let label = raw.name.clone().unwrap_or_else(|| id.to_string());
        Some(Consumer { id, label, keys, production: raw.production, kind })
    }

    /// Whoever works at a workstation: a member, where members are declared.
    fn member(&mut self, name: &Spanned<String>, inventory: &Inventory) -> Option<String> {
        let members: Vec<&str> = inventory.people.members().map(|one| one.name.as_str()).collect();
        if !members.is_empty() && !members.contains(&name.get_ref().as_str()) {
            self.unknown_word(name, "member", members.into_iter());
            return None;
        }
        Some(name.get_ref().clone())
    }

    fn github_scope(&mut self, raw: &raw::Consumer) -> Option<(String, GithubScope)> {
        let scope = raw.scope.as_ref().map_or("actions", |scope| scope.get_ref().as_str());
        let repo = raw.repo.as_ref().map(|repo| repo.get_ref().clone());
        let place = match (repo, &raw.org, &raw.environment, scope) {
            (Some(repo), None, None, "actions") => {
                (format!("github:{repo}"), GithubScope::Repository(repo))
            }
            (Some(repo), None, Some(environment), "actions") => {
                let environment = environment.get_ref().clone();
                (
                    format!("github:{repo}:{environment}"),
                    GithubScope::Environment(repo, environment),
                )
            }
            (Some(repo), None, None, "dependabot") => {
                (format!("github:{repo}:dependabot"), GithubScope::Dependabot(repo))
            }
            (None, Some(org), None, "actions") => {
                let org = org.get_ref().clone();
                (format!("github:{org}"), GithubScope::Organisation(org))
            }
            _ => {
                self.say_hint(
                    raw.kind.span(),
                    "this names no place in which GitHub keeps a secret".into(),
                    "repo = \"owner/name\" (with environment = \"...\" or scope = \
                     \"dependabot\"), or org = \"name\""
                        .into(),
                );
                return None;
            }
        };
        if let Some(repo) = &raw.repo {
            self.repository(repo)?;
        }
        Some(place)
    }

    pub(super) fn repository(&mut self, repo: &raw::Text) -> Option<()> {
        let fits = repo.get_ref().split('/').filter(|half| !half.is_empty()).count() == 2;
        if !fits {
            self.say(repo.span(), "a repository is written `owner/name`".into());
        }
        fits.then_some(())
    }

    fn keys(
        &mut self,
        raw: Option<&Spanned<Vec<raw::Text>>>,
        default: &[String],
    ) -> Option<Vec<String>> {
        let Some(raw) = raw else {
            return Some(default.to_vec());
        };
        let legal = |key: &str| {
            !key.is_empty()
                && !key.starts_with(|c: char| c.is_ascii_digit())
                && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let mut keys = Vec::new();
        for key in raw.get_ref() {
            if !legal(key.get_ref()) {
                self.say(
                    key.span(),
                    format!("`{}` cannot be the name of a variable", key.get_ref()),
                );
                return None;
            }
            keys.push(key.get_ref().clone());
        }
        if keys.is_empty() {
            self.say(raw.span(), "a consumer without a key holds nothing".into());
            return None;
        }
        Some(keys)
    }
}
