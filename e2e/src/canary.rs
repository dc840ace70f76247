//! Looks for values where none may be: in what was printed, in files, in the process table, on
//! the wire.
//!
//! A value is looked for in many forms in many [kinds of places](Sink). A search that has
//! never found anything proves nothing, so [`plant::everywhere`] plants each form in each kind of
//! place first and lets the same code find it.

mod forms;
mod sinks;
mod sqlite;
mod watch;

pub mod catch;
pub mod plant;
mod tap;
mod terminal;

use std::collections::BTreeMap;

use memchr::memmem::Finder;

pub use forms::Form;
pub use sinks::Sink;
pub use tap::Tap;
pub use terminal::Typed;
pub use watch::{Sight, Watch};

/// A value and what it is, for telling a find without showing it.
#[derive(Clone)]
pub struct Canary {
    /// What it is.
    pub name: String,
    forms: Vec<Form>,
}

impl Canary {
    /// Every form of a value.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), forms: forms::all(value) }
    }

    /// The forms that it is looked for in, besides the compressed ones.
    #[must_use]
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }
}

/// A value that was found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hit {
    /// Which value.
    pub canary: String,
    /// In which form.
    pub form: String,
    /// In which kind of place.
    pub sink: Sink,
    /// Where.
    pub place: String,
}

/// What was looked through, and what was found.
#[derive(Default)]
pub struct Search {
    canaries: Vec<Canary>,
    /// How many places of each kind were looked through.
    pub places: BTreeMap<Sink, usize>,
    /// What was found.
    pub hits: Vec<Hit>,
}

impl Search {
    /// A search for these.
    #[must_use]
    pub fn of(canaries: Vec<Canary>) -> Self {
        Self { canaries, ..Self::default() }
    }

    /// How many values are looked for, and in how many forms each.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let forms = self.canaries.first().map_or(0, |one| one.forms.len());
        (self.canaries.len(), forms + forms::COMPRESSED.len())
    }

    /// Looks through some bytes, and through whatever is compressed in them.
    pub fn bytes(&mut self, sink: Sink, place: &str, bytes: &[u8]) {
        *self.places.entry(sink).or_default() += 1;
        let compressed = forms::inflated(bytes);
        let all = compressed.iter().map(|(form, inflated)| (Some(*form), inflated.as_slice()));
        for (packed, bytes) in std::iter::once((None, bytes)).chain(all) {
            for canary in &self.canaries {
                for (form, needle) in &canary.forms {
                    if Finder::new(needle).find(bytes).is_some() {
                        let form =
                            packed.map_or(form.clone(), |packed| format!("{packed}, {form}"));
                        let (canary, place) = (canary.name.clone(), place.to_owned());
                        self.hits.push(Hit { canary, form, sink, place });
                    }
                }
            }
        }
    }
}
