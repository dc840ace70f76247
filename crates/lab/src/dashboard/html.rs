//! Plain HTML for the pages: one layout, one style sheet, everything escaped.

/// A whole page; `body` is HTML, `title` is text.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} - lab</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><a href=\"/\">lab</a> <nav aria-label=\"Dashboards\">\
         <a href=\"/postmark/servers\">Postmark</a> \
         <a href=\"/heroku/account/applications\">Heroku</a></nav></header>\n\
         <main>\n<h1>{title}</h1>\n{body}\n</main>\n\
         <footer>Simulated. Nothing here leaves this machine.</footer>\n</body>\n</html>\n"
    )
}

/// Text for use in HTML, in attributes as well.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The text that [`escape`] was given.
pub(crate) fn unescape(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// How a token is named where its value is not wanted: by its last four characters.
pub(crate) fn ending(token: &str) -> String {
    let skip = token.chars().count().saturating_sub(4);
    format!("…{}", token.chars().skip(skip).collect::<String>())
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6675;--line:#d9dfe7;--paper:#fff;--card:#f6f8fa;--good:#0b6b3a;--bad:#a3231c;--wait:#8a5a00;--link:#0b57b0}\
@media(prefers-color-scheme:dark){:root{--ink:#e7ebf1;--soft:#9aa6b5;--line:#333c48;--paper:#12161c;--card:#1a2028;--good:#5fd39a;--bad:#ff8f87;--wait:#f0bd5a;--link:#8ab8ff}}\
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}\
header,main,footer{max-width:68rem;margin:auto;padding:1rem 1.25rem}header{display:flex;gap:1.5rem;border-bottom:1px solid var(--line)}\
header>a{font-weight:700}nav a{margin-right:1rem}a{color:var(--link)}h1{font-size:1.6rem;margin:.5rem 0 1rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:middle}\
th{font-weight:600;color:var(--soft);font-size:.85rem}code,input{font:14px ui-monospace,monospace}\
input[readonly]{width:100%;min-width:22rem;padding:.35rem .5rem;border:1px solid var(--line);border-radius:6px;background:var(--card);color:var(--ink)}\
button{font:inherit;padding:.4rem .9rem;border:1px solid var(--line);border-radius:6px;background:var(--card);color:var(--ink);cursor:pointer}\
button.do{background:var(--link);border-color:var(--link);color:var(--paper)}button.end{color:var(--bad)}button:disabled{opacity:.5;cursor:not-allowed}\
:focus-visible{outline:3px solid var(--link);outline-offset:2px}.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}.soft{color:var(--soft)}\
[role=alert]{border-left:4px solid var(--bad);padding:.5rem .9rem;background:var(--card)}.wide{overflow-x:auto}footer{color:var(--soft);font-size:.85rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_reads_back() {
        let text = "<a href=\"x\">'&amp;'</a>";
        assert!(!escape(text).contains('<'));
        assert_eq!(unescape(&escape(text)), text);
    }
}
