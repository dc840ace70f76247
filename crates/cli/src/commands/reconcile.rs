//! `rollover reconcile`: after the database was set back, looks at the world before anything is
//! changed on its word.

use domain::{Act, RotationId};
use engine::{End, Reconciled};
use serde_json::json;

use crate::args::{Global, Reconcile};
use crate::exit::Exit;
use crate::fail::Result;
use crate::home::Home;
use crate::output::Output;

pub(crate) async fn run(args: &Reconcile, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let pass = home.allow(Act::Reconcile, None)?;
    let (engine, set_back) = home.reconciling(&pass)?;
    let abandon: Vec<RotationId> = args.abandon.iter().cloned().map(RotationId).collect();
    let Some(why) = set_back else {
        output.json(&json!({ "set_back": null, "reconciled": false, "secrets": [] }))?;
        output.text("the database is as far as it ever was: there is nothing to reconcile")?;
        return Ok(Exit::Ok);
    };
    output.say(&format!("the database is not taken at its word: {why}"));
    let found = engine.reconcile(&abandon).await?;
    let exit = exit(&found);
    output.json(&json!({
        "set_back": why.to_string(), "reconciled": exit == Exit::Ok, "secrets": found,
    }))?;
    for one in &found {
        tell(one, output)?;
    }
    match exit {
        Exit::Ok => {
            output.text("the world was looked at: the database is taken at its word again")?;
            for one in found.iter().filter(|one| one.end == End::GoesOn) {
                if let Some(id) = &one.rotation {
                    output.say(&format!("next: rollover run resume {id}"));
                }
            }
        }
        _ => output.say("nothing was changed, and nothing will be; run this again after that"),
    }
    Ok(exit)
}

/// What is unseen comes first: it may settle by itself.
fn exit(found: &[Reconciled]) -> Exit {
    let any = |is: fn(&End) -> bool| found.iter().any(|one| is(&one.end));
    if any(|end| matches!(end, End::Unseen(_))) {
        Exit::TryLater
    } else if any(|end| matches!(end, End::MovedOn(_))) {
        Exit::Attention
    } else {
        Exit::Ok
    }
}

fn tell(one: &Reconciled, output: Output) -> Result<()> {
    let id = one.rotation.as_ref().map(|id| format!("  {id}")).unwrap_or_default();
    let end = match &one.end {
        End::Right => "looked at".to_owned(),
        End::GoesOn => "can go on; what may have been done is settled by looking".to_owned(),
        End::MovedOn(why) => format!("cannot go on: {why}"),
        End::Abandoned(why) => format!("abandoned: {why}"),
        End::Unseen(why) => format!("could not be looked at: {why}"),
    };
    output.text(&format!("{}{id}  {end}", one.secret))?;
    for differs in &one.differs {
        output.text(&format!("(!) {differs}"))?;
    }
    for stray in &one.strays {
        let handle = stray.handle.as_ref().map(ToString::to_string).unwrap_or_default();
        let words = stray.description.as_deref().unwrap_or_default();
        output.text(&format!(
            "(!) token {handle} (\"{words}\") was made by a rotation that this journal does not know; \
             its value is not here"
        ))?;
        output.say(&format!(
            "unless it is the one in use, remove it: heroku authorizations:revoke {handle}"
        ));
    }
    if let (End::MovedOn(_), Some(id)) = (&one.end, &one.rotation) {
        output.say(&format!(
            "look that nothing of it is needed, then end it: rollover reconcile --abandon {id}"
        ));
    }
    Ok(())
}
