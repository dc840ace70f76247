//! Texts with tokens in them and with what only looks like one, each labelled, for measuring what a
//! scan finds.
//!
//! Every value is made from a seed, so that nothing of a real token's form stands in this repository.
//! There are two sets of templates: rules are written with an eye on [`tuning`], and measured on
//! [`held_out`], whose shapes are others.

mod held_out;
mod tuning;

use std::collections::BTreeSet;

use domain::Token;
use scan::{Scanner, Sighting, What};

/// A text and what is in it.
#[derive(Debug)]
pub struct Sample {
    /// The path that it would have.
    pub path: String,
    /// The text.
    pub text: Vec<u8>,
    /// The tokens in it.
    pub tokens: Vec<String>,
    /// What looks like one and is none.
    pub others: Vec<String>,
}

/// A template: a path and a text with `{t}`, `{u}` for tokens that are UUIDs, `{h}` for tokens of
/// Heroku, `{n}`, `{m}` for UUIDs that are no tokens.
type Template = (&'static str, &'static str);

/// Random numbers of a seed: SplitMix64, as its authors gave it away.
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A UUID of version 4.
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.number(), self.number());
        let (a, b) = (a & !0xf000 | 0x4000, b >> 2 | 1 << 63);
        let text = format!("{a:016x}{b:016x}");
        let parts = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
        parts.join("-")
    }

    /// A Heroku token of the newest form.
    pub fn heroku(&mut self) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let letter = |random: &mut Self| char::from(LETTERS[(random.number() % 64) as usize]);
        let body: String = (0..60).map(|_| letter(self)).collect();
        format!("{}-{body}", "HRKU")
    }
}

/// The set that rules are written with an eye on, each template so many times.
#[must_use]
pub fn tuning(times: usize) -> Vec<Sample> {
    samples(tuning::TEMPLATES, times, 1)
}

/// The set that rules are measured on.
#[must_use]
pub fn held_out(times: usize) -> Vec<Sample> {
    samples(held_out::TEMPLATES, times, 2)
}

fn samples(templates: &[Template], times: usize, seed: u64) -> Vec<Sample> {
    let mut random = Random::new(seed);
    let each = templates.iter().flat_map(|template| std::iter::repeat_n(template, times));
    each.map(|(path, text)| sample(path, text, &mut random)).collect()
}

fn sample(path: &str, text: &str, random: &mut Random) -> Sample {
    let (mut text, mut tokens, mut others) = (text.to_owned(), Vec::new(), Vec::new());
    for (mark, is_token) in [("{t}", true), ("{u}", true), ("{n}", false), ("{m}", false)] {
        if text.contains(mark) {
            let value = random.uuid();
            text = text.replace(mark, &value);
            if is_token { tokens.push(value) } else { others.push(value) }
        }
    }
    if text.contains("{h}") {
        let value = random.heroku();
        text = text.replace("{h}", &value);
        tokens.push(value);
    }
    let wide = path.ends_with(".utf16");
    let mut text = if let Some((before, rest)) = text.split_once("{b64:") {
        let (inner, after) = rest.split_once(":}").unwrap_or((rest, ""));
        format!("{before}{}{after}", base64(inner))
    } else {
        text
    };
    // What a person would have written by hand and not by a program.
    if text.starts_with("{upper}") {
        text = text.replacen("{upper}", "", 1).to_uppercase();
        tokens.iter_mut().for_each(|token| *token = token.to_uppercase());
    }
    let bytes = match wide {
        true => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        false => text.into_bytes(),
    };
    Sample { path: path.to_owned(), text: bytes, tokens, others }
}

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}

/// How well a scan tells tokens from what only looks like one.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Tokens there are.
    pub tokens: usize,
    /// Things that are none.
    pub others: usize,
    /// Tokens that were found.
    pub found: usize,
    /// Things that were taken for tokens and are none.
    pub wrong: usize,
    /// Where it went wrong, for people.
    pub told: Vec<String>,
}

impl Score {
    /// The part of the tokens that was found, in percent.
    #[must_use]
    pub fn recall(&self) -> f64 {
        percent(self.found, self.tokens)
    }

    /// The part of what was called a token that is one, in percent.
    #[must_use]
    pub fn precision(&self) -> f64 {
        percent(self.found, self.found + self.wrong)
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are some hundreds of them")]
fn percent(part: usize, of: usize) -> f64 {
    if of == 0 { 100.0 } else { 100.0 * part as f64 / of as f64 }
}

/// Scores a scanner on samples; `known` says whether the tokens are ones that it knows.
#[must_use]
pub fn score(samples: &[Sample], mut scanner: Scanner, known: bool) -> Score {
    let mut score = Score::default();
    for sample in samples {
        let mut found = Vec::new();
        scanner.document(&sample.text, Some(&sample.path), &mut found);
        let said: BTreeSet<String> =
            found.iter().filter(|one| counts(one, known)).filter_map(value).collect();
        score.tokens += sample.tokens.len();
        score.others += sample.others.len();
        for token in &sample.tokens {
            if said.contains(token) {
                score.found += 1;
            } else {
                score.told.push(format!("missed in {}: {}", sample.path, line_of(sample, token)));
            }
        }
        for other in said.iter().filter(|value| !sample.tokens.contains(value)) {
            score.wrong += 1;
            score.told.push(format!(
                "taken for one in {}: {}",
                sample.path,
                line_of(sample, other)
            ));
        }
    }
    score
}

fn counts(sighting: &Sighting, known: bool) -> bool {
    match sighting.what {
        What::Ours => known,
        What::Looks { confidence, .. } => !known && confidence >= scan::Confidence::Medium,
    }
}

fn value(sighting: &Sighting) -> Option<String> {
    sighting.value.as_ref().map(|value: &Token| value.expose().to_owned())
}

fn line_of(sample: &Sample, value: &str) -> String {
    let text = String::from_utf8_lossy(&sample.text);
    text.lines().find(|line| line.contains(value)).unwrap_or_default().trim().to_owned()
}
