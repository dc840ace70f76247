//! `rollover leak respond`: opens a case, says what the token reaches and what is due, and begins
//! the rotation if it was asked to.

use domain::leak::{Case, CaseId, Happened, Note};
use domain::{Act, Fingerprint, Mode, SecretName};
use engine::Engine;
use jiff::Timestamp;
use journal::{Reader, RotationFilter, TokenState};

use super::reach::reach;
use super::{Respond, due, keep, letter, life, reader, record, shown, told};
use crate::args::{Global, Why};
use crate::commands::rotate;
use crate::commands::scan::means;
use crate::commands::{Rotate, Which};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::Output;

pub(super) async fn run(args: &Respond, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let (name, known) = meant(&home, &args.leaked)?;
    let mut case = open(&home, &name, known, args, output).await?;
    if !args.rotate {
        let reader = reader(&home)?;
        let due = due(&reader, &case)?;
        let text = letter::letter(&home, &case, life(&reader, &case)?);
        output.json(&shown(&case, &due, &text))?;
        output.text(&told(&case, &due))?;
        output.say(&format!(
            "begin now: rollover leak respond {name} --rotate; if it is being misused: --rotate --revoke-first"
        ));
        return Ok(Exit::Attention);
    }
    let why =
        Why { emergency: !args.revoke_first, revoke_first: args.revoke_first, ..Why::default() };
    let which = Which { secrets: vec![name.to_string()], ..Which::default() };
    let rotate =
        Rotate { which, compromised: None, reason: None, anyway: None, how: args.how.clone(), why };
    let ended = Box::pin(rotate::run(&rotate, global, output)).await;
    // However it ended, the case tells of it.
    after(&home, &mut case, &name).await?;
    let exit = ended?;
    output.say(&format!("the case is {}: rollover leak show {}", case.id, case.id));
    Ok(exit)
}

/// The secret that is meant, by its name or by a token's fingerprint, and which token.
fn meant(home: &Home, text: &str) -> Result<(SecretName, Option<Fingerprint>)> {
    let by_name = home.secret(text);
    if let Ok(name) = by_name {
        return Ok((name, None));
    }
    let reader = reader(home)?;
    let mut found = Vec::new();
    if let Ok(whole) = text.parse::<Fingerprint>() {
        found
            .extend(reader.tokens_of(&whole)?.into_iter().map(|row| (row.secret, row.fingerprint)));
    } else {
        for name in home.inventory.secrets.keys() {
            let rows = reader.tokens(name)?.into_iter().filter(|row| means(&row.fingerprint, text));
            found.extend(rows.map(|row| (row.secret, row.fingerprint)));
        }
    }
    match found.as_slice() {
        [(name, fingerprint)] => Ok((name.clone(), Some(*fingerprint))),
        [] => by_name.map(|name| (name, None)).map_err(|fail| {
            fail.hint("or give the fingerprint of a token of ours, as a scan shows it")
        }),
        several => Err(Fail::usage(format!("`{text}` is a token of {} secrets", several.len()))
            .hint("name the secret")),
    }
}

/// The open case of a token, or a new one.
async fn open(
    home: &Home,
    name: &SecretName,
    known: Option<Fingerprint>,
    args: &Respond,
    output: Output,
) -> Result<Case> {
    let pass = home.allow(Act::LeakRespond, Some(name))?;
    let engine = home.acting(&pass, "leak respond", args.how.take_over)?;
    // A look at the issuer tells of tokens that nobody knows; one that fails is no reason to wait.
    let planned = engine.plan(name, Mode::Emergency).await;
    let seen = planned.as_ref().ok().map(|planned| planned.plan.old.fingerprint);
    let strangers = match &planned {
        Ok(planned) => planned.plan.unknown.iter().map(stranger).collect(),
        Err(error) => {
            output
                .say(&format!("the issuer could not be looked at: {}", crate::fail::chain(error)));
            Vec::new()
        }
    };
    if planned.as_ref().is_ok_and(|planned| !planned.plan.issuer.listed) {
        output
            .say("(!) the issuer does not show its tokens: whether others live there is not known");
    }
    let fingerprint = known.or(current(engine.reader(), name)?).or(seen).ok_or_else(|| {
        Fail::new(
            Exit::TryLater,
            format!("it is not known which token of {name} is the current one"),
        )
        .hint("give its fingerprint: rollover fingerprint < FILE")
    })?;
    let cases = engine.reader().cases()?;
    let open = cases.into_iter().find(|case| {
        case.closed.is_none() && case.secret == *name && case.fingerprint == fingerprint
    });
    if let Some(case) = open {
        output.say(&format!("going on with {}", case.id));
        return Ok(case);
    }
    let reached = reach(&home.inventory, name);
    for (other, why) in &reached {
        output.say(&format!("(!) it can read {other}: {why}"));
    }
    let case = Case {
        id: new_id()?,
        secret: name.clone(),
        fingerprint,
        opened_at: Timestamp::now(),
        opened_by: home.actor.name.clone(),
        places: args.seen.clone(),
        reached: reached.into_iter().map(|(name, _)| name).collect(),
        strangers,
        history: Vec::<Note>::new(),
        closed: None,
    };
    written(home, &engine, &case).await?;
    Ok(case)
}

async fn written(home: &Home, engine: &Engine, case: &Case) -> Result<()> {
    let context = [
        ("places", case.places.len().to_string()),
        ("reached", case.reached.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
    ];
    let record = record(home, case, domain::leak::OPENED, &context);
    engine.keep_case(case.clone(), vec![record]).await?;
    Ok(())
}

/// The token of a secret that is in use, as far as it is known.
fn current(reader: &Reader, name: &SecretName) -> Result<Option<Fingerprint>> {
    let rows = reader.tokens(name)?;
    Ok(rows.into_iter().find(|row| row.state == TokenState::Active).map(|row| row.fingerprint))
}

/// A live token that nobody knows, in words; first its name as a command takes it.
fn stranger(token: &domain::LiveToken) -> String {
    let name = match token.typed() {
        nameless if nameless.is_empty() => "(masked)".to_owned(),
        name => name,
    };
    let words = token.description.as_deref().unwrap_or("no description");
    let since = token.created.map_or_else(String::new, |at| format!(", made {at:.0}"));
    format!("{name} ({words}{since})")
}

/// Writes into the case how its rotation stands.
async fn after(home: &Home, case: &mut Case, name: &SecretName) -> Result<()> {
    let key = home.key()?;
    let reader = home.reader(&key)?;
    let filter = RotationFilter { secret: Some(name.clone()), open: None, limit: Some(1) };
    let Some(newest) = reader.rotations(&filter)?.into_iter().next() else { return Ok(()) };
    if newest.started_at < case.opened_at {
        return Ok(());
    }
    let what = match &newest.outcome {
        None => Happened::Rotating(newest.id),
        Some(outcome) => Happened::Rotated(newest.id, outcome_in_words(outcome)),
    };
    if case.history.last().is_some_and(|note| note.what == what) {
        return Ok(());
    }
    let pass = home.allow(Act::LeakRespond, Some(name))?;
    let journal = home
        .open_journal(&pass, &key, "leak respond", false)
        .map_err(|error| home.failed(&error))?;
    keep(home, &journal, case, what).await
}

fn outcome_in_words(outcome: &domain::Outcome) -> String {
    match outcome {
        domain::Outcome::Completed => "the old token is proven dead".to_owned(),
        domain::Outcome::Decommissioned => "it is out of use, and proven dead".to_owned(),
        domain::Outcome::Removed => "a token that nobody answered for is removed".to_owned(),
        domain::Outcome::Rehearsed => "rehearsed, the old token lives".to_owned(),
        domain::Outcome::RolledBack { why } => format!("turned back: {why}"),
        domain::Outcome::Abandoned { why } => format!("abandoned: {why}"),
    }
}

fn new_id() -> Result<CaseId> {
    const LETTERS: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz0";
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fail::new(Exit::Failed, format!("failed to make an id: {error}")))?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(CaseId(format!("l-{}", bytes.iter().map(letter).collect::<String>())))
}
