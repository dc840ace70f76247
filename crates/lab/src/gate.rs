//! Who is let in: tokens with the instant from which, and until which, a vendor honours them.
//!
//! A token can be listed and not yet work (late activation), or be deleted and still work (late
//! revocation), so what a vendor honours is kept apart from what it lists.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The tokens that one vendor honours, each with whom it speaks for.
#[derive(Clone)]
pub(crate) struct Gate<Who> {
    passes: BTreeMap<String, Pass<Who>>,
}

#[derive(Clone)]
struct Pass<Who> {
    who: Who,
    since: Timestamp,
    until: Option<Timestamp>,
}

impl<Who> Gate<Who> {
    pub(crate) fn new() -> Self {
        Self { passes: BTreeMap::new() }
    }

    /// Honours `token` from `since` on.
    pub(crate) fn admit(&mut self, token: &str, who: Who, since: Timestamp) {
        self.passes.insert(token.to_owned(), Pass { who, since, until: None });
    }

    /// Stops honouring `token` at `until`; an earlier end stays.
    pub(crate) fn close(&mut self, token: &str, until: Timestamp) {
        if let Some(pass) = self.passes.get_mut(token) {
            pass.until = Some(pass.until.map_or(until, |old| old.min(until)));
        }
    }

    /// Whom `token` speaks for right now, or nobody.
    pub(crate) fn who(&self, token: &str, now: Timestamp) -> Option<&Who> {
        let pass = self.passes.get(token)?;
        let open = pass.since <= now && pass.until.is_none_or(|until| now < until);
        open.then_some(&pass.who)
    }

    /// Whether any part of `text` is a token that was ever honoured here.
    pub(crate) fn ever_knew(&self, text: &str) -> bool {
        self.passes.contains_key(text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::later;

    #[test]
    fn a_pass_is_honoured_between_its_two_instants() {
        let start = Timestamp::UNIX_EPOCH;
        let at = |s| later(start, Duration::from_secs(s));
        let mut gate = Gate::new();
        gate.admit("t", 1, at(10));
        assert_eq!(gate.who("t", at(9)), None);
        assert_eq!(gate.who("t", at(10)), Some(&1));
        gate.close("t", at(20));
        gate.close("t", at(30));
        assert_eq!(gate.who("t", at(19)), Some(&1));
        assert_eq!(gate.who("t", at(20)), None);
    }
}
