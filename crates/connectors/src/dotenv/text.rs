//! The text of a dotenv file: where the values are, what they say, and how one is exchanged.
//!
//! Everything that is not an exchanged value stays as it is, byte for byte: comments, order,
//! quoting, `export`, blanks and line ends.

use std::ops::Range;

use domain::Token;
use zeroize::Zeroizing;

/// One `KEY=value`.
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a str,
    /// Where its value stands, with its quotes.
    pub(crate) value: Range<usize>,
    quote: Quote,
    exported: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// Every entry of a text, in order.
pub(crate) fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut found = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while at < text.len() {
        let entry = entry(text, at, line_end(text, at));
        // A quoted value may span lines; go on after the line on which it ends.
        let after = entry.as_ref().map_or(at, |entry| entry.value.end);
        at = line_end(text, after) + 1;
        found.extend(entry);
    }
    found
}

/// The value under a key. The last entry wins, as it does for programs.
pub(crate) fn value(text: &str, key: &str) -> Option<Token> {
    let entry = entries(text).into_iter().rev().find(|entry| entry.key == key)?;
    Some(entry.read(text))
}

impl Entry<'_> {
    pub(crate) fn read(&self, text: &str) -> Token {
        let raw = &text[self.value.clone()];
        match self.quote {
            Quote::None => Token::from(raw),
            Quote::Single => Token::from(&raw[1..raw.len() - 1]),
            Quote::Double => unescape(&raw[1..raw.len() - 1]),
        }
    }
}

/// The text with every entry of the keys set to a token; keys without an entry are appended.
/// `None` where it would be read as something else: a quote of another entry that never ended
/// would end in the new value, and swallow it.
pub(crate) fn exchanged(text: &str, keys: &[String], token: &Token) -> Option<Zeroizing<String>> {
    let out = replaced(text, keys, token);
    let held = keys.iter().all(|key| value(&out, key).as_ref() == Some(token));
    (held && others(text, keys) == others(&out, keys)).then_some(out)
}

/// The text without any entry of the keys; every other byte is kept. `None` where another entry
/// would be read as something else then.
pub(crate) fn without(text: &str, keys: &[String]) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut copied = 0;
    let is_ours = |entry: &&Entry<'_>| keys.iter().any(|key| key == entry.key);
    for entry in entries(text).iter().filter(is_ours) {
        let start = line_start(text, entry.value.start);
        out.push_str(&text[copied..start]);
        copied = text.len().min(line_end(text, entry.value.end) + 1);
    }
    out.push_str(&text[copied..]);
    let gone = keys.iter().all(|key| value(&out, key).is_none());
    (gone && others(text, keys) == others(&out, keys)).then_some(out)
}

/// Every entry of other keys.
fn others(text: &str, keys: &[String]) -> Vec<(String, Token)> {
    let entries = entries(text).into_iter();
    let others = entries.filter(|entry| !keys.iter().any(|key| key == entry.key));
    others.map(|entry| (entry.key.to_owned(), entry.read(text))).collect()
}

fn replaced(text: &str, keys: &[String], token: &Token) -> Zeroizing<String> {
    let entries = entries(text);
    let room = token.expose().len() * 2 + 64;
    let longest = keys.iter().map(String::len).max().unwrap_or(0);
    // Large enough from the start: a string that grows leaves its old memory behind.
    let capacity = text.len() + (entries.len() + keys.len()) * (room + longest);
    let mut out = Zeroizing::new(String::with_capacity(capacity));
    let mut copied = 0;
    for entry in entries.iter().filter(|entry| keys.iter().any(|key| key == entry.key)) {
        out.push_str(&text[copied..entry.value.start]);
        push_value(&mut out, entry.quote, token.expose());
        copied = entry.value.end;
    }
    out.push_str(&text[copied..]);
    let missing = keys.iter().filter(|key| !entries.iter().any(|entry| entry.key == *key));
    // A file that is sourced exports everything; a line without would be lost.
    let exported = !entries.is_empty() && entries.iter().all(|entry| entry.exported);
    for key in missing {
        append(&mut out, text, key, exported, token);
    }
    out
}

fn append(out: &mut String, text: &str, key: &str, exported: bool, token: &Token) {
    let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
    let end = if crlf { "\r\n" } else { "\n" };
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str(end);
    }
    out.push_str(if exported { "export " } else { "" });
    out.push_str(key);
    out.push('=');
    push_value(out, Quote::None, token.expose());
    out.push_str(end);
}

/// Where the line of a position starts, behind a byte order mark.
fn line_start(text: &str, at: usize) -> usize {
    match text[..at].rfind('\n') {
        Some(end) => end + 1,
        None if text.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
        None => 0,
    }
}

/// Where the line of a position ends: at its line feed, or at the end of the text.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length)
}

/// The entry that starts on a line, if one does.
fn entry(text: &str, start: usize, end: usize) -> Option<Entry<'_>> {
    let line = &text[start..end];
    let trimmed = line.trim_start_matches([' ', '\t']);
    let bare = trimmed.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let exported = bare.is_some();
    let named = bare.unwrap_or(trimmed).trim_start_matches([' ', '\t']);
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let length = named.find(|c| !is_key(c)).filter(|length| *length > 0)?;
    let (key, rest) = named.split_at(length);
    let after_equals = rest.trim_start_matches([' ', '\t']).strip_prefix('=')?;
    let from = end - after_equals.len();
    let (value, quote) =
        quoted(text, from).unwrap_or_else(|| (plain(text, from, end), Quote::None));
    Some(Entry { key, value, quote, exported })
}

/// A value in quotes, perhaps over several lines, with nothing but a comment behind it.
fn quoted(text: &str, from: usize) -> Option<(Range<usize>, Quote)> {
    let rest = text[from..].trim_start_matches([' ', '\t']);
    let start = text.len() - rest.len();
    let (mark, quote) = match rest.chars().next()? {
        '\'' => ('\'', Quote::Single),
        '"' => ('"', Quote::Double),
        _ => return None,
    };
    let mut escaped = false;
    let length = rest[1..].find(|c| {
        let closes = c == mark && !escaped;
        escaped = quote == Quote::Double && c == '\\' && !escaped;
        closes
    })?;
    let end = start + length + 2;
    let behind = text[end..line_end(text, end)].trim();
    (behind.is_empty() || behind.starts_with('#')).then_some((start..end, quote))
}

/// A value without quotes: up to a `#` behind a blank, or to the end of the line.
fn plain(text: &str, from: usize, end: usize) -> Range<usize> {
    let rest = &text[from..end];
    let comment =
        rest.match_indices('#').map(|(at, _)| at).find(|at| rest[..*at].ends_with([' ', '\t']));
    let kept = rest[..comment.unwrap_or(rest.len())].trim_end();
    let value = kept.trim_start();
    match value.is_empty() {
        true => from..from,
        false => from + (kept.len() - value.len())..from + kept.len(),
    }
}

/// Keeps the quoting that was there as long as it can carry the value.
fn push_value(out: &mut String, quote: Quote, value: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    let unfit = |c: char| matches!(c, '\'' | '\n' | '\r');
    match quote {
        Quote::None if value.chars().all(is_plain) => out.push_str(value),
        Quote::None | Quote::Single if !value.contains(unfit) => {
            out.push('\'');
            out.push_str(value);
            out.push('\'');
        }
        _ => push_escaped(out, value),
    }
}

fn push_escaped(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' | '$' | '`' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn unescape(raw: &str) -> Token {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, false) => out.push(c),
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(c @ ('"' | '\\' | '$' | '`')) => out.push(c),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
        }
    }
    Token::new(out)
}
