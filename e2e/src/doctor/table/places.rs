//! Right tokens in the wrong place, wrong ones in the right place, and what has not taken them up.

use std::time::{Duration, Instant};

use lab::{AppKnobs, Inspection, ReleasePhase, SecretScope};

use super::super::{Asked, Scene, Situation};
use super::{act, heroku, input, postmark, situation};
use crate::Result;

const APP: &str = "acme-api-prod";
const PLACE: &str = "heroku:acme-api-prod";
const CONSOLE: &str = "acme-console-prod";

/// How long anything of the lab may take to come up.
const UP_MAX: Duration = Duration::from_secs(20);

/// Looks at the lab until this is so.
fn until(scene: &Scene<'_>, what: &str, is_so: impl Fn(&Inspection) -> bool) -> Result<()> {
    let started = Instant::now();
    while !is_so(&scene.stage.lab().inspect()) {
        if started.elapsed() > UP_MAX {
            return Err(format!("{what} never came about"));
        }
        std::thread::yield_now();
    }
    Ok(())
}

pub(super) fn situations() -> Vec<Situation> {
    [foreign(), ended(), left_behind(), not_taken_up(), at_github(), kinds()]
        .into_iter()
        .flatten()
        .collect()
}

/// Tokens of somebody else.
fn foreign() -> Vec<Situation> {
    let of_server = |server: &'static str| {
        let breaks = move |scene: &Scene<'_>| {
            let token = scene.token_of(server)?;
            scene.set(APP, postmark().key, Some(&token))
        };
        let name = format!("app: the token of {server}");
        situation(name, postmark(), PLACE, "wrong-environment", act(breaks))
    };
    let account = |scene: &Scene<'_>| {
        let token = scene.credentials.postmark_account_token.clone();
        scene.set(APP, postmark().key, Some(&token))
    };
    let vendor = |scene: &Scene<'_>| {
        let token = scene.seeded(heroku());
        scene.set(APP, postmark().key, Some(&token))
    };
    let read_only = |scene: &Scene<'_>| {
        let token = scene.credentials.heroku_read_only_token.clone();
        scene.set(CONSOLE, heroku().key, Some(&token))
    };
    vec![
        of_server("acme-staging"),
        of_server("acme-alerts"),
        situation("app: an account token", postmark(), PLACE, "account-token", act(account)),
        situation("app: a Heroku token", postmark(), PLACE, "other-kind", act(vendor)),
        situation(
            "app: a token with too little scope",
            heroku(),
            "heroku:acme-console-prod",
            "missing-scope",
            act(read_only),
        ),
        situation(
            "file: the token of another server",
            postmark(),
            "dotenv:worker.env",
            "wrong-environment",
            {
                act(|scene| {
                    let token = scene.token_of("acme-staging")?;
                    scene.write("worker.env", &format!("POSTMARK_SERVER_TOKEN={token}\n"))
                })
            },
        ),
    ]
}

/// Tokens that ended.
fn ended() -> Vec<Situation> {
    let by_hand = |scene: &Scene<'_>| revoked(scene, &scene.seeded(postmark()));
    let new_login = |scene: &Scene<'_>| {
        Ok(scene.stage.lab().add_heroku_authorization("by hand", &["global"], None))
    };
    let expire = |scene: &Scene<'_>| {
        scene.rotate(heroku())?;
        scene.stage.edit("rollover.toml", |text| text.replace("\"120d\"", "\"1ms\""))?;
        scene.stage.lab().advance(Duration::from_secs(121 * 86_400));
        Ok(())
    };
    let replaced =
        Asked { given: Some(input(|scene| Ok(scene.seeded(heroku())))), ..Asked::default() };
    vec![
        situation(
            "store: deleted by hand at Postmark",
            postmark(),
            "store",
            "revoked",
            act(by_hand),
        ),
        situation("store: revoked by hand at Heroku", heroku(), "store", "revoked", {
            act(|scene| revoked(scene, &scene.seeded(heroku())))
        })
        .given_right(new_login),
        situation("store: revoked after a rotation", heroku(), "store", "revoked", {
            act(|scene| {
                scene.rotate(heroku())?;
                let now = scene.stage.lab().inspect().infisical_value("prod", heroku().key);
                revoked(scene, &now.unwrap_or_default())
            })
        })
        .given_right(new_login),
        situation("store: expired", heroku(), "store", "expired", act(expire))
            .given_right(new_login),
        situation("given: replaced by a rotation", heroku(), "given", "replaced", {
            act(|scene| scene.rotate(heroku()))
        })
        .asked(replaced)
        .given_right(|scene| {
            let now = scene.stage.lab().inspect().infisical_value("prod", heroku().key);
            now.ok_or_else(|| "the store is empty".into())
        }),
    ]
}

fn revoked(scene: &Scene<'_>, token: &str) -> Result<()> {
    match scene.stage.lab().revoke_by_hand(token) {
        true => Ok(()),
        false => Err("nobody knows the token that was to be revoked".into()),
    }
}

/// Places that a rotation passed, and that went back.
fn left_behind() -> Vec<Situation> {
    let back = |scene: &Scene<'_>| {
        let old = scene.seeded(heroku());
        scene.rotate(heroku())?;
        scene.set(CONSOLE, heroku().key, Some(&old))
    };
    let file = |scene: &Scene<'_>| {
        let old = scene.seeded(postmark());
        scene.rotate(postmark())?;
        scene.write("worker.env", &format!("POSTMARK_SERVER_TOKEN={old}\n"))
    };
    let second = |scene: &Scene<'_>| {
        let token = scene.stage.lab().add_postmark_token(crate::SERVER).ok_or("full")?;
        scene.set(APP, postmark().key, Some(&token))
    };
    let stray = "0fedcba9-8765-4321-8fed-cba987654321";
    vec![
        situation(
            "app: went back to the token before",
            heroku(),
            "heroku:acme-console-prod",
            "not-deployed",
            act(back),
        ),
        situation(
            "file: restored from a backup",
            postmark(),
            "dotenv:worker.env",
            "not-deployed",
            act(file),
        ),
        situation(
            "app: another token of the same server",
            postmark(),
            PLACE,
            "not-deployed",
            act(second),
        ),
        situation("app: a token that nobody knows", postmark(), PLACE, "not-deployed", {
            act(move |scene| scene.set(APP, postmark().key, Some(stray)))
        }),
        situation("app: the name is gone", postmark(), PLACE, "missing", {
            act(|scene| scene.set(APP, postmark().key, None))
        }),
        situation("file: the name is gone", postmark(), "dotenv:worker.env", "missing", {
            act(|scene| scene.write("worker.env", "QUEUE=mail\n"))
        }),
    ]
}

fn app_knobs(scene: &Scene<'_>, knobs: Option<AppKnobs>) {
    scene.stage.lab().knobs(|all| match knobs {
        Some(knobs) => drop(all.heroku.apps.insert(APP.into(), knobs)),
        None => drop(all.heroku.apps.remove(APP)),
    });
}

/// Apps that have not taken up what their config vars hold.
fn not_taken_up() -> Vec<Situation> {
    let with = |what: &str, knobs: fn() -> AppKnobs| {
        let breaks = move |scene: &Scene<'_>| {
            app_knobs(scene, Some(knobs()));
            scene.set(APP, "LOG_LEVEL", Some("debug"))
        };
        let name = format!("app: {what}");
        situation(name, postmark(), PLACE, "not-restarted", act(breaks)).mended(|scene| {
            app_knobs(scene, None);
            scene.stage.lab().advance(Duration::from_secs(7_200));
            scene.set(APP, "LOG_LEVEL", Some("warn"))?;
            scene.stage.lab().restart_app(APP);
            until(scene, "a restart", |seen| seen.dynos(APP).iter().all(|one| one.state == "up"))
        })
    };
    vec![
        with("a dyno is slow to start", || AppKnobs {
            slow: [("web.1".to_owned(), Duration::from_secs(3_600))].into(),
            ..AppKnobs::default()
        }),
        with("a dyno crashes", || AppKnobs {
            crashed: ["web.2".to_owned()].into(),
            ..AppKnobs::default()
        }),
        with("its release phase runs", || AppKnobs {
            release_phase: ReleasePhase::Succeeds(Duration::from_secs(3_600)),
            ..AppKnobs::default()
        }),
        with("its release phase failed", || AppKnobs {
            release_phase: ReleasePhase::Fails(Duration::ZERO),
            ..AppKnobs::default()
        }),
    ]
}

/// Secrets that cannot be read back.
fn at_github() -> Vec<Situation> {
    let place = "github:acme/api";
    let shadow = |scene: &Scene<'_>| {
        scene.stage.lab().set_github_secret(&Scene::production(), heroku().key, "another");
        Ok(())
    };
    let gone = |scene: &Scene<'_>| {
        scene.stage.lab().delete_github_secret(&SecretScope::Repo, heroku().key);
        Ok(())
    };
    let runs = |scene: &Scene<'_>| {
        let lab = scene.stage.lab();
        lab.knobs(|knobs| knobs.github.environments_wait = true);
        if !lab.start_workflow("deploy-production.yml") {
            return Err("there is no such workflow".into());
        }
        until(scene, "a waiting run", |seen| {
            seen.github_runs().iter().any(|run| run.status == "waiting")
        })?;
        lab.set_github_secret(&SecretScope::Repo, heroku().key, &scene.seeded(heroku()));
        Ok(())
    };
    vec![
        situation("GitHub: an environment shadows it", heroku(), place, "shadowed", act(shadow))
            .mended(|scene| {
                scene.stage.lab().delete_github_secret(&Scene::production(), heroku().key);
                Ok(())
            }),
        situation("GitHub: it was never written", heroku(), place, "missing", act(gone)),
        situation("GitHub: a run from before", heroku(), place, "runs-older", act(runs)).mended(
            |scene| {
                scene.stage.lab().approve_waiting_runs();
                until(scene, "the run's end", |seen| {
                    seen.github_runs().iter().all(|run| run.status == "completed")
                })
            },
        ),
    ]
}

/// A server of the wrong kind.
fn kinds() -> Vec<Situation> {
    let breaks = |scene: &Scene<'_>| {
        let token = scene.stage.lab().add_postmark_server("acme-sandbox", "Sandbox");
        scene.store(postmark(), Some(&token));
        scene.stage.edit("rollover.toml", |text| {
            text.replace("server = \"acme-prod\"", "server = \"acme-sandbox\"")
        })
    };
    vec![
        situation(
            "store: a sandbox server in production",
            postmark(),
            "store",
            "sandbox",
            act(breaks),
        )
        .asked(Asked { options: vec!["--at".into(), "store".into()], ..Asked::default() })
        .given_right(|scene| {
            scene.stage.edit("rollover.toml", |text| {
                text.replace("server = \"acme-sandbox\"", "server = \"acme-prod\"")
            })?;
            Ok(scene.seeded(postmark()))
        }),
    ]
}
