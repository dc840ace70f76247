//! The keys, sections and elements that a value stands in.

use super::document::Document;
use super::words;

/// So far up is looked, in bytes and in keys.
const UP_MAX: usize = 6000;
const PARENTS_MAX: usize = 8;
/// A key's line counts so far.
const KEY_MAX: usize = 100;

/// The names around a value, nearest first, in lower case.
pub(crate) fn of(document: &Document<'_>, start: usize) -> Vec<String> {
    let from = start.saturating_sub(UP_MAX);
    let text = &document.bytes[from..start];
    let mut parents = on_the_line(text);
    let mut lines = text.split(|byte| *byte == b'\n').rev();
    let own = lines.next().unwrap_or_default();
    let (mut indent, mut item) = (depth(own), is_item(own));
    for line in lines {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let trimmed = line.trim_ascii_start();
        if trimmed.starts_with(b"#") || trimmed.starts_with(b"//") {
            continue;
        }
        let here = depth(line);
        let section = trimmed.starts_with(b"[") && !trimmed.starts_with(b"[{") && here <= indent;
        // A list may stand as deep as the key that it belongs to.
        let holds = item && here == indent && !is_item(line);
        if here < indent || section || holds {
            parents.push(words::lower(&trimmed[..trimmed.len().min(KEY_MAX)]));
            (indent, item) = (here, is_item(line));
        }
        if section
            || parents.len() >= PARENTS_MAX
            || (indent == 0 && !item && here == 0 && !flat(document))
        {
            break;
        }
    }
    if let Some((outer, at, _)) = document.outer {
        parents.extend(of(outer, at));
    }
    parents.into_iter().map(|parent| key_of(&parent)).filter(|key| !key.is_empty()).collect()
}

/// Whether sections are what holds values together: they stand as deep as their keys.
fn flat(document: &Document<'_>) -> bool {
    let head = &document.bytes[..document.bytes.len().min(UP_MAX)];
    head.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        line.starts_with(b"[") && line.ends_with(b"]") && line.len() > 2
    })
}

fn depth(line: &[u8]) -> usize {
    line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

fn is_item(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"- ")
}

/// The keys of the brackets that are open on the value's own line: `{"postmark":{"token":`.
fn on_the_line(text: &[u8]) -> Vec<String> {
    let line = &text[memchr::memrchr(b'\n', text).map_or(0, |at| at + 1)..];
    let (mut closed, mut parents) = (0_usize, Vec::new());
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b'}' | b']' | b')' => closed += 1,
            b'{' | b'[' | b'(' if closed > 0 => closed -= 1,
            b'{' | b'[' | b'(' => {
                let before = &line[at.saturating_sub(KEY_MAX)..at];
                let before = words::lower(before);
                let before =
                    before.trim_end_matches([' ', ':', '=', '>', '"', '\'', '\\', '(', '[']);
                let name = before.rsplit([' ', '{', ',', '(', '"', '\'', '\\']).next();
                parents.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
            }
            _ => {}
        }
        if parents.len() >= PARENTS_MAX {
            break;
        }
    }
    parents
}

/// The key of a key's line, without what it is set to.
fn key_of(line: &str) -> String {
    let line = line.trim_start_matches(['-', ' ', '"', '\'', '{', '<', '[']);
    let end = line.find([':', '=', '>', '{', ']']).unwrap_or(line.len());
    line[..end].trim_end_matches([' ', '"', '\'', '(']).to_owned()
}
