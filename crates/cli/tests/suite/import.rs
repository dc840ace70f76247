//! Goal: what exists at the vendors and here is found and proposed as entries that the inventory
//! takes, written only when somebody says so; tokens that nobody answers for are shown and can be
//! adopted. Method: an inventory of the lab from which something was left out.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use e2e::{Ended, HEROKU, POSTMARK, Rollover, SERVER, Stage};

const HEROKU_FILE: &str = "secrets/heroku-api-key.toml";

/// A lab whose inventory does not know the Heroku token, nor that staging sends mail.
fn stage() -> Stage {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage");
    let token = stage.lab().credentials().heroku_management_token;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(stage.directory().join("credentials/heroku"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, token.as_bytes()))
        .expect("written");
    let own = "auth = { file = \"credentials/heroku\" }";
    let shared = "auth = { secret = \"prod/HEROKU_API_KEY\" }";
    stage.edit("rollover.toml", |text| text.replace(shared, own)).expect("edited");
    fs::remove_file(stage.directory().join(HEROKU_FILE)).expect("removed");
    let staging = "[[consumers]]\nname = \"API (staging)\"\nkind = \"heroku-config\"\nvia = \"heroku\"\n\
                   app = \"acme-api-staging\"\nproduction = false         # goes first\n\n";
    let file = "secrets/postmark-server-token.toml";
    stage.edit(file, |text| text.replace(staging, "")).expect("edited");
    stage
}

fn run(stage: &Stage, args: &[&str], code: i32) -> Ended {
    stage.rollover(args).run().and_then(|ended| ended.is(code)).expect("the expected end")
}

#[test]
fn what_exists_is_proposed_and_written_when_somebody_says_so() {
    let stage = stage();
    let credentials = stage.lab().credentials();
    let repo = credentials.github_repo.clone();
    let workflows = stage.directory().join(".github/workflows");
    fs::create_dir_all(&workflows).expect("made");
    let text = "env:\n  A: ${{ secrets.POSTMARK_API_TOKEN }}\n  B: ${{ secrets.HEROKU_API_KEY }}\n";
    fs::write(workflows.join("deploy.yml"), text).expect("written");

    let shown = run(&stage, &["secret", "import", "--repo", &repo], 10);
    for words in [
        "--- secrets/heroku-api-key.toml",
        "name = \"HEROKU_API_KEY\"",
        "app = \"acme-console-prod\"",
        "path = \"operator.env\"",
        "enabled = false   # cannot be read, written ",
        "heroku:acme-api-staging holds the token of prod/POSTMARK_SERVER_TOKEN",
        "a workflow reads `POSTMARK_API_TOKEN`, and nothing here holds it",
    ] {
        assert!(shown.stdout.contains(words), "{words}: {shown}");
    }
    assert!(!shown.stdout.contains("reads `HEROKU_API_KEY`"), "{shown}");
    for value in [&credentials.heroku_api_key, &credentials.postmark_server_token] {
        let all = format!("{}{}", shown.stdout, shown.stderr);
        assert!(!all.contains(value.as_str()), "it shows a value");
    }
    assert!(!stage.directory().join(HEROKU_FILE).exists(), "nothing is written unasked");

    let written = run(&stage, &["secret", "import", "--repo", &repo, "--yes"], 0);
    assert!(written.stdout.contains("wrote secrets/heroku-api-key.toml"), "{written}");
    let _ = run(&stage, &["config", "check"], 0);
    let again = run(&stage, &["secret", "import", "--repo", &repo, "--json"], 0);
    let again = again.json().expect("JSON");
    assert_eq!(again["proposals"].as_array().map(Vec::len), Some(0), "{again}");
    // What was proposed is what a rotation needs, once its store has the token.
    let import = ["secret", "import", HEROKU.name, "--token-stdin"];
    let _ = stage.rollover(&import).input(&credentials.heroku_api_key).run().expect("imported");
    let drift = run(&stage, &["drift", HEROKU.name], 0);
    assert!(drift.stdout.contains("5/5"), "four apps and a file hold it: {drift}");
}

#[test]
fn a_token_that_nobody_answers_for_is_shown_and_adopted() {
    let stage = stage();
    let token = stage.lab().add_postmark_token(SERVER).expect("there is room");
    let shown = run(&stage, &["secret", "import", "--json"], 10).json().expect("JSON");
    let strangers = shown["unknown_tokens"].as_array().expect("a list");
    let at = |issuer: &str| strangers.iter().filter(|one| one["issuer"] == issuer).count();
    assert_eq!(at("postmark-acme-prod"), 1, "{shown}");
    let heroku = strangers.iter().find(|one| one["issuer"] == "heroku-acme").expect("one");
    assert!(heroku["token"]["created"].is_string(), "the vendor tells its age: {heroku}");
    let mail = strangers.iter().find(|one| one["issuer"] == "postmark-acme-prod").expect("it");
    let print = mail["token"]["fingerprint"].as_str().expect("a fingerprint").to_owned();

    let adopt = ["secret", "adopt", POSTMARK.name, print.as_str()];
    let _nobody_is_asked = run(&stage, &adopt, 10);
    let before = fs::read_to_string(stage.directory().join("secrets/postmark-server-token.toml"))
        .expect("it is there");
    let _ = run(&stage, &["secret", "adopt", POSTMARK.name, &print, "--yes"], 0);
    let after = fs::read_to_string(stage.directory().join("secrets/postmark-server-token.toml"))
        .expect("it is there");
    let added: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    assert_eq!(added, [format!("known = [\"{print}\"]")]);
    assert!(before.lines().all(|line| after.contains(line)), "every other line stays");
    let plan = run(&stage, &["plan", POSTMARK.name], 0);
    assert!(!plan.stdout.contains("not known"), "{plan}");
    let again = run(&stage, &["secret", "import", "--json"], 10).json().expect("JSON");
    let strangers = again["unknown_tokens"].as_array().expect("a list");
    assert!(strangers.iter().all(|one| one["issuer"] != "postmark-acme-prod"), "{again}");
    let _ = run(&stage, &["secret", "adopt", POSTMARK.name, "no-such-token", "--yes"], 1);
    assert!(stage.lab().inspect().postmark_honours(&token), "nothing was done to it");
}

/// `rollover init` in an empty directory with a `.env`, and a Heroku login in the environment.
fn init(stage: &Stage, name: &str, login: &str, more: &[&str]) -> (std::path::PathBuf, Ended) {
    let (directory, begun) = beginning(stage, name, login, more);
    (directory, begun.run().expect("it ends"))
}

/// The same, not yet run.
fn beginning(
    stage: &Stage,
    name: &str,
    login: &str,
    more: &[&str],
) -> (std::path::PathBuf, Rollover) {
    let directory = stage.home().join(name);
    fs::create_dir_all(&directory).expect("made");
    let token = stage.lab().credentials().postmark_server_token;
    fs::write(directory.join(".env"), format!("A=1\nPOSTMARK_SERVER_TOKEN={token}\n"))
        .expect("written");
    let urls = stage.lab().urls();
    let at = [format!("heroku={}", urls.heroku), format!("postmark={}", urls.postmark)];
    let mut args = vec!["init", "--url", &at[0], "--url", &at[1]];
    args.extend(more);
    if !more.contains(&"--org") {
        args.extend(["--org", "acme"]);
    }
    let begun = Rollover::new(stage.binary(), &directory, &stage.home()).args(&args);
    (directory, begun.env("HEROKU_API_KEY", login))
}

/// Goal: what is at hand is taken up, its vendors are asked only when somebody says so, and no value
/// stands in a file. Method: the same beginning, asked and not asked, and with a login that is
/// refused; then what exists is imported with what was written.
#[test]
fn a_beginning_takes_up_what_is_at_hand() {
    let stage = stage();
    let credentials = stage.lab().credentials();
    let login = credentials.heroku_management_token.clone();
    let before = stage.lab().requests().len();

    let (silent, ended) = init(&stage, "silent", &login, &[]);
    let ended = ended.is(0).expect("made");
    assert!(ended.stderr.contains("with --ask"), "{ended}");
    assert_eq!(stage.lab().requests().len(), before, "nobody was asked");
    let main = fs::read_to_string(silent.join("rollover.toml")).expect("it is there");
    assert!(main.contains("auth = { env = \"HEROKU_API_KEY\" }"), "{main}");
    assert_eq!(main.matches("# fill in").count(), 2, "the server and the account: {main}");

    let (asked, ended) = init(&stage, "asked", &login, &["--ask"]);
    let ended = ended.is(0).expect("made");
    let main = fs::read_to_string(asked.join("rollover.toml")).expect("it is there");
    for words in
        [format!("server = \"{SERVER}\""), format!("account = \"{}\"", credentials.heroku_email)]
    {
        assert!(main.contains(&words), "{words}: {main}");
    }
    assert!(!main.contains("# fill in"), "{main}");
    for value in [&login, &credentials.postmark_server_token] {
        let all = format!("{main}{}{}", ended.stdout, ended.stderr);
        assert!(!all.contains(value.as_str()), "it shows a value");
    }
    let at = |args: &[&str]| {
        Rollover::new(stage.binary(), &asked, &stage.home())
            .args(args)
            .env("HEROKU_API_KEY", &login)
    };
    let _ = at(&["config", "check"]).run().and_then(|ended| ended.is(0)).expect("it is right");
    let import = ["secret", "import", "prod/POSTMARK_SERVER_TOKEN", "--token-stdin"];
    let _ = at(&import).input(&credentials.postmark_server_token).run().expect("imported");
    let shown = at(&["secret", "import"]).run().expect("it ends");
    assert!(shown.stdout.contains("heroku:acme-api-prod holds the token of"), "{shown}");

    let (refused, ended) = init(&stage, "refused", "HRKU-no-such-login", &["--ask"]);
    let ended = ended.is(0).expect("made all the same");
    assert!(ended.stdout.contains("(?) HEROKU_API_KEY: "), "{ended}");
    let main = fs::read_to_string(refused.join("rollover.toml")).expect("it is there");
    assert_eq!(main.matches("# fill in").count(), 1, "{main}");
}

#[test]
fn a_beginning_refuses_what_it_could_not_write() {
    let stage = stage();
    for (wrong, words) in [
        ("heroku", "write KIND=URL"),
        ("slack=https://slack.example.com", "there is no kind `slack`"),
        ("heroku=http://heroku.example.com", "https"),
    ] {
        let (directory, ended) = init(&stage, "wrong", "x", &["--url", wrong]);
        let ended = ended.is(2).expect("refused");
        assert!(ended.stderr.contains(words), "{words}: {ended}");
        assert!(
            !directory.join("rollover.toml").exists() && !directory.join("rollover.key").exists()
        );
    }
}

/// Goal: a vendor to which there is no way is told of, and the other one is asked all the same.
/// Method: a proxy in the environment over which no token may go, for an address that is not this
/// machine's; the lab's own is reached without it.
#[test]
fn a_vendor_that_cannot_be_asked_at_all_is_told_of() {
    let stage = stage();
    let far = ["--ask", "--url", "heroku=https://heroku.example.com"];
    for more in [&[][..], &["--json"]] {
        let name = format!("proxy{}", more.len());
        let (directory, begun) = beginning(&stage, &name, "x", &[&far[..], more].concat());
        let ended = begun.env("HTTPS_PROXY", "socks5://proxy.example:1080").run();
        let ended = ended.and_then(|ended| ended.is(0)).expect("made all the same");
        for words in ["HEROKU_API_KEY", "the connection `heroku` cannot be used", "socks5", SERVER]
        {
            assert!(ended.stdout.contains(words), "{words}: {ended}");
        }
        let main = fs::read_to_string(directory.join("rollover.toml")).expect("it is there");
        assert!(main.contains(&format!("server = \"{SERVER}\"")), "{main}");
        assert_eq!(main.matches("# fill in").count(), 1, "the account: {main}");
    }
}

#[test]
fn a_name_may_have_quotes_and_one_that_cannot_be_written_is_refused() {
    let stage = stage();
    let (directory, ended) = init(&stage, "quotes", "x", &["--org", "acme \"the second\"'s"]);
    let _made = ended.is(0).expect("made");
    let main = fs::read_to_string(directory.join("rollover.toml")).expect("it is there");
    assert!(main.contains("the second"), "{main}");
    let (directory, ended) = init(&stage, "steers", "x", &["--org", "ac\u{1}me"]);
    let ended = ended.is(2).expect("refused");
    assert!(ended.stderr.contains("see --url and --org"), "{ended}");
    assert!(!directory.join("rollover.toml").exists(), "nothing is written");
}
