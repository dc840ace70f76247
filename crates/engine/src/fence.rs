//! What every connector is asked and told by: the lease, and whoever rehearses crashes.

use std::sync::Arc;

use connectors::CallObserver;
use journal::{Fence, Journal, JournalError};

/// Stands between the connectors and the world.
pub(crate) struct Fenced {
    /// None for an engine that only looks.
    fence: Option<Fence>,
    observer: Option<Arc<dyn CallObserver>>,
}

impl Fenced {
    pub(crate) fn new(
        journal: Option<&Journal>,
        observer: Option<Arc<dyn CallObserver>>,
    ) -> Result<Self, JournalError> {
        Ok(Self { fence: journal.map(Journal::fence).transpose()?, observer })
    }
}

impl CallObserver for Fenced {
    /// Asks the journal last, so that whatever may stop this process here does so before.
    fn may_change(&self, vendor: &str, call: &str) -> Result<(), String> {
        if let Some(observer) = &self.observer {
            observer.may_change(vendor, call)?;
        }
        let Some(fence) = &self.fence else {
            return Err("this command only looks".into());
        };
        fence.pass().map_err(|error| error.to_string())
    }

    /// Looks go on without a lease where there never was one.
    fn may_go_on(&self) -> Result<(), String> {
        self.fence.as_ref().map_or(Ok(()), Fence::pass).map_err(|error| error.to_string())
    }

    fn before(&self, vendor: &str, call: &str) {
        if let Some(observer) = &self.observer {
            observer.before(vendor, call);
        }
    }

    fn after(&self, vendor: &str, call: &str) {
        if let Some(observer) = &self.observer {
            observer.after(vendor, call);
        }
    }

    fn within(&self, vendor: &str, instant: &str) {
        if let Some(observer) = &self.observer {
            observer.within(vendor, instant);
        }
    }
}
