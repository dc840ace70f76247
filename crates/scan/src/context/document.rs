//! A text that values stand in.

use std::cell::OnceCell;

use domain::Profile;
use memchr::{memchr, memchr_iter, memmem, memrchr};

use super::words;

/// So far from a value the vendor's name may stand, in bytes, to count as in the same text.
const TEXT_MAX: usize = 4096;
/// So long may a line be that counts as one.
const LINE_MAX: usize = 2048;

/// Bytes, read as text as far as it is needed.
#[derive(Debug)]
pub(crate) struct Document<'b> {
    pub(crate) bytes: &'b [u8],
    /// The path, where it is known.
    pub(crate) path: Option<&'b str>,
    /// The document that this one was encoded in, and where.
    pub(crate) outer: Option<(&'b Document<'b>, usize, usize)>,
    /// The vendors' words that stand in it anywhere.
    told: OnceCell<Vec<&'static str>>,
}

impl<'b> Document<'b> {
    pub(crate) fn new(bytes: &'b [u8], path: Option<&'b str>) -> Self {
        Self { bytes, path, outer: None, told: OnceCell::new() }
    }

    pub(crate) fn inside(bytes: &'b [u8], outer: &'b Document<'b>, at: (usize, usize)) -> Self {
        Self { bytes, path: outer.path, outer: Some((outer, at.0, at.1)), told: OnceCell::new() }
    }

    /// Whether the vendor's name stands anywhere in it, in its path, or in what it stands in.
    pub(crate) fn tells_of(&self, profile: &'static Profile) -> bool {
        let told = self.told.get_or_init(|| self.words_in());
        // A longer word of a vendor, such as `postmark_account`, begins with its name.
        let vendor = |word: &&str| told.iter().any(|name| word.contains(name));
        profile.traces.words.iter().any(vendor)
            || self.path_says(profile)
            || self.outer.is_some_and(|(outer, ..)| outer.tells_of(profile))
    }

    /// One pass a word, for the ends of words: `ostmark` finds `Postmark` and `postmark`.
    fn words_in(&self) -> Vec<&'static str> {
        const TAILS: [(&str, &str, &str); 3] = [
            ("postmark", "ostmark", "OSTMARK"),
            ("heroku", "eroku", "EROKU"),
            ("hroku", "roku", "ROKU"),
        ];
        let holds = |tail: &str| memmem::find(self.bytes, tail.as_bytes()).is_some();
        let found = TAILS.iter().filter(|(_, lower, upper)| holds(lower) || holds(upper));
        found.map(|(word, ..)| *word).collect()
    }

    pub(crate) fn path_says(&self, profile: &Profile) -> bool {
        let path = self.path.map(str::to_ascii_lowercase);
        path.is_some_and(|path| profile.traces.words.iter().any(|word| path.contains(word)))
    }

    /// Whether it is so small that it is about one thing.
    pub(crate) fn small(&self) -> bool {
        self.bytes.len() <= TEXT_MAX
    }

    /// The line that a value stands in: what is before it and what is behind it. A line ends at a
    /// line feed, and at one that is written as `\n` in a string.
    pub(crate) fn line_around(&self, start: usize, end: usize) -> (&'b [u8], &'b [u8]) {
        let from = start.saturating_sub(LINE_MAX);
        let before = &self.bytes[from..start];
        let feed = memrchr(b'\n', before).map(|at| at + 1);
        let escaped = memmem::rfind(before, b"\\n").map(|at| at + 2);
        let before = &before[feed.max(escaped).unwrap_or(0)..];
        let to = (end + LINE_MAX).min(self.bytes.len());
        let after = &self.bytes[end..to];
        let feed = memchr(b'\n', after).into_iter().chain(memmem::find(after, b"\\n")).min();
        (before, &after[..feed.unwrap_or(after.len())])
    }

    /// The line that a byte stands in, so many lines before it and behind it, in lower case.
    pub(crate) fn nearby(&self, at: usize, lines: usize) -> String {
        let from = at.saturating_sub(lines * 100);
        let to = (at + lines * 100).min(self.bytes.len());
        let (before, after) = (&self.bytes[from..at], &self.bytes[at..to]);
        let start = memchr::memrchr_iter(b'\n', before).nth(lines).map_or(0, |at| at + 1);
        let end = memchr_iter(b'\n', after).nth(lines).unwrap_or(after.len());
        let mut text = words::lower(&before[start..]);
        text.push_str(&words::lower(&after[..end]));
        text
    }

    /// The line before the one that a byte stands in, and the line behind it, in lower case.
    pub(crate) fn beside(&self, at: usize) -> [String; 2] {
        const LINE_MAX: usize = 200;
        let above = &self.bytes[at.saturating_sub(2 * LINE_MAX)..at];
        let mut before = above.rsplit(|byte| *byte == b'\n').skip(1);
        let below = &self.bytes[at..(at + 2 * LINE_MAX).min(self.bytes.len())];
        let mut after = below.split(|byte| *byte == b'\n').skip(1);
        [before.next(), after.next()].map(|line| words::lower(line.unwrap_or_default()))
    }

    /// Whether the very same value stands once more within a few lines.
    pub(crate) fn twice_nearby(&self, value: &[u8], start: usize) -> bool {
        const NEAR: usize = 400;
        let from = start.saturating_sub(NEAR);
        let to = (start + NEAR).min(self.bytes.len());
        memmem::find_iter(&self.bytes[from..to], value).count() > 1
    }
}
