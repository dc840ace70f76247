//! Moments: a callback just before a request takes effect and just after, so that a test can kill a client there.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Vendor;

/// Which side of the effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MomentKind {
    /// The request has arrived; nothing has happened yet.
    Before,
    /// The effect is done; the answer is not yet sent.
    After,
}

/// One instant of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Before or after the effect.
    pub kind: MomentKind,
    /// The number of the request; both of its moments carry the same one.
    pub request: u64,
    /// The number of the moment, without gaps, over all vendors.
    pub moment: u64,
    /// Who was asked.
    pub vendor: Vendor,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Whether the request changed anything (always false before).
    pub took_effect: bool,
}

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, even when the client is gone by now: what has arrived is carried out.
    Go,
    /// The connection is closed: before, nothing takes effect; after, the answer is lost.
    Lost,
}

type Hook = Arc<dyn Fn(Moment) -> Verdict + Send + Sync>;

/// The callback in force, if any.
#[derive(Default)]
pub(crate) struct Hooks {
    hook: Mutex<Option<Hook>>,
    moments: std::sync::atomic::AtomicU64,
}

impl Hooks {
    pub(crate) fn set(&self, hook: Hook) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    pub(crate) fn clear(&self) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Calls the hook on a thread where it may block, and waits for what it says.
    pub(crate) async fn call(&self, mut moment: Moment) -> Verdict {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(hook) = hook else { return Verdict::Go };
        moment.moment = self.moments.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        // A hook that panics is a failed assertion of a test; the request goes on.
        tokio::task::spawn_blocking(move || hook(moment)).await.unwrap_or(Verdict::Go)
    }
}
