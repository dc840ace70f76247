//! Windows on the calendar: which moments a schedule leaves open, across clock changes.

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use super::{DAYS_MAX, Schedule, Window};

/// A stretch of time in which rotations may begin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Opening {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment that is no longer in it.
    pub end: Timestamp,
}

impl Schedule {
    /// The stretches that begin at or after a moment, or in which it lies; the earliest first.
    pub fn openings(&self, from: Timestamp) -> impl Iterator<Item = Opening> {
        let first = from.to_zoned(self.zone.clone()).date();
        (-1..DAYS_MAX)
            .filter_map(move |days| first.checked_add(jiff::Span::new().days(days)).ok())
            .flat_map(|day| self.openings_of(day))
            .filter(move |opening| opening.end > from)
    }

    /// The stretches that begin at or before a moment; the latest first.
    pub(super) fn openings_back(&self, until: Timestamp) -> impl Iterator<Item = Opening> {
        let last = until.to_zoned(self.zone.clone()).date();
        (0..DAYS_MAX)
            .filter_map(move |days| last.checked_sub(jiff::Span::new().days(days)).ok())
            .flat_map(|day| self.openings_of(day).into_iter().rev())
            .filter(move |opening| opening.start <= until)
    }

    /// The stretches that begin on a day of the schedule's zone; the earliest first.
    fn openings_of(&self, day: Date) -> Vec<Opening> {
        if self.freeze_on(day).is_some() {
            return Vec::new();
        }
        let mut openings: Vec<Opening> = if self.windows.is_empty() {
            self.between(day, Time::midnight(), day.tomorrow().ok(), Time::midnight())
                .into_iter()
                .collect()
        } else {
            let open = self.windows.iter().filter(|window| window.opens_on(day.weekday()));
            open.filter_map(|window| self.opening(window, day)).collect()
        };
        openings.sort_unstable();
        openings
    }

    fn opening(&self, window: &Window, day: Date) -> Option<Opening> {
        let tomorrow = day.tomorrow().ok();
        // What would reach into a freeze ends at its midnight.
        match tomorrow {
            Some(next) if window.spans_midnight() && self.freeze_on(next).is_some() => {
                self.between(day, window.from, tomorrow, Time::midnight())
            }
            _ if window.spans_midnight() => self.between(day, window.from, tomorrow, window.to),
            _ => self.between(day, window.from, Some(day), window.to),
        }
    }

    /// A time that a clock change leaves out is the moment after it; one that comes twice is the
    /// first (RFC 5545, section 3.3.5). A stretch that a change swallows whole is none, and a day
    /// that a zone leaves out opens nothing.
    fn between(&self, day: Date, from: Time, to_day: Option<Date>, to: Time) -> Option<Opening> {
        let moment = |day: Date, time: Time| {
            let zoned = self.zone.to_ambiguous_zoned(day.to_datetime(time)).compatible();
            zoned.map(|zoned| zoned.timestamp()).ok()
        };
        let (start, end) = (moment(day, from)?, moment(to_day?, to)?);
        let on_its_day = start.to_zoned(self.zone.clone()).date() == day;
        (on_its_day && start < end).then_some(Opening { start, end })
    }
}
