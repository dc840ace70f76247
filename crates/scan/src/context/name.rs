//! The name that a value is given to, in whichever language.

use super::document::Document;
use super::words::{self, Sort};

/// A name, and how it stands before the value.
#[derive(Debug)]
pub(crate) struct Assigned {
    /// The name, in lower case, as it is searched for a vendor's words.
    pub(crate) text: String,
    name: String,
    /// The words before it where nothing assigns: a command line, a sentence.
    sentence: Option<Vec<String>>,
    /// `Authorization: Bearer VALUE`.
    scheme: bool,
    /// It is the neighbour in a list, which need not be a name at all.
    neighbour: bool,
}

impl Assigned {
    /// What the name says. `ids` are the issuer's own names of ids.
    pub(crate) fn sort(&self, ids: &[&str]) -> Sort {
        if self.scheme {
            return Sort::Secret;
        }
        match &self.sentence {
            Some(words) => words::sort_of_sentence(words, ids),
            None => match words::sort(&self.name, ids) {
                Sort::Other if self.neighbour => Sort::Prose,
                sort => sort,
            },
        }
    }
}

/// The name that stands before a value.
pub(crate) fn assigned(
    document: &Document<'_>,
    start: usize,
    before: &[u8],
    after: &[u8],
) -> Assigned {
    let line = String::from_utf8_lossy(before);
    let line = line.trim_end();
    let opened = line.trim_end_matches(QUOTES).trim_end();
    let quoted = opened.len() < line.len();
    let (rest, scheme) = without_scheme(opened);
    if rest.is_empty() {
        return from_outside(document, start);
    }
    let Some(separated) = separator(rest) else {
        return sentence(rest, scheme, quoted);
    };
    let head = match separated.kind {
        Kind::List => column(document, start, before, after),
        _ => None,
    };
    let neighbour = matches!(separated.kind, Kind::List) && head.is_none();
    let name = match separated.kind {
        Kind::Element => element(separated.left),
        Kind::List => head.or_else(|| Some(last_name(separated.left))),
        Kind::Sign => Some(last_name(separated.left)),
    };
    let name = name.unwrap_or_default();
    let name = if is_type(&name) { before_type(separated.left).unwrap_or(name) } else { name };
    let curl_user = matches!(name.as_str(), "u" | "user") && line.contains("curl");
    let scheme = scheme || curl_user;
    Assigned { text: name.to_ascii_lowercase(), name, sentence: None, scheme, neighbour }
}

const QUOTES: [char; 4] = ['"', '\'', '`', '\\'];

/// Takes off `Bearer` and its like.
fn without_scheme(text: &str) -> (&str, bool) {
    for scheme in ["Bearer", "bearer", "Basic", "basic"] {
        if let Some(rest) = text.strip_suffix(scheme)
            && !rest.ends_with(|c: char| c.is_ascii_alphanumeric())
        {
            return (rest.trim_end().trim_end_matches(QUOTES).trim_end(), true);
        }
    }
    (text, false)
}

enum Kind {
    /// `=`, `:`, `=>`, `(`: what stands left of it is the name.
    Sign,
    /// `,`, `;`, `|`, a tab: one of several.
    List,
    /// `>`, the end of an element's beginning.
    Element,
}

struct Separated<'t> {
    left: &'t str,
    kind: Kind,
}

fn separator(text: &str) -> Option<Separated<'_>> {
    let last = text.chars().next_back()?;
    let left = &text[..text.len() - last.len_utf8()];
    let kind = match last {
        '=' | ':' | '(' | '[' | '{' | '?' => Kind::Sign,
        '>' if left.ends_with(['=', '-']) => Kind::Sign,
        '>' => Kind::Element,
        ',' | ';' | '|' => Kind::List,
        _ => return None,
    };
    let left = left.trim_end_matches(['=', ':', '-', '?', '!', '|', '>']).trim_end();
    // `parameter=...` of a `>` was cut too far: the element's end is looked for from the whole.
    let left = if matches!(kind, Kind::Element) { text } else { left };
    Some(Separated { left, kind })
}

/// The last name in a text: `os.environ["POSTMARK_TOKEN"]` and `$postmark->token` whole.
fn last_name(text: &str) -> String {
    let text =
        text.trim_end_matches([' ', '"', '\'', '`', ']', ')', '}', '\\', '*', '&', '(', '[', '{']);
    let of_name =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | '@' | '\\');
    let start = text
        .rfind(|c| !of_name(c))
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    text[start..].trim_start_matches(['-', '\\', '.', '$', '@']).to_owned()
}

/// The name of the element whose beginning ends here, or what its `name`, `key` or `id` says.
fn element(text: &str) -> Option<String> {
    let open = text.rfind('<')?;
    let inside = text[open + 1..].trim_end_matches('>');
    let tag: String = inside.chars().take_while(|c| !c.is_whitespace()).collect();
    let named = ["name=", "key=", "id="].iter().find_map(|attribute| {
        let at = inside.find(attribute)?;
        let value = inside[at + attribute.len()..].trim_start_matches(QUOTES);
        Some(value.split(QUOTES).next().unwrap_or_default().to_owned())
    });
    Some(named.unwrap_or(tag))
}

const TYPES: [&str; 14] = [
    "str", "String", "string", "static", "char", "text", "Text", "NSString", "const", "auto",
    "var", "value", "Value", "val",
];

fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}

/// `token: &'static str =`, `key="Token" value=`: the name is further left.
fn before_type(text: &str) -> Option<String> {
    let names = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
    let names: Vec<&str> = names.filter(|name| !name.is_empty() && !is_type(name)).collect();
    let known = ["add", "let", "pub", "key", "name", "setting", "property", "entry", "mut"];
    names.iter().rev().take(4).find(|name| !known.contains(name)).map(|name| (*name).to_owned())
}

/// The head of the value's column, where the first line of the text looks like heads.
fn column(document: &Document<'_>, start: usize, before: &[u8], after: &[u8]) -> Option<String> {
    let sign = before.iter().rev().find(|byte| matches!(byte, b',' | b';' | b'|' | b'\t'))?;
    let number = before.iter().filter(|byte| *byte == sign).count();
    let first = document.bytes.split(|byte| *byte == b'\n').next()?;
    if first.len() >= start || first.len() > 400 || memchr::memchr(*sign, first).is_none() {
        return None;
    }
    let all = number + after.iter().filter(|byte| *byte == sign).count();
    let heads: Vec<&[u8]> = first.split(|byte| byte == sign).collect();
    (heads.len() == all + 1)
        .then(|| String::from_utf8_lossy(heads[number]).trim().trim_matches(QUOTES).to_owned())
}

/// Nothing stands before it on its line: a list's entry, an element's text, or all of a document
/// that was encoded in another one.
fn from_outside(document: &Document<'_>, start: usize) -> Assigned {
    let alone = document.bytes.len() <= 40;
    if let Some((outer, from, to)) = document.outer.filter(|_| alone) {
        let (before, after) = outer.line_around(from, to);
        return assigned(outer, from, before, after);
    }
    // The line before may end in what assigns: `token:` and the value below it.
    let above = &document.bytes[..start];
    let above = &above[..memchr::memrchr(b'\n', above).unwrap_or(0)];
    let line = &above[memchr::memrchr(b'\n', above).map_or(0, |at| at + 1)..];
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end().trim_end_matches(['\\', '|', '>', '(', '"', '\'']).trim_end();
    let name = match line.chars().next_back() {
        Some('=' | ':') => last_name(line.trim_end_matches(['=', ':', ' '])),
        _ => String::new(),
    };
    Assigned {
        text: name.to_ascii_lowercase(),
        name,
        sentence: None,
        scheme: false,
        neighbour: false,
    }
}

/// Words before a value with nothing that assigns.
fn sentence(text: &str, scheme: bool, quoted: bool) -> Assigned {
    const WORDS_MAX: usize = 7;
    let words: Vec<String> =
        text.split_whitespace().rev().take(WORDS_MAX).map(str::to_owned).collect();
    let words: Vec<String> = words.into_iter().rev().collect();
    let nearest = words.last().cloned().unwrap_or_default();
    // An option or a keyword before it is its name; a quoted value after a word is an argument.
    let named = nearest.starts_with('-') || (quoted && words.len() == 1);
    let name = last_name(&nearest);
    Assigned {
        text: if named { name.to_ascii_lowercase() } else { String::new() },
        name,
        sentence: (!named).then_some(words),
        scheme,
        neighbour: false,
    }
}
