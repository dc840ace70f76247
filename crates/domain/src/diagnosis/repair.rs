//! Undoes what happens to values on their way: one thing after another, until the rest has the
//! form of a token or nothing more can be undone.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use zeroize::Zeroizing;

use super::Flaw;
use crate::{Shape, Token, steers};

/// How many times something is undone at most.
const ROUNDS_MAX: usize = 8;
/// The longest value that is looked into.
const CHARS_MAX: usize = 4_096;

/// What was undone, and the rest where it has the form of a token.
pub(super) fn undone(value: &str, shape: Shape) -> (Vec<Flaw>, Option<Token>) {
    let mut flaws = Vec::new();
    let mut text = Zeroizing::new(value.to_owned());
    if text.chars().count() > CHARS_MAX {
        return (vec![Flaw::Length(text.chars().count())], None);
    }
    for _ in 0..ROUNDS_MAX {
        if text.trim().is_empty() {
            return (vec![Flaw::Empty], None);
        }
        if shape.fits(&text) && !is_one_character(&text) {
            return (flaws, Some(Token::new(text.to_string())));
        }
        if let Some(flaw) = no_token(&text) {
            flaws.push(flaw);
            return (flaws, None);
        }
        match STEPS.iter().find_map(|step| step(&text, shape)) {
            Some((flaw, rest)) => {
                flaws.push(flaw);
                text = rest;
            }
            None => break,
        }
    }
    flaws.extend(left_over(&text, shape));
    (flaws, None)
}

/// Whether a text is one character again and again, as examples have it.
pub(super) fn is_one_character(text: &str) -> bool {
    let mut letters = text.chars().filter(|c| c.is_ascii_alphanumeric());
    letters.next().is_some_and(|first| letters.all(|c| c == first))
}

type Rest = (Flaw, Zeroizing<String>);

/// What can be undone, the outermost first.
const STEPS: [fn(&str, Shape) -> Option<Rest>; 14] = [
    line_ends,
    blanks_around,
    invisible,
    quotes,
    assignment,
    scheme,
    escaped,
    percent,
    trailing,
    blanks_inside,
    doubled,
    dashes,
    look_alikes,
    base64,
];

fn rest(flaw: Flaw, text: impl Into<String>) -> Option<Rest> {
    Some((flaw, Zeroizing::new(text.into())))
}

fn line_ends(text: &str, _: Shape) -> Option<Rest> {
    let is_end = |c: char| matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.contains(is_end).then(|| text.replace(is_end, "")).and_then(|t| rest(Flaw::LineEnd, t))
}

fn blanks_around(text: &str, _: Shape) -> Option<Rest> {
    let trimmed = text.trim();
    (trimmed.len() < text.len()).then(|| rest(Flaw::BlanksAround, trimmed)).flatten()
}

fn invisible(text: &str, _: Shape) -> Option<Rest> {
    let count = text.chars().filter(|c| steers(*c)).count();
    let kept: String = text.chars().filter(|c| !steers(*c)).collect();
    (count > 0).then(|| rest(Flaw::Invisible(count), kept)).flatten()
}

fn quotes(text: &str, _: Shape) -> Option<Rest> {
    let is_quote = |c: char| "\"'`<>[](){}\u{201c}\u{201d}\u{2018}\u{2019}\u{201e}«»".contains(c);
    let stripped = text.trim_matches(is_quote);
    (stripped.len() < text.len()).then(|| rest(Flaw::Quoted, stripped)).flatten()
}

fn assignment(text: &str, _: Shape) -> Option<Rest> {
    let text = text.strip_prefix("export ").unwrap_or(text);
    let (name, value) = text.split_once(['=', ':'])?;
    let name = name.trim().trim_matches('"');
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.trim().len() >= 8;
    is_name.then(|| rest(Flaw::Assignment, value.trim())).flatten()
}

fn scheme(text: &str, _: Shape) -> Option<Rest> {
    let (word, value) = text.split_once(' ')?;
    let known = ["bearer", "token", "basic", "apikey"];
    known
        .contains(&word.to_ascii_lowercase().as_str())
        .then(|| rest(Flaw::Scheme, value.trim()))
        .flatten()
}

fn escaped(text: &str, _: Shape) -> Option<Rest> {
    let ends = ["\\r\\n", "\\n", "\\r", "\\t"];
    let shorter = ends.iter().find_map(|end| text.strip_suffix(end))?;
    rest(Flaw::EscapedLineEnd, shorter)
}

fn percent(text: &str, _: Shape) -> Option<Rest> {
    let (mut out, mut found, mut at) = (String::new(), false, 0);
    while let Some(c) = text[at..].chars().next() {
        let code = text.get(at + 1..at + 3).filter(|_| c == '%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                out.push(char::from(byte));
                found = true;
                at += 3;
            }
            None => {
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    found.then(|| rest(Flaw::PercentEncoded, out)).flatten()
}

fn trailing(text: &str, _: Shape) -> Option<Rest> {
    let shorter = text.trim_end_matches([',', ';', '.', '\\']);
    (shorter.len() < text.len()).then(|| rest(Flaw::Trailing, shorter)).flatten()
}

fn blanks_inside(text: &str, _: Shape) -> Option<Rest> {
    text.contains(char::is_whitespace)
        .then(|| text.replace(char::is_whitespace, ""))
        .and_then(|text| rest(Flaw::BlanksInside, text))
}

fn doubled(text: &str, shape: Shape) -> Option<Rest> {
    let fits = |from: usize, to: usize| text.get(from..to).filter(|part| shape.fits(part));
    let length = text.len();
    let first = [36, 41, 65].into_iter().filter(|end| *end < length).find_map(|end| {
        let rest_starts_anew = length - end >= 30;
        fits(0, end).filter(|_| rest_starts_anew)
    });
    first.and_then(|first| rest(Flaw::Doubled, first))
}

fn dashes(text: &str, shape: Shape) -> Option<Rest> {
    let bare = shape == Shape::Uuid
        && text.len() == 32
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    let whole = || parts.map(|part| text.get(part).unwrap_or_default()).join("-");
    bare.then(|| rest(Flaw::DashesMissing, whole())).flatten()
}

/// Characters of other alphabets, dashes that are none, and, in a UUID, the letters that look
/// like digits.
fn look_alikes(text: &str, shape: Shape) -> Option<Rest> {
    let uuid = shape == Shape::Uuid;
    let replaced: Zeroizing<String> =
        Zeroizing::new(text.chars().map(|c| looks_like(c, uuid)).collect());
    let count = text.chars().zip(replaced.chars()).filter(|(a, b)| a != b).count();
    (count > 0 && shape.fits(&replaced)).then_some((Flaw::LookAlike(count), replaced))
}

fn looks_like(c: char, uuid: bool) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ad}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => {
            '-'
        }
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        'а' => 'a',
        'с' => 'c',
        'е' => 'e',
        'о' | 'ο' => 'o',
        'В' | 'Β' => 'B',
        'Н' | 'Η' => 'H',
        'К' | 'Κ' => 'K',
        'О' | 'o' | 'O' if uuid => '0',
        'l' | 'I' | '|' | 'і' | 'i' if uuid => '1',
        'S' | 's' if uuid => '5',
        _ => c,
    }
}

fn base64(text: &str, shape: Shape) -> Option<Rest> {
    if text.len() < 40 || text.contains('-') && shape == Shape::Uuid {
        return None;
    }
    let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
    let inner = Zeroizing::new(String::from_utf8(bytes).ok()?);
    let core = inner.trim().trim_start_matches(':').trim();
    shape.fits(core).then(|| rest(Flaw::Base64, core)).flatten()
}

/// Beginnings by which values say what they are.
const MARKS: [(&str, &str); 14] = [
    ("HRKU-", "a Heroku token"),
    ("ghp_", "a GitHub token"),
    ("gho_", "a GitHub token"),
    ("ghs_", "a GitHub token"),
    ("github_pat_", "a GitHub token"),
    ("glpat-", "a GitLab token"),
    ("SG.", "a SendGrid key"),
    ("sk_live_", "a Stripe key"),
    ("sk_test_", "a Stripe key"),
    ("xoxb-", "a Slack token"),
    ("AKIA", "an AWS key id"),
    ("eyJ", "a JSON web token"),
    ("-----BEGIN", "a key in PEM"),
    ("https://", "an address"),
];

/// Words of examples.
const EXAMPLES: [&str; 14] = [
    "your-",
    "your_",
    "yourtoken",
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "token-here",
    "_here",
    "example",
    "replace",
    "dummy",
    "xxxx",
    "insert",
];

/// Texts that are no value at all.
fn no_token(text: &str) -> Option<Flaw> {
    let low = text.to_ascii_lowercase();
    let reference = (text.contains("${") || text.contains("{{") || text.starts_with("$("))
        || (text.starts_with('$') && text.len() > 1)
        || (text.len() > 2 && text.starts_with('%') && text.ends_with('%'));
    if reference {
        return Some(Flaw::Unresolved);
    }
    if text == "POSTMARK_API_TEST" {
        return Some(Flaw::TestToken);
    }
    if text.contains("***")
        || text.contains('\u{2022}')
        || text.contains('…')
        || text.contains("...")
    {
        return Some(Flaw::Masked);
    }
    let word =
        ["null", "undefined", "none", "nil", "true", "false", "todo", "tbd", "secret", "token"];
    let name = text.len() > 6
        && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        && text.contains('_');
    if word.contains(&low.as_str()) || name || is_one_character(text) {
        return Some(Flaw::Placeholder);
    }
    EXAMPLES.iter().any(|word| low.contains(word)).then_some(Flaw::Placeholder)
}

/// What remains wrong where nothing more can be undone.
fn left_over(text: &str, shape: Shape) -> Option<Flaw> {
    let foreign = MARKS.iter().find(|(mark, _)| text.starts_with(mark));
    match (foreign, shape) {
        (Some(("HRKU-", _)), Shape::Heroku) => {}
        (Some((_, what)), _) => return Some(Flaw::OtherKind((*what).to_owned())),
        _ => {}
    }
    let chars = text.chars().count();
    match shape {
        Shape::Uuid => Some(wrong_uuid(text, chars)),
        Shape::Heroku => Some(match text.get(..5) {
            Some("HRKU-") => match chars {
                ..65 => Flaw::CutAtEnd(65 - chars),
                65 => Flaw::Characters(foreign_in(text)),
                _ => Flaw::Length(chars),
            },
            Some(start) if start.eq_ignore_ascii_case("HRKU-") => Flaw::Case,
            _ if is_end_of_heroku(text) => Flaw::CutAtStart(65 - chars),
            _ => wrong_uuid(text, chars),
        }),
    }
}

fn is_end_of_heroku(text: &str) -> bool {
    (50..65).contains(&text.len()) && foreign_in(text) == 0
}

fn foreign_in(text: &str) -> usize {
    text.chars().filter(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).count()
}

/// Where the dashes of a UUID stand.
const DASHES: [usize; 4] = [8, 13, 18, 23];

fn wrong_uuid(text: &str, chars: usize) -> Flaw {
    let at_place = |offset: usize| {
        text.chars().enumerate().all(|(i, c)| match DASHES.contains(&(i + offset)) {
            true => c == '-',
            false => c.is_ascii_hexdigit(),
        })
    };
    match chars {
        1..36 if at_place(0) => Flaw::CutAtEnd(36 - chars),
        1..36 if at_place(36 - chars) => Flaw::CutAtStart(36 - chars),
        36 => {
            let wrong = |(i, c): (usize, char)| match DASHES.contains(&i) {
                true => c != '-',
                false => !c.is_ascii_hexdigit(),
            };
            Flaw::Characters(text.chars().enumerate().filter(|one| wrong(*one)).count())
        }
        _ => Flaw::Length(chars),
    }
}
