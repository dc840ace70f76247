//! Heroku: PyPI `heroku3`, and the command line where everything is tried.
//! <https://devcenter.heroku.com/articles/platform-api-reference#errors>

use e2e::Result;
use e2e::clients::{Set, call};
use lab::{FaultKind, FaultRule, Standing, Vendor};
use serde_json::{Value, json};

use super::{counter, has, says};

const APP: &str = "acme-api-prod";

#[test]
fn heroku3_sees_heroku() -> Result<()> {
    let Some(counter) = counter(Set::Python)? else { return Ok(()) };
    let lab = counter.lab();
    let known = lab.credentials();
    let management = known.heroku_management_token.clone();
    let always = json!({ "base": lab.urls().heroku, "token": management });
    let mut client = counter.session("heroku", always)?;
    let with = |name: &str, token: &str| call(name, json!({ "token": token }));
    let of = |name: &str, app: &str| call(name, json!({ "app": app }));

    has(&client.gives(call("account", json!({})))?, &json!({ "email": known.heroku_email }));
    let apps = client.gives(call("apps", json!({})))?;
    assert!(apps.as_array().is_some_and(|all| all.contains(&json!(APP))), "{apps}");
    let vars = client.gives(of("config", APP))?;
    has(&vars, &json!({ "HEROKU_API_KEY": known.heroku_api_key, "LOG_LEVEL": "info" }));
    let before = lab.inspect().restarts(APP).len();
    let set = json!({ "app": APP, "vars": { "LOG_LEVEL": "debug", "NOBODY": null } });
    has(&client.gives(call("set", set))?, &json!({ "LOG_LEVEL": "debug" }));
    assert_eq!(lab.inspect().config_vars(APP)["LOG_LEVEL"], "debug");
    assert_eq!(lab.inspect().restarts(APP).len(), before + 1, "one restart a change");
    let release = client.gives(of("releases", APP))?;
    has(&release[0], &json!({ "version": 2 }));
    let dynos = client.gives(of("dynos", APP))?;
    assert!(dynos.as_array().is_some_and(|all| all.contains(&json!("web.1"))), "{dynos}");
    let all = client.gives(call("authorizations", json!({})))?;
    let listed = all.as_array().into_iter().flatten();
    assert!(listed.into_iter().any(|one| one["id"] == known.heroku_api_key_id), "{all:#}");
    let revoked = client.gives(call("revoke", json!({ "id": known.heroku_api_key_id })))?;
    assert_eq!(revoked, json!(true));
    assert!(!lab.inspect().heroku_honours(&known.heroku_api_key));

    let http = |status: u16| json!({ "class": "HTTPError", "status": status });
    // The one that was revoked, and one that never was.
    for token in [known.heroku_api_key.as_str(), "HRKU-00000000-0000-4000-8000-000000000000"] {
        has(&client.refuses(with("account", token))?, &http(401));
    }
    let narrow = known.heroku_read_only_token.as_str();
    has(&client.refuses(with("account", narrow))?, &http(403));
    has(&client.refuses(with("authorizations", narrow))?, &http(403));
    let config = json!({ "token": narrow, "app": APP });
    has(&client.refuses(call("config", config))?, &http(403));
    has(&client.refuses(of("config", "no-such-app"))?, &http(404));
    has(&client.refuses(of("config", "globex-web"))?, &http(403));
    has(&client.refuses(call("revoke", json!({ "id": known.heroku_api_key_id })))?, &http(404));
    let unfit = json!({ "app": APP, "vars": { "NO-HYPHENS": "1" } });
    let invalid = client.refuses(call("set", unfit))?;
    has(&invalid, &http(422));
    says(&invalid, "invalid_params");
    for (standing, status) in [(Standing::Delinquent, 402), (Standing::Suspended, 403)] {
        lab.knobs(|knobs| knobs.heroku.standing = standing);
        has(&client.refuses(call("account", json!({})))?, &http(status));
    }
    lab.knobs(|knobs| knobs.heroku.standing = Standing::Good);
    lab.fault(
        FaultRule::new(Vendor::Heroku, FaultKind::Error5xxBefore { status: 503 })
            .on("GET", "^/account")
            .times(2),
    );
    has(&client.refuses(call("account", json!({})))?, &http(503));
    lab.set_heroku_rate_remaining(0);
    let limit = client.refuses(call("account", json!({})))?;
    has(&limit, &json!({ "class": "RateLimitExceeded" }));
    says(&limit, "rate_limit");
    // The question for what is left is free.
    let left = client.gives(call("rate", json!({})))?;
    assert!(left["remaining"].as_u64().is_some_and(|left| left <= 2), "{left}");
    Ok(())
}

/// The command line: 395 MB and minutes to install, so only where everything is tried.
#[test]
fn herokus_own_command_line_sees_heroku() -> Result<()> {
    if !e2e::full() {
        return Ok(());
    }
    let Some(counter) = counter(Set::Heroku)? else { return Ok(()) };
    let lab = counter.lab();
    let known = lab.credentials();
    let heroku = |token: &str| {
        counter
            .command("heroku")
            .env("HEROKU_API_KEY", token)
            .env("HEROKU_HOST", &lab.urls().heroku)
            // It asks for the account and its teams here, with the token.
            .env("HEROKU_PARTICLEBOARD_URL", &lab.urls().heroku)
            .env("DISABLE_TELEMETRY", "1")
            .env("HEROKU_SKIP_NEW_VERSION_CHECK", "1")
    };
    let ours = heroku(&known.heroku_management_token);

    let who = ours.run(&["auth:whoami"])?.is(0)?;
    assert_eq!(who.stdout.trim(), known.heroku_email);
    let made = ours.run(&["authorizations:create", "-d", "by hand", "--json"])?.is(0)?;
    let made: Value = serde_json::from_str(&made.stdout).map_err(|error| error.to_string())?;
    let token = made["access_token"]["token"].as_str().ok_or("no token")?.to_owned();
    assert!(lab.inspect().heroku_honours(&token));
    let id = made["id"].as_str().ok_or("no id")?;
    let _ = ours.run(&["authorizations:rotate", id])?.is(0)?;
    assert!(!lab.inspect().heroku_honours(&token), "it is replaced in place");
    let _ = ours.run(&["authorizations:revoke", id])?.is(0)?;
    assert!(lab.inspect().heroku_authorizations().iter().all(|one| one.id != id));
    let _ = ours.run(&["config:set", "LOG_LEVEL=debug", "--app", APP])?.is(0)?;
    let level = ours.run(&["config:get", "LOG_LEVEL", "--app", APP])?.is(0)?;
    assert_eq!(level.stdout.trim(), "debug");
    let _ = ours.run(&["ps:restart", "--app", APP])?.is(0)?;

    // This command shows what the vendor says, the others what that means.
    let dead = heroku(&token).run(&["auth:whoami"])?.is(2)?;
    assert!(dead.stderr.contains("Invalid credentials provided."), "{dead}");
    assert!(dead.stderr.contains("Error ID: unauthorized"), "{dead}");
    let dead = heroku(&token).run(&["config", "--app", APP])?.is(1)?;
    assert!(dead.stderr.contains("The token provided to HEROKU_API_KEY is invalid"), "{dead}");
    let narrow = heroku(&known.heroku_read_only_token).run(&["config", "--app", APP])?.is(2)?;
    assert!(narrow.stderr.contains("forbidden"), "{narrow}");
    let missing = ours.run(&["config", "--app", "no-such-app"])?.is(2)?;
    assert!(missing.stderr.contains("Couldn't find that app."), "{missing}");
    // Calls come back one after the other, and it takes seconds to start.
    lab.fault(FaultRule::new(Vendor::Heroku, FaultKind::Status429 { retry_after: None }));
    let limit = ours.run(&["config", "--app", APP])?.is(2)?;
    assert!(limit.stderr.contains("rate_limit"), "{limit}");
    Ok(())
}
