//! A small HTTP client: what the apps, the stand-in operator and the control client ask with.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Nobody listens there.
    #[error("failed to connect to {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection failed.
    #[error("failed to talk HTTP")]
    Http(#[from] hyper::Error),
    /// The request could not be written down.
    #[error("failed to build the request")]
    Build(#[from] hyper::http::Error),
    /// It took too long.
    #[error("failed to get an answer in time")]
    Late,
}

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A request in one line.
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Vec<u8>,
}

/// A keep-alive connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// Connects to a base address like `http://127.0.0.1:4000`.
    pub(crate) async fn open(base: &str) -> Result<Self, WireError> {
        let host = base.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let failed = |source| WireError::Connect { address: base.to_owned(), source };
        let stream = TcpStream::connect(&host).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped; how it ends shows in the answers.
        tokio::spawn(connection);
        Ok(Self { sender, host })
    }

    /// Whether another request may be sent.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    pub(crate) async fn send(&mut self, ask: Ask<'_>) -> Result<Answer, WireError> {
        let mut request = hyper::Request::builder()
            .method(ask.method)
            .uri(ask.path)
            .header("host", self.host.as_str());
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(ask.body)))?;
        let answer = async {
            self.sender.ready().await?;
            let (parts, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            let location = parts.headers.get("location").and_then(|text| text.to_str().ok());
            Ok(Answer {
                status: parts.status.as_u16(),
                location: location.map(str::to_owned),
                body,
            })
        };
        tokio::time::timeout(ANSWER_MAX, answer).await.map_err(|_| WireError::Late)?
    }
}

/// One request on a connection of its own.
pub(crate) async fn once(base: &str, ask: Ask<'_>) -> Result<Answer, WireError> {
    Connection::open(base).await?.send(ask).await
}
