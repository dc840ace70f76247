//! Sockets: one listener per vendor, HTTP/1.1 by hyper, and connections that can really be cut.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::Vendor;
use crate::exchange::{Outcome, exchange};
use crate::lab::Shared;
use crate::wire::{Call, Reply, parse_query};

/// The largest request body: Postmark's batches may have 50 MB.
const BODY_BYTES_MAX: usize = 50 * 1024 * 1024;
/// How long a request that is never answered is kept open.
const HANG_MAX: Duration = Duration::from_secs(120);
/// How long half an answer has to reach the client before the reset.
const HALF_ANSWER: Duration = Duration::from_millis(30);

/// An open door, before it is known which lab it belongs to.
pub(crate) enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Serves one door until the task is aborted; its connections end with it.
pub(crate) async fn serve(shared: Arc<Shared>, vendor: Vendor, door: Door) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            line = door.accept() => match line {
                Ok(line) => {
                    connections.spawn(connection(Arc::clone(&shared), vendor, line));
                }
                // Out of descriptors, most likely: let some connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Door {
    async fn accept(&self) -> io::Result<Line> {
        let wire = match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Wire::Tcp(stream)
            }
            Self::Unix(listener) => Wire::Unix(listener.accept().await?.0),
        };
        Ok(Line { wire, reset: Arc::default() })
    }
}

async fn connection(shared: Arc<Shared>, vendor: Vendor, line: Line) {
    let reset = Arc::clone(&line.reset);
    let service =
        service_fn(move |request| answer(Arc::clone(&shared), vendor, Arc::clone(&reset), request));
    // An error here is a connection that was cut, by us on purpose or by the client.
    let _ended = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(line), service)
        .await;
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut on purpose")]
struct Cut;

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn answer(
    shared: Arc<Shared>,
    vendor: Vendor,
    reset: Arc<AtomicBool>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let head = request.method() == "HEAD";
    let Some(call) = whole(request).await else {
        return Ok(respond(vendor, Reply::text(413, "the body is too large"), false));
    };
    // A task of its own: what has arrived is carried out even when the client hangs up.
    let outcome = tokio::spawn(exchange(shared, vendor, call)).await;
    match outcome {
        Ok(Outcome::Answer(reply)) => Ok(respond(vendor, reply, head)),
        Ok(Outcome::Half(reply)) => Ok(half(vendor, reply, reset)),
        Ok(Outcome::Close) | Err(_) => Err(Cut),
        Ok(Outcome::Hang) => {
            tokio::time::sleep(HANG_MAX).await;
            Err(Cut)
        }
    }
}

async fn whole(request: Request<Incoming>) -> Option<Call> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.ok()?.to_bytes();
    Some(Call {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parse_query(parts.uri.query()),
        headers: parts.headers,
        body,
    })
}

fn respond(vendor: Vendor, reply: Reply, head: bool) -> Response<Body> {
    let body = if head { Vec::new() } else { reply.body };
    let full = Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {});
    build(vendor, reply.status, reply.headers, full.boxed_unsync())
}

/// The whole length is announced, half is sent, and then the connection is reset.
fn half(vendor: Vendor, reply: Reply, reset: Arc<AtomicBool>) -> Response<Body> {
    let length = reply.body.len().max(2);
    let first = Bytes::from(reply.body).slice_to_half();
    let frames = stream::unfold(Some(first), move |first| {
        let reset = Arc::clone(&reset);
        async move {
            match first {
                Some(bytes) => Some((Ok(Frame::data(bytes)), None)),
                None => {
                    tokio::time::sleep(HALF_ANSWER).await;
                    reset.store(true, Ordering::SeqCst);
                    Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
                }
            }
        }
    });
    let mut headers = reply.headers;
    headers.push(("content-length", length.to_string()));
    build(vendor, reply.status, headers, BodyExt::boxed_unsync(StreamBody::new(frames)))
}

trait Half {
    fn slice_to_half(self) -> Self;
}

impl Half for Bytes {
    fn slice_to_half(self) -> Self {
        let middle = self.len() / 2;
        self.slice(..middle)
    }
}

fn build(
    vendor: Vendor,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
) -> Response<Body> {
    let mut builder = Response::builder()
        .status(status)
        .header("x-content-type-options", "nosniff")
        .header("server", vendor.name());
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(body).unwrap_or_else(|_| {
        // A status or a header that HTTP does not have, from a fault rule most likely.
        let nothing = Full::new(Bytes::new()).map_err(|never: Infallible| match never {});
        let mut response = Response::new(nothing.boxed_unsync());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// A connection that can end with a reset instead of a polite close.
struct Line {
    wire: Wire,
    reset: Arc<AtomicBool>,
}

enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Drop for Line {
    fn drop(&mut self) {
        if let (true, Wire::Tcp(stream)) = (self.reset.load(Ordering::SeqCst), &self.wire) {
            // Without it the client sees a close, which is the same failure in milder words.
            let _milder = stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
