//! A schedule as a calendar that other programs read (RFC 5545).

use jiff::Timestamp;
use jiff::civil::Date;

/// What stands in a calendar. Names and moments only; never a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CalendarEntry {
    /// A rotation in its slot.
    Rotation {
        /// The secret's name.
        name: String,
        /// When it is to begin.
        start: Timestamp,
        /// When its window closes.
        end: Option<Timestamp>,
        /// What is to be said of it.
        note: String,
    },
    /// Days on which nothing is changed.
    Freeze {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
        /// Why.
        why: String,
    },
}

/// Entries, and the moment at which they were drawn up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// Whose it is.
    pub org: String,
    /// When it was drawn up.
    pub at: Timestamp,
    /// What stands in it.
    pub entries: Vec<CalendarEntry>,
}

/// The longest line, in bytes and without its end (section 3.1).
const LINE_MAX: usize = 75;

impl Calendar {
    /// The calendar in the form of RFC 5545. An entry keeps its `UID` from one drawing to the
    /// next, so a calendar program moves it and does not show it twice.
    #[must_use]
    pub fn ics(&self) -> String {
        let mut lines: Vec<String> = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//rollover//EN"]
            .into_iter()
            .map(str::to_owned)
            .collect();
        lines.push(format!("X-WR-CALNAME:{}", escaped(&format!("rotations of {}", self.org))));
        for entry in &self.entries {
            self.event(entry, &mut lines);
        }
        lines.push("END:VCALENDAR".into());
        lines.iter().map(|line| folded(line)).collect()
    }

    fn event(&self, entry: &CalendarEntry, lines: &mut Vec<String>) {
        let utc = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let org = &self.org;
        lines.push("BEGIN:VEVENT".into());
        lines.push(format!("DTSTAMP:{}", utc(self.at)));
        match entry {
            CalendarEntry::Rotation { name, start, end, note } => {
                lines.push(format!("UID:{}", escaped(&format!("{name}@{org}.rollover"))));
                lines.push(format!("DTSTART:{}", utc(*start)));
                if let Some(end) = end {
                    lines.push(format!("DTEND:{}", utc(*end)));
                }
                lines.push(format!("SUMMARY:{}", escaped(&format!("rotate {name}"))));
                lines.push(format!("DESCRIPTION:{}", escaped(note)));
                lines.push("TRANSP:TRANSPARENT".into());
            }
            CalendarEntry::Freeze { from, to, why } => {
                let day = |day: Date| day.strftime("%Y%m%d").to_string();
                // The end of whole days is the first day that is not meant (section 3.6.1).
                let after = to.tomorrow().unwrap_or(*to);
                lines.push(format!("UID:{}", escaped(&format!("freeze-{from}@{org}.rollover"))));
                lines.push(format!("DTSTART;VALUE=DATE:{}", day(*from)));
                lines.push(format!("DTEND;VALUE=DATE:{}", day(after)));
                lines.push(format!("SUMMARY:{}", escaped(&format!("freeze: {why}"))));
                lines.push("TRANSP:TRANSPARENT".into());
            }
        }
        lines.push("END:VEVENT".into());
    }
}

/// Text, as section 3.3.11 wants it.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A line in pieces of at most 75 bytes, none of which cuts a character.
fn folded(line: &str) -> String {
    let mut out = String::new();
    let mut length = 0;
    for c in line.chars() {
        if length + c.len_utf8() > LINE_MAX {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(c);
        length += c.len_utf8();
    }
    out + "\r\n"
}
