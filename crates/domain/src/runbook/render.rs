//! From a runbook to a page. What stands on it is decided once ([`compose`]); the formats differ
//! in form alone.

mod compose;
mod html;
mod markdown;
mod text;

use super::Runbook;

/// How a page is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For a terminal.
    Text,
    /// Markdown, as GitHub reads it.
    Markdown,
    /// One HTML file: no script, nothing from elsewhere, light and dark.
    Html,
}

impl Runbook {
    /// The page.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        let page = compose::page(self);
        match format {
            Format::Text => text::write(&page),
            Format::Markdown => markdown::write(&page),
            Format::Html => html::write(&page),
        }
    }
}

/// A page: a title and its blocks.
struct Page {
    title: String,
    blocks: Vec<Block>,
}

/// A part of a page. In all texts, what stands in backticks is code.
enum Block {
    /// The head: names and what they are.
    Facts(Vec<(&'static str, String)>),
    /// What has to be seen before the rest.
    Warning(String),
    /// A heading.
    Heading(String),
    /// A heading below that, such as a step's.
    Step(String),
    /// A paragraph.
    Text(String),
    /// A list.
    List(Vec<String>),
    /// A table.
    Table {
        /// What it is about, for those who do not see it.
        caption: &'static str,
        /// The heads of its columns.
        head: Vec<&'static str>,
        /// Its rows.
        rows: Vec<Vec<String>>,
    },
    /// Lines for a shell.
    Commands(Vec<String>),
}

/// Text that steers nothing: what vendors and files said may hold anything.
fn plain(text: &str) -> String {
    text.chars().map(|c| if crate::steers(c) { '\u{fffd}' } else { c }).collect()
}
