//! Pictures of days: a line of bars for terminals, an SVG for reports.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::Spike;

const BARS: [char; 8] = [
    '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}',
];
const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];

/// A character a day; days without anything are blank.
#[must_use]
pub fn bars(days: &[(Date, u64)], ascii: bool) -> String {
    let max = days.iter().map(|(_, value)| *value).max().unwrap_or(0);
    let levels = if ascii { ASCII } else { BARS };
    days.iter()
        .map(|(_, value)| match value {
            0 => ' ',
            value => levels[usize::try_from(value * 7 / max.max(1)).unwrap_or(7)],
        })
        .collect()
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
    fn a_character_a_day_and_nothing_that_others_wrote_is_markup() {
        let day = jiff::civil::date(2026, 1, 1);
        let days = [(day, 0), (day, 1), (day, 4), (day, 7)];
        assert_eq!(bars(&days, true), " :+@");
        assert_eq!(bars(&days, false).chars().count(), 4);
        assert_eq!(bars(&[], true), "");
        let text = svg("<script>", &days, &[]);
        assert!(text.contains("&lt;script&gt;") && !text.contains("<script>"));
        assert_eq!(text.matches("<rect").count(), 4);
    }
}
