//! What other people do at the vendors while nobody looks: tests stage broken situations with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::infisical::Place;
use crate::lab::Lab;
use crate::postmark::{Day, Webhook};
use crate::world::Turn;
use crate::{AppKnobs, SecretScope, random};

impl Lab {
    /// Somebody makes a Postmark server, `Live` or `Sandbox`; answers its token.
    pub fn add_postmark_server(&self, name: &str, delivery_type: &str) -> String {
        let token = random::uuid();
        self.shared().world(|world, now| {
            let tokens = vec![token.clone()];
            world.scene.postmark.add_server(name, delivery_type, tokens, now, now);
        });
        token
    }

    /// A day of a Postmark server, `YYYY-MM-DD`: sent, bounced, errors of the API and of SMTP,
    /// complaints.
    pub fn set_postmark_day(&self, server: &str, date: &str, counts: [u64; 4]) {
        let [sent, bounced, api_errors, complaints] = counts;
        self.shared().world(|world, _| {
            let postmark = &mut world.scene.postmark;
            let id = postmark.servers.values().find(|one| one.name == server).map(|one| one.id);
            if let Some(id) = id {
                let day = Day { sent, bounced, api_errors, complaints };
                postmark.days.insert((id, date.to_owned()), day);
            }
        });
    }

    /// Somebody adds a webhook to a Postmark server; the settings are as its API has them.
    pub fn add_postmark_webhook(&self, server: &str, settings: Value) {
        self.shared().world(|world, _| {
            let postmark = &mut world.scene.postmark;
            let id = postmark.servers.values().find(|one| one.name == server).map(|one| one.id);
            let number = 1_234_567 + postmark.webhooks.len() as u64;
            let made = id.map(|server| Webhook { server, id: number, settings });
            postmark.webhooks.extend(made);
        });
    }

    /// Somebody writes a secret at GitHub.
    pub fn set_github_secret(&self, scope: &SecretScope, name: &str, value: &str) {
        self.shared().world(|world, now| {
            if let Some(store) = world.scene.github.stores.get_mut(scope) {
                store.set(name, value, now);
            }
        });
    }

    /// Somebody deletes a secret at GitHub.
    pub fn delete_github_secret(&self, scope: &SecretScope, name: &str) {
        self.shared().world(|world, _| {
            if let Some(store) = world.scene.github.stores.get_mut(scope) {
                store.secrets.remove(&name.to_ascii_uppercase());
            }
        });
    }

    /// Somebody starts a workflow at GitHub by its file; false when there is none.
    pub fn start_workflow(&self, file: &str) -> bool {
        self.shared().world(|world, now| {
            let turn = Turn::new(now, Arc::clone(&world.urls));
            world.scene.github.start_workflow(file, "somebody", &turn)
        })
    }

    /// Somebody changes a value in Infisical (in the root folder), or removes it.
    pub fn set_infisical_value(&self, environment: &str, key: &str, value: Option<&str>) {
        let place = Place {
            environment: environment.to_owned(),
            path: "/".to_owned(),
            key: key.to_owned(),
        };
        self.shared().world(|world, now| {
            let infisical = &mut world.scene.infisical;
            match value {
                Some(value) => infisical.store(place, value, None, now),
                None => drop(infisical.secrets.remove(&place)),
            }
        });
    }

    /// Somebody makes an authorization at Heroku; answers its token. `seconds` is after how long
    /// it ends by itself.
    pub fn add_heroku_authorization(
        &self,
        description: &str,
        scope: &[&str],
        seconds: Option<u64>,
    ) -> String {
        let token = random::heroku_token();
        let scope = scope.iter().map(|&word| word.to_owned()).collect();
        self.shared().world(|world, now| {
            world.scene.heroku.authorize(description, scope, token.clone(), seconds, now, now)
        });
        token
    }

    /// Somebody makes an authorization whose id differs from that of another in its last part only;
    /// answers its token, or nothing where there is no such other.
    pub fn add_heroku_twin(&self, of: &str, description: &str) -> Option<String> {
        let token = random::heroku_token();
        let scope = vec!["global".to_owned()];
        self.shared().world(|world, now| {
            let heroku = &mut world.scene.heroku;
            let (alike, _) = heroku.authorizations.get(of)?.id.rsplit_once('-')?;
            let alike = alike.to_owned();
            let id = heroku.authorize(description, scope, token.clone(), None, now, now);
            let (_, own) = id.rsplit_once('-')?;
            let twin = format!("{alike}-{own}");
            let mut made = heroku.authorizations.remove(&id)?;
            made.id.clone_from(&twin);
            heroku.authorizations.insert(twin, made);
            Some(token)
        })
    }

    /// An app has these releases behind it, oldest first: when each was made, and by whom.
    pub fn set_heroku_past(&self, app: &str, past: &[(Timestamp, &str)]) {
        self.shared().world(|world, _| {
            if let Some(app) = world.scene.heroku.apps.get_mut(app) {
                app.put_behind(past);
            }
        });
    }

    /// Somebody rolls an app back to an earlier release; false when there is no such release.
    pub fn roll_back(&self, app: &str, to: u64) -> bool {
        self.shared().world(|world, now| {
            let heroku = &mut world.scene.heroku;
            let (start, email) = (heroku.dyno_start, heroku.email.clone());
            let knobs = world.knobs.heroku.apps.get(app).cloned().unwrap_or_default();
            let Some(app) = heroku.apps.get_mut(app) else { return false };
            let then = app.releases.iter().find(|release| release.version == to);
            let Some(config) = then.map(|release| release.config.clone()) else { return false };
            app.release(&format!("Rollback to v{to}"), config, &email, &knobs, start, now);
            true
        })
    }

    /// Somebody deletes an app.
    pub fn delete_app(&self, app: &str) {
        self.shared().world(|world, _| drop(world.scene.heroku.apps.remove(app)));
    }

    /// Dynos that an app starts from now on leave those before them running for that long, as
    /// one that hangs while it stops does.
    pub fn keep_old_dynos(&self, app: &str, overlap: Duration) {
        let knobs = AppKnobs { preboot: Some(overlap), ..AppKnobs::default() };
        self.knobs(|all| drop(all.heroku.apps.insert(app.to_owned(), knobs)));
    }

    /// Somebody has Infisical's own rotation manage a value; false when there is none.
    pub fn let_infisical_rotate(&self, environment: &str, key: &str) -> bool {
        let place = Place {
            environment: environment.to_owned(),
            path: "/".to_owned(),
            key: key.to_owned(),
        };
        self.shared().world(|world, _| {
            let secret = world.scene.infisical.secrets.get_mut(&place);
            secret.map(|secret| secret.is_rotated = true).is_some()
        })
    }

    /// Somebody restarts an app's dynos with `heroku ps:restart`.
    pub fn restart_app(&self, app: &str) {
        self.cycle_dynos(app);
    }

    /// Several config vars change at once, as `heroku config:set` does.
    pub fn set_config_vars(&self, app: &str, values: &[(&str, Option<&str>)]) {
        let change: BTreeMap<_, _> = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
            .collect();
        self.shared().world(|world, now| {
            let knobs = &world.knobs.heroku;
            world.scene.heroku.change_config(app, &change, knobs, now)
        });
    }

    /// A token of another Postmark account, which somebody else has, with one server.
    pub fn add_other_postmark_account(&self, server: &str) -> String {
        self.shared().world(|world, now| world.scene.postmark.add_elsewhere(server, now))
    }

    /// Somebody makes another token for a Postmark server; answers it, or nothing where the
    /// server has as many as it can.
    pub fn add_postmark_token(&self, server: &str) -> Option<String> {
        self.shared().world(|world, now| {
            let mut turn = Turn::new(now, Arc::clone(&world.urls));
            let postmark = &mut world.scene.postmark;
            let id = postmark.servers.values().find(|one| one.name == server)?.id;
            postmark.generate_token(id, &mut turn).ok()?;
            postmark.servers.get(&id)?.tokens.last().map(|token| token.value.clone())
        })
    }
}
