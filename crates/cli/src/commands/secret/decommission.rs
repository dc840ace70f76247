//! `rollover secret decommission`: takes a secret out of use; run again to go on.

use std::sync::Arc;

use clap::Args;
use domain::{Act, Mode, SecretName, Span};
use engine::{Engine, EngineError, Planned};

use crate::args::{Global, How};
use crate::commands::plan::render;
use crate::commands::rotate::{ended_unseen, same_mode};
use crate::exit::Exit;
use crate::fail::{Fail, Result, refused};
use crate::home::Home;
use crate::output::Output;
use crate::people;
use crate::running::{self, What};

/// Take a secret out of use: out of every consumer and the store, then revoke its token and see
/// it dead; run again to go on after an interruption
#[derive(Args, Debug)]
pub(crate) struct Decommission {
    /// The secret, as `prod/NAME`
    pub(crate) secret: String,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// How long the name is gone and the token alive before it is revoked; the secret's `soak`
    /// without it
    #[arg(long, value_name = "TIME")]
    pub(crate) watch: Option<Span>,
    /// Show the plan and change nothing
    #[arg(long, conflicts_with_all = ["yes", "confirm"])]
    pub(crate) plan: bool,
    /// Begin without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Agree to the revocation beforehand by the secret's name
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
    /// End with code 10 where a person is needed, instead of waiting
    #[arg(long, conflicts_with = "wait")]
    pub(crate) no_wait: bool,
    /// Wait for people even without a terminal
    #[arg(long)]
    pub(crate) wait: bool,
    /// Take over from a process that is stopped and no longer renews its lease
    #[arg(long)]
    pub(crate) take_over: bool,
}

impl Decommission {
    fn how(&self) -> How {
        How {
            yes: self.yes,
            confirm: self.confirm.clone(),
            no_wait: self.no_wait,
            wait: self.wait,
            take_over: self.take_over,
            ..How::default()
        }
    }
}

pub(super) async fn run(args: &Decommission, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let name = home.secret(&args.secret)?;
    if args.plan {
        return show(args, &home, &name, output).await;
    }
    let how = args.how();
    let command = format!("secret decommission {name}");
    let pass = home.allow(Act::Decommission, Some(&name))?;
    let ended = ended_unseen(&home, &name, &command)?;
    let engine = home.acting(&pass, &command, how.take_over)?;
    if let Some(id) = ended {
        output.say(&format!("{id} had ended when its process was killed"));
        return running::report_ended(&engine, &engine.rotation(&id)?, output);
    }
    let what = match engine.open_rotation(&name)? {
        Some(id) => {
            let rotation = engine.rotation(&id)?;
            same_mode(&rotation, Mode::Decommission)?;
            home.allow_in(Act::Resume, &rotation)?;
            home.allow_meanwhile(&rotation, &how)?;
            output.say(&format!("going on with {id}"));
            What::Open(id)
        }
        None => {
            home.allow_beforehand(&name, &how)?;
            let reason = args.reason.as_ref().ok_or_else(|| {
                Fail::usage("a decommission needs a reason")
                    .hint("say --reason TEXT; it stands in the audit log")
            })?;
            let mut planned = planned(&engine, &name, args.watch).await?;
            planned.plan.reason = Some(reason.clone());
            output.say(&render(&planned.plan));
            let agreed_to = args.yes || args.confirm.is_some();
            if !agreed_to && !agreed(&name, global, output) {
                output.say("nothing was changed");
                return Ok(Exit::Waiting);
            }
            What::New(Box::new(planned))
        }
    };
    let ran = running::run(Arc::clone(&engine), what, &how, global, output, Vec::new()).await?;
    engine.forget_logins();
    ran.report(output)
}

async fn planned(engine: &Engine, name: &SecretName, watch: Option<Span>) -> Result<Planned> {
    engine.plan_decommission(name, watch).await.map_err(|error| match error {
        EngineError::Plan(error) => {
            let mut fail = refused(&name.to_string(), &error.refusals);
            fail.what = fail.what.replacen("be rotated now", "be taken out of use now", 1);
            fail
        }
        other => other.into(),
    })
}

/// What it would do; reads only.
async fn show(args: &Decommission, home: &Home, name: &SecretName, output: Output) -> Result<Exit> {
    let engine = home.looking()?;
    let planned = planned(&engine, name, args.watch).await?;
    let plan = &planned.plan;
    output.text(&render(plan))?;
    output.text("Nothing was changed.")?;
    output.json(&serde_json::json!({ "plan": plan, "steps": plan.steps() }))?;
    Ok(Exit::Ok)
}

/// Whoever uses it loses it, so it is begun by its name.
fn agreed(name: &SecretName, global: &Global, output: Output) -> bool {
    if !people::can_ask(global.no_input) {
        output.say("nobody can be asked; begin with --yes");
        return false;
    }
    let prompt = format!("Type `{name}` to take it out of use: ");
    people::line(&prompt).is_some_and(|answer| answer == name.to_string())
}
