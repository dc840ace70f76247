//! GitHub: npm `@octokit/rest`, and the command line `gh`.
//! <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api>

use std::fs;

use e2e::Result;
use e2e::clients::{Command, Counter, Set, call};
use e2e::hardening::skipped;
use e2e::tls::Certificate;
use lab::{FaultKind, FaultRule, SecretScope, Vendor};
use serde_json::{Value, json};

use super::{counter, has, says};

#[test]
fn octokit_sees_github() -> Result<()> {
    let Some(counter) = counter(Set::Node)? else { return Ok(()) };
    let lab = counter.lab();
    let known = lab.credentials();
    let always = json!({ "base": lab.urls().github, "token": known.github_token });
    let mut client = counter.session("octokit", always)?;
    let of = |name: &str, more: Value| {
        let mut given = json!({ "owner": "acme", "repo": "api" });
        if let (Some(given), Value::Object(more)) = (given.as_object_mut(), more) {
            given.extend(more);
        }
        call(name, json!({ "args": [given] }))
    };
    let with = |mut call: Value, token: &str| {
        call["token"] = token.into();
        call
    };

    let user = client.gives(call("users.getAuthenticated", json!({})))?;
    has(&user["data"], &json!({ "login": "acme-ops" }));
    let key = client.gives(of("actions.getRepoPublicKey", json!({})))?;
    let key = key["data"]["key_id"].as_str().ok_or("no key")?.to_owned();
    let name = json!({ "secret_name": "HEROKU_API_KEY" });
    let secret = client.gives(of("actions.getRepoSecret", name.clone()))?;
    has(&secret["data"], &json!({ "name": "HEROKU_API_KEY" }));
    assert_eq!(secret["data"].get("value"), None, "a value is never read back");
    let begun = json!({ "workflow_id": "deploy-staging.yml", "ref": "main" });
    for _ in 0..3 {
        let told = client.gives(of("actions.createWorkflowDispatch", begun.clone()))?;
        assert_eq!(told["status"], json!(204));
    }
    // A list is read to its end by the links between its pages.
    let list = json!({ "owner": "acme", "repo": "api", "per_page": 2 });
    let runs = json!({ "args": ["GET /repos/{owner}/{repo}/actions/runs", list] });
    let runs = client.gives(call("all", runs))?;
    assert_eq!(runs.as_array().map(Vec::len), Some(3), "{runs:#}");
    let alert = lab.open_github_alert("heroku_api_key", &known.heroku_api_key);
    let alert = json!({ "alert_number": alert });
    let open = client.gives(of("secretScanning.getAlert", alert.clone()))?;
    has(&open["data"], &json!({ "state": "open" }));
    let gone = client.gives(of("actions.deleteRepoSecret", name.clone()))?;
    assert_eq!(gone["status"], json!(204));

    let told = |status: u16| json!({ "name": "HttpError", "status": status });
    let mine = || call("users.getAuthenticated", json!({}));
    let bad = client.refuses(with(mine(), "ghp_nobodys"))?;
    has(&bad, &told(401));
    says(&bad, "Bad credentials");
    let none = client.refuses(with(mine(), ""))?;
    has(&none, &told(401));
    says(&none, "Requires authentication");
    // What one may not see is not there.
    let other = with(of("actions.listRepoSecrets", json!({})), &known.github_powerless_token);
    has(&client.refuses(other)?, &told(404));
    has(&client.refuses(of("actions.getRepoSecret", name))?, &told(404));
    lab.knobs(|knobs| knobs.github.secret_scanning = false);
    let off = client.refuses(of("secretScanning.getAlert", alert))?;
    has(&off, &told(404));
    says(&off, "Secret scanning is disabled on this repository.");
    let wrong = json!({ "workflow_id": "deploy-staging.yml", "ref": "no-such-branch" });
    let wrong = client.refuses(of("actions.createWorkflowDispatch", wrong))?;
    has(&wrong, &told(422));
    says(&wrong, "No ref found for: no-such-branch");
    for (secret, sealed, key) in [
        ("GITHUB_TOKEN", "AAAA", key.as_str()),
        ("NEW", "AAAA", key.as_str()),
        ("NEW", "AAAA", "1"),
    ] {
        let put = json!({ "secret_name": secret, "encrypted_value": sealed, "key_id": key });
        has(&client.refuses(of("actions.createOrUpdateRepoSecret", put))?, &told(422));
    }
    let fault = |kind| lab.fault(FaultRule::new(Vendor::Github, kind).times(1));
    fault(FaultKind::Status429 { retry_after: Some(60) });
    let second = client.refuses(mine())?;
    has(&second, &told(429));
    has(&second["headers"], &json!({ "retry-after": "60" }));
    says(&second, "secondary rate limit");
    fault(FaultKind::Error5xxBefore { status: 502 });
    has(&client.refuses(mine())?, &told(502));
    lab.set_github_rate_remaining(0);
    let limit = client.refuses(mine())?;
    has(&limit, &told(403));
    has(&limit["headers"], &json!({ "x-ratelimit-remaining": "0" }));
    says(&limit, "API rate limit exceeded");
    let left = client.gives(call("rateLimit.get", json!({})))?;
    has(&left["data"]["rate"], &json!({ "remaining": 0, "limit": 5_000 }));
    Ok(())
}

/// `gh` on the lab's socket, logged in with this token.
fn gh(counter: &Counter, token: &str) -> Result<Command> {
    let config = counter.place().join("gh");
    let ours = || {
        let home = config.display().to_string();
        counter.command("gh").env("GH_CONFIG_DIR", &home).env("GH_NO_UPDATE_NOTIFIER", "1")
    };
    let socket = counter.place().join("github.sock").display().to_string();
    let _ = ours().run(&["config", "set", "http_unix_socket", &socket])?.is(0)?;
    Ok(ours().env("GH_TOKEN", token))
}

#[test]
fn gh_sees_github() -> Result<()> {
    let Some(counter) = counter(Set::Python)? else { return Ok(()) };
    let lab = counter.lab();
    let known = lab.credentials();
    let ours = || gh(&counter, &known.github_token);
    let repo = "acme/api";

    let status = ours()?.run(&["auth", "status"])?.is(0)?;
    assert!(status.stdout.contains("acme-ops") || status.stderr.contains("acme-ops"), "{status}");
    let user = ours()?.run(&["api", "user", "--jq", ".login"])?.is(0)?;
    assert_eq!(user.stdout.trim(), "acme-ops");
    // Sealed by gh, opened by the lab: twice, since a new one is 201 and one that was there 204.
    let production = SecretScope::Environment("production".into());
    for (value, args) in [
        ("one", vec!["secret", "set", "NEW", "-R", repo]),
        ("two", vec!["secret", "set", "NEW", "-R", repo]),
        ("three", vec!["secret", "set", "NEW", "-R", repo, "--env", "production"]),
        ("four", vec!["secret", "set", "NEW", "-R", repo, "--app", "dependabot"]),
        ("five", vec!["secret", "set", "NEW", "--org", "acme", "--visibility", "all"]),
    ] {
        let _ = ours()?.input(value).run(&args)?.is(0)?;
    }
    let seen = lab.inspect();
    for (scope, value) in [
        (&SecretScope::Repo, "two"),
        (&production, "three"),
        (&SecretScope::Dependabot, "four"),
        (&SecretScope::Org, "five"),
    ] {
        assert_eq!(seen.github_secret(scope, "NEW").as_deref(), Some(value), "{scope:?}");
    }
    let listed = ours()?.run(&["secret", "list", "-R", repo])?.is(0)?;
    assert!(listed.stdout.contains("HEROKU_API_KEY") && listed.stdout.contains("NEW"), "{listed}");
    let _ = ours()?.run(&["secret", "delete", "NEW", "-R", repo])?.is(0)?;
    assert_eq!(lab.inspect().github_secret(&SecretScope::Repo, "NEW"), None);
    let _ = ours()?.run(&["workflow", "run", "deploy-staging.yml", "-R", repo])?.is(0)?;
    let run = ["run", "list", "-R", repo, "--json", "databaseId", "--jq", ".[0].databaseId"];
    let run = ours()?.run(&run)?.is(0)?;
    let watch = ["run", "watch", run.stdout.trim(), "-R", repo, "--exit-status", "--interval", "1"];
    let _ = ours()?.run(&watch)?.is(0)?;
    let pages = "repos/acme/api/environments/production/secrets?per_page=1";
    let all = ours()?.run(&["api", pages, "--paginate", "--jq", ".secrets[].name"])?.is(0)?;
    assert_eq!(all.stdout.lines().collect::<Vec<_>>(), ["DEPLOY_KEY", "NEW"], "{all}");

    let nobody = gh(&counter, "ghp_nobodys")?.run(&["secret", "list", "-R", repo])?.is(1)?;
    assert!(nobody.stderr.contains("HTTP 401: Bad credentials"), "{nobody}");
    let none = counter.command("gh").run(&["api", "user"])?.is(4)?;
    assert!(none.stderr.contains("GH_TOKEN"), "{none}");
    let other = gh(&counter, &known.github_powerless_token)?;
    let hidden = other.run(&["secret", "list", "-R", repo])?.is(1)?;
    assert!(hidden.stderr.contains("HTTP 404: Not Found"), "{hidden}");
    let named = ours()?.input("x").run(&["secret", "set", "GITHUB_X", "-R", repo])?.is(1)?;
    assert!(named.stderr.contains("HTTP 422: Secret names can only contain"), "{named}");
    lab.fault(
        FaultRule::new(Vendor::Github, FaultKind::Status429 { retry_after: Some(60) })
            .on("GET", "^/user")
            .times(1),
    );
    let second = ours()?.run(&["api", "user"])?.is(1)?;
    assert!(second.stderr.contains("secondary rate limit"), "{second}");
    lab.set_github_rate_remaining(0);
    let limit = ours()?.run(&["api", "user"])?.is(1)?;
    assert!(limit.stderr.contains("HTTP 403") || limit.stderr.contains("rate limit"), "{limit}");
    Ok(())
}

#[test]
fn gh_sees_a_server_of_ones_own_over_tls() -> Result<()> {
    let Some(counter) = counter(Set::Python)? else { return Ok(()) };
    let Some(certificate) = Certificate::new(counter.place())? else {
        skipped("gh insists on TLS for a server of one's own, and there is no openssl");
        return Ok(());
    };
    let lab = counter.lab();
    let known = lab.credentials();
    let door = certificate.before(&lab.urls().github.replace("http://", ""))?;
    let home = counter.place().join("gh-server");
    fs::create_dir(&home).map_err(|error| error.to_string())?;
    let gh = |token: &str| {
        counter
            .command("gh")
            .env("GH_CONFIG_DIR", &home.display().to_string())
            .env("GH_HOST", &door.to_string())
            .env("GH_ENTERPRISE_TOKEN", token)
            .env("SSL_CERT_FILE", &certificate.file.display().to_string())
    };
    let repo = format!("{door}/acme/api");
    let ours = gh(&known.github_token);
    let _ = ours.run(&["secret", "list", "-R", &repo])?.is(0)?;
    let _ =
        gh(&known.github_token).input("six").run(&["secret", "set", "NEW", "-R", &repo])?.is(0)?;
    let set = lab.inspect().github_secret(&SecretScope::Repo, "NEW");
    assert_eq!(set.as_deref(), Some("six"));
    let nobody = gh("ghp_nobodys").run(&["secret", "list", "-R", &repo])?.is(1)?;
    assert!(nobody.stderr.contains("HTTP 401: Bad credentials"), "{nobody}");
    Ok(())
}
