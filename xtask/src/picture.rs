//! A terminal transcript as an SVG, for the README. Adds colour by each line's mark and nothing
//! else; the second of several rotations is left out, with a line that says so.

use std::fmt::Write;

const COLUMN: f64 = 7.8;
const LINE: usize = 18;
const MARGIN: usize = 16;

/// Draws a transcript.
pub(crate) fn svg(transcript: &str) -> String {
    let lines = excerpt(transcript);
    let columns = lines.iter().map(|line| line.chars().count()).max();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a width in pixels"
    )]
    let width = 2 * MARGIN + (columns.unwrap_or(0) as f64 * COLUMN).ceil() as usize;
    let height = 2 * MARGIN + lines.len() * LINE;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"Transcript of rollover demo; the text is in demo.txt\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\" \
         font-size=\"13\" style=\"white-space: pre\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#10151c\"/>"
    );
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = MARGIN + i * LINE + 13;
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{y}\" fill=\"{}\" xml:space=\"preserve\">{}</text>",
            colour(line),
            escaped(line)
        );
    }
    out.push_str("</svg>\n");
    out
}

/// The transcript without the lines between the second `run` line and the blank one after it.
fn excerpt(transcript: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut runs, mut left_out) = (0, 0);
    for line in transcript.lines() {
        let begins = line.starts_with("run ");
        runs += usize::from(begins);
        if runs == 2 && !begins && !line.is_empty() {
            left_out += 1;
            continue;
        }
        if runs == 2 && line.is_empty() {
            lines.push(format!("  [{left_out} lines left out; all of it is in demo.txt]"));
            // The excerpt is made once; whatever follows is shown.
            runs += 1;
        }
        lines.push(line.to_owned());
    }
    lines
}

fn colour(line: &str) -> &'static str {
    match line.split_whitespace().next().unwrap_or_default() {
        "ok" => "#8fd6a0",
        ">>" => "#f2c879",
        "--" | ".." => "#8b98a8",
        "run" => "#ffffff",
        "!!" | "no" | "??" | "<<" => "#f29b8f",
        word if word.starts_with('(') || word.starts_with('[') => "#8b98a8",
        _ => "#d5dde6",
    }
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the picture says what the transcript says. Method: a transcript of two rotations.
    #[test]
    fn the_second_rotation_is_left_out_and_counted() {
        let transcript = "hello <&>\n\nrun a\n  ok x\n\nrun b\n  ok y\n  ok z\n\nreport\n\nend";
        assert_eq!(
            excerpt(transcript),
            [
                "hello <&>",
                "",
                "run a",
                "  ok x",
                "",
                "run b",
                "  [2 lines left out; all of it is in demo.txt]",
                "",
                "report",
                "",
                "end"
            ]
        );
        let svg = svg(transcript);
        assert!(svg.contains("hello &lt;&amp;&gt;") && svg.contains("  ok x"));
        assert!(!svg.contains("ok y"));
    }
}
