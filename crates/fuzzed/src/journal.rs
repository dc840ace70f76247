//! A rotation's journal, replayed: an entry a line.

use domain::{Entry, Rotation};

/// Entries are taken one by one; what could not have happened is refused and changes nothing.
pub(crate) fn replayed(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let entries: Vec<Entry> =
        text.lines().take(300).filter_map(|line| serde_json::from_str(line).ok()).collect();
    for entry in &entries {
        let written = serde_json::to_string(entry).ok();
        let again = written.as_deref().and_then(|text| serde_json::from_str::<Entry>(text).ok());
        assert_eq!(again.as_ref(), Some(entry), "written and read back");
    }
    let Some(first) = entries.first() else { return };
    let Ok(mut rotation) = Rotation::replay([first]) else { return };
    let mut taken = vec![first];
    for entry in &entries[1..] {
        let before = rotation.clone();
        match rotation.apply(entry) {
            Ok(()) => taken.push(entry),
            Err(_) => assert_eq!(rotation, before, "a refused entry changes nothing"),
        }
        for now in [entry.at, jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX] {
            let _ = rotation.next(now);
            let _ = rotation.waiting(now);
            let _ = rotation.tasks(now);
        }
        let _ = domain::audit::describe(&rotation, "ops-1", entry);
    }
    assert_eq!(Rotation::replay(taken).ok().as_ref(), Some(&rotation), "replayed the same");
}
