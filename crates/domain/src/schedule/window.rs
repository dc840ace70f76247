//! A window as people write it: `mon-thu 09:00-16:00`, `sat 22:00-02:00`, `daily 03:00-05:00`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Time, Weekday};
use serde::Deserialize;

/// Hours of some days of the week in which rotations may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Window {
    /// One bit a day, Monday the lowest.
    days: u8,
    /// When it opens.
    pub(super) from: Time,
    /// When it closes; on the next day where that is not later.
    pub(super) to: Time,
}

/// Why a text is not a window.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a window; write days and hours, such as \"mon-thu 09:00-16:00\"")]
pub struct ParseWindowError(String);

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Window {
    /// Whether it opens on this day of the week.
    #[must_use]
    pub fn opens_on(&self, day: Weekday) -> bool {
        self.days & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Whether it closes on the day after it opened.
    pub(super) fn spans_midnight(&self) -> bool {
        self.to <= self.from
    }
}

impl FromStr for Window {
    type Err = ParseWindowError;

    fn from_str(text: &str) -> Result<Self, ParseWindowError> {
        read(text).ok_or_else(|| ParseWindowError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Window> {
    let (days, hours) = text.trim().split_once(' ')?;
    let (from, to) = hours.trim().split_once('-')?;
    let (from, to) = (time(from)?, time(to)?);
    let days = match days {
        "daily" => 0x7f,
        days => days.split(',').try_fold(0, |all, part| Some(all | range(part)?))?,
    };
    Some(Window { days, from, to })
}

fn range(text: &str) -> Option<u8> {
    let place = |day: &str| DAYS.iter().position(|known| *known == day);
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (place(first)?, place(last)?),
        None => (place(text)?, place(text)?),
    };
    // `sat-mon` goes over the end of the week.
    let count = (last + 7 - first) % 7;
    Some((0..=count).fold(0, |all, i| all | 1 << ((first + i) % 7)))
}

/// `HH:MM`; `24:00` is the midnight at the end of the day.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    match (hour.parse().ok()?, minute.parse().ok()?) {
        (24, 0) => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}

impl TryFrom<String> for Window {
    type Error = ParseWindowError;

    fn try_from(text: String) -> Result<Self, ParseWindowError> {
        text.parse()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = DAYS
            .iter()
            .enumerate()
            .filter(|(place, _)| self.days & (1 << place) != 0)
            .map(|(_, day)| *day)
            .collect();
        let (from, to) = (self.from.strftime("%H:%M"), self.to.strftime("%H:%M"));
        write!(f, "{} {from}-{to}", days.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_people_do() {
        for (text, same) in [
            ("mon-thu 09:00-16:00", "mon,tue,wed,thu 09:00-16:00"),
            ("sat-mon 22:00-02:00", "mon,sat,sun 22:00-02:00"),
            ("tue,fri 08:30-24:00", "tue,fri 08:30-00:00"),
            ("daily 03:00-05:00", "mon,tue,wed,thu,fri,sat,sun 03:00-05:00"),
        ] {
            assert_eq!(text.parse::<Window>().unwrap().to_string(), same);
        }
        for wrong in [
            "",
            "mon",
            "09:00-16:00",
            "mon 9-16",
            "mon 09:00",
            "mond 09:00-10:00",
            "mon 25:00-26:00",
        ] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }
}
