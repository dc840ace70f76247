//! As much of Markdown as the checks need: links, headings, code.

/// Something found on a line.
pub(super) struct Found {
    pub(super) line: usize,
    pub(super) text: String,
}

/// The lines of a document: their numbers, whether they stand in a fenced block, their text.
fn marked(text: &str) -> impl Iterator<Item = (usize, bool, &str)> {
    let mut fenced = false;
    text.lines().enumerate().map(move |(i, line)| {
        let fence = line.trim_start().starts_with("```");
        let inside = fenced || fence;
        if fence {
            fenced = !fenced;
        }
        (i + 1, inside, line)
    })
}

/// The targets of links and pictures.
pub(super) fn links(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (number, _, line) in marked(text).filter(|(_, fenced, _)| !fenced) {
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split(')').next().unwrap_or_default();
            found.push(Found { line: number, text: target.to_owned() });
        }
    }
    found
}

/// The anchors that headings make, the way GitHub makes them.
pub(super) fn anchors(text: &str) -> Vec<String> {
    marked(text)
        .filter(|(_, fenced, line)| !fenced && line.starts_with('#'))
        .map(|(_, _, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// Every piece of code: spans in the text, and lines of fenced blocks.
pub(super) fn code(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (line, fenced, text) in marked(text) {
        if fenced {
            let text = text.trim_start().trim_start_matches("$ ").to_owned();
            found.push(Found { line, text });
        } else {
            let spans = text.split('`').skip(1).step_by(2);
            found.extend(spans.map(|span| Found { line, text: span.to_owned() }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the reader sees what a person sees. Method: one document with each thing in it.
    #[test]
    fn links_headings_and_code_are_found() {
        let text = "# A `b` heading!\n[x](y.md#z) and ![p](q.svg)\nsay `rollover plan`\n```\n[no](no.md)\n$ rollover status\n```\n";
        let texts = |found: Vec<Found>| found.into_iter().map(|f| f.text).collect::<Vec<_>>();
        assert_eq!(texts(links(text)), ["y.md#z", "q.svg"]);
        assert_eq!(anchors(text), ["a-b-heading"]);
        let code = texts(code(text));
        assert!(code.contains(&"rollover plan".to_owned()), "{code:?}");
        assert!(code.contains(&"rollover status".to_owned()), "{code:?}");
    }
}
