//! One HTML file that needs nothing else: no script, no font, no picture; light and dark as the
//! reader's system has it; tables with captions and heads, for those who have them read out.

use super::{Block, Page, plain};

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1a1a1a;--page:#fff;--soft:#f1f1f1;--line:#767676;--warn:#7a4a00;--warnbg:#fff4d6}\
@media(prefers-color-scheme:dark){:root{--text:#ececec;--page:#141414;--soft:#242424;--line:#9a9a9a;--warn:#ffd48a;--warnbg:#3a2a00}}\
body{font:1rem/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:54rem;margin:0 auto;padding:1rem}\
h1,h2,h3{line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dt{font-weight:600}dd{margin:0}\
code,pre{font:.9rem/1.45 ui-monospace,monospace;background:var(--soft)}code{padding:0 .2em}\
pre{padding:.75rem;overflow-x:auto}table{border-collapse:collapse;width:100%}\
caption{text-align:left;padding:.3rem 0}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border:1px solid var(--line)}\
.warning{color:var(--warn);background:var(--warnbg);border-left:.3rem solid var(--warn);padding:.5rem .75rem;font-weight:600}\
@media print{pre{white-space:pre-wrap}}";

pub(super) fn write(page: &Page) -> String {
    let title = escaped(&page.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    page.blocks.iter().for_each(|block| out.push_str(&written(block)));
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn written(block: &Block) -> String {
    match block {
        Block::Facts(facts) => {
            let pair = |(name, what): &(&str, String)| {
                format!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), text(what))
            };
            format!("<dl>\n{}</dl>\n", facts.iter().map(pair).collect::<String>())
        }
        Block::Warning(what) => {
            format!("<p class=\"warning\" role=\"note\">(!) {}</p>\n", text(what))
        }
        Block::Heading(what) => format!("<h2>{}</h2>\n", text(what)),
        Block::Step(what) => format!("<h3>{}</h3>\n", text(what)),
        Block::Text(what) => format!("<p>{}</p>\n", text(what)),
        Block::List(lines) => {
            let item = |line: &String| format!("<li>{}</li>\n", text(line));
            format!("<ul>\n{}</ul>\n", lines.iter().map(item).collect::<String>())
        }
        Block::Table { caption, head, rows } => table(caption, head, rows),
        Block::Commands(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
            // Whoever uses the keyboard can come to what does not fit, and scroll it.
            format!("<pre tabindex=\"0\"><code>{}</code></pre>\n", lines.join("\n"))
        }
    }
}

fn table(caption: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let head: String =
        head.iter().map(|cell| format!("<th scope=\"col\">{}</th>", escaped(cell))).collect();
    let row = |row: &Vec<String>| {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", text(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let body: String = rows.iter().map(row).collect();
    let caption = escaped(caption);
    format!(
        "<table>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"
    )
}

/// Text in which our own backticks and asterisks mean something, and nothing else does.
fn text(raw: &str) -> String {
    let escaped = escaped(raw);
    let mut out = String::new();
    for (i, part) in escaped.split('`').enumerate() {
        match (i % 2, part.split_once('*')) {
            (1, _) => out.push_str(&format!("<code>{part}</code>")),
            (_, Some((before, rest))) if rest.contains('*') => {
                let (strong, after) = rest.split_once('*').unwrap_or((rest, ""));
                out.push_str(&format!("{before}<em>{strong}</em>{after}"));
            }
            _ => out.push_str(part),
        }
    }
    out
}

fn escaped(raw: &str) -> String {
    let mut out = String::new();
    for c in plain(raw).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
