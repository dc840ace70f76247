//! Texts before and after, and files that must not be touched.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::text::{entries, exchanged, value};
use super::*;

const NEW: &str = "HRKU-01234567-89ab-cdef-0123-456789abcdef";

fn after(text: &str) -> String {
    exchanged(text, &["K".to_owned()], &Token::from("new-1")).unwrap().to_string()
}

#[test]
fn only_the_value_changes() {
    for (before, expected) in [
        ("K=old\n", "K=new-1\n"),
        ("K=old", "K=new-1"),
        ("A=1\nK=old\nB=2\n", "A=1\nK=new-1\nB=2\n"),
        ("A=1\r\nK=old\r\nB=2\r\n", "A=1\r\nK=new-1\r\nB=2\r\n"),
        ("\u{feff}K=old\n", "\u{feff}K=new-1\n"),
        ("export K=old\n", "export K=new-1\n"),
        ("  export\tK = old  # why\n", "  export\tK = new-1  # why\n"),
        ("K='old'\n", "K='new-1'\n"),
        ("K=\"old\" # c\n", "K=\"new-1\" # c\n"),
        ("K=\"two\nlines\"\nA=1\n", "K=\"new-1\"\nA=1\n"),
        ("K='two\nlines'\nA=1\n", "K='new-1'\nA=1\n"),
        ("K=\"a \\\" b\"\n", "K=\"new-1\"\n"),
        ("K=\n", "K=new-1\n"),
        ("K= # nothing yet\n", "K=new-1 # nothing yet\n"),
        ("K=a#b\n", "K=new-1\n"),
        ("K=\"a\"b\n", "K=new-1\n"),
        ("K=\"never closed\nA=1\n", "K=new-1\nA=1\n"),
        ("K=1\nK=2\n", "K=new-1\nK=new-1\n"),
        ("# K=old\n#K=old\nK=old\n", "# K=old\n#K=old\nK=new-1\n"),
        ("A=\"x\nK=inside\n\"\nK=old\n", "A=\"x\nK=inside\n\"\nK=new-1\n"),
        ("KK=1\nK_=2\nAK=3\nK=old\n", "KK=1\nK_=2\nAK=3\nK=new-1\n"),
        ("K\nexport K\nK=old\n", "K\nexport K\nK=new-1\n"),
        ("=x\n\n \t\nK=é\n", "=x\n\n \t\nK=new-1\n"),
    ] {
        assert_eq!(after(before), expected, "{before:?}");
        assert_eq!(value(expected, "K"), Some(Token::from("new-1")), "{before:?}");
    }
}

#[test]
fn a_removed_key_takes_its_lines_and_nothing_else() {
    let without = |text: &str| text::without(text, &["K".to_owned()]).unwrap().to_string();
    for (before, expected) in [
        ("K=old\n", ""),
        ("K=old", ""),
        ("A=1\nK=old\nB=2\n", "A=1\nB=2\n"),
        ("A=1\r\nK=old\r\nB=2\r\n", "A=1\r\nB=2\r\n"),
        ("A=1\nK=old", "A=1\n"),
        ("\u{feff}K=old\nA=1\n", "\u{feff}A=1\n"),
        ("# of K\n  export\tK = old  # why\n\nA='x'  \n", "# of K\n\nA='x'  \n"),
        ("K=\"two\nlines\"\nA=1\n", "A=1\n"),
        ("K=1\nA=\"x\nK=inside\n\"\nK=2\nKK=3\n#K=4\n", "A=\"x\nK=inside\n\"\nKK=3\n#K=4\n"),
        ("K= # nothing yet\nK\n", "K\n"),
        ("A=1\n", "A=1\n"),
    ] {
        assert_eq!(without(before), expected, "{before:?}");
    }
    // The quote that never ends would end in another entry, once the one between is gone.
    let keys = ["K".to_owned()];
    assert!(
        text::without("A=\"x\nK=\"\nB=\"y\n", &keys)
            .is_none_or(|out| { value(&out, "A") == value("A=\"x\nK=\"\nB=\"y\n", "A") })
    );
}

#[test]
fn a_missing_key_is_appended_in_the_files_own_manner() {
    for (before, expected) in [
        ("", "K=new-1\n"),
        ("A=1\n", "A=1\nK=new-1\n"),
        ("A=1", "A=1\nK=new-1\n"),
        ("A=1\r\nB=2", "A=1\r\nB=2\r\nK=new-1\r\n"),
        ("export A=1\nexport B=2\n", "export A=1\nexport B=2\nexport K=new-1\n"),
        ("export A=1\nB=2\n", "export A=1\nB=2\nK=new-1\n"),
        ("# K=old\n", "# K=old\nK=new-1\n"),
    ] {
        assert_eq!(after(before), expected, "{before:?}");
    }
}

#[test]
fn what_values_say() {
    for (text, expected) in [
        ("K=v", "v"),
        ("K= v \n", "v"),
        ("K='a \\n $b'", "a \\n $b"),
        ("K=\"a\\nb\\t\\\"\\\\ \\$x \\q\"", "a\nb\t\"\\ $x \\q"),
        ("K=\"two\nlines\"", "two\nlines"),
        ("K=a b # c", "a b"),
        ("K=a#b", "a#b"),
        ("K=", ""),
        ("K=1\nK=2", "2"),
        ("K=v\r\nA=1\r\n", "v"),
    ] {
        assert_eq!(value(text, "K"), Some(Token::from(expected)), "{text:?}");
    }
    for text in ["", "#K=v", "k=v", "export K", "A=\"\nK=v\n\""] {
        assert_eq!(value(text, "K"), None, "{text:?}");
    }
}

/// Goal: whatever stands around it and whatever it is, a value that was written is read back,
/// and writing it again changes nothing. Method: every text with every value.
#[test]
fn written_is_read_back() {
    let values =
        [NEW, "", "a b", "a'b", "a\"b", "a\\b", "$x `y`", "two\nlines\r\n", "#x", "é", "a#b"];
    let texts =
        ["", "K=x", "K='x'\r\n", "K=\"x\ny\"\nA='1'\n", "export K=x # c\n", "A=1", "K=1\nK='2'\n"];
    for text in texts {
        for new in values {
            let keys = ["K".to_owned(), "L".to_owned()];
            let once = exchanged(text, &keys, &Token::from(new)).unwrap();
            for key in &keys {
                assert_eq!(value(&once, key), Some(Token::from(new)), "{text:?} {new:?} {once:?}");
            }
            assert_eq!(value(&once, "A"), value(text, "A"));
            assert_eq!(exchanged(&once, &keys, &Token::from(new)).as_ref(), Some(&once));
            assert!(entries(&once).len() >= 2);
        }
    }
}

#[test]
fn what_another_entry_would_swallow_is_not_written() {
    let new = Token::from("t\"#");
    assert_eq!(exchanged("A=\"never ended\nB=1\n", &["K".to_owned()], &new), None);
    assert!(exchanged("A=\"ended\"\nB=1\n", &["K".to_owned()], &new).is_some());
}

fn at(path: &std::path::Path) -> Dotenv {
    Dotenv::new(path.to_owned(), vec!["K".to_owned(), "L".to_owned()], None)
}

#[tokio::test]
async fn a_file_is_written_narrowly_and_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    let token = Token::from(NEW);
    assert!(matches!(at(&path).look().await, Ok(Held::Values(held)) if held == [None, None]));
    assert!(matches!(at(&path).adopted(&token, None).await, Ok(Adoption::Differs(_))));
    for (mode, expected) in [(0o644, 0o640), (0o600, 0o600), (0o666, 0o660), (0o400, 0o600)] {
        fs::write(&path, "K=old\n").ok();
        fs::remove_file(&path).ok();
        fs::write(&path, "K=old\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        at(&path).write(&token).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("K={NEW}\nL={NEW}\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, expected);
    }
    assert!(matches!(at(&path).adopted(&token, None).await, Ok(Adoption::ByFingerprint(_))));
    assert!(matches!(at(&path).look().await, Ok(Held::Values(held)) if held[1] == Some(token)));
    fs::remove_file(&path).unwrap();
    at(&path).write(&Token::from(NEW)).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_is_held_already_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    fs::write(&path, format!("K={NEW}\nL={NEW}\n")).unwrap();
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    at(&path).write(&Token::from(NEW)).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
}

#[tokio::test]
async fn places_that_cannot_be_written_are_refused_by_a_look() {
    let directory = tempfile::tempdir().unwrap();
    let dangling = directory.path().join("dangling");
    symlink(directory.path().join("nowhere"), &dangling).unwrap();
    let binary = directory.path().join("binary");
    fs::write(&binary, [0xff, 0xfe]).unwrap();
    let missing = directory.path().join("missing/.env");
    for path in [directory.path(), &dangling, &binary, &missing] {
        let look = at(path).look().await;
        assert!(matches!(look, Err(Fault::Refused { .. })), "{} {look:?}", path.display());
        assert!(at(path).write(&Token::from(NEW)).await.is_err());
    }
}

#[tokio::test]
async fn a_link_stays_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let (real, link) = (directory.path().join("real"), directory.path().join("link"));
    fs::write(&real, "K=old\n").unwrap();
    symlink(&real, &link).unwrap();
    at(&link).write(&Token::from(NEW)).await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains(NEW));
}
