//! Bodies: read up to a limit, and wiped from memory afterwards.

use std::io;

use zeroize::Zeroizing;

use super::{Call, cause};
use crate::Fault;

/// The most bytes of an answer that are read.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// Bytes that are wiped when they are dropped and also when they have to move to grow.
#[derive(Default)]
pub(crate) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// Adds bytes. A plain vector would leave its old memory behind unwiped when it grows.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut grown = Zeroizing::new(Vec::with_capacity(needed.max(2 * self.0.capacity())));
            grown.extend_from_slice(&self.0);
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The whole body. Cut or too large means that nobody knows what the vendor said.
pub(super) async fn read(
    mut response: reqwest::Response,
    call: &Call,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut buffer = Buffer::default();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if buffer.0.len() + chunk.len() > BODY_BYTES_MAX => {
                return Err(call.unsure("the answer is larger than 1 MiB"));
            }
            Ok(Some(chunk)) => buffer.push(&chunk),
            Ok(None) => return Ok(buffer.into_bytes()),
            Err(error) if error.is_timeout() => {
                return Err(call.unsure("the answer did not end in time"));
            }
            Err(error) => {
                return Err(call.unsure(format!("the answer was cut: {}", cause(&error))));
            }
        }
    }
}
