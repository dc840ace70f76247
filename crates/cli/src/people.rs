//! Who acts, and what people are asked at the terminal.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use domain::{Actor, People, Token};
use zeroize::Zeroizing;

use crate::args::{PassphraseWay, TokenWay};
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::text::{ENTERED_BYTES_MAX, Unfit, entered};

/// One byte more than is taken, so that a text which is too long is seen to be.
const READ_BYTES_MAX: u64 = ENTERED_BYTES_MAX as u64 + 1;

/// Who runs this program: the operating system's user by number, which nobody can set, and what
/// they are to this installation.
pub(crate) fn actor(people: &People) -> Actor {
    let uid = nix::unistd::getuid();
    // A user whom the system's own list cannot tell is still one by number.
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    people.who(uid.as_raw(), user.as_ref().map(|user| user.name.as_str()))
}

/// Whether a person can be asked.
pub(crate) fn can_ask(no_input: bool) -> bool {
    !no_input && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for something that must not show.
pub(crate) fn hidden(prompt: &str, no_input: bool) -> io::Result<Token> {
    if !can_ask(no_input) {
        return Err(io::Error::other("nobody can be asked: there is no terminal, or --no-input"));
    }
    Ok(Token::new(rpassword::prompt_password(prompt)?))
}

/// Asks for one line.
pub(crate) fn line(prompt: &str) -> Option<String> {
    use std::io::Write;
    write!(io::stderr(), "{prompt}").ok()?;
    io::stderr().flush().ok()?;
    let mut answer = String::new();
    match io::stdin().read_line(&mut answer) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(answer.trim().to_owned()),
    }
}

/// The token that comes in by standard input or by a file, where one of them was named.
pub(crate) fn token(way: &TokenWay) -> Result<Option<Token>> {
    let fail = |what: String| Fail::new(Exit::Usage, what);
    let mut text = Zeroizing::new(String::new());
    match &way.token_file {
        Some(path) => {
            let file = private(path)?;
            file.take(READ_BYTES_MAX)
                .read_to_string(&mut text)
                .map_err(|error| fail(format!("failed to read {}: {error}", path.display())))?;
        }
        None if way.token_stdin => {
            standard_input(&mut text)?;
        }
        None => return Ok(None),
    }
    let token = entered(&text).map_err(|unfit| match unfit {
        Unfit::Empty => fail("the token is empty".into()),
        Unfit::Long => fail(format!("the token is longer than {ENTERED_BYTES_MAX} bytes")),
        Unfit::Characters => {
            fail("the token holds something else than visible ASCII characters".into())
                .hint("it was perhaps copied together with something else")
        }
    })?;
    Ok(Some(token))
}

/// The same as it stands there, but for the line end that closes a file: for whoever has to find
/// out what is wrong with it.
pub(crate) fn raw_token(way: &TokenWay) -> Result<Option<Token>> {
    let mut text = Zeroizing::new(String::new());
    match &way.token_file {
        Some(path) => text = private_text(path)?,
        None if way.token_stdin => standard_input(&mut text)?,
        None => return Ok(None),
    }
    if text.len() > ENTERED_BYTES_MAX {
        return Err(Fail::usage(format!("the token is longer than {ENTERED_BYTES_MAX} bytes")));
    }
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Some(Token::from(value)))
}

/// All of standard input, past the library's buffer of it, which nobody can wipe.
pub(crate) fn standard_input(text: &mut Zeroizing<String>) -> Result<()> {
    let fail = |error| Fail::usage(format!("failed to read standard input: {error}"));
    let input = File::from(io::stdin().as_fd().try_clone_to_owned().map_err(fail)?);
    input.take(READ_BYTES_MAX).read_to_string(text).map_err(fail)?;
    Ok(())
}

/// The passphrase that comes in by standard input or by a file, where one of them was named;
/// asked for twice at the terminal otherwise, because a new one that was mistyped is lost.
pub(crate) fn new_passphrase(way: &PassphraseWay, what: &str, no_input: bool) -> io::Result<Token> {
    if let Some(given) = passphrase(way)? {
        return Ok(given);
    }
    let first = hidden(&format!("{what} (hidden): "), no_input)?;
    let second = hidden("the same again: ", no_input)?;
    if first != second {
        return Err(io::Error::other("the two are not the same"));
    }
    Ok(first)
}

/// The passphrase that comes in by standard input or by a file, where one of them was named.
pub(crate) fn passphrase(way: &PassphraseWay) -> io::Result<Option<Token>> {
    let mut text = Zeroizing::new(String::new());
    if let Some(path) = &way.passphrase_file {
        let file = private(path).map_err(|fail| io::Error::other(fail.what))?;
        file.take(READ_BYTES_MAX).read_to_string(&mut text)?;
    } else if way.passphrase_stdin {
        io::stdin().take(READ_BYTES_MAX).read_to_string(&mut text)?;
    } else {
        return Ok(None);
    }
    // The newline at the end is the editor's; spaces may be meant.
    Ok(Some(Token::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}

/// A small text from a file that only its owner may read.
pub(crate) fn private_text(path: &Path) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(ENTERED_BYTES_MAX));
    private(path)?.take(READ_BYTES_MAX).read_to_string(&mut text).map_err(|error| {
        Fail::new(Exit::Usage, format!("failed to read {}: {error}", path.display()))
    })?;
    Ok(text)
}

/// A file that only its owner may read.
fn private(path: &Path) -> Result<File> {
    let fail = |error: io::Error| {
        Fail::new(Exit::Usage, format!("failed to open {}: {error}", path.display()))
    };
    let file = File::open(path).map_err(fail)?;
    let mode = file.metadata().map_err(fail)?.mode();
    if mode & 0o077 != 0 {
        return Err(Fail::new(
            Exit::Usage,
            format!("{} may be read by others (mode {:o})", path.display(), mode & 0o777),
        )
        .hint(format!("chmod 600 {}", path.display())));
    }
    Ok(file)
}
