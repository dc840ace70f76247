//! The formats byte for byte, and every way in which a log can be changed.

use super::*;

/// The example of <https://c2sp.org/signed-note>, section *Verifier keys*.
const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/// The example of <https://c2sp.org/tlog-checkpoint>.
const EXAMPLE_CHECKPOINT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

fn key() -> NoteKey {
    NoteKey::new("rollover/0011223344556677", [7; 32]).unwrap()
}

/// Signs without cryptography, which this crate has none of: the hash of the text, twice.
fn sign(text: &str) -> Note {
    let half = Hash::leaf(text.as_bytes()).0;
    Note::sign(text, &key(), &[half, half].concat().try_into().unwrap()).unwrap()
}

fn signed(public: &[u8; 32], text: &[u8], signature: &[u8]) -> bool {
    let half = Hash::leaf(text).0;
    public == &[7; 32] && signature == [half, half].concat()
}

/// Records of about 300 bytes.
fn records(count: u64) -> Vec<Vec<u8>> {
    let record = |number: u64| {
        let detail = format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(8);
        let record = Record {
            at: Timestamp::UNIX_EPOCH,
            action: "secret.rotate.outcome".into(),
            actor: "ops-1".into(),
            secret: SecretName::new("prod", "HEROKU_API_KEY").ok(),
            rotation: Some(RotationId(format!("r-{number:06}"))),
            context: BTreeMap::from([("detail".into(), detail)]),
        };
        serde_json::to_vec(&record).unwrap()
    };
    (0..count).map(record).collect()
}

fn leaves(records: &[Vec<u8>]) -> Vec<Hash> {
    records.iter().map(|record| Hash::leaf(record)).collect()
}

fn checkpoint(leaves: &[Hash]) -> Checkpoint {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    Checkpoint::of(key().name(), &tree)
}

fn check(leaves: &[Hash], head: &Checkpoint, anchors: &[Checkpoint]) -> Result<Tree, Broken> {
    let mut check = Check::new(head.clone(), anchors.to_vec())?;
    leaves.iter().try_for_each(|leaf| check.leaf(*leaf))?;
    check.end()
}

#[test]
fn keys_are_written_as_the_specification_has_them() {
    for text in [
        EXAMPLE_KEY,
        // Go's, which signed notes come from; the second has a plus in its base64.
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
    ] {
        let key: NoteKey = text.parse().unwrap();
        assert_eq!(key.to_string(), text);
        for end in 0..text.len() {
            assert!(text[..end].parse::<NoteKey>().is_err(), "{}", &text[..end]);
        }
    }
    for wrong in [
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fox+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ] {
        assert!(wrong.parse::<NoteKey>().is_err(), "{wrong}");
    }
    assert!(NoteKey::new("a+b", [0; 32]).is_err());
    assert!(NoteKey::new("a\u{2003}b", [0; 32]).is_err());
}

/// The signature itself is checked where the cryptography is, in the journal's tests.
#[test]
fn the_examples_of_the_specifications_are_read() {
    let note = Note::parse(EXAMPLE_NOTE).unwrap();
    let key: NoteKey = EXAMPLE_KEY.parse().unwrap();
    assert_eq!(note.as_str(), EXAMPLE_NOTE);
    assert_eq!(note.open(&[key], &|_, _, _| true).unwrap(), "This is an example message.\n");
    let note = Note::parse(EXAMPLE_CHECKPOINT).unwrap();
    let said = Checkpoint::claimed(&note).unwrap();
    assert_eq!((said.origin.as_str(), said.size), ("example.com/behind-the-sofa", 20_852_163));
    assert!(EXAMPLE_CHECKPOINT.starts_with(&said.text()));
}

#[test]
fn what_is_not_a_note_is_refused() {
    let whole = sign("a\n1\n");
    let text = whole.as_str();
    for wrong in [
        "",
        "a\n",
        "a\n\n",
        "a\n\nb\n",
        text.trim_end(),
        &text.replace('\u{2014}', "-"),
        &text.replace("a\n1", "a\t1"),
        &text.replace("a\n1", "a\r\n1"),
        &text.replace("rollover/", "rollover "),
        &format!("{text}\n"),
        &format!("{text}more\n"),
        &format!("{}\n\u{2014} a AAAA\n", "a".repeat(1 << 20)),
    ] {
        assert!(Note::parse(wrong).is_err(), "{wrong:.80}");
    }
    assert!(Note::sign("no newline", &key(), &[0; 64]).is_err());
}

#[test]
fn only_a_right_signature_of_a_known_key_opens_a_note() {
    let note = sign("text\n\nwith an empty line\n");
    assert_eq!(note.open(&[key()], &signed).unwrap(), "text\n\nwith an empty line\n");
    assert_eq!(note.open(&[], &signed), Err(NoteError::Unsigned));
    let other = NoteKey::new(key().name(), [8; 32]).unwrap();
    assert_eq!(note.open(std::slice::from_ref(&other), &signed), Err(NoteError::Unsigned));
    let forged = Note::parse(&note.as_str().replace("text\n", "test\n")).unwrap();
    assert!(matches!(forged.open(&[key()], &signed), Err(NoteError::Forged(_))));
    // Whoever else signed does not matter: a log's new key, a witness.
    let more = format!("{note}\u{2014} witness.example AAAAAAAA\n");
    let more = Note::parse(&more).unwrap();
    assert!(more.open(&[other, key()], &signed).is_ok());
}

#[test]
fn checkpoints_are_read_strictly() {
    let said = checkpoint(&leaves(&records(3)));
    let text = said.text();
    assert_eq!(Checkpoint::parse(&text), Some(said.clone()));
    assert_eq!(Checkpoint::parse(&format!("{text}extension\n")), Some(said));
    for wrong in [
        "",
        "\n",
        text.trim_end(),
        &text.replace("\n3\n", "\n03\n"),
        &text.replace("\n3\n", "\n+3\n"),
        &text.replace("\n3\n", "\n\n"),
        &text.replace("\n3\n", "\n99999999999999999999\n"),
        &text.replace("=\n", "\n"),
        &text.replace("rollover/0011223344556677", ""),
        &format!("{text}\n"),
    ] {
        assert_eq!(Checkpoint::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_file_of_checkpoints_is_read_whole_or_not_at_all() {
    let leaves = leaves(&records(9));
    let notes: Vec<Note> = (0..9).map(|to| sign(&checkpoint(&leaves[..to]).text())).collect();
    for between in ["", "\n", "\n\n"] {
        let file: Vec<&str> = notes.iter().map(Note::as_str).collect();
        let file = file.join(between);
        assert_eq!(checkpoints(&file), Ok(notes.clone()));
        // Cut off anywhere, it is some checkpoints fewer or refused.
        for (end, _) in file.char_indices() {
            match checkpoints(&file[..end]) {
                Ok(fewer) => assert_eq!(fewer, notes[..fewer.len()]),
                Err(line) => assert!(line > 0),
            }
        }
    }
    let two_signed = format!("{}\u{2014} witness.example AAAAAAAA\n{}", notes[0], notes[1]);
    assert_eq!(checkpoints(&two_signed).unwrap().len(), 2);
    assert_eq!(checkpoints(""), Ok(vec![]));
    assert_eq!(checkpoints(EXAMPLE_NOTE), Err(1));
    assert_eq!(checkpoints(&format!("{}\nwhat is this\n", notes[0])), Err(7));
}

#[test]
fn a_proof_is_written_as_the_specification_has_it() {
    let records = records(5);
    let leaves = leaves(&records);
    let head = checkpoint(&leaves);
    let prove = |index: u64| {
        let mut prover = Prover::new(index, 5).unwrap();
        leaves.iter().for_each(|leaf| prover.push(*leaf));
        let (extra, path) = (Some(records[index as usize].clone()), prover.path().unwrap());
        Proof { extra, index, path, checkpoint: sign(&head.text()) }
    };
    for index in 0..5 {
        let proof = prove(index);
        let text = proof.to_string();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra eyJ"));
        assert!(text.ends_with(&format!("\n\n{}", proof.checkpoint)));
        assert_eq!(Proof::parse(&text), Ok(proof.clone()));
        let leaf = Hash::leaf(proof.extra.as_deref().unwrap());
        assert_eq!(proof.check(leaf, &[key()], &signed), Ok(head.clone()));
        let elsewhere = Proof { index: (index + 1) % 5, ..proof.clone() };
        let refused = elsewhere.check(leaf, &[key()], &signed).unwrap_err();
        assert!(matches!(refused, ProofError::NotThere { size: 5, .. }), "{refused}");
        assert!(proof.check(leaf, &[], &signed).is_err());
        // No line may be missing, and none may be another.
        for skip in 0..text.lines().count() {
            let kept = text.split_inclusive('\n').enumerate().filter(|(line, _)| *line != skip);
            let less: String = kept.map(|(_, line)| line).collect();
            let found = Proof::parse(&less).and_then(|proof| {
                let leaf = Hash::leaf(proof.extra.as_deref().unwrap_or_default());
                proof.check(leaf, &[key()], &signed)
            });
            assert!(found.is_err(), "{less}");
        }
    }
    let plain = Proof { extra: None, ..prove(0) };
    assert_eq!(Proof::parse(&plain.to_string()), Ok(plain));
    // A key may sign for another log, too: that is not this one.
    let other = Checkpoint { origin: "rollover/other".into(), ..head };
    let foreign = Proof { checkpoint: sign(&other.text()), ..prove(0) };
    let refused = foreign.check(leaves[0], &[key()], &signed).unwrap_err();
    assert!(matches!(refused, ProofError::Origin(_)), "{refused}");
}

/// Goal: no bit of a log of 1 MiB can be changed unseen. Method: the path of each record in the
/// whole tree; each bit of the record is flipped, and the record is looked for under the root.
/// Every bit with `ROLLOVER_FULL=1`, otherwise every 499th.
#[test]
fn every_flipped_bit_is_found() {
    let every = if std::env::var_os("ROLLOVER_FULL").is_some() { 1 } else { 499 };
    let mut records = records(4_000);
    assert!(records.iter().map(Vec::len).sum::<usize>() >= 1 << 20);
    let leaves = leaves(&records);
    let size = leaves.len() as u64;
    let root = checkpoint(&leaves).root;
    let (mut bit, mut tried) = (0_u64, 0_u64);
    for (index, record) in (0..).zip(&mut records) {
        let mut prover = Prover::new(index, size).unwrap();
        leaves.iter().for_each(|leaf| prover.push(*leaf));
        let path = prover.path().unwrap();
        assert!(includes(Hash::leaf(record), index, size, &path, root));
        for at in 0..record.len() * 8 {
            bit += 1;
            if bit % every == 0 {
                record[at / 8] ^= 1 << (at % 8);
                tried += 1;
                assert!(!includes(Hash::leaf(record), index, size, &path, root), "bit {bit}");
                record[at / 8] ^= 1 << (at % 8);
            }
        }
    }
    assert_eq!(tried, bit / every);
    println!("{tried} of {bit} bits flipped, all found");
}

/// Goal: no record can be removed, inserted or moved unseen, and no end cut off, even by somebody
/// who numbers the rest anew. Method: every one of a log.
#[test]
fn every_removed_inserted_or_moved_record_and_every_cut_is_found() {
    let leaves = leaves(&records(300));
    let head = checkpoint(&leaves);
    assert_eq!(check(&leaves, &head, &[]).unwrap().root(), head.root);
    for at in 0..leaves.len() {
        let mut removed = leaves.clone();
        removed.remove(at);
        assert!(matches!(check(&removed, &head, &[]), Err(Broken::Cut { .. })));
        // Another one comes in for it, so that the number is right.
        removed.push(leaves[at]);
        assert_eq!(check(&removed, &head, &[]).is_ok(), at + 1 == leaves.len());
        for inserted in [leaves[at], Hash::leaf(b"other")] {
            let mut more = leaves.clone();
            more.insert(at, inserted);
            assert!(check(&more, &head, &[]).is_err());
            more.pop();
            assert_eq!(check(&more, &head, &[]).is_ok(), more == leaves);
        }
        let mut swapped = leaves.clone();
        swapped.swap(at, (at + 1) % leaves.len());
        assert!(matches!(check(&swapped, &head, &[]), Err(Broken::Root(300))));
        assert!(check(&leaves[..at], &head, &[]).is_err());
    }
}

/// Goal: a log that was set back is found by any checkpoint that was kept elsewhere, and a log
/// that went on is not. Method: every length of the log against every anchor.
#[test]
fn a_log_goes_on_from_each_anchor_or_was_set_back() {
    let leaves = leaves(&records(40));
    let mut other = leaves.clone();
    other[20] = Hash::leaf(b"other");
    let at = |to: usize| checkpoint(&leaves[..to]);
    for size in 0..=leaves.len() {
        for anchored in 0..=leaves.len() {
            let found = check(&leaves[..size], &at(size), &[at(anchored)]);
            assert_eq!(found.is_ok(), anchored <= size, "{size} {anchored}: {found:?}");
            // Written anew after it was set back to 20 records.
            let anew = check(&other[..size], &checkpoint(&other[..size]), &[at(anchored)]);
            let goes_on = anchored <= size && anchored <= 20;
            assert_eq!(anew.is_ok(), goes_on, "{size} {anchored}: {anew:?}");
        }
    }
    let many: Vec<Checkpoint> = (0..=40).rev().chain(0..=40).map(at).collect();
    assert!(check(&leaves, &at(40), &many).is_ok());
    let behind = check(&leaves[..39], &at(39), &many).unwrap_err();
    assert_eq!(behind, Broken::Behind { anchored: 40, found: 39 });
    let foreign = Checkpoint { origin: "rollover/other".into(), ..at(3) };
    let found = check(&leaves, &at(40), &[foreign]).unwrap_err();
    assert!(matches!(found, Broken::Other { .. }));
}

#[test]
fn a_record_is_held_against_its_place_and_its_leaf() {
    let records = records(3);
    let leaves = leaves(&records);
    let begin = || Check::new(checkpoint(&leaves), vec![]).unwrap();
    let mut right = begin();
    for ((seq, record), leaf) in (1..).zip(&records).zip(&leaves) {
        assert_eq!(right.record(seq, record, &leaf.0), Ok(*leaf));
    }
    assert!(right.end().is_ok());
    let missing = begin().record(2, &records[1], &leaves[1].0);
    assert_eq!(missing, Err(Broken::Order { expected: 1, found: 2 }));
    assert_eq!(begin().record(1, &records[1], &leaves[0].0), Err(Broken::Record(1)));
    assert_eq!(begin().record(1, &records[0], &[]), Err(Broken::Record(1)));
}
