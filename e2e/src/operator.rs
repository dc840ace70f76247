//! The stand-in for a person: hears what the program asks for, and clicks in the dashboard.
//!
//! Like a person, it works on when the program has died, and looks at the page before it clicks:
//! what is there already is not made a second time.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lab::{StandIn, TokenPick};
use tokio::runtime::Handle;

use crate::{Result, SERVER, Stage};

/// How long it takes to find the page.
const THINKS: Duration = Duration::from_millis(20);

/// Somebody in front of the dashboard.
pub struct Operator {
    ear: Option<Sender<String>>,
    works: Option<JoinHandle<Result<u32>>>,
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
        Self::who(hands, on, true, None)
    }

    /// Somebody who also fetches values, and makes tokens or does not.
    ///
    /// # Errors
    /// The dashboard does not answer.
    pub fn who(hands: StandIn, on: Handle, makes: bool, fetch: Option<Fetch>) -> Result<Self> {
        let known = on
            .block_on(hands.tokens(SERVER))
            .map_err(|error| format!("the dashboard does not answer: {error}"))?;
        let (ear, heard) = mpsc::channel();
        let works = thread::spawn(move || Person { hands, on, known, makes, fetch }.work(&heard));
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
}

struct Person {
    hands: StandIn,
    on: Handle,
    known: Vec<String>,
    /// Whether to make tokens; where one is entered, nobody makes another one.
    makes: bool,
    /// Fetches the value for the own workstation.
    fetch: Option<Fetch>,
}

/// Fetches a value for a workstation; a second time does no harm.
pub type Fetch = Box<dyn Fn() -> Result<()> + Send>;

impl Person {
    fn work(mut self, heard: &Receiver<String>) -> Result<u32> {
        let (mut clicks, mut removes) = (0, false);
        while let Ok(line) = heard.recv() {
            if line.contains("YOUR STEP") {
                let fetches = line.contains("fetch");
                removes = !fetches && !line.contains("create");
                if let Some(fetch) = self.fetch.as_ref().filter(|_| fetches) {
                    fetch()?;
                } else if !fetches && !removes && self.makes {
                    thread::sleep(THINKS);
                    clicks += self.create()?;
                }
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

    /// Nobody makes another token where the one that was asked for is on the page.
    fn create(&self) -> Result<u32> {
        let shown = self.shown()?;
        if shown.iter().any(|token| !self.known.contains(token)) {
            return Ok(0);
        }
        self.on
            .block_on(self.hands.generate_token(SERVER))
            .map_err(|error| format!("the operator could not create: {error}"))?;
        Ok(1)
    }

    fn delete(&self, end: &str) -> Result<u32> {
        let shown = self.shown()?;
        if !shown.iter().any(|token| token.ends_with(end)) {
            return Ok(0);
        }
        self.on
            .block_on(self.hands.delete_token(SERVER, &TokenPick::EndsIn(end.to_owned())))
            .map_err(|error| format!("the operator could not delete: {error}"))?;
        Ok(1)
    }

    fn shown(&self) -> Result<Vec<String>> {
        self.on
            .block_on(self.hands.tokens(SERVER))
            .map_err(|error| format!("the dashboard does not answer: {error}"))
    }
}

/// The characters that the token to delete ends in, as the instructions say them.
fn ending(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("ends in ")?;
    let end: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    (!end.is_empty()).then_some(end)
}
