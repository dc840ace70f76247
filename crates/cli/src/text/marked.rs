//! What is wrong with an inventory, with the lines it stands in.

use super::hide;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use domain::inventory::{Diagnostic, SourceFile};

/// Everything that is wrong with an inventory, as a compiler would show it; a value that somebody
/// wrote there is not shown again.
pub(crate) fn marked(wrong: &[Diagnostic], main: &SourceFile, secrets: &[SourceFile]) -> String {
    let renderer = Renderer::plain();
    let hidden = |text| hide::starred(text, hide::is_secret);
    let mut parts = Vec::new();
    for diagnostic in wrong {
        let file = secrets.iter().chain([main]).find(|file| file.path == diagnostic.file);
        let text = hidden(file.map_or("", |file| file.text.as_str()));
        let message = hidden(&diagnostic.message);
        let hint = diagnostic.hint.as_deref().map(hidden);
        let end = diagnostic.span.end.clamp(0, text.len());
        let span = diagnostic.span.start.min(end)..end;
        let snippet = Snippet::source(text.as_ref())
            .path(diagnostic.file.as_str())
            .annotation(AnnotationKind::Primary.span(span));
        let mut group = Level::ERROR.primary_title(message.as_ref()).element(snippet);
        if let Some(hint) = &hint {
            group = group.element(Level::HELP.message(hint.as_ref()));
        }
        parts.push(renderer.render(&[group]).to_string());
    }
    parts.join("\n\n")
}
