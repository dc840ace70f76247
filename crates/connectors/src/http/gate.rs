//! Between a connection that stands and the first bytes over it: whether to go on is asked once
//! more, because a connection takes its time, and this process may have been stopped meanwhile.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::CallObserver;

type BoxError = Box<dyn Error + Send + Sync>;

/// Asks this observer whenever a connection stands.
#[derive(Clone)]
pub(super) struct Gate(pub(super) Arc<dyn CallObserver>);

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, observer: Arc::clone(&self.0) }
    }
}

/// What makes connections, behind the gate.
#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    observer: Arc<dyn CallObserver>,
}

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (connecting, observer) = (self.inner.call(request), Arc::clone(&self.observer));
        Box::pin(async move {
            let connection = connecting.await?;
            observer.may_go_on()?;
            Ok(connection)
        })
    }
}
