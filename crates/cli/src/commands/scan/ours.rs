//! The tokens of one installation, and a quick way to see that a value is none of them.
//!
//! The journal has the last word. A scan of a few files asks it for each value that it finds; that
//! of a long history has a filter in front of it, so that a million known tokens cost it no more
//! than ten do. Of many tokens the filter is kept in the user's cache, where it only grows.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use domain::Fingerprint;
use journal::{JournalError, Reader};
use scan::{Known, Sieve};

use crate::fail::Result;

/// The tokens of one installation.
pub(crate) struct Ours {
    reader: Reader,
    /// How many tokens there are: of rotations, and only seen somewhere.
    number: (u64, u64),
    /// How often it was asked.
    asked: AtomicUsize,
    /// What holds strangers back, once it was asked often; nothing where the tokens could not be
    /// read.
    sieve: OnceLock<Option<Sieve>>,
    /// Where it is kept.
    kept: Option<PathBuf>,
    /// A look-up has failed: what was found is not all there is.
    failed: AtomicBool,
}

/// How many look-ups take about as long as reading a filter that was kept.
const OFTEN: usize = 100;
/// From how many tokens on reading them all takes longer than reading the filter.
const MANY: u64 = 10_000;

impl Ours {
    /// Those that this journal knows; the filter is kept in the directory `cache`.
    pub(crate) fn of(reader: Reader, cache: Option<PathBuf>) -> Result<Self> {
        let number = reader.tokens_known()?;
        let kept = cache.filter(|_| number.0 >= MANY).map(|cache| {
            let name = reader.fingerprint_key().maker().of(b"known");
            cache.join(format!("known-{}.bloom", name.hex()))
        });
        let (asked, sieve, failed) = (AtomicUsize::new(0), OnceLock::new(), AtomicBool::new(false));
        Ok(Self { reader, number, asked, sieve, kept, failed })
    }

    /// The journal.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whether the journal could not be read, so that a token of ours may have been missed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn sieve(&self) -> Option<&Sieve> {
        // A scan of a few files is over before the filter would be there.
        if self.asked.fetch_add(1, Ordering::Relaxed) < OFTEN {
            return None;
        }
        self.sieve.get_or_init(|| self.make_sieve().ok()).as_ref()
    }

    fn make_sieve(&self) -> std::result::Result<Sieve, JournalError> {
        let (of_rotations, seen) = self.number;
        let most = usize::try_from(of_rotations.saturating_add(seen)).unwrap_or(usize::MAX);
        let kept = self.kept.as_ref().and_then(|path| self.read(path, most));
        let (mut sieve, behind) = kept.unwrap_or_else(|| (Sieve::for_so_many(most), 0));
        self.reader.each_fingerprint(behind, |one| sieve.add(one))?;
        if let Some(path) = self.kept.as_ref().filter(|_| behind < of_rotations) {
            // What could not be kept is made again by the next scan.
            let _ = self.keep(path, &sieve);
        }
        Ok(sieve)
    }

    /// What was kept: the filter, and of how many tokens of rotations. Only what this installation
    /// wrote is taken, and only while the last of these tokens is still the one that it was: in a
    /// journal that was set back, others have its number.
    fn read(&self, path: &Path, most: usize) -> Option<(Sieve, u64)> {
        let bytes = fs::read(path).ok()?;
        let (mac, rest) = bytes.split_first_chunk::<16>()?;
        if self.mac(rest) != Fingerprint::from_bytes(*mac) {
            return None;
        }
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (last, rest) = rest.split_first_chunk::<16>()?;
        let number = u64::from_le_bytes(*number);
        let now = self.reader.fingerprint_number(number).ok()??;
        if now != Fingerprint::from_bytes(*last) {
            return None;
        }
        Some((Sieve::from_bytes(rest, most)?, number))
    }

    fn keep(&self, path: &Path, sieve: &Sieve) -> io::Result<()> {
        let (number, _) = self.number;
        let last = self.reader.fingerprint_number(number).map_err(io::Error::other)?;
        let Some(last) = last else { return Ok(()) };
        let mut rest = number.to_le_bytes().to_vec();
        rest.extend(last.bits().to_be_bytes());
        rest.extend(sieve.to_bytes());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = fs::File::create(&beside)?;
        file.write_all(&self.mac(&rest).bits().to_be_bytes())?;
        file.write_all(&rest)?;
        drop(file);
        fs::rename(&beside, path)
    }

    /// Bits that a disk lost, or that somebody cleared, would be tokens that are not found.
    fn mac(&self, bytes: &[u8]) -> Fingerprint {
        self.reader.fingerprint_key().maker().of(bytes)
    }
}

impl Known for Ours {
    fn knows(&self, fingerprint: &Fingerprint) -> bool {
        self.known_form(&[*fingerprint]).is_some()
    }

    fn known_form(&self, forms: &[Fingerprint]) -> Option<Fingerprint> {
        let looked_up = |form: &&Fingerprint| match self.reader.tokens_of(form) {
            Ok(rows) => !rows.is_empty(),
            Err(_) => {
                self.failed.store(true, Ordering::Relaxed);
                false
            }
        };
        let Some(sieve) = self.sieve() else {
            return forms.iter().find(looked_up).copied();
        };
        // All of them before any is looked up: the processor waits for memory once.
        let held_back = forms.iter().fold(true, |all, form| all & !sieve.lets_through(form));
        if held_back {
            return None;
        }
        forms.iter().filter(|form| sieve.lets_through(form)).find(looked_up).copied()
    }
}

#[cfg(test)]
mod tests {
    use domain::FingerprintKey;
    use jiff::Timestamp;
    use journal::{Holder, Journal, Options, TokenChange, TokenState};
    use seal::Key;

    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn database(&self) -> PathBuf {
            self.0.path().join("rollover.db")
        }

        fn key() -> Key {
            Key::from_bytes(&[9; 32])
        }

        /// The database with all that lies beside it.
        fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
            let all = fs::read_dir(self.0.path()).expect("a directory").flatten();
            all.filter_map(|one| Some((one.path(), fs::read(one.path()).ok()?))).collect()
        }

        /// Makes tokens known.
        fn add(&self, tokens: impl Iterator<Item = u64>) {
            let here = Holder::here("rollover test", "ops-1");
            let options = Options::default();
            let journal = Journal::open(&self.database(), &Self::key(), here, options);
            let change = |number| TokenChange {
                secret: "prod/KNOWN".parse().expect("a name"),
                fingerprint: fingerprint(number),
                handle: None,
                state: TokenState::ProvenDead,
                at: Timestamp::UNIX_EPOCH,
                rotation: None,
            };
            let written = journal
                .expect("a journal")
                .append_note_blocking(Vec::new(), tokens.map(change).collect());
            written.expect("they are remembered");
        }

        /// What a scan begins with, and asks often enough.
        fn asked_often(&self) -> Ours {
            let reader = Reader::open(&self.database(), &Self::key()).expect("a journal");
            let cache = self.0.path().join("cache");
            let ours = Ours::of(reader, Some(cache)).expect("a journal");
            assert!((0..=OFTEN as u64).all(|number| !ours.knows(&stranger(number))));
            assert!(matches!(ours.sieve.get(), Some(Some(_))), "the filter is in front");
            ours
        }
    }

    fn fingerprint(number: u64) -> Fingerprint {
        FingerprintKey::new([3; 32]).maker().of(&number.to_be_bytes())
    }

    fn stranger(number: u64) -> Fingerprint {
        fingerprint(u64::MAX - number)
    }

    /// Of how many tokens the filter is that is kept and would be taken.
    fn kept(ours: &Ours) -> Option<u64> {
        let most = usize::try_from(ours.number.0).expect("small");
        ours.read(ours.kept.as_ref()?, most).map(|(_, number)| number)
    }

    /// Goal: whatever is kept, each known token is found. Method: the filter is made, grows, is
    /// damaged in every way that a disk has, and is left behind by a journal that is set back.
    #[test]
    fn a_known_token_is_found_whatever_was_kept() {
        let home = Home(tempfile::tempdir().expect("a directory"));
        home.add(0..MANY);
        let first = home.asked_often();
        assert!((0..MANY).step_by(7).all(|number| first.knows(&fingerprint(number))));
        assert_eq!(kept(&first), Some(MANY));
        let set_back = home.files();

        home.add(MANY..MANY + 50);
        assert_eq!(kept(&first), Some(MANY), "nobody has scanned since");
        let second = home.asked_often();
        assert!((0..MANY + 50).all(|number| second.knows(&fingerprint(number))));
        assert_eq!(kept(&second), Some(MANY + 50), "the new ones alone were read");

        let path = second.kept.clone().expect("a place");
        let whole = fs::read(&path).expect("the filter");
        let no_bits = [&whole[..40], &vec![0; whole.len() - 40]].concat();
        for damaged in [no_bits, vec![0; whole.len()], whole[..whole.len() / 2].to_vec(), vec![]] {
            fs::write(&path, damaged).expect("a damaged filter");
            assert_eq!(kept(&second), None);
            let again = home.asked_often();
            assert!((0..MANY + 50).step_by(7).all(|number| again.knows(&fingerprint(number))));
            assert_eq!(kept(&again), Some(MANY + 50), "it was made again");
        }

        drop((first, second));
        for (path, _) in home.files() {
            fs::remove_file(path).expect("it was there");
        }
        for (path, bytes) in set_back {
            fs::write(path, bytes).expect("it is as before");
        }
        home.add(MANY + 100..MANY + 200);
        let other = home.asked_often();
        assert!((MANY + 100..MANY + 200).all(|number| other.knows(&fingerprint(number))));
        assert!(!other.knows(&fingerprint(MANY)), "which it does not know any more");
    }
}
