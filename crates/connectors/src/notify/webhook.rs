//! A program of the user's own, by a POST that it can check.
//!
//! The signature is HMAC-SHA-256 (RFC 2104) over the time in seconds, a full stop, and the body,
//! in hexadecimal digits, as `X-Rollover-Signature: sha256=...`; the time is
//! `X-Rollover-Timestamp`, the message's id `X-Rollover-Id`. A receiver refuses a time that is
//! more than five minutes away, and an id that it has had. Any 2xx means taken.

use domain::Token;
use domain::notify::Message;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use sha2::Sha256;

use super::Unsaid;
use crate::http::{Http, Request};

pub(super) async fn post(http: &Http, secret: &Token, message: &Message) -> Result<String, Unsaid> {
    let body = json!({ "message": message, "title": message.title(), "lines": message.lines() });
    let body = body.to_string();
    let at = Timestamp::now().as_second();
    let Some(signature) = signed(secret, at, &body) else {
        return Err(Unsaid::Dead("nothing can be signed with it".into()));
    };
    let request = Request::change(Method::POST, &[])
        .header("x-rollover-id", &message.id)
        .header("x-rollover-timestamp", &at.to_string())
        .header("x-rollover-signature", &format!("sha256={signature}"))
        .body("application/json", body.into_bytes());
    let answer = http.send(request).await?;
    match answer.status {
        200..300 => Ok(answer.status.to_string()),
        401 => Err(Unsaid::Dead("401: the signature was refused".into())),
        403 | 404 | 410 | 422 => Err(answer.refused(answer.status.to_string()).into()),
        _ => Err(answer.failure(None).into()),
    }
}

fn signed(secret: &Token, at: i64, body: &str) -> Option<String> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(format!("{at}.{body}").as_bytes());
    Some(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, cut at the full stop that stands between time and body.
    #[test]
    fn it_is_hmac_sha_256_over_time_and_body() {
        let mac = |data: &str| {
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"Jefe").unwrap();
            mac.update(data.as_bytes());
            let bytes = mac.finalize().into_bytes();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(mac("what do ya want for nothing?"), known);
        assert_eq!(signed(&Token::from("Jefe"), 7, "{}"), Some(mac("7.{}")));
    }
}
