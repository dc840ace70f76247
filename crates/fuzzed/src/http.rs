//! What stands on the wire, byte for byte, through the executor and its HTTP client.

use std::cell::RefCell;
use std::io;

use connectors::untrusted;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::vendors::all_fit;

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// A server on this machine reads a request, says these bytes and hangs up.
pub(crate) fn answer(data: &[u8]) {
    RUNTIME.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Builder::new_current_thread().enable_all().build().ok();
        }
        if let Some(runtime) = kept {
            // Where this machine gives no more ports, nothing is shown about the input.
            let _ = runtime.block_on(exchange(data));
        }
    });
}

async fn exchange(data: &[u8]) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = async {
        let (mut stream, _) = listener.accept().await?;
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut asked).await? == 0 {
                break;
            }
        }
        stream.write_all(data).await?;
        stream.shutdown().await?;
        // Until the client hangs up as well: a reset would race with what was written.
        while stream.read_buf(&mut asked).await.unwrap_or(0) > 0 {}
        Ok::<_, io::Error>(())
    };
    let address = listener.local_addr()?;
    let asking = async {
        let shown = untrusted::http(address).await;
        all_fit(&shown);
    };
    let (served, ()) = tokio::join!(server, asking);
    served
}
