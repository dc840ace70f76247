//! Tokens never in argv: it stands in the shell's history and in `ps`.

use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::text::holds_token;

/// Refuses a command line that holds something of a token's form.
///
/// What counts as one is said by [`holds_token`].
pub(crate) fn refuse_tokens(arguments: impl Iterator<Item = String>) -> Result<()> {
    for argument in arguments.skip(1) {
        if holds_token(&argument) {
            return Err(Fail::new(
                Exit::Usage,
                "an argument has the form of a token; it was not used",
            )
            .hint("it is now in your shell's history and was visible in `ps`: treat it as leaked and rotate it")
            .hint("give a token by `--token-stdin`, `--token-file FILE` or at the hidden prompt"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> bool {
        let all = ["rollover"].iter().chain(arguments).map(|a| (*a).to_owned());
        refuse_tokens(all).is_err()
    }

    #[test]
    fn tokens_are_refused_wherever_they_stand() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        let heroku = format!("HRKU-{}", "a".repeat(60));
        assert!(refused(&[uuid]));
        assert!(refused(&[&format!("--token={uuid}")]));
        assert!(refused(&["task", "done", &format!("X={heroku}")]));
        assert!(!refused(&["-C", &format!("/tmp/{uuid}/x")]));
        assert!(!refused(&["rotate", "prod/POSTMARK_SERVER_TOKEN", "--confirm"]));
    }
}
