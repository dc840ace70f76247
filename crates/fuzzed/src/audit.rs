//! The audit log: a record a line, chained by whoever wrote it.

use domain::audit::{Broken, Hash, Head, Line, Record, verify};

/// Signs by copying: enough to tell what was signed from what was not.
fn signed(text: &[u8], signature: &[u8]) -> bool {
    text == signature
}

/// Any lines make a log that verifies, and no change of one does. The first byte says which.
pub(crate) fn verified(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let mut hash = Hash::ZERO;
    let mut lines = Vec::new();
    for (seq, body) in (1..).zip(text.lines().take(64)) {
        if let Ok(record) = serde_json::from_str::<Record>(body) {
            let written = serde_json::to_string(&record).unwrap_or_default();
            assert_eq!(serde_json::from_str::<Record>(&written).ok(), Some(record));
        }
        hash = hash.after(body);
        let signature = hash.0.to_vec();
        lines.push(Line { seq, body: body.to_owned(), hash, signature });
    }
    let seq = lines.len() as u64;
    let head = Head { seq, hash, signature: Head::signed_text(seq, hash).into_bytes() };
    assert_eq!(verify(lines.iter(), Some(&head), signed), Ok(seq));
    let Some(place) = usize::from(*choice).checked_rem(lines.len()) else { return };
    let mut changed = lines.clone();
    changed[place].body.push(' ');
    assert_eq!(verify(changed.iter(), Some(&head), signed), Err(Broken::Chain(place as u64 + 1)));
    let mut removed = lines.clone();
    removed.remove(place);
    assert!(verify(removed.iter(), Some(&head), signed).is_err());
    let mut inserted = lines.clone();
    inserted.insert(place, lines[place].clone());
    assert!(verify(inserted.iter(), Some(&head), signed).is_err());
    assert!(verify(lines.iter().take(place), Some(&head), signed).is_err());
    assert!(verify(lines.iter(), None, signed).is_err());
}
