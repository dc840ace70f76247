//! The audit log: a record a line, a tree over them; and what an auditor is handed of it.

use domain::audit::{
    Broken, Check, Checkpoint, Hash, Note, NoteKey, Proof, Prover, Record, Tree, checkpoints,
};

/// Any lines make a log that verifies, and no change of one does; every record can be proven, and
/// no other. The first byte says which.
pub(crate) fn verified(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let lines: Vec<&str> = text.lines().take(64).collect();
    for body in &lines {
        if let Ok(record) = serde_json::from_str::<Record>(body) {
            let written = serde_json::to_string(&record).unwrap_or_default();
            assert_eq!(serde_json::from_str::<Record>(&written).ok(), Some(record));
        }
    }
    let leaves: Vec<Hash> = lines.iter().map(|line| Hash::leaf(line.as_bytes())).collect();
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    assert_eq!(
        Tree::from_edge(tree.size(), &tree.edge()).map(|same| same.root()),
        Some(tree.root())
    );
    let head = Checkpoint::of("rollover/0", &tree);
    assert_eq!(Checkpoint::parse(&head.text()).as_ref(), Some(&head));
    let walked = |lines: &[&str]| {
        let mut check = Check::new(head.clone(), vec![head.clone()])?;
        for (seq, line) in (1..).zip(lines) {
            check.record(seq, line.as_bytes(), &Hash::leaf(line.as_bytes()).0)?;
        }
        check.end()
    };
    assert_eq!(walked(&lines).map(|tree| tree.root()), Ok(tree.root()));
    let Some(place) = usize::from(*choice).checked_rem(lines.len()) else { return };
    let changed = format!("{} ", lines[place]);
    let mut others = lines.clone();
    others[place] = &changed;
    assert!(walked(&others).is_err());
    let mut others = lines.clone();
    others.remove(place);
    assert!(walked(&others).is_err());
    others.insert(place, lines[place]);
    others.insert(place, lines[place]);
    assert!(walked(&others).is_err());
    let cut = Broken::Cut { expected: lines.len() as u64, found: place as u64 };
    assert_eq!(walked(&lines[..place]).err(), Some(cut));
    let (index, size) = (place as u64, tree.size());
    let prover = Prover::new(index, size);
    let path = prover.and_then(|mut prover| {
        leaves.iter().for_each(|leaf| prover.push(*leaf));
        prover.path()
    });
    let path = path.unwrap_or_default();
    let includes = |leaf| domain::audit::includes(leaf, index, size, &path, tree.root());
    assert!(includes(leaves[place]) && !includes(Hash::leaf(changed.as_bytes())));
}

/// What an auditor is handed is read or refused, and what was read is written as it was.
pub(crate) fn handed(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(proof) = Proof::parse(&text) {
        assert_eq!(Proof::parse(&proof.to_string()), Ok(proof.clone()));
        // Nobody vouches for it, so it shows nothing.
        assert!(proof.check(Hash::leaf(b""), &[], &|_, _, _| true).is_err());
    }
    if let Ok(note) = Note::parse(&text) {
        assert_eq!(note.as_str(), text);
        assert!(note.open(&[], &|_, _, _| true).is_err());
    }
    if let Ok(notes) = checkpoints(&text) {
        for note in &notes {
            assert_eq!(checkpoints(note.as_str()).as_deref(), Ok(std::slice::from_ref(note)));
        }
    }
    if let Ok(key) = text.trim().parse::<NoteKey>() {
        assert_eq!(key.to_string().parse().as_ref(), Ok(&key));
    }
}
