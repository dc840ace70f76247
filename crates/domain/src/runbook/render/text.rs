//! For a terminal: 80 columns, no colour, nothing that only a wide screen shows.

use super::{Block, Page, plain};

const WIDTH: usize = 80;

pub(super) fn write(page: &Page) -> String {
    let mut out = format!("{}\n", page.title);
    for block in &page.blocks {
        match block {
            Block::Facts(facts) => {
                for (name, what) in facts {
                    wrap(&mut out, &format!("{name}: "), "  ", what);
                }
            }
            Block::Warning(text) => {
                out.push('\n');
                wrap(&mut out, "(!) ", "    ", text);
            }
            Block::Heading(text) => out.push_str(&format!("\n{}\n", text.to_uppercase())),
            Block::Step(text) => out.push_str(&format!("\n{text}\n")),
            Block::Text(text) => {
                out.push('\n');
                wrap(&mut out, "  ", "  ", text);
            }
            Block::List(lines) => {
                lines.iter().for_each(|line| wrap(&mut out, "  - ", "    ", line));
            }
            Block::Table { head, rows, .. } => table(&mut out, head, rows),
            Block::Commands(lines) => {
                lines.iter().for_each(|line| out.push_str(&format!("      {}\n", plain(line))));
            }
        }
    }
    out
}

/// One paragraph; words that are longer than a line stay whole.
fn wrap(out: &mut String, first: &str, further: &str, text: &str) {
    let text = plain(text).replace(['`', '*'], "");
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        let space = usize::from(!empty);
        if !empty && line.chars().count() + space + word.chars().count() > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            further.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Narrow tables as columns; those of sentences as paragraphs.
fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let widths: Vec<usize> = (0..head.len())
        .map(|i| {
            let cells = rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count());
            cells.chain([head[i].chars().count()]).max().unwrap_or(0)
        })
        .collect();
    if widths.iter().sum::<usize>() + 2 * widths.len() > WIDTH {
        for row in rows {
            let first = row.first().map_or("", String::as_str);
            wrap(out, "  - ", "    ", first);
            for (name, cell) in head.iter().zip(row).skip(1) {
                wrap(out, &format!("    {name}: "), "      ", cell);
            }
        }
        return;
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(&format!("{:<width$}  ", plain(cell), width = *width));
        }
        format!("  {}\n", line.trim_end())
    };
    out.push_str(&line(&mut head.iter().copied()));
    for row in rows {
        out.push_str(&line(&mut row.iter().map(String::as_str)));
    }
}
