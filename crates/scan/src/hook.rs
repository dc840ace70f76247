//! The scripts that git runs before a commit and before a push.
//!
//! A hook that is there already is kept beside ours and runs first; what it says counts.

use std::path::Path;

/// One of git's hooks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hook {
    /// Before a commit: what is staged.
    PreCommit,
    /// Before a push: what it would bring to the other side.
    PrePush,
}

impl Hook {
    /// Both, in the order in which they meet a token.
    pub const ALL: [Self; 2] = [Self::PreCommit, Self::PrePush];

    /// The name of its file.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PrePush => "pre-push",
        }
    }

    /// The name under which a hook that was there before is kept.
    #[must_use]
    pub fn kept(self) -> String {
        format!("{}.before-rollover", self.file())
    }

    /// The script. `program` is where the program lies; the one on the PATH goes first.
    /// `inventory` is the directory of the inventory that the tokens are held against.
    #[must_use]
    pub fn script(self, program: &str, inventory: Option<&Path>) -> String {
        let among = inventory.map_or_else(String::new, |directory| {
            format!(" -C {}", quoted(&directory.to_string_lossy()))
        });
        let verb = if self == Self::PreCommit { "commit" } else { "push" };
        let head = format!(
            "#!/bin/sh\n{MARK}\n# Looks for tokens; `rollover hook uninstall` takes it away again.\n\
             before=\"$(dirname \"$0\")/{}\"\n\
             rollover=$(command -v rollover || echo {})\n\
             if ! [ -x \"$rollover\" ]; then\n\
             \x20 echo 'rollover was not found; nothing was looked at. Past it once: git {verb} --no-verify' >&2\n\
             \x20 exit 1\nfi\n",
            self.kept(),
            quoted(program),
        );
        let body = match self {
            Self::PreCommit => format!(
                "if [ -x \"$before\" ]; then \"$before\" \"$@\" || exit $?; fi\n\
                 exec \"$rollover\"{among} --no-input scan --staged --quiet\n"
            ),
            Self::PrePush => format!(
                "refs=$(cat)\n\
                 if [ -x \"$before\" ]; then printf '%s\\n' \"$refs\" | \"$before\" \"$@\" || exit $?; fi\n\
                 printf '%s\\n' \"$refs\" | \"$rollover\"{among} --no-input scan --pre-push \"$1\" --quiet\n"
            ),
        };
        head + &body
    }
}

const MARK: &str = "# rollover hook 1";

/// Whether a script is one of ours.
#[must_use]
pub fn is_ours(script: &str) -> bool {
    script.lines().take(3).any(|line| line.starts_with("# rollover hook"))
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What a push would change, one a line on standard input: `<local ref> <local id> <remote ref>
/// <remote id>` before a push, `<old id> <new id> <ref>` before it is received.
///
/// Answers with the ids that would be there then, and those that are there already.
#[must_use]
pub fn pushed(lines: &str) -> (Vec<String>, Vec<String>) {
    let (mut new, mut old) = (Vec::new(), Vec::new());
    let there = |id: &str| !id.bytes().all(|byte| byte == b'0');
    for line in lines.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (to, from) = match words.as_slice() {
            [_, local, _, remote] => (*local, *remote),
            [before, after, _] => (*after, *before),
            _ => continue,
        };
        new.extend(there(to).then(|| to.to_owned()));
        old.extend(there(from).then(|| from.to_owned()));
    }
    (new, old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_known_again() {
        for hook in Hook::ALL {
            let script = hook.script("/opt/it's here/rollover", Some(Path::new("/etc/acme")));
            assert!(script.starts_with("#!/bin/sh\n") && is_ours(&script));
            assert!(script.contains("'/opt/it'\\''s here/rollover'"), "{script}");
            assert!(script.contains("\"$rollover\" -C '/etc/acme' --no-input scan"), "{script}");
        }
        assert!(!is_ours("#!/bin/sh\nexec husky\n"));
    }

    #[test]
    fn what_is_pushed() {
        let (a, b, none) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let lines =
            format!("refs/heads/x {a} refs/heads/x {b}\n(delete) {none} refs/heads/y {b}\n");
        assert_eq!(pushed(&lines), (vec![a.clone()], vec![b.clone(), b.clone()]));
        assert_eq!(pushed(&format!("{none} {a} refs/heads/x\n")), (vec![a], Vec::new()));
    }
}
