//! Reads that many ask for at once and that are made once for all of them.
//!
//! Ten rotations of a campaign look at one app at the same moment. The first of them waits for a
//! moment, and whoever comes in it shares its call. Nobody joins a call that was sent before he
//! asked: what he is told is never older than his question. Outside of a campaign nothing waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use crate::Fault;

/// How long whoever comes first waits for others.
const WINDOW: Duration = Duration::from_millis(5);

/// Whether reads are gathered; all copies share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathering(Arc<AtomicBool>);

impl Gathering {
    pub(crate) fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}

type Read<T> = Shared<BoxFuture<'static, Result<Arc<T>, Fault>>>;

/// One read that several may share.
pub(crate) struct Gather<T> {
    on: Gathering,
    /// The call that is not sent yet.
    next: Arc<Mutex<Option<Read<T>>>>,
}

impl<T: Send + Sync + 'static> Gather<T> {
    pub(crate) fn new(on: &Gathering) -> Self {
        Self { on: on.clone(), next: Arc::default() }
    }

    /// Whether reads are gathered now.
    pub(crate) fn is_on(&self) -> bool {
        self.on.0.load(Ordering::Relaxed)
    }

    /// What `read` answers, or another caller's that is sent after this question.
    pub(crate) async fn ask<F>(&self, read: impl FnOnce() -> F) -> Result<Arc<T>, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        if !self.is_on() {
            return read().await.map(Arc::new);
        }
        let shared = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            match &*next {
                Some(waiting) => waiting.clone(),
                None => {
                    let (own, read) = (Arc::downgrade(&self.next), read());
                    let call = async move {
                        tokio::time::sleep(WINDOW).await;
                        // From here on nobody joins.
                        if let Some(own) = own.upgrade() {
                            *own.lock().unwrap_or_else(PoisonError::into_inner) = None;
                        }
                        read.await.map(Arc::new)
                    };
                    next.insert(call.boxed().shared()).clone()
                }
            }
        };
        shared.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    /// A read that says when it is sent, and answers when it is told to.
    #[derive(Default)]
    struct Vendor {
        calls: AtomicUsize,
        sent: Notify,
        answers: Notify,
    }

    impl Vendor {
        fn read(self: &Arc<Self>) -> impl Future<Output = Result<usize, Fault>> + use<> {
            let vendor = Arc::clone(self);
            async move {
                let number = vendor.calls.fetch_add(1, Ordering::SeqCst);
                vendor.sent.notify_one();
                vendor.answers.notified().await;
                Ok(number)
            }
        }
    }

    fn gathering() -> Gather<usize> {
        let on = Gathering::default();
        on.set(true);
        Gather::new(&on)
    }

    #[tokio::test]
    async fn one_call_for_all_who_ask_at_once_and_another_for_whoever_asks_after_it_was_sent() {
        let (gather, vendor) = (gathering(), Arc::new(Vendor::default()));
        let early = join_all((0..10).map(|_| gather.ask(|| vendor.read())));
        let late = async {
            vendor.sent.notified().await;
            let late = gather.ask(|| vendor.read());
            let answers = async {
                vendor.answers.notify_one();
                vendor.sent.notified().await;
                vendor.answers.notify_one();
            };
            tokio::join!(late, answers).0
        };
        let (early, late) = tokio::join!(early, late);
        assert!(early.iter().all(|one| **one.as_ref().unwrap() == 0));
        assert_eq!(*late.unwrap(), 1);
    }

    #[tokio::test]
    async fn one_who_goes_away_leaves_the_call_to_the_others() {
        let (gather, vendor) = (gathering(), Arc::new(Vendor::default()));
        vendor.answers.notify_one();
        let gone = tokio::time::timeout(Duration::ZERO, gather.ask(|| vendor.read()));
        let (gone, told) = tokio::join!(gone, gather.ask(|| vendor.read()));
        assert!(gone.is_err());
        assert_eq!(*told.unwrap(), 0);
    }

    #[tokio::test]
    async fn alone_nothing_is_shared() {
        let (gather, vendor) = (Gather::new(&Gathering::default()), Arc::new(Vendor::default()));
        // Polled in this order: both wait for their answers when those come.
        let answers = async {
            vendor.answers.notify_one();
            vendor.answers.notify_one();
        };
        let (one, other, ()) = tokio::join!(
            biased;
            gather.ask(|| vendor.read()),
            gather.ask(|| vendor.read()),
            answers,
        );
        assert_ne!(one.unwrap(), other.unwrap());
    }
}
