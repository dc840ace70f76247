//! The person of the demo: reads the same instructions that a person reads, and clicks in the
//! lab's dashboard.

use std::time::Duration;

use domain::{TaskKind, Token};
use lab::{Lab, TokenPick, TokensOf};

use crate::output::Output;

/// How long a person takes to find the page.
const THINKS: Duration = Duration::from_millis(800);
/// The server of the demo.
const SERVER: &str = "acme-prod";

/// Somebody who does what an operator is asked to do.
pub(crate) struct StandIn {
    hands: lab::StandIn,
    whose: TokensOf,
    output: Output,
}

impl StandIn {
    pub(super) fn of(lab: &Lab, output: Output) -> Option<Self> {
        Some(Self::at(lab, TokensOf::Server(SERVER.to_owned()), output))
    }

    /// Somebody in front of this page of Postmark's.
    pub(crate) fn at(lab: &Lab, whose: TokensOf, output: Output) -> Self {
        Self { hands: lab.operator(), whose, output }
    }

    /// Does one thing as instructed; answers the token that is to be entered, where no API shows
    /// it.
    pub(crate) async fn asked(&self, kind: TaskKind, lines: &[String]) -> Option<Token> {
        tokio::time::sleep(THINKS).await;
        let done = match kind {
            TaskKind::Create => self.hands.generate_of(&self.whose).await.map(Some),
            TaskKind::Revoke | TaskKind::Discard => {
                let Some(end) = lines.iter().find_map(|line| ending(line)) else {
                    self.output.say("       (the stand-in found no token to delete)");
                    return None;
                };
                let pick = TokenPick::EndsIn(end);
                self.hands.delete_of(&self.whose, &pick).await.map(|()| None)
            }
            TaskKind::Approve | TaskKind::Receipt | TaskKind::Fetch | TaskKind::Attend => {
                return None;
            }
        };
        match done {
            Ok(made) => {
                self.output.say("       (the stand-in operator has clicked in the dashboard)");
                made.filter(|_| self.whose == TokensOf::Account).map(Token::new)
            }
            Err(error) => {
                self.output.say(&format!("       (the stand-in could not: {error})"));
                None
            }
        }
    }
}

/// The characters that the token to delete ends in, as the instructions say them.
fn ending(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("ends in ")?;
    let end: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    (!end.is_empty()).then_some(end)
}
