//! Markdown, as GitHub reads it.

use super::{Block, Page, plain};

pub(super) fn write(page: &Page) -> String {
    let mut out = format!("# {}\n", text(&page.title));
    for block in &page.blocks {
        out.push('\n');
        match block {
            Block::Facts(facts) => {
                for (name, what) in facts {
                    out.push_str(&format!("- **{name}:** {}\n", text(what)));
                }
            }
            Block::Warning(what) => out.push_str(&format!("> **{}**\n", text(what))),
            Block::Heading(what) => out.push_str(&format!("## {}\n", text(what))),
            Block::Step(what) => out.push_str(&format!("### {}\n", text(what))),
            Block::Text(what) => out.push_str(&format!("{}\n", text(what))),
            Block::List(lines) => {
                lines.iter().for_each(|line| out.push_str(&format!("- {}\n", text(line))));
            }
            Block::Table { head, rows, .. } => table(&mut out, head, rows),
            Block::Commands(lines) => {
                out.push_str("```sh\n");
                lines.iter().for_each(|line| out.push_str(&format!("{}\n", plain(line))));
                out.push_str("```\n");
            }
        }
    }
    out
}

fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&line(head.iter().map(|&cell| cell.to_owned()).collect()));
    out.push_str(&format!("|{}\n", "---|".repeat(head.len())));
    for row in rows {
        out.push_str(&line(row.iter().map(|cell| text(cell).replace('|', "\\|")).collect()));
    }
}

/// Text in which only our own backticks and asterisks mean something: no tags, no links.
fn text(raw: &str) -> String {
    let mut out = String::new();
    for (i, part) in plain(raw).split('`').enumerate() {
        if i > 0 {
            out.push('`');
        }
        // Between two backticks nothing means anything.
        if i % 2 == 1 {
            out.push_str(part);
            continue;
        }
        for c in part.chars() {
            match c {
                '<' => out.push_str("&lt;"),
                '[' | ']' | '_' => out.extend(['\\', c]),
                _ => out.push(c),
            }
        }
    }
    out
}
