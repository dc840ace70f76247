//! `rollover rotate`: begins a rotation, or goes on with the one that is open.

use domain::Mode;

use crate::args::{Global, Rotate};
use crate::commands::plan::render;
use crate::exit::Exit;
use crate::fail::Result;
use crate::home::Home;
use crate::output::Output;
use crate::people;
use crate::running::{self, What};

pub(crate) async fn run(args: &Rotate, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    let name = home.secret(&args.secret)?;
    let engine = home.acting(&format!("rotate {name}"), args.how.take_over)?;
    let what = match engine.open_rotation(&name)? {
        Some(id) => {
            output.say(&format!("going on with {id}"));
            What::Open(id)
        }
        None => {
            let mode = if args.repair { Mode::Repair } else { Mode::Scheduled };
            let planned = engine.plan(&name, mode).await?;
            output.say(&render(&planned.plan));
            if !args.how.yes && args.how.confirm.is_none() && !agreed(global, output) {
                output.say("nothing was changed");
                return Ok(Exit::Waiting);
            }
            What::New(Box::new(planned))
        }
    };
    let ran = running::run(engine, what, &args.how, global, output, Vec::new()).await?;
    ran.report(output)
}

/// Beginning is reversible, so a plain yes is enough.
fn agreed(global: &Global, output: Output) -> bool {
    if !people::can_ask(global.no_input) {
        output.say("nobody can be asked; begin with --yes");
        return false;
    }
    matches!(people::line("Begin? [y/N] ").as_deref(), Some("y" | "Y" | "yes"))
}
