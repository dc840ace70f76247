//! The stand-in for a person: hears what the program asks for, and clicks in the dashboard.
//!
//! Like a person, it works on when the program has died, and looks at the page before it clicks:
//! what is there already is not made a second time.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lab::{StandIn, TokenPick, TokensOf};
use tokio::runtime::Handle;

use crate::{Result, SERVER, Stage};

/// How long it takes to find the page.
const THINKS: Duration = Duration::from_millis(20);

/// Somebody in front of the dashboard.
pub struct Operator {
    ear: Option<Sender<String>>,
    works: Option<JoinHandle<Result<u32>>>,
}

/// What somebody in front of the dashboard does.
pub struct Does {
    /// On which page.
    pub whose: TokensOf,
    /// Whether to make tokens; where one is entered beforehand, nobody makes another one.
    pub makes: bool,
    /// Answers the task of making a token, where no API shows it: with the token, or with the word
    /// that none was made.
    pub enter: Option<Enter>,
    /// The tokens that were on the page before anything was asked for; what is on it now, where
    /// nobody says.
    pub known: Option<Vec<String>>,
    /// Fetches the value for the own workstation.
    pub fetch: Option<Fetch>,
}

impl Operator {
    /// Somebody who is at the dashboard of this stage from now on.
    ///
    /// # Errors
    /// The dashboard does not answer.
    pub fn at(stage: &Stage) -> Result<Self> {
        Self::with(stage.lab().operator(), stage.runtime().handle().clone())
    }

    /// The same, with these hands.
    ///
    /// # Errors
    /// The dashboard does not answer.
    pub fn with(hands: StandIn, on: Handle) -> Result<Self> {
        let whose = TokensOf::Server(SERVER.into());
        Self::who(hands, on, Does { whose, makes: true, enter: None, known: None, fetch: None })
    }

    /// Somebody who does this and no more.
    ///
    /// # Errors
    /// The dashboard does not answer.
    pub fn who(hands: StandIn, on: Handle, does: Does) -> Result<Self> {
        let shown = on
            .block_on(hands.tokens_of(&does.whose))
            .map_err(|error| format!("the dashboard does not answer: {error}"))?;
        let known = does.known.clone().unwrap_or(shown);
        let (ear, heard) = mpsc::channel();
        let works = thread::spawn(move || Person { hands, on, known, does }.work(&heard));
        Ok(Self { ear: Some(ear), works: Some(works) })
    }

    /// What a run's standard error is to be sent to.
    #[must_use]
    pub fn ear(&self) -> Sender<String> {
        // Taken only by `leave`, which takes the operator, too.
        self.ear.clone().unwrap_or_else(|| mpsc::channel().0)
    }

    /// Ends the work, and answers how often it clicked.
    ///
    /// # Errors
    /// Something that was asked for could not be done.
    pub fn leave(mut self) -> Result<u32> {
        drop(self.ear.take());
        let works = self.works.take();
        works.map_or(Ok(0), |works| {
            works.join().unwrap_or_else(|_| Err("the operator panicked".into()))
        })
    }

    /// Ends the work of somebody for whom this run was; where both went wrong, both say why. A run
    /// that waits for a click in vain is explained by the one who did not click.
    ///
    /// # Errors
    /// The run went wrong, or something that it asked for could not be done.
    pub fn leave_after<T>(self, run: Result<T>) -> Result<T> {
        match (run, self.leave()) {
            (Ok(run), Ok(_clicks)) => Ok(run),
            (Ok(_), Err(why)) => Err(why),
            (Err(wrong), Ok(clicks)) => Err(format!("{wrong}\n(the operator clicked {clicks})")),
            (Err(wrong), Err(why)) => Err(format!("{wrong}\n(the operator went: {why})")),
        }
    }
}

struct Person {
    hands: StandIn,
    on: Handle,
    known: Vec<String>,
    does: Does,
}

/// Fetches a value for a workstation; a second time does no harm.
pub type Fetch = Box<dyn Fn() -> Result<()> + Send>;

/// Answers a task with a token, or without one; a second time does no harm.
pub type Enter = Box<dyn Fn(&str, Option<&str>) -> Result<()> + Send>;

impl Person {
    fn work(mut self, heard: &Receiver<String>) -> Result<u32> {
        let (mut clicks, mut removes) = (0, false);
        while let Ok(line) = heard.recv() {
            if line.contains("YOUR STEP") {
                let fetches = line.contains("fetch");
                removes = !fetches && !line.contains("create");
                if let Some(fetch) = self.does.fetch.as_ref().filter(|_| fetches) {
                    fetch()?;
                } else if !fetches && !removes && self.does.makes && self.does.enter.is_none() {
                    thread::sleep(THINKS);
                    clicks += self.create()?;
                }
            } else if let Some(task) = task(&line) {
                thread::sleep(THINKS);
                clicks += self.answer(task, &line)?;
            } else if let Some(end) = ending(&line).filter(|_| removes) {
                removes = false;
                thread::sleep(THINKS);
                clicks += self.delete(&end)?;
                // One rotation is over; what is on the page now is not what the next asks for.
                self.known = self.shown()?;
            }
        }
        Ok(clicks)
    }

    /// Enters what is on the page for this task, and makes it first where it is not there; once it
    /// goes back nothing is made any more, and that nothing was is said.
    fn answer(&self, task: &str, line: &str) -> Result<u32> {
        let Some(enter) = self.does.enter.as_ref().filter(|_| self.does.makes) else {
            return Ok(0);
        };
        let (back, none) = (line.contains("if one was created"), line.contains("if none was"));
        let clicks = if back || none { 0 } else { self.create()? };
        match (self.fresh()?, none) {
            (Some(token), false) => enter(task, Some(&token))?,
            (None, true) => enter(task, None)?,
            _ => {}
        }
        Ok(clicks)
    }

    /// A token on the page that was not there before.
    fn fresh(&self) -> Result<Option<String>> {
        Ok(self.shown()?.into_iter().find(|token| !self.known.contains(token)))
    }

    /// Nobody makes another token where the one that was asked for is on the page.
    fn create(&self) -> Result<u32> {
        if self.fresh()?.is_some() {
            return Ok(0);
        }
        self.on
            .block_on(self.hands.generate_of(&self.does.whose))
            .map_err(|error| format!("the operator could not create: {error}"))?;
        Ok(1)
    }

    fn delete(&self, end: &str) -> Result<u32> {
        let shown = self.shown()?;
        if !shown.iter().any(|token| token.ends_with(end)) {
            return Ok(0);
        }
        let pick = TokenPick::EndsIn(end.to_owned());
        self.on
            .block_on(self.hands.delete_of(&self.does.whose, &pick))
            .map_err(|error| format!("the operator could not delete: {error}"))?;
        Ok(1)
    }

    fn shown(&self) -> Result<Vec<String>> {
        self.on
            .block_on(self.hands.tokens_of(&self.does.whose))
            .map_err(|error| format!("the dashboard does not answer: {error}"))
    }
}

/// The task of making a token that a line says how to answer.
fn task(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("rollover task done ")?;
    rest.split_whitespace().next().filter(|id| id.ends_with(".create"))
}

/// The characters that the token to delete ends in, as the instructions say them.
fn ending(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("ends in ")?;
    let end: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    (!end.is_empty()).then_some(end)
}
