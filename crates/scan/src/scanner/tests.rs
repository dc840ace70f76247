//! Whole documents, in every encoding.

use std::collections::HashSet;
use std::io::Write;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use domain::{Doer, Overlap, Shape, Span, Traces};

use super::*;
use crate::{Confidence, Reason};

const VALUE: &str = "3d1c9a70-5b2e-4f86-9c04-7ae1b05d62f3";

static PROFILE: Profile = Profile {
    kind: "postmark-server",
    title: "Postmark server token",
    overlap: Overlap::Coexist(3),
    creates: Doer::Operator,
    revokes: Doer::Operator,
    lists: true,
    reads_siblings: true,
    shape: Shape::Uuid,
    activation_max: Span::from_secs(30),
    usual_names: &["POSTMARK_SERVER_TOKEN"],
    traces: Traces { words: &["postmark"], ids: &["messageid"] },
};
static PROFILES: [&Profile; 1] = [&PROFILE];

fn scanner(known: &[&str]) -> Scanner {
    let key = FingerprintKey::new([7; 32]);
    let known: HashSet<_> = known.iter().map(|value| key.of(&Token::from(*value))).collect();
    Scanner::new(Arc::new(Rules {
        profiles: &PROFILES,
        key,
        allow_key: None,
        known: Arc::new(known),
        strangers: true,
        keep_values: false,
        limits: Limits::default(),
    }))
}

fn seen(scanner: &mut Scanner, bytes: &[u8]) -> Vec<Sighting> {
    let mut found = Vec::new();
    scanner.document(bytes, None, &mut found);
    found
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file(name, ::zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

fn tar(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut header = ::tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    builder.append_data(&mut header, name, bytes).unwrap();
    builder.into_inner().unwrap()
}

/// Goal: what is ours is found once and only once, whatever it is wrapped in. Method: each encoding,
/// and encodings of encodings.
#[test]
fn ours_is_found_under_every_encoding_once() {
    let plain =
        format!("whatever {VALUE} and more of it, long enough to be a run of base64").into_bytes();
    let wide: Vec<u8> =
        format!("K={VALUE}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lines: Vec<String> = STANDARD
        .encode(plain.repeat(4))
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    for (what, bytes, times) in [
        ("plain", plain.clone(), 1),
        ("capitals", VALUE.to_uppercase().into_bytes(), 1),
        ("base64", STANDARD.encode(&plain).into_bytes(), 1),
        ("base64 of the value alone", STANDARD.encode(VALUE).into_bytes(), 1),
        ("base64, wrapped", lines.join("\n").into_bytes(), 4),
        ("utf-16", wide.clone(), 1),
        ("base64 of utf-16", STANDARD.encode(&wide).into_bytes(), 1),
        ("percent", format!("?t={}&x", VALUE.replace('-', "%2D")).into_bytes(), 1),
        ("percent, partly", format!("?t={}&x={VALUE}", VALUE.replace('-', "%2d")).into_bytes(), 1),
        ("gzip", gzip(&plain), 1),
        ("zip", zip("a.txt", &plain), 1),
        ("tar", tar("a.txt", &plain), 1),
        ("tar.gz", gzip(&tar("a.txt", &plain)), 1),
        ("gzip in tar", tar("a.gz", &gzip(&plain)), 1),
        ("gzip in zip", zip("a.gz", &gzip(&plain)), 1),
        ("base64 of gzip", STANDARD.encode(gzip(&plain)).into_bytes(), 1),
        ("nul bytes", [b"\0\0\x7fELF", plain.as_slice()].concat(), 1),
        ("file name in zip", zip(&format!("{VALUE}.txt"), b"nothing"), 1),
    ] {
        let found = seen(&mut scanner(&[VALUE]), &bytes);
        let ours = found.iter().filter(|one| one.what == What::Ours).count();
        // A name in a zip file stands in two of its headers as well.
        let right = if what == "file name in zip" { ours >= times } else { ours == times };
        assert!(right, "{what}: {ours} {found:?}");
    }
}

#[test]
fn what_is_not_ours_is_never_called_ours() {
    let other = "8e0f4b21-6c3d-4a97-b15e-20d9c7f8a364";
    let found = seen(&mut scanner(&[VALUE]), format!("{other} {other}").as_bytes());
    assert!(found.is_empty(), "{found:?}");
    let found = seen(&mut scanner(&[VALUE]), format!("POSTMARK_TOKEN={other}").as_bytes());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    let looks = What::Looks {
        issuer: "postmark-server",
        confidence: Confidence::High,
        reason: Reason::Name,
    };
    assert_eq!((one.what, one.line, one.column), (looks, 1, 16));
}

/// Goal: a bomb ends. Method: much more comes out than is allowed.
#[test]
fn more_than_is_allowed_is_not_taken_out_and_counted() {
    let mut scanner = scanner(&[VALUE]);
    let limits = Limits { bytes_max: 1 << 20, depth_max: 2 };
    scanner.rules = Arc::new(Rules { limits, ..(*scanner.rules).clone() });
    assert!(seen(&mut scanner, &gzip(&vec![b' '; 8 << 20])).is_empty());
    assert_eq!(scanner.counts().cut.load(Ordering::Relaxed), 1);
    let deep = gzip(&gzip(&gzip(&gzip(VALUE.as_bytes()))));
    assert!(seen(&mut scanner, &deep).is_empty());
    assert_eq!(scanner.counts().cut.load(Ordering::Relaxed), 2);
    assert!(seen(&mut scanner, b"\x1f\x8b\x08 broken").is_empty());
    assert!(scanner.counts().unread.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_stream_is_read_in_parts_and_nothing_is_found_twice() {
    let line = format!("k={VALUE}\n");
    let filler = "no token here\n".repeat(5_000_000);
    let text = format!("{line}{filler}{line}{filler}{line}");
    let mut found = Vec::new();
    crate::stream(text.as_bytes(), None, &mut scanner(&[VALUE]), &mut found).unwrap();
    let lines: Vec<u64> = found.iter().map(|one| one.line).collect();
    assert_eq!(lines, [1, 5_000_002, 10_000_003]);
}

#[test]
fn names_are_shown_without_their_tokens() {
    let shown = scanner(&[VALUE]).shown(&format!("logs/{VALUE}/x"));
    assert_eq!(shown, format!("logs/{}/x", "*".repeat(36)));
    let other = "8e0f4b21-6c3d-4a97-b15e-20d9c7f8a364";
    assert_eq!(scanner(&[VALUE]).shown(other), other, "an id of something");
}
