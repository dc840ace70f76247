//! TLS before a vendor, since the vendors' own services have it and the lab has not: for what is
//! about buffers. One request after the other on a connection, as our client sends them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Result;

/// A certificate for this machine that is its own authority, and its key.
pub struct Certificate {
    /// Where the certificate lies, in PEM.
    pub file: PathBuf,
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// A new one in this directory, made by `openssl`; `None` where there is none.
    ///
    /// # Errors
    /// What it made cannot be used.
    pub fn new(place: &Path) -> Result<Option<Self>> {
        let (file, key) = (place.join("authority.pem"), place.join("authority.key"));
        let mut openssl = Command::new("openssl");
        openssl
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=lab"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-out")
            .arg(&file)
            .arg("-keyout")
            .arg(&key)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !openssl.status().is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        let certificate =
            CertificateDer::from_pem_file(&file).map_err(|error| format!("no PEM: {error}"))?;
        let private =
            PrivateKeyDer::from_pem_file(&key).map_err(|error| format!("no PEM: {error}"))?;
        fs::remove_file(&key).map_err(|error| error.to_string())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![certificate], private)
            })
            .map_err(|error| format!("no TLS with it: {error}"))?;
        Ok(Some(Self { file, config: Arc::new(config) }))
    }

    /// Listens with it before this address, such as `127.0.0.1:4567`, until the process ends.
    ///
    /// # Errors
    /// No port is free.
    pub fn before(&self, address: &str) -> Result<SocketAddr> {
        let fail = |error: std::io::Error| format!("failed to listen: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(fail)?;
        let own = listener.local_addr().map_err(fail)?;
        let (vendor, config) = (address.to_owned(), Arc::clone(&self.config));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (vendor, config) = (vendor.clone(), Arc::clone(&config));
                // A side that fails ends the connection, as without TLS.
                thread::spawn(move || relay(client, &vendor, config));
            }
        });
        Ok(own)
    }
}

fn relay(client: TcpStream, vendor: &str, config: Arc<ServerConfig>) -> Option<()> {
    let mut client = StreamOwned::new(ServerConnection::new(config).ok()?, client);
    let mut upstream = TcpStream::connect(vendor).ok()?;
    loop {
        let asked = message(&mut client)?;
        upstream.write_all(&asked).ok()?;
        let answer = message(&mut upstream)?;
        client.write_all(&answer).ok()?;
        client.flush().ok()?;
    }
}

/// One whole message; its body's length stands in its head.
fn message(from: &mut impl Read) -> Option<Vec<u8>> {
    let (mut held, mut piece) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let length = from.read(&mut piece).ok().filter(|length| *length > 0)?;
        held.extend_from_slice(&piece[..length]);
        let Some(head) = memchr::memmem::find(&held, b"\r\n\r\n") else { continue };
        let words = String::from_utf8_lossy(&held[..head]).to_ascii_lowercase();
        let body = words.lines().find_map(|line| line.strip_prefix("content-length:"));
        let body = body.map_or(Some(0), |length| length.trim().parse::<usize>().ok())?;
        if held.len() >= head + 4 + body {
            return Some(held);
        }
    }
}
