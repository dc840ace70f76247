//! Packs that git has made, whole and broken.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::{error, fs};

use domain::{FingerprintKey, Token};

use super::*;
use crate::git::{InObject, Objects, Repository, every_object};
use crate::{Limits, Rules, Sighting};

type Outcome = Result<(), Box<dyn error::Error>>;

const UUID: &str = "3d1c9a70-5b2e-4f86-9c04-7ae1b05d62f3";
const VERSIONS: usize = 120;

fn scanner() -> Scanner {
    let key = FingerprintKey::new([7; 32]);
    let known = std::collections::HashSet::from([key.of(&Token::from(UUID))]);
    Scanner::new(Arc::new(Rules {
        profiles: &[],
        key,
        allow_key: None,
        known: Arc::new(known),
        strangers: false,
        keep_values: false,
        limits: Limits::default(),
    }))
}

fn git(place: &Path, arguments: &[&str], input: &[u8]) -> Result<String, Box<dyn error::Error>> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(place)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(input)?;
    let out = child.wait_with_output()?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into());
    }
    Ok(String::from_utf8(out.stdout)?)
}

/// One version of a file: lines of which some differ from those of the version before, and what
/// hides in some of them.
fn version(number: usize) -> String {
    let mut text = String::new();
    for line in 0..300 {
        let changed = number - number % (line % 17 + 3);
        let _ = writeln!(text, "line {line} was changed in {changed}: {}", line * 7919 % 1009);
        if line == 150 {
            let (left, right) = UUID.split_at(17);
            match number {
                30..40 => text += &format!("key = {left}\n{right}\n"),
                40..60 => text += &format!("key = {UUID}\n"),
                60..70 => text += &format!("key = {left}x{right}\n"),
                80..90 => text += &format!("at {}\n", UUID.replace('-', "%2D")),
                _ => {}
            }
        }
    }
    text
}

/// A repository with many versions of a file and of a tree, in one pack with deep deltas.
fn repository(place: &Path) -> Result<PathBuf, Box<dyn error::Error>> {
    let mut stream = String::new();
    for number in 0..VERSIONS {
        let text = version(number);
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter ops-1 <ops@example.com> {number} +0000\ndata 4\nnext\n\
             M 644 inline file.txt\ndata {}\n{text}\n",
            text.len()
        );
        for other in 0..40 {
            if number == 0 || number % 40 == other {
                let name = if number % 50 == 45 { UUID } else { "other" };
                let _ = write!(stream, "M 644 inline dir/{name}{other}\ndata 2\n{other:02}\n");
            }
        }
    }
    git(place, &["init", "--quiet", "--bare", "."], b"")?;
    git(place, &["fast-import", "--quiet"], stream.as_bytes())?;
    let repack = ["-c", "pack.threads=1", "repack", "-adfq", "--depth=50", "--window=50"];
    git(place, &repack, b"")?;
    let mut packs =
        fs::read_dir(place.join("objects/pack"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let index = packs.find(|path| path.extension().is_some_and(|end| end == "idx"));
    Ok(index.ok_or("no pack")?)
}

/// What of a sighting shows that it is the same one.
fn shown(id: String, one: &Sighting) -> String {
    format!("{id} {:?} {} {} {:?}", one.what, one.line, one.column, one.layers)
}

/// Goal: by families the same is seen, and the same is counted, as by reading each object alone.
/// Method: many versions of a file, in the middle of which a token is inserted, split, joined,
/// encoded and removed; and of a tree, with the token in a name.
#[test]
fn the_same_is_seen_as_in_each_object_alone() -> Outcome {
    let place = tempfile::tempdir()?;
    let index = repository(place.path())?;
    let repository = Repository::at(place.path().to_path_buf(), None)?;
    let (kin, unread) = Kin::of(&index, repository.hash)?;
    assert!(unread.is_empty(), "{unread:?}");
    let deltas = kin.len() - kin.roots.len();
    assert!(deltas > VERSIONS, "{deltas} of {} are deltas", kin.len());
    let mut alone = scanner();
    let objects = Objects::open(&repository)?;
    let (mut expected, mut buffer) = (BTreeMap::<String, usize>::new(), Vec::new());
    for number in 0..kin.len() {
        let id = kin.id(number);
        let (kind, bytes) = objects.find(id, &mut buffer).ok_or("an object is missing")?;
        let mut found = Vec::new();
        match kind {
            Kind::Tree => alone.names(bytes, &mut found),
            _ => alone.document(bytes, None, &mut found),
        };
        for one in &found {
            *expected.entry(shown(id.to_string(), one)).or_default() += 1;
        }
    }
    assert!(expected.len() > 20, "{expected:?}");
    for threads in [1, 3] {
        let together = scanner();
        let (seen, packs) = every_object(&repository, &together, &BTreeSet::new(), Some(threads))?;
        let mut met = BTreeMap::<String, usize>::new();
        for InObject { id, sighting, .. } in &seen {
            *met.entry(shown(id.to_string(), sighting)).or_default() += 1;
        }
        assert_eq!(met, expected);
        assert_eq!((packs.objects, packs.commits.len()), (kin.len() as u64, VERSIONS));
        assert!(packs.unread.is_empty() && packs.clean.is_empty());
        let counted = |scanner: &Scanner| {
            let counts = scanner.counts();
            let of = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
            (of(&counts.bytes), of(&counts.candidates))
        };
        assert_eq!(counted(&together), counted(&alone));
    }
    Ok(())
}

/// Goal: what is broken is told and left out, and all else is read. Method: the pack, cut at many
/// places, and with one byte changed at many places.
#[test]
fn a_broken_pack_is_read_as_far_as_it_goes() -> Outcome {
    let place = tempfile::tempdir()?;
    let index = repository(place.path())?;
    let pack = fs::read(index.with_extension("pack"))?;
    let (hash, scanner) = (Hash::Sha1, scanner());
    let all = families(&index, hash, &scanner, Some(1))?.met.objects;
    let broken = place.path().join("broken");
    fs::create_dir(&broken)?;
    let index = {
        let copy = broken.join("pack-0.idx");
        fs::copy(index, &copy)?;
        copy
    };
    let read = |bytes: &[u8], scanner: &Scanner| {
        fs::write(broken.join("pack-0.pack"), bytes)?;
        Ok::<_, Box<dyn error::Error>>(families(&index, hash, scanner, Some(2))?)
    };
    for part in 1..40 {
        let at = pack.len() * part / 40;
        let cut = read(&pack[..at], &scanner)?;
        assert!(!cut.whole() && cut.met.objects < all, "{at}");
        let mut changed = pack.clone();
        changed[at] ^= 0x55;
        let changed = read(&changed, &scanner)?;
        assert!(changed.whole() == (changed.met.objects == all), "{at}: {:?}", changed.unread);
        assert!(changed.met.objects > 0, "{at}");
    }
    // The last entry is a base of nothing: it alone is lost.
    let mut changed = pack.clone();
    let last = pack.len() - hash.len_in_bytes() - 3;
    changed[last] ^= 0x55;
    let changed = read(&changed, &scanner)?;
    assert_eq!((changed.met.objects, changed.unread.len()), (all - 1, 1));
    Ok(())
}

/// Goal: an index that points beyond itself is told. Method: its last offset is made a far one, and
/// there is no table of these.
#[test]
fn an_index_that_points_beyond_itself_is_told() -> Outcome {
    let place = tempfile::tempdir()?;
    let index = repository(place.path())?;
    let mut bytes = fs::read(&index)?;
    let last = bytes.len() - 2 * Hash::Sha1.len_in_bytes() - 4;
    bytes[last] |= 0x80;
    fs::remove_file(&index)?;
    fs::write(&index, bytes)?;
    assert!(families(&index, Hash::Sha1, &scanner(), None).is_err());
    Ok(())
}
