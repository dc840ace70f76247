//! The person of the demo: reads the same instructions that a person reads, and clicks in the
//! lab's dashboard.

use std::time::Duration;

use domain::TaskKind;
use lab::{Lab, TokenPick};

use crate::output::Output;

/// How long a person takes to find the page.
const THINKS: Duration = Duration::from_millis(800);
/// The server of the demo.
const SERVER: &str = "acme-prod";

/// Somebody who does what an operator is asked to do.
pub(crate) struct StandIn {
    hands: lab::StandIn,
    server: String,
    output: Output,
}

impl StandIn {
    pub(super) fn of(lab: &Lab, output: Output) -> Option<Self> {
        Some(Self::at(lab, SERVER, output))
    }

    /// Somebody in front of the pages of this Postmark server.
    pub(crate) fn at(lab: &Lab, server: &str, output: Output) -> Self {
        Self { hands: lab.operator(), server: server.to_owned(), output }
    }

    /// Does one thing as instructed.
    pub(crate) async fn asked(&self, kind: TaskKind, lines: &[String]) {
        tokio::time::sleep(THINKS).await;
        let done = match kind {
            TaskKind::Create => self.hands.generate_token(&self.server).await.map(drop),
            TaskKind::Revoke | TaskKind::Discard => {
                let Some(end) = lines.iter().find_map(|line| ending(line)) else {
                    return self.output.say("       (the stand-in found no token to delete)");
                };
                self.hands.delete_token(&self.server, &TokenPick::EndsIn(end)).await
            }
            TaskKind::Approve | TaskKind::Receipt | TaskKind::Fetch | TaskKind::Attend => return,
        };
        match done {
            Ok(()) => {
                self.output.say("       (the stand-in operator has clicked in the dashboard)")
            }
            Err(error) => self.output.say(&format!("       (the stand-in could not: {error})")),
        }
    }
}

/// The characters that the token to delete ends in, as the instructions say them.
fn ending(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("ends in ")?;
    let end: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    (!end.is_empty()).then_some(end)
}
