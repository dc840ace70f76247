//! A vendor for tests: answers by a function, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `GET /path?query`
    pub(crate) line: String,
    /// Header lines, names in lower case.
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// A status, further header lines, a body.
pub(crate) type Told = (u16, String, String);

pub(crate) fn told(status: u16, body: &str) -> Told {
    (status, String::new(), body.to_owned())
}

pub(crate) struct Scripted {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    pub(crate) fn serve(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (tell, log) = (Arc::new(tell), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tell, log) = (tell.clone(), log.clone());
                std::thread::spawn(move || one(stream, &*tell, &log));
            }
        });
        Self { url, asked }
    }

    /// What was asked since the last time; calls made side by side come in any order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The request lines of what was asked, sorted.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.asked().into_iter().map(|asked| asked.line).collect();
        lines.sort();
        lines
    }
}

fn one(stream: TcpStream, tell: &dyn Fn(&Asked) -> Told, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers = lines.split_off(1).join("\n");
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let line = lines[0].trim_end_matches(" HTTP/1.1").to_owned();
    let asked = Asked { line, headers, body: String::from_utf8(body).unwrap() };
    log.lock().unwrap().push(asked.clone());
    let (status, more, body) = tell(&asked);
    let length = body.len();
    let _ = write!(
        reader.get_mut(),
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n{body}"
    );
}
