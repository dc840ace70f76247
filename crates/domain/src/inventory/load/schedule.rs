//! `[schedule]` and `[[freezes]]` of `rollover.toml`.

use jiff::civil::Date;
use jiff::tz::TimeZoneDatabase;
use serde_spanned::Spanned;

use crate::inventory::raw;
use crate::inventory::reference::Page;
use crate::schedule::{Freeze, Schedule};

impl Page<'_> {
    pub(super) fn schedule(&mut self, raw: &raw::Organisation) -> Schedule {
        let mut schedule = Schedule::default();
        let given = &raw.schedule;
        if let Some(zone) = &given.zone {
            match TimeZoneDatabase::bundled().get(zone.get_ref()) {
                Ok(known) => schedule.zone = known,
                Err(_) => self.say_hint(
                    zone.span(),
                    format!("there is no time zone `{}`", zone.get_ref()),
                    "write a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\""
                        .into(),
                ),
            }
        }
        for window in &given.windows {
            match window.get_ref().parse() {
                Ok(window) => schedule.windows.push(window),
                Err(error) => {
                    let error: crate::schedule::ParseWindowError = error;
                    self.say(window.span(), error.to_string());
                }
            }
        }
        schedule.freezes =
            raw.freezes.iter().filter_map(|freeze| self.freeze(freeze.get_ref())).collect();
        if let Some(warn) = given.warn_before {
            schedule.warn_before = warn;
        }
        if let Some(jitter) = given.jitter {
            schedule.jitter = jitter;
        }
        schedule
    }

    fn freeze(&mut self, raw: &raw::Freeze) -> Option<Freeze> {
        let (from, to) = (self.date(&raw.from), self.date(&raw.to));
        let (from, to) = (from?, to?);
        if to < from {
            self.say(raw.to.span(), format!("the freeze ends before it begins on {from}"));
            return None;
        }
        Some(Freeze { from, to, why: raw.why.clone() })
    }

    fn date(&mut self, raw: &Spanned<String>) -> Option<Date> {
        let date = raw.get_ref().parse().ok();
        if date.is_none() {
            let text = raw.get_ref();
            self.say(raw.span(), format!("`{text}` is not a day; write it as \"2026-12-18\""));
        }
        date
    }
}
