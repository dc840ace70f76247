//! What a message says: one line, and what to do next. The words are ours alone.

use super::{About, Message};
use crate::{Mode, TaskKind};

impl Message {
    /// One line.
    #[must_use]
    pub fn title(&self) -> String {
        let secret = self.secret.as_ref().map(ToString::to_string).unwrap_or_default();
        let again = if self.again { "still " } else { "" };
        let ending = self.of_ending();
        let said = match self.about {
            _ if ending.is_some() => {
                format!("{secret}: {again}{}", ending.unwrap_or_default())
            }
            About::TaskWaiting => format!("{secret}: {again}{}", self.asked()),
            About::ApprovalNeeded => {
                format!("{secret}: {again}waits for an agreement to revoke the old token")
            }
            About::SecretDue => format!("{secret} is due for a rotation"),
            About::SecretOverdue => format!("{secret} is overdue"),
            About::RunStarted => format!("{secret}: a rotation has begun"),
            About::RunDone => format!("{secret} is rotated, the old token is proven dead"),
            About::RunRolledBack => format!("{secret} went back to its old token"),
            About::RunNeedsAttention => {
                format!("{secret}: the rotation {again}does not go on by itself")
            }
            About::Drift => format!("{secret}: {} is not as it should be", self.place()),
            About::LeakFound => format!("{secret} was found where no token may be"),
            About::PullAgain => format!("{secret}: a grant was redeemed a second time"),
            About::AuditBroken => "the audit log is not what was written".into(),
            About::ChannelDead => {
                let name = self.name.as_deref().unwrap_or_default();
                format!("the channel `{name}` refuses its login; nothing reaches anybody there")
            }
            About::Digest => "how the tokens stand this week".into(),
            About::Test => "a test: this channel works".into(),
        };
        match &self.rotation {
            Some(rotation) => format!("{said} ({rotation})"),
            None => said,
        }
    }

    /// What is said of a run that ends a token without a new one, where that is something else.
    fn of_ending(&self) -> Option<&'static str> {
        let removes = self.mode? == Mode::Removal;
        Some(match (self.about, removes) {
            (About::ApprovalNeeded, true) => {
                "waits for an agreement to revoke a token that nobody answers for"
            }
            (About::ApprovalNeeded, false) => "waits for an agreement to revoke its last token",
            (About::RunStarted, true) => "a token that nobody answers for is to be removed",
            (About::RunStarted, false) => "it is being taken out of use",
            (About::RunDone, true) => {
                "a token that nobody answered for is removed, and proven dead"
            }
            (About::RunDone, false) => "it is out of use, its token is proven dead",
            (About::RunRolledBack, true) => {
                "a token that nobody answers for was not removed; nothing was changed"
            }
            (About::RunRolledBack, false) => "it is in use again",
            (About::RunNeedsAttention, true) => {
                "the removal of a token that nobody answers for does not go on by itself"
            }
            _ => return None,
        })
    }

    fn asked(&self) -> String {
        let role = self.role.as_deref().unwrap_or("an operator");
        let what = match self.task {
            Some(TaskKind::Create) => "create a token at the issuer",
            Some(TaskKind::Revoke) if self.mode == Some(Mode::Removal) => {
                "delete a token that nobody answers for at the issuer"
            }
            Some(TaskKind::Revoke) => "delete the old token at the issuer",
            Some(TaskKind::Receipt) => "say whether a test mail arrived",
            Some(TaskKind::Discard) => "delete the new token at the issuer",
            Some(TaskKind::Fetch) => "fetch it for their own workstation",
            _ => "look at it",
        };
        format!("waits for {role} to {what}")
    }

    fn place(&self) -> String {
        self.consumer.as_ref().map_or_else(|| "the store".into(), ToString::to_string)
    }

    /// More lines: what is known, and what to do next.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("at {:.0}", self.at)];
        lines.extend(self.old.map(|fp| format!("old token fp {fp}")));
        lines.extend(self.new.map(|fp| format!("new token fp {fp}")));
        lines.extend(self.numbers.iter().map(|(name, number)| format!("{name}: {number}")));
        if let (About::PullAgain, Some(name)) = (self.about, &self.name) {
            lines.push(format!("tried by {name}"));
        }
        lines.extend(self.next().map(|command| format!("next: {command}")));
        lines
    }

    /// The command that a person types next.
    fn next(&self) -> Option<String> {
        let secret = self.secret.as_ref().map(ToString::to_string).unwrap_or_default();
        let rotation = self.rotation.as_ref().map(ToString::to_string).unwrap_or_default();
        Some(match self.about {
            About::TaskWaiting if self.task == Some(TaskKind::Fetch) => {
                format!("rollover env pull {secret}")
            }
            About::TaskWaiting | About::ApprovalNeeded => "rollover task ls".into(),
            About::SecretDue | About::SecretOverdue => format!("rollover rotate {secret}"),
            About::RunStarted | About::RunDone | About::RunRolledBack => {
                format!("rollover run show {rotation}")
            }
            About::RunNeedsAttention => format!("rollover run resume {rotation}"),
            About::Drift => format!("rollover drift {secret}"),
            About::Digest => "rollover status".into(),
            About::LeakFound => format!("rollover rotate {secret} --emergency"),
            About::PullAgain => "rollover audit ls".into(),
            About::AuditBroken => "rollover audit verify".into(),
            About::ChannelDead => "rollover notify ls".into(),
            About::Test => return None,
        })
    }
}
