//! Answers that nobody sent: from bytes to what a vendor might have said.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::body::BODY_BYTES_MAX;
use super::{Answer, Call};
use crate::Fault;

/// Between two answers of one text.
const APART: &[u8] = b"\n----\n";

/// A list of answers.
pub(crate) struct Made {
    answers: Vec<(u16, HeaderMap, Vec<u8>)>,
    given: AtomicUsize,
}

impl Made {
    /// Reads a text of answers: each is a line with its status, lines `name: value`, an empty
    /// line and a body. What has not this form is left out.
    pub(crate) fn read(data: &[u8]) -> Self {
        let mut answers = Vec::new();
        let mut rest = data;
        loop {
            let end = rest.windows(APART.len()).position(|window| window == APART);
            answers.extend(one(&rest[..end.unwrap_or(rest.len())]));
            match end {
                Some(end) => rest = &rest[end + APART.len()..],
                None => return Self { answers, given: AtomicUsize::new(0) },
            }
        }
    }

    /// The next answer; the last one again where there is no other.
    pub(crate) fn next(&self, call: &Call) -> Result<Answer, Fault> {
        let place = self.given.fetch_add(1, Ordering::Relaxed);
        match self.answers.get(place).or(self.answers.last()) {
            Some((status, headers, body)) => Ok(Answer {
                vendor: call.vendor,
                call: call.name.clone(),
                kind: call.kind,
                status: *status,
                headers: headers.clone(),
                body: Zeroizing::new(body.clone()),
            }),
            None => Err(call.unsure("no answer")),
        }
    }
}

fn one(text: &[u8]) -> Option<(u16, HeaderMap, Vec<u8>)> {
    let mut headers = HeaderMap::new();
    let (first, mut rest) = line(text);
    let status = std::str::from_utf8(first).ok()?.trim().parse().ok()?;
    loop {
        let (next, behind) = line(rest);
        rest = behind;
        let Some(colon) = next.iter().position(|byte| *byte == b':') else { break };
        let name = HeaderName::from_bytes(&next[..colon]).ok()?;
        headers.insert(name, HeaderValue::from_bytes(next[colon + 1..].trim_ascii()).ok()?);
    }
    // The executor gives up on anything larger.
    (rest.len() <= BODY_BYTES_MAX).then(|| (status, headers, rest.to_vec()))
}

/// Up to a line feed, and what stands behind it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, &[]),
    }
}
