//! Goal: one process at a time acts, and everybody else is told and heard. Method: a rotation
//! that waits for a person in one process, and other processes beside it.

#![expect(clippy::expect_used, reason = "a helper of tests fails as a test does")]

use std::path::Path;

use e2e::crashes::open_rotation;
use e2e::journey::{OnTheirWay, stopped, taken_over};
use e2e::{Before, HEROKU, Operator, POSTMARK, Pairing, Restarts, Stage, full};

fn stage() -> Stage {
    Stage::new(Path::new(env!("CARGO_BIN_EXE_rollover"))).expect("a stage")
}

#[test]
fn a_second_process_is_told_who_acts_and_heard_by_the_first() {
    let stage = stage();
    e2e::members::work_as(&stage, "ops-1").expect("a member");
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let mut first = stage.rotate(&POSTMARK).start().expect("it starts");
    first.wait_for("YOUR STEP").expect("it waits for a person");

    let second = stage.rotate(&POSTMARK).run().and_then(|ended| ended.is(1)).expect("refused");
    assert!(second.stderr.contains("the lease is held by"), "{second}");
    assert!(second.stderr.contains("ops-1"), "{second}");
    assert!(second.stderr.contains(&first.pid().to_string()), "{second}");
    assert!(second.stderr.contains("hint:"), "{second}");

    // Looking is not acting.
    let id = open_rotation(&stage).expect("a rotation is open");
    let tasks =
        stage.rollover(&["task", "ls", "--json"]).run().and_then(|e| e.is(0)).expect("tasks");
    assert_eq!(tasks.json().expect("JSON")[0]["task"]["kind"], "create");

    // The click is made, and said from the other terminal.
    let operator = stage.lab().operator();
    stage.runtime().block_on(operator.generate_token(e2e::SERVER)).expect("a token");
    let done = stage.rollover(&["task", "done", &format!("{id}.create")]).run().expect("runs");
    // The first may have seen the token by itself, and then there is no such task any more.
    assert!(matches!(done.code, Some(0 | 2)), "{done}");
    first.wait_for("ok   create").expect("it goes on");
    first.wait_for("revoke     YOUR STEP").expect("it comes to the revocation");
    let late = stage.rollover(&["run", "rollback", &id]).run().and_then(|e| e.is(1));
    let late = late.expect("it is past the point of no return");
    assert!(late.stderr.contains("only goes forward"), "{late}");

    let world = stage.lab().inspect();
    let end = before.old[before.old.len() - 4..].to_owned();
    assert!(world.postmark_honours(&before.old));
    let delete = lab::TokenPick::EndsIn(end);
    stage.runtime().block_on(operator.delete_token(e2e::SERVER, &delete)).expect("deleted");
    let _ = first.finish().and_then(|ended| ended.is(0)).expect("it completes");
    before.completed(&stage, &POSTMARK, e2e::Restarts::Once).expect("everything is right");
}

#[test]
fn a_way_back_that_is_asked_for_at_another_terminal() {
    let stage = stage();
    let before = Before::of(&stage, &POSTMARK).expect("a token");
    let operator = Operator::at(&stage).expect("an operator");
    // Without an agreement it waits before the point of no return.
    let mut first = stage
        .rollover(&["rotate", POSTMARK.name, "--yes", "--wait"])
        .heard_by(operator.ear())
        .start()
        .expect("it starts");
    first.wait_for("ok   soak").expect("everybody is on the new token");
    let id = open_rotation(&stage).expect("a rotation is open");
    let told = stage
        .rollover(&["run", "rollback", &id, "--reason", "changed our minds"])
        .run()
        .and_then(|ended| ended.is(0))
        .expect("told");
    assert!(told.stderr.contains("it was told"), "{told}");
    let ended = first.finish().and_then(|ended| ended.is(11)).expect("it goes back");
    assert!(ended.stdout.contains("changed our minds"), "{ended}");
    assert_eq!(
        operator.leave().expect("the operator could do it"),
        2,
        "one token made, one deleted"
    );
    before.rolled_back(&stage, &POSTMARK).expect("everything is as before");
}

/// Goal: whoever lost the lease while it was stopped changes nothing any more, with every kind of
/// connector that changes a vendor or a file. Method: stopped right before each change, taken over
/// from, woken. A sample here; all with `ROLLOVER_FULL=1`.
#[test]
fn a_process_that_was_taken_over_from_lets_no_change_leave() {
    let pairings = Pairing::cover().expect("every kind has its place in the lab");
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let woken = stopped(binary, &pairings, if full() { 1 } else { 2 }, 6);
    let wrong: Vec<String> = woken.iter().flat_map(|one| one.wrong.clone()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let sum = |of: fn(&e2e::journey::Woken) -> usize| woken.iter().map(of).sum::<usize>();
    let (stopped, kept_out) = (sum(|one| one.stopped), sum(|one| one.kept_out));
    println!("{stopped} stopped, {kept_out} of them kept the other one out");
    assert_eq!(stopped, sum(|one| one.right) + kept_out);
    assert!(stopped > 2 * pairings.len());
    // Whoever is stopped while it changes a file keeps that to itself, always.
    assert!(kept_out * 3 <= stopped, "{kept_out} of {stopped} kept the other one out");
}

/// Goal: the same where several consumers are written side by side. Method: the stop comes before
/// one of them, and the others are anywhere by then. What had asked for the lease before it, and
/// was on its way, is not promised to stay; everything else is.
#[test]
fn what_was_begun_side_by_side_does_not_leave_either() {
    let mut stage = stage();
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("instants");
    // Before which change it is stopped, how often in vain before this one, and how often for good.
    let (mut change, mut in_vain, mut kept_out) = (1, 0, 0);
    loop {
        let _ = std::fs::remove_file(&log);
        stage.again().expect("put back");
        let before = Before::of(&stage, &HEROKU).expect("a token");
        let first = stage.rotate(&HEROKU).stop_before(change).env("ROLLOVER_CRASH_LOG", &log);
        let first = first.start().expect("it starts");
        if !first.stops().expect("it stops or ends") {
            let _ = first.finish().and_then(|ended| ended.is(0)).expect("it completes");
            assert!(change > 6, "a rotation has more changes than {change}");
            // Whoever is stopped while it changes a file keeps that to itself.
            assert!(kept_out * 3 <= change, "{kept_out} of {change} kept the other one out");
            return;
        }
        let on_their_way = OnTheirWay::by(&log).expect("a log");
        let other = taken_over(&|| stage.rotate(&HEROKU), &first).expect("taken over");
        let Some(other) = other else {
            let _ended = first.finish().expect("it ends");
            in_vain += 1;
            if in_vain == 5 {
                (change, in_vain, kept_out) = (change + 1, 0, kept_out + 1);
            }
            continue;
        };
        in_vain = 0;
        let _ = other.is(0).expect("the other one completes it");
        stage.lab().forget_requests();
        first.wake().expect("it is there");
        let ended = first.finish().and_then(|ended| ended.is(1)).expect("it has to give up");
        assert!(ended.stderr.contains("the lease went to"), "{ended}");
        let changes = stage.lab().requests().into_iter();
        let changes = changes.filter(|one| one.took_effect && !one.from_app);
        let late: Vec<_> = changes.filter(|one| !one.path.ends_with("/login")).collect();
        assert!(
            late.iter().all(|one| on_their_way.has(one)),
            "before change {change}: {late:?}; on their way: {on_their_way}\n{ended}"
        );
        let restarts = if late.is_empty() { Restarts::Once } else { Restarts::Any };
        before.completed(&stage, &HEROKU, restarts).expect("everything is right");
        change += 1;
    }
}
