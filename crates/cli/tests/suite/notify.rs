//! People who do not watch are told, in threads and with signatures, of everything and of no
//! value; and a channel that does not work holds nothing up.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::{HEROKU, Operator, POSTMARK, Result, Stage};

const SENDER: &str = "acme-alerts";

fn put(stage: &Stage, name: &str, value: &str) -> Result<()> {
    let path = stage.directory().join("credentials").join(name);
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(value.as_bytes()))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// A stage whose inventory has a channel of each kind.
fn stage() -> Result<Stage> {
    let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
    let lab = stage.lab();
    let mail = lab.credentials().postmark_tokens.get(SENDER).and_then(|all| all.first().cloned());
    put(&stage, "slack", &lab.slack_token())?;
    put(&stage, "slack-hook", &lab.slack_hook())?;
    put(&stage, "mail", &mail.ok_or("no server for mails")?)?;
    put(&stage, "receiver", &lab.receiver_secret())?;
    let (slack, postmark, receiver) = (lab.slack_url(), lab.urls().postmark, lab.receiver_url());
    let channels = format!(
        "\n[notify.team]\nkind = \"slack\"\nurl = \"{slack}\"\nchannel = \"C-ops\"\nauth = {{ file = \"credentials/slack\" }}\n\
         events = [\"run.started\", \"run.done\", \"task.waiting\", \"approval.needed\"]\n\
         [notify.hall]\nkind = \"slack-webhook\"\nauth = {{ file = \"credentials/slack-hook\" }}\nevents = [\"run.done\"]\n\
         [notify.post]\nkind = \"mail\"\nurl = \"{postmark}\"\nfrom = \"noreply@acme.example\"\nto = \"ops@example.com\"\n\
         auth = {{ file = \"credentials/mail\" }}\nevents = [\"run.done\", \"channel.dead\"]\n\
         [notify.desk]\nkind = \"webhook\"\nurl = \"{receiver}\"\nauth = {{ file = \"credentials/receiver\" }}\n"
    );
    stage.edit("rollover.toml", |text| text + &channels)?;
    Ok(stage)
}

fn rotate(stage: &Stage) -> Result<()> {
    let operator = Operator::at(stage)?;
    let _ = stage.rotate(&POSTMARK).heard_by(operator.ear()).run()?.is(0)?;
    let _clicks = operator.leave()?;
    Ok(())
}

/// Goal: one rotation is one thread whose first message tells how it stands; a program can check
/// what it gets; a mail comes; and no value is anywhere. Method: a rotation, and what the lab's
/// Slack, mailbox and receiver have.
#[test]
fn a_rotation_is_told_on_every_channel() -> Result<()> {
    let stage = stage()?;
    let old = stage.lab().credentials().postmark_server_token;
    rotate(&stage)?;
    let said = stage.lab().slack_messages();
    let team: Vec<_> = said.iter().filter(|one| one.channel == "C-ops").collect();
    let (first, replies) = team.split_first().ok_or("nothing was said")?;
    assert!(replies.len() >= 3, "{team:?}");
    assert!(
        first.thread.is_none() && replies.iter().all(|one| one.thread.as_ref() == Some(&first.ts))
    );
    assert!(
        first.text.contains("is rotated") && first.edits as usize == replies.len(),
        "{first:?}"
    );
    assert!(replies.iter().any(|one| one.text.contains("waits for ops to create a token")));
    assert!(said.iter().any(|one| one.channel == "by-hook" && one.text.contains("is rotated")));
    let received = stage.lab().received();
    assert!(received.iter().all(|one| one.status == 200), "{received:?}");
    let mut ids: Vec<_> = received.iter().map(|one| one.id.clone()).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "each was said once");
    assert!(all >= 5, "{received:?}");
    let mails = stage.lab().inspect().mails();
    let told = mails.iter().filter(|mail| mail.subject.contains("is rotated")).count();
    assert_eq!(told, 1, "{mails:?}");
    let texts = said.iter().map(|one| &one.text).chain(received.iter().map(|one| &one.body));
    let new = stage.lab().inspect().infisical_value("prod", POSTMARK.key).ok_or("no value")?;
    for text in texts {
        assert!(!text.contains(&old) && !text.contains(&new), "{text}");
    }
    let again = stage.rollover(&["notify", "flush", "--json"]).run()?.is(0)?.json()?;
    assert_eq!(again["said"], 0, "nothing is said twice: {again}");
    Ok(())
}

/// Goal: a channel whose login is dead holds up no rotation, is told of on another one, and shows
/// in `status`. Method: Slack's token is revoked before the rotation.
#[test]
fn a_dead_channel_is_told_of_elsewhere_and_holds_nothing_up() -> Result<()> {
    let stage = stage()?;
    stage.lab().revoke_slack();
    rotate(&stage)?;
    assert!(stage.lab().slack_messages().iter().all(|one| one.channel != "C-ops"));
    let flushed = stage.rollover(&["notify", "flush"]).run()?.is(1)?;
    assert!(flushed.stderr.contains("team: the login is dead"), "{flushed}");
    let mails = stage.lab().inspect().mails();
    assert!(
        mails.iter().any(|mail| mail.subject.contains("`team` refuses its login")),
        "{mails:?}"
    );
    let status = stage.rollover(&["status"]).run()?.is(0)?;
    assert!(status.stdout.contains("(!) channel team:"), "{status}");
    Ok(())
}

/// Goal: what could not be said for a while is said later, in order and once. Method: Slack
/// answers 429 for some calls.
#[test]
fn what_was_too_much_is_said_later() -> Result<()> {
    let stage = stage()?;
    stage.lab().slack_is_busy(4);
    rotate(&stage)?;
    for _ in 0..5 {
        let _any = stage.rollover(&["notify", "flush"]).run()?;
    }
    let _ = stage.rollover(&["notify", "flush"]).run()?.is(0)?;
    let said = stage.lab().slack_messages();
    let team: Vec<_> = said.iter().filter(|one| one.channel == "C-ops").collect();
    assert!(team.first().is_some_and(|one| one.thread.is_none()), "{team:?}");
    let done = team.iter().skip(1).filter(|one| one.text.contains("is rotated")).count();
    assert_eq!(done, 1, "{team:?}");
    let listed = stage.rollover(&["notify", "ls", "--json"]).run()?.is(0)?.json()?;
    assert!(
        listed.as_array().is_some_and(|all| all.iter().all(|one| one["unsaid"] == 0)),
        "{listed:#}"
    );
    let _ = stage.rollover(&["notify", "test", "team"]).run()?.is(0)?;
    // A mail's id looks like a token and is none: it is what a mail is found by at the vendor.
    let posted = stage.rollover(&["notify", "test", "post", "--json"]).run()?.is(0)?.json()?;
    let receipt = posted[0]["receipt"].as_str().unwrap_or_default();
    let id = receipt.strip_prefix("MessageID ").ok_or_else(|| format!("no receipt: {posted}"))?;
    assert_eq!((id.len(), id.matches('-').count()), (36, 4), "it is hidden: {posted}");
    Ok(())
}

/// Goal: a wrong channel is refused with its place. Method: each mistake once.
#[test]
fn a_channel_that_is_wrong_is_refused_with_its_place() -> Result<()> {
    for (wrong, said) in [
        ("kind = \"slak\"", "did you mean `slack`"),
        ("kind = \"slack\"\nchannel = \"x\"", "needs `auth`"),
        ("kind = \"mail\"\nfrom = \"a\"\nauth = { env = \"X\" }", "needs `to`"),
        (
            "kind = \"slack\"\nchannel = \"x\"\nauth = { secret = \"prod/HEROKU_API_KEY\" }",
            "a login of its own",
        ),
        (
            "kind = \"slack\"\nchannel = \"x\"\nauth = { env = \"X\" }\nevents = [\"run.dne\"]",
            "run.done",
        ),
        (
            "kind = \"slack\"\nchannel = \"x\"\nauth = { env = \"X\" }\nquiet = [\"always\"]",
            "not a window",
        ),
    ] {
        let stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover")))?;
        stage.edit("rollover.toml", |text| format!("{text}\n[notify.x]\n{wrong}\n"))?;
        let ended = stage.rollover(&["config", "check"]).run()?.is(2)?;
        assert!(ended.stderr.contains(said) && ended.stderr.contains("rollover.toml"), "{ended}");
    }
    Ok(())
}

/// Who has received this event, with this text in it.
fn told(stage: &Stage, event: &str, text: &str) -> usize {
    let received = stage.lab().received();
    received.iter().filter(|one| one.body.contains(event) && one.body.contains(text)).count()
}

/// Goal: who does not look hears of a drift and of a leak, once, whatever found it. Method: a config
/// var is changed by hand before a single look, and another one while looks are repeated; then a
/// leak is answered.
#[test]
fn a_drift_and_a_leak_are_told() -> Result<()> {
    let stage = stage()?;
    let _ = stage.rollover(&["drift", "--record"]).run()?;
    let before = told(&stage, "\"drift\"", "");
    let planted = |app: &str| stage.lab().set_config_var(app, HEROKU.key, Some("somebody-s own"));
    planted("acme-api-staging");
    for _ in 0..2 {
        let _ = stage.rollover(&["drift", "--record"]).run()?;
    }
    assert_eq!(told(&stage, "\"drift\"", "acme-api-staging"), 1, "{:?}", stage.lab().received());
    assert_eq!(told(&stage, "\"drift\"", ""), before + 1);

    let mut looks = stage.rollover(&["drift", "--watch", "--every", "1s"]).start()?;
    looks.wait_for("looking every")?;
    planted("acme-api-prod");
    let begun = Instant::now();
    while told(&stage, "\"drift\"", "acme-api-prod") == 0 {
        assert!(
            !looks.has_ended() && begun.elapsed() < Duration::from_secs(30),
            "{}",
            looks.said()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(looks);

    let _ = stage.rollover(&["leak", "respond", POSTMARK.name]).run()?.is(12)?;
    assert_eq!(told(&stage, "leak.found", POSTMARK.name), 1, "{:?}", stage.lab().received());
    Ok(())
}
