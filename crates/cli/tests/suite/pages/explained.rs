//! The pages of the doctor's causes and of the posture's checks, whose commands stand in sentences.

use e2e::{POSTMARK, Result, SERVER};
use lab::SecretScope;

use super::{Page, begin, pages, stage};

/// The commands of a page that are no command lines of their own.
const NOT_TYPED: [(&str, &str); 1] =
    [("rollover template check shows where", "a sentence about a command that is typed elsewhere")];

#[test]
fn the_commands_of_every_cause_and_check_are_there_and_work() -> Result<()> {
    let mut ran = 0;
    for folder in ["doctor", "posture"] {
        // One world for all pages; each command is one that may be repeated.
        let stage = stage()?;
        begin(&stage.directory())?;
        let fail = |error: std::io::Error| error.to_string();
        let token = stage.lab().credentials().postmark_server_token;
        let file = stage.home().join("token");
        std::fs::write(&file, format!("{token}\n")).map_err(fail)?;
        let error = stage.home().join("error.txt");
        std::fs::write(&error, "401 {\"ErrorCode\":10,\"Message\":\"\"}\n").map_err(fail)?;
        for name in pages(folder)? {
            let mut page = Page::sentences(&stage, &name)?;
            page.means("NAME", POSTMARK.name);
            page.means("CONSUMER", "dotenv:worker.env");
            page.means("CAUSE", "mistyped");
            page.means("CHECK", "hooks");
            page.means("ENVIRONMENT", "production");
            while let Some(line) = page.upcoming().map(str::to_owned) {
                let words = line.split(' ').collect::<Vec<_>>();
                if let Some((text, why)) = NOT_TYPED.iter().find(|(text, _)| *text == line) {
                    page.leaves(text, why)?;
                    continue;
                }
                page.means(
                    "FILE",
                    if line.contains('<') { &file } else { &error }.to_string_lossy(),
                );
                let _ended = match words.as_slice() {
                    // Nobody is at a terminal, so a rotation is planned, shown and not begun.
                    ["rollover", "rotate", _] | [.., "--emergency"] => page.runs(&line, 10)?,
                    // A repair is for a token that is dead; this one lives.
                    [.., "--repair"] => page.runs(&line, 1)?,
                    [.., "import", "NAME", "--token-stdin"] => page.reads(&line, &token, 0)?,
                    [.., "--error", "FILE"] => page.runs(&line, 12)?,
                    ["rollover", "secret", "sync", ..] => {
                        // It differs, its plan is shown, and nobody agrees.
                        let worker = stage.directory().join("worker.env");
                        let before = std::fs::read_to_string(&worker).map_err(fail)?;
                        let other = before.replace(&token, "0fedcba9-8765-4321-8fed-cba987654321");
                        std::fs::write(&worker, other).map_err(fail)?;
                        let shown = page.runs(&line, 10)?;
                        assert!(shown.stderr.contains("1 to write"), "{shown}");
                        std::fs::write(&worker, before).map_err(fail)?;
                        shown
                    }
                    ["rollover", "template", "check"] => {
                        let example = stage.directory().join(".env.example");
                        let example = example.to_string_lossy();
                        let make = ["template", "env", "--output", &example];
                        let _made = stage.rollover(&make).run()?.is(0)?;
                        page.runs(&line, 0)?
                    }
                    ["rollover", "posture", "--fix"] => page.runs(&line, 10)?,
                    // The files of the consumers here lie beside the inventory, and git ignores none.
                    ["rollover", "scan"] | ["rollover", "scan", "--learn"] => {
                        page.runs(&line, 20)?
                    }
                    _ => page.runs(&line, 0)?,
                };
            }
            ran += page.ran;
            page.end()?;
        }
        assert_eq!(stage.lab().inspect().postmark_tokens(SERVER).len(), 1, "nothing was rotated");
        let held = stage.lab().inspect().github_secret(&SecretScope::Repo, "HEROKU_API_KEY");
        assert!(held.is_some());
    }
    assert!(ran > 45, "{ran} commands");
    Ok(())
}
