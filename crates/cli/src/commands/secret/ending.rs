//! What ends a token without a new one: how it is asked for, begun and gone on with.

use std::sync::Arc;

use clap::Args;
use domain::{Act, Mode, Plan, Rotation, SecretName, Span};
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

/// How a token is ended
#[derive(Args, Debug)]
pub(crate) struct Ending {
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// How long the token lives on, so that who still uses it shows, before it is revoked; the
    /// secret's `soak` without it
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

impl Ending {
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

/// One command that ends a token.
pub(super) struct Command<'a> {
    /// The secret that it is begun under.
    pub(super) name: SecretName,
    /// What it is.
    pub(super) mode: Mode,
    /// The command as it was given, without options.
    pub(super) command: String,
    /// What it does to the thing, as in *cannot be taken out of use now*.
    pub(super) what: &'a str,
    /// What it is called in a sentence.
    pub(super) noun: &'a str,
    /// How it was asked for.
    pub(super) ending: &'a Ending,
}

impl Command<'_> {
    /// Does it. `plan` looks and plans; `is_it` says whether an open one is what was asked for.
    pub(super) async fn run(
        &self,
        (global, output): (&Global, Output),
        plan: impl AsyncFn(&Engine) -> std::result::Result<Planned, EngineError>,
        is_it: impl Fn(&Rotation) -> Result<()>,
    ) -> Result<Exit> {
        let home = Home::find(global)?;
        if self.ending.plan {
            let planned = self.planned(plan(&*home.looking()?).await)?;
            return show(&planned.plan, output);
        }
        let (name, how) = (&self.name, self.ending.how());
        let pass = home.allow(Act::begin(self.mode), Some(name))?;
        let ended = ended_unseen(&home, name, &self.command)?;
        let engine = home.acting(&pass, &self.command, how.take_over)?;
        if let Some(id) = ended {
            output.say(&format!("{id} had ended when its process was killed"));
            return running::report_ended(&engine, &engine.rotation(&id)?, output);
        }
        let what = match engine.open_rotation(name)? {
            Some(id) => {
                let rotation = engine.rotation(&id)?;
                same_mode(&rotation, self.mode)?;
                is_it(&rotation)?;
                home.allow_in(Act::Resume, &rotation)?;
                home.allow_meanwhile(&rotation, &how)?;
                output.say(&format!("going on with {id}"));
                What::Open(id)
            }
            None => {
                home.allow_beforehand(name, &how)?;
                let reason = self.ending.reason.as_ref().ok_or_else(|| {
                    Fail::usage(format!("{} needs a reason", self.noun))
                        .hint("say --reason TEXT; it stands in the audit log")
                })?;
                let mut planned = self.planned(plan(&engine).await)?;
                planned.plan.reason = Some(reason.clone());
                output.say(&render(&planned.plan));
                let agreed_to = self.ending.yes || self.ending.confirm.is_some();
                if !agreed_to && !self.agreed(global, output) {
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

    fn planned(&self, planned: std::result::Result<Planned, EngineError>) -> Result<Planned> {
        planned.map_err(|error| match error {
            EngineError::Plan(error) => {
                let mut fail = refused(&self.name.to_string(), &error.refusals);
                let what = format!("be {} now", self.what);
                fail.what = fail.what.replacen("be rotated now", &what, 1);
                fail
            }
            other => other.into(),
        })
    }

    /// Whoever uses it loses it, so it is begun by its name.
    fn agreed(&self, global: &Global, output: Output) -> bool {
        if !people::can_ask(global.no_input) {
            output.say("nobody can be asked; begin with --yes");
            return false;
        }
        let name = self.name.to_string();
        let prompt = format!("Type `{name}` to begin {}: ", self.noun);
        people::line(&prompt).is_some_and(|answer| answer == name)
    }
}

/// What it would do; reads only.
fn show(plan: &Plan, output: Output) -> Result<Exit> {
    output.text(&render(plan))?;
    output.text("Nothing was changed.")?;
    output.json(&serde_json::json!({ "plan": plan, "steps": plan.steps() }))?;
    Ok(Exit::Ok)
}
