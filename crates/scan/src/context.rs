//! Whether something of a token's form that is not ours is somebody's token, by what stands
//! around it.
//!
//! Closeness to an assignment decides, not closeness to a vendor's name: first the name that the
//! value is given to is read, and what is called an id is none. Only then is the vendor's name
//! looked for: in that name, on its line, in the keys around it, in the path, nearby, in the text.

mod document;
mod name;
mod parents;
mod words;

use domain::Profile;

pub(crate) use document::Document;

use crate::placeholder::made_up;
use crate::sighting::{Confidence, Reason};
use crate::spot::{Form, Spot};
use name::Assigned;
use words::Sort;

/// Whose token a spot looks like.
pub(crate) fn judge(
    profiles: &'static [&'static Profile],
    document: &Document<'_>,
    spot: &Spot,
    value: &[u8],
) -> Option<(&'static str, Confidence, Reason)> {
    if spot.touched(document.bytes) || made_up(value) {
        return None;
    }
    if spot.form == Form::Heroku {
        let heroku = profiles.iter().find(|profile| spot.form.may_be(profile.shape))?;
        return Some((heroku.kind, Confidence::High, Reason::Form));
    }
    let fitting = profiles.iter().filter(|profile| spot.form.may_be(profile.shape));
    let named: Vec<&&Profile> = fitting.filter(|profile| document.tells_of(profile)).collect();
    if named.is_empty() {
        return None;
    }
    let around = Around::of(document, spot, value)?;
    let verdicts = named.into_iter().filter_map(|profile| {
        let (confidence, reason) = around.verdict(profile)?;
        Some((profile.kind, confidence, reason))
    });
    // The surest, and of those the one whose name stands nearest.
    verdicts.max_by_key(|(_, confidence, reason)| (*confidence, std::cmp::Reverse(*reason)))
}

/// What stands around a value.
struct Around<'d> {
    document: &'d Document<'d>,
    start: usize,
    assigned: Assigned,
    /// The line without the value, or as much of it as is near.
    line: String,
    /// Where the line came from, for its neighbours.
    example: bool,
    user_info: Option<String>,
    pair: bool,
    netrc: bool,
}

impl<'d> Around<'d> {
    /// `None` where the place alone shows that it is no token: a part of a path, of an address, of
    /// a message's id.
    fn of(document: &'d Document<'d>, spot: &Spot, value: &[u8]) -> Option<Self> {
        let (before, after) = document.line_around(spot.start, spot.end);
        let user_info = user_info(before, after);
        if user_info.is_none() && is_part(before, after) {
            return None;
        }
        let assigned = name::assigned(document, spot.start, before, after);
        let line =
            format!("{} {}", words::lower(near_end(before)), words::lower(near_start(after)));
        let example = ["example", "sample", "dummy", "placeholder", "fake"]
            .iter()
            .any(|word| line.contains(word));
        let pair = document.twice_nearby(value, spot.start);
        let netrc =
            line.contains("password") && document.nearby(spot.start, 3).contains("machine ");
        let start = spot.start;
        Some(Self { document, start, assigned, line, example, user_info, pair, netrc })
    }

    fn verdict(&self, profile: &Profile) -> Option<(Confidence, Reason)> {
        let found = self.unhedged(profile)?;
        Some(if self.example { (Confidence::Low, found.1) } else { found })
    }

    fn unhedged(&self, profile: &Profile) -> Option<(Confidence, Reason)> {
        use Confidence::{High, Low, Medium};
        let says = |text: &str| profile.traces.words.iter().any(|word| text.contains(word));
        if let Some(host) = &self.user_info {
            return says(host).then_some((High, Reason::UserInfo));
        }
        let sort = self.assigned.sort(profile.traces.ids);
        if sort == Sort::Id {
            return None;
        }
        let own = says(&self.assigned.text);
        let line = own || says(&self.line);
        let login = sort == Sort::Login;
        if self.netrc && (line || says(&self.document.nearby(self.start, 3))) {
            return Some((High, Reason::Netrc));
        }
        if (login || sort == Sort::Secret)
            && self.pair
            && (line || says(&self.document.nearby(self.start, 8)))
        {
            return Some((High, Reason::Pair));
        }
        let secret = sort == Sort::Secret || login;
        match (own, secret) {
            (true, true) => return Some((High, Reason::Name)),
            (true, false) if sort != Sort::Prose => return Some((Medium, Reason::Name)),
            _ => {}
        }
        if sort == Sort::Doubtful {
            return None;
        }
        if line && secret {
            return Some((High, Reason::Line));
        }
        let parents = parents::of(self.document, self.start);
        let around = parents.iter().any(|parent| says(parent));
        if around && !parents.iter().any(|parent| words::is_id(parent, profile.traces.ids)) {
            let secret = secret || parents.iter().any(|parent| words::is_secret(parent));
            match (secret, sort) {
                (true, _) => return Some((High, Reason::Parent)),
                (false, Sort::Generic | Sort::Other) => return Some((Medium, Reason::Parent)),
                _ => {}
            }
        }
        if sort == Sort::Generic {
            // `name: POSTMARK_TOKEN` beside `value: ...`: the line before it, or the one behind it.
            let tells = |beside: &String| {
                says(beside)
                    && words::is_secret(beside)
                    && !words::any_id(beside, profile.traces.ids)
            };
            if self.document.beside(self.start).iter().any(tells) {
                return Some((High, Reason::Near));
            }
        }
        if !secret {
            return None;
        }
        if self.document.path_says(profile) {
            return Some((High, Reason::Path));
        }
        if says(&self.document.nearby(self.start, 6)) {
            return Some((Medium, Reason::Near));
        }
        Some((if self.document.small() { Medium } else { Low }, Reason::Text))
    }
}

/// The host of `scheme://user:VALUE@host`, where the value is the user or the password.
fn user_info(before: &[u8], after: &[u8]) -> Option<String> {
    let scheme = memchr::memmem::rfind(before, b"://")?;
    let between = &before[scheme + 3..];
    if between.iter().any(|byte| matches!(byte, b'/' | b' ' | b'"' | b'\'' | b'@' | b'?')) {
        return None;
    }
    let at = after.iter().take(120).position(|byte| *byte == b'@')?;
    let rest = &after[..at];
    // `VALUE@`, or `VALUE:password@`.
    if !rest.is_empty() && rest[0] != b':' {
        return None;
    }
    if rest.iter().any(|byte| matches!(byte, b'/' | b' ' | b'"' | b'\'')) {
        return None;
    }
    let host = &after[at + 1..];
    let end = host.iter().position(|byte| {
        !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'$' | b'{' | b'}' | b'_'))
    });
    Some(words::lower(&host[..end.unwrap_or(host.len())]))
}

/// Whether the value is a part of something else: a path's, a host's, a message's id.
fn is_part(before: &[u8], after: &[u8]) -> bool {
    let touching = |byte: Option<&u8>| {
        byte.is_some_and(|byte| matches!(byte, b'/' | b'.' | b'-' | b'_' | b'#' | b'@' | b'~'))
    };
    // A sentence may end behind it.
    let ends = |rest: &[u8]| rest.get(1).is_none_or(|byte| byte.is_ascii_whitespace());
    let behind = match after.first() {
        Some(b'.') => !ends(after),
        // `VALUE-suffix`; a lone dash is a dash.
        Some(b'-') => !ends(after),
        byte => touching(byte),
    };
    touching(before.last()) || behind
}

fn near_end(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(LINE_BEFORE_MAX)..]
}

fn near_start(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(LINE_AFTER_MAX)]
}

/// So much of a long line counts as the line.
const LINE_BEFORE_MAX: usize = 120;
const LINE_AFTER_MAX: usize = 60;
