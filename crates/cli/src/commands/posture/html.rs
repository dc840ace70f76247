//! A report as one page: no script, nothing from elsewhere, readable without colours.

use std::fmt::Write as _;

use domain::posture::{Report, Verdict};

use super::memory::Remembered;
use super::{shown, word};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse;width:100%}td,th{border:1px solid;padding:.3em;text-align:left;\
vertical-align:top}th[scope=row]{font-weight:bold}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}";

/// The page.
pub(super) fn page(org: &str, report: &Report, before: &[Remembered]) -> String {
    let score = report.score;
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Posture of {0}</title>\
         <style>{STYLE}</style></head><body>\n<h1>Posture of {0}</h1>\n<p>Score {1} of 100: {2} passed, {3} failed, \
         {4} unknown.</p>\n",
        escaped(org),
        score.percent,
        score.passed,
        score.failed,
        score.unknown
    );
    if !before.is_empty() {
        let runs: Vec<String> = before
            .iter()
            .map(|run| format!("{:.10}: {}", run.at.to_string(), run.percent))
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "<p>Before: {}</p>", escaped(&runs.join(", ")));
    }
    text.push_str("<table>\n<tr><th>Check</th><th>Verdict</th><th>Severity</th><th>Seen</th><th>Fix</th></tr>\n");
    for one in &report.judgements {
        let seen: Vec<String> =
            one.evidence.iter().map(|evidence| escaped(&shown(evidence))).collect();
        let fix = if one.verdict == Verdict::Fail { one.fix } else { "" };
        let _ = writeln!(
            text,
            "<tr><th scope=\"row\">{}<br>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}<br>{}</td></tr>",
            escaped(one.check),
            escaped(one.title),
            word(one.verdict),
            one.severity,
            seen.join("<br>"),
            escaped(fix),
            escaped(one.reference)
        );
    }
    text.push_str("</table>\n</body></html>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
