//! The forms in which a value may have got somewhere.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::Result;

/// The most that is inflated of one compressed piece.
const INFLATED_BYTES_MAX: u64 = 8 << 20;

/// One way of writing a value: its name, and the bytes that are looked for.
pub type Form = (String, Vec<u8>);

/// Every form of a value that is looked for as it stands.
pub(super) fn all(value: &str) -> Vec<Form> {
    let bytes = value.as_bytes();
    let mut forms = vec![("raw".to_owned(), bytes.to_vec())];
    for offset in 0..3 {
        forms.push((
            format!("base64 +{offset}"),
            inner_base64(bytes, offset, &STANDARD_NO_PAD).into_bytes(),
        ));
        forms.push((
            format!("base64url +{offset}"),
            inner_base64(bytes, offset, &URL_SAFE_NO_PAD).into_bytes(),
        ));
    }
    let each = |write: &dyn Fn(u8) -> String| -> Vec<u8> {
        bytes.iter().map(|byte| write(*byte)).collect::<String>().into_bytes()
    };
    forms.push(("hex".into(), each(&|byte| format!("{byte:02x}"))));
    forms.push(("HEX".into(), each(&|byte| format!("{byte:02X}"))));
    forms.push((
        "percent".into(),
        each(&|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        }),
    ));
    forms.push(("percent, all of it".into(), each(&|byte| format!("%{byte:02X}"))));
    forms.push(("JSON, all escaped".into(), each(&|byte| format!("\\u{byte:04x}"))));
    forms.push(("JSON, slashes escaped".into(), value.replace('/', "\\/").into_bytes()));
    // What `{:?}` of a vector of bytes looks like.
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    forms.push(("list of numbers".into(), numbers.join(", ").into_bytes()));
    forms.push(("JSON list of numbers".into(), numbers.join(",").into_bytes()));
    forms
        .push(("UTF-16, little".into(), value.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    forms.push(("UTF-16, big".into(), value.encode_utf16().flat_map(u16::to_be_bytes).collect()));
    forms.push(("reversed".into(), bytes.iter().rev().copied().collect()));
    let (first, second) = bytes.split_at(bytes.len() / 2);
    forms.push(("first half".into(), first.to_vec()));
    forms.push(("second half".into(), second.to_vec()));
    forms
}

/// The names of the forms that are found by inflating what is compressed.
pub(super) const COMPRESSED: [&str; 2] = ["gzip", "zlib"];

/// A value as it is planted: in every form, and compressed in the middle of a text.
///
/// # Errors
/// It cannot be compressed.
pub(super) fn planted(value: &str) -> Result<Vec<Form>> {
    let fail = |error: std::io::Error| format!("failed to compress: {error}");
    let text = format!("{{\"key\":\"{value}\",\"more\":\"{}\"}}", "text ".repeat(20));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes()).map_err(fail)?;
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(text.as_bytes()).map_err(fail)?;
    let mut forms = all(value);
    forms.push((COMPRESSED[0].into(), gzip.finish().map_err(fail)?));
    forms.push((COMPRESSED[1].into(), zlib.finish().map_err(fail)?));
    // The form that stands for a value inside a longer base64 text, at each offset.
    for offset in 0..3 {
        for (name, engine) in [("base64", &STANDARD_NO_PAD), ("base64url", &URL_SAFE_NO_PAD)] {
            let code = engine.encode(format!("{}{value}tail", "p".repeat(offset)));
            forms.push((format!("{name} of more, +{offset}"), code.into_bytes()));
        }
    }
    Ok(forms)
}

/// Whatever is compressed in some bytes, inflated as far as it goes.
pub(super) fn inflated(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = Vec::new();
    for at in memchr::memchr2_iter(0x1f, 0x78, bytes) {
        let rest = &bytes[at..];
        let (form, inflated) = match rest {
            [0x1f, 0x8b, 8, ..] => (COMPRESSED[0], inflate(GzDecoder::new(rest))),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
                (COMPRESSED[1], inflate(ZlibDecoder::new(rest)))
            }
            _ => continue,
        };
        if !inflated.is_empty() {
            all.push((form, inflated));
        }
    }
    all
}

fn inflate(decoder: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was inflated before it turned out to be nonsense is worth a look.
    let _ = decoder.take(INFLATED_BYTES_MAX).read_to_end(&mut bytes);
    bytes
}

/// The characters of a base64 text that depend on the value alone, where the value stands at this
/// offset of a longer text.
fn inner_base64(value: &[u8], offset: usize, engine: &impl Engine) -> String {
    let mut text = vec![0_u8; offset];
    text.extend_from_slice(value);
    let code = engine.encode(&text);
    let first = (offset * 8).div_ceil(6);
    let last = text.len() * 8 / 6;
    code.chars().skip(first).take(last - first).collect()
}
