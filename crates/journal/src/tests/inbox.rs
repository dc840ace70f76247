//! Items come from any process, wait sealed, and are taken once.

use serde_json::json;

use super::*;
use crate::{Inbox, Item};

fn item(rotation: &str, token: Option<&str>) -> Item {
    Item {
        rotation: id(rotation),
        kind: "approve".into(),
        body: json!({ "step": "revoke" }),
        token: token.map(Token::from),
        actor: "ops".into(),
        at: now(),
    }
}

fn post(home: &Home, item: &Item) -> Result<i64, JournalError> {
    Inbox::post(&home.path(), &key(), item)
}

/// Goal: an item is posted while another process holds the lease, and taken once, together with
/// what came of it.
#[test]
fn an_item_is_posted_without_the_lease_and_taken_once() {
    let home = Home::new();
    let journal = home.open();
    journal.append_blocking(begin("A")).unwrap();
    let (first, second) = (item("A", Some("a-pasted-token")), item("A", None));
    let version = home.reader().data_version().unwrap();
    let ids = [post(&home, &first).unwrap(), post(&home, &second).unwrap()];
    let reader = home.reader();
    assert_ne!((reader.data_version().unwrap(), ids[0]), (version, ids[1]));
    let pending = reader.inbox_pending(&id("A")).unwrap();
    assert_eq!(pending.iter().map(|pending| pending.id).collect::<Vec<_>>(), ids);
    assert_eq!(
        pending.into_iter().map(|pending| pending.item).collect::<Vec<_>>(),
        [first, second]
    );
    let mut batch = step("A", 1);
    batch.took = Some(ids[0]);
    journal.append_blocking(batch).unwrap();
    let mut again = step("A", 2);
    again.took = Some(ids[0]);
    assert!(matches!(journal.append_blocking(again), Err(JournalError::Taken { .. })));
    let pending = reader.inbox_pending(&id("A")).unwrap();
    assert_eq!(pending.iter().map(|pending| pending.id).collect::<Vec<_>>(), [ids[1]]);
    let sql = "SELECT sealed IS NULL FROM inbox WHERE id = ?1";
    assert!(home.raw().query_row(sql, [ids[0]], |row| row.get::<_, bool>(0)).unwrap());
}

#[test]
fn a_rotation_that_is_not_open_takes_no_items() {
    let home = Home::new();
    let journal = home.open();
    assert!(matches!(post(&home, &item("A", None)), Err(JournalError::Unknown { .. })));
    journal.append_blocking(begin("A")).unwrap();
    post(&home, &item("A", Some("left-over"))).unwrap();
    journal.append_blocking(end("A", 1)).unwrap();
    assert!(matches!(post(&home, &item("A", None)), Err(JournalError::Closed { .. })));
    assert_eq!(home.reader().inbox_pending(&id("A")).unwrap(), []);
    let left = "SELECT count(*) FROM inbox WHERE sealed IS NOT NULL";
    assert_eq!(home.raw().query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// Goal: whoever can write the database but has no key can neither forge an approval, nor change
/// who gave it, nor move it. Method: raw SQL.
#[test]
fn a_forged_or_changed_item_is_refused() {
    for sql in [
        "UPDATE inbox SET actor = 'superadmin' WHERE rotation = 'A'",
        "UPDATE inbox SET kind = 'turn-back' WHERE rotation = 'A'",
        "UPDATE inbox SET body = '{}' WHERE rotation = 'A'",
        "UPDATE inbox SET at = '2026-11-21T07:30:00Z' WHERE rotation = 'A'",
        "UPDATE inbox SET number = '0' WHERE rotation = 'A'",
        "UPDATE inbox SET sealed = NULL WHERE rotation = 'A'",
        "UPDATE inbox SET rotation = 'A' WHERE rotation = 'B'",
        "UPDATE inbox SET sealed = (SELECT sealed FROM inbox WHERE rotation = 'B')",
        "INSERT INTO inbox (rotation, kind, body, number, actor, at)
             VALUES ('A', 'approve', '{}', '1', 'superadmin', '2026-11-21T07:30:00Z')",
    ] {
        let home = Home::new();
        let journal = home.open();
        for rotation in ["A", "B"] {
            journal.append_blocking(begin(rotation)).unwrap();
            post(&home, &item(rotation, Some("token"))).unwrap();
        }
        assert_eq!(home.reader().inbox_pending(&id("A")).unwrap().len(), 1);
        home.raw().execute_batch(sql).unwrap();
        let refused = home.reader().inbox_pending(&id("A"));
        assert!(matches!(refused, Err(JournalError::Seal(_))), "{sql}");
    }
}
