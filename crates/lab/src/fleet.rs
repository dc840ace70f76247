//! An organisation with many secrets on a few apps.

use crate::org::{
    AppSeed, AuthorizationSeed, HerokuSeed, InfisicalSecretSeed, InfisicalSeed, Org, ValueSeed,
};

/// One secret of a fleet, and where it is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSecret {
    /// Its name at Infisical and in the config vars.
    pub key: String,
    /// The description of its Heroku authorization.
    pub description: String,
    /// The app that has it.
    pub app: String,
}

impl Org {
    /// So many tokens of Heroku, spread over so many apps of one dyno each.
    #[must_use]
    pub fn fleet(secrets: usize, apps: usize) -> Self {
        let acme = Self::acme();
        let all = Self::fleet_secrets(secrets, apps);
        let token = |one: &FleetSecret| ValueSeed::HerokuToken(one.description.clone());
        let of_app = |name: String| AppSeed {
            config: all
                .iter()
                .filter(|one| one.app == name)
                .map(|one| (one.key.clone(), token(one)))
                .chain([("LOG_LEVEL".to_owned(), ValueSeed::Text("info".to_owned()))])
                .collect(),
            name,
            dynos: 1,
        };
        let mut heroku = HerokuSeed { ..acme.heroku.clone() };
        heroku.apps.extend((0..apps).map(|n| of_app(app(n))));
        heroku.authorizations.extend(all.iter().map(|one| AuthorizationSeed {
            description: one.description.clone(),
            scope: vec!["global".to_owned()],
            token: None,
        }));
        let mut infisical = InfisicalSeed { ..acme.infisical.clone() };
        infisical.secrets.extend(all.iter().map(|one| InfisicalSecretSeed {
            environment: "prod".to_owned(),
            key: one.key.clone(),
            value: token(one),
            is_rotated: false,
        }));
        Self { heroku, infisical, ..acme }
    }

    /// The secrets of such a fleet.
    #[must_use]
    pub fn fleet_secrets(secrets: usize, apps: usize) -> Vec<FleetSecret> {
        let one = |n: usize| FleetSecret {
            key: format!("TOKEN_{n:03}"),
            description: format!("acme-fleet-{n:03}"),
            app: app(n % apps.max(1)),
        };
        (0..secrets).map(one).collect()
    }
}

fn app(n: usize) -> String {
    format!("acme-fleet-{n:02}")
}
