//! A tap on the wire: sits between the program and a vendor, passes everything on, and keeps what
//! was asked. Answers are passed on unseen.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Sink;
use crate::Result;

/// Headers in which a login belongs.
const LOGINS: [&str; 2] = ["authorization", "x-postmark-server-token"];

type Book = Arc<Mutex<Vec<(Sink, Vec<u8>)>>>;

/// A tap. It works until the process ends; whoever has no more use for it forgets it.
pub struct Tap {
    address: SocketAddr,
    asked: Book,
}

impl Tap {
    /// A tap before this address, such as `127.0.0.1:4567`. `brings` says of a request's method
    /// and path whether its body brings a value to where it belongs.
    ///
    /// # Errors
    /// No port is free.
    pub fn before(address: &str, brings: fn(&str, &str) -> bool) -> Result<Self> {
        let fail = |error: std::io::Error| format!("failed to listen: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(fail)?;
        let own = listener.local_addr().map_err(fail)?;
        let (asked, vendor) = (Book::default(), address.to_owned());
        let book = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (book, vendor) = (Arc::clone(&book), vendor.clone());
                thread::spawn(move || relay(client, &vendor, &book, brings));
            }
        });
        Ok(Self { address: own, asked })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The parts of what was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<(Sink, Vec<u8>)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Passes on in both directions. A side that fails ends both, as without a tap.
fn relay(mut client: TcpStream, vendor: &str, book: &Book, brings: fn(&str, &str) -> bool) {
    let Ok(mut upstream) = TcpStream::connect(vendor) else { return };
    let (Ok(mut answers), Ok(mut back)) = (upstream.try_clone(), client.try_clone()) else {
        return;
    };
    let down = thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let (mut held, mut piece) = (Vec::new(), [0; 16 * 1024]);
    while let Ok(length @ 1..) = client.read(&mut piece) {
        held.extend_from_slice(&piece[..length]);
        while let Some(end) = request(&held, book, brings) {
            held.drain(..end);
        }
        if upstream.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = upstream.shutdown(Shutdown::Both);
    let _ = down.join();
}

/// Keeps the parts of a whole request and answers its length.
fn request(held: &[u8], book: &Book, brings: fn(&str, &str) -> bool) -> Option<usize> {
    let head = memchr::memmem::find(held, b"\r\n\r\n")? + 4;
    let mut lines = held[..head].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.next().unwrap_or_default();
    let mut parts = vec![(Sink::Addresses, first.to_vec())];
    let mut length = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        let value = line.get(colon + 1..).unwrap_or_default();
        match name.as_str() {
            "content-length" => {
                length = String::from_utf8_lossy(value).trim().parse().unwrap_or(0);
            }
            "user-agent" => parts.push((Sink::Agents, value.to_vec())),
            name if LOGINS.contains(&name) => {}
            _ => parts.push((Sink::Headers, line.to_vec())),
        }
    }
    let body = held.get(head..head + length)?;
    let words = String::from_utf8_lossy(first).into_owned();
    let mut words = words.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !brings(method, path) && !body.is_empty() {
        parts.push((Sink::Bodies, body.to_vec()));
    }
    book.lock().unwrap_or_else(PoisonError::into_inner).extend(parts);
    Some(head + length)
}
