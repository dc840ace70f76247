//! What was asked of whom, without a single token value.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Vendor;

/// One request, as the lab saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// The number of the request over all vendors; the moments carry the same one.
    pub request: u64,
    /// Who was asked.
    pub vendor: Vendor,
    /// The HTTP method.
    pub method: String,
    /// The path; a part that is a token reads `[token]`.
    pub path: String,
    /// The status that was sent; none when the connection was closed or is still open.
    pub status: Option<u16>,
    /// Whether the world was changed by it.
    pub took_effect: bool,
    /// The faults that hit it.
    pub faults: Vec<String>,
    /// Whether a simulated app asked, rather than the client under test.
    pub from_app: bool,
    /// The client's `User-Agent`.
    pub agent: String,
    /// When it had arrived, on the machine's clock.
    pub started: Timestamp,
    /// When it was answered or given up, on the machine's clock.
    pub ended: Option<Timestamp>,
}

/// How many requests there were, over the lab's whole life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// By vendor.
    pub requests: BTreeMap<Vendor, u64>,
    /// By vendor, those that changed the world.
    pub effects: BTreeMap<Vendor, u64>,
    /// By vendor, those answered with 401.
    pub refused: BTreeMap<Vendor, u64>,
    /// By vendor, those that came from the simulated apps.
    pub from_apps: BTreeMap<Vendor, u64>,
}

/// The requests of a lab; the oldest are forgotten beyond [`RECORDS_MAX`].
#[derive(Default)]
pub(crate) struct Log {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    next: u64,
    records: VecDeque<RequestRecord>,
    counters: Counters,
}

impl Book {
    fn record(&mut self, request: u64) -> Option<&mut RequestRecord> {
        let first = self.records.front()?.request;
        let index = usize::try_from(request.checked_sub(first)?).ok()?;
        self.records.get_mut(index)
    }
}

const RECORDS_MAX: usize = 100_000;

impl Log {
    /// Opens a record and answers its number.
    pub(crate) fn open(&self, mut record: RequestRecord) -> u64 {
        let mut book = self.book();
        book.next += 1;
        record.request = book.next;
        *book.counters.requests.entry(record.vendor).or_default() += 1;
        if record.from_app {
            *book.counters.from_apps.entry(record.vendor).or_default() += 1;
        }
        if book.records.len() == RECORDS_MAX {
            book.records.pop_front();
        }
        book.records.push_back(record);
        book.next
    }

    /// Writes what became of a request so far; `ended` closes the record.
    pub(crate) fn note(
        &self,
        request: u64,
        took_effect: bool,
        status: Option<u16>,
        ended: Option<Timestamp>,
    ) {
        let mut book = self.book();
        let Some(record) = book.record(request) else {
            return;
        };
        let vendor = record.vendor;
        let newly_effective = took_effect && !record.took_effect;
        let newly_refused = status == Some(401) && record.status.is_none();
        record.took_effect |= took_effect;
        record.status = status.or(record.status);
        record.ended = ended.or(record.ended);
        if newly_effective {
            *book.counters.effects.entry(vendor).or_default() += 1;
        }
        if newly_refused {
            *book.counters.refused.entry(vendor).or_default() += 1;
        }
    }

    /// Writes which faults hit a request.
    pub(crate) fn note_faults(&self, request: u64, faults: Vec<&'static str>) {
        if let Some(record) = self.book().record(request) {
            record.faults = faults.into_iter().map(str::to_owned).collect();
        }
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.book().records.iter().cloned().collect()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.book().counters.clone()
    }

    /// Forgets the records; numbers and counters go on.
    pub(crate) fn clear(&self) {
        self.book().records.clear();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
