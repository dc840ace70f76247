//! Pictures of days: a line of bars for terminals, an SVG for reports.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::Spike;

const BARS: [char; 8] = [
    '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}',
];
const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];

/// A line of bars.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bars {
    /// A character for each few days; where nothing was, it is blank.
    pub line: String,
    /// How many days a character stands for.
    pub days: usize,
}

/// The days in a line that is no longer than this. A character that stands for several days shows
/// the highest of them, so that no spike drowns among its neighbours; the last one is the newest.
#[must_use]
pub fn bars(days: &[(Date, u64)], width: usize, ascii: bool) -> Bars {
    let max = days.iter().map(|(_, value)| *value).max().unwrap_or(0);
    let levels = if ascii { ASCII } else { BARS };
    let each = days.len().div_ceil(width.max(1)).max(1);
    let bar = |days: &[(Date, u64)]| match days.iter().map(|(_, value)| *value).max() {
        None | Some(0) => ' ',
        Some(value) => levels[usize::try_from(value * 7 / max.max(1)).unwrap_or(7)],
    };
    let line: Vec<char> = days.rchunks(each).map(bar).collect();
    Bars { line: line.into_iter().rev().collect(), days: each }
}

/// How wide a day is drawn.
const DAY: usize = 8;
/// How high the picture is.
const HEIGHT: u64 = 120;

/// The days as columns, spikes in another pattern and named below; it holds no script and no
/// reference to anything outside.
#[must_use]
pub fn svg(title: &str, days: &[(Date, u64)], spikes: &[Spike]) -> String {
    let max = days.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1);
    let width = days.len() * DAY + 20;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" role=\"img\">\n<title>{}</title>\n",
        HEIGHT + 40,
        escaped(title)
    );
    for (i, (date, value)) in days.iter().enumerate() {
        let height = value * HEIGHT / max;
        let is_spike = spikes.iter().any(|spike| spike.date == *date);
        let style = if is_spike { "fill=\"#b00\" stroke=\"#000\"" } else { "fill=\"#567\"" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\" {style}><title>{date}: {value}</title></rect>",
            10 + i * DAY,
            10 + HEIGHT - height,
            DAY - 2,
        );
    }
    let ends = days
        .first()
        .zip(days.last())
        .map(|((from, _), (to, _))| format!("{from} to {to}, highest {max}"));
    let _ = writeln!(
        text,
        "<text x=\"10\" y=\"{}\" font-family=\"sans-serif\" font-size=\"11\">{}: {}</text>\n</svg>",
        HEIGHT + 30,
        escaped(title),
        ends.unwrap_or_default()
    );
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_and_nothing_that_others_wrote_is_markup() {
        let day = jiff::civil::date(2026, 1, 1);
        let days = [(day, 0), (day, 1), (day, 4), (day, 7)];
        assert_eq!(bars(&days, 9, true), Bars { line: " :+@".into(), days: 1 });
        assert_eq!(bars(&days, 9, false).line.chars().count(), 4);
        assert_eq!(bars(&days, 3, true), Bars { line: ":@".into(), days: 2 });
        assert_eq!(bars(&days[..3], 2, true), Bars { line: " @".into(), days: 2 });
        assert_eq!(bars(&[], 9, true).line, "");
        let text = svg("<script>", &days, &[]);
        assert!(text.contains("&lt;script&gt;") && !text.contains("<script>"));
        assert_eq!(text.matches("<rect").count(), 4);
    }
}
