//! One document: every token in it, whatever it is encoded in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::{FingerprintKey, FingerprintMaker, Profile, Token};
use memchr::{memchr_iter, memrchr};
use zeroize::Zeroizing;

use crate::context::{self, Document};
use crate::decode::archive::{self, Member, Missed};
use crate::decode::{Container, Limits, base64, container, percent};
use crate::known::{Known, Strangers, number};
use crate::runs::{Run, runs};
use crate::sighting::{Layer, Sighting, What};
use crate::spot::{Form, Spot, spots, spots_in_names};

/// What is looked for.
#[derive(Clone)]
pub struct Rules {
    /// What the issuers declare.
    pub profiles: &'static [&'static Profile],
    /// What fingerprints are made with.
    pub key: FingerprintKey,
    /// What the fingerprints of the allow-list are made with.
    pub allow_key: Option<FingerprintKey>,
    /// Which fingerprints are ours.
    pub known: Arc<dyn Known>,
    /// Whether tokens that are not ours are looked for, too.
    pub strangers: bool,
    /// Whether values are kept, for looking at them at the issuer or for removing them.
    pub keep_values: bool,
    /// How much is done about encodings.
    pub limits: Limits,
}

/// What was looked at, and what was not; shared by all threads of one scan.
#[derive(Debug, Default)]
pub struct Counts {
    /// Bytes of documents: of files, objects, members of archives.
    pub bytes: AtomicU64,
    /// Values of a token's form that were looked at.
    pub candidates: AtomicU64,
    /// Containers and members that could not be read.
    pub unread: AtomicU64,
    /// Containers that held more than is taken out.
    pub cut: AtomicU64,
}

/// Looks at one document after the other; one a thread.
#[derive(Clone)]
pub struct Scanner {
    rules: Arc<Rules>,
    counts: Arc<Counts>,
    maker: FingerprintMaker,
    allow_maker: Option<FingerprintMaker>,
    strangers: Strangers,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Scanner {
    /// A scanner of these rules.
    #[must_use]
    pub fn new(rules: Arc<Rules>) -> Self {
        let maker = rules.key.maker();
        let allow_maker = rules.allow_key.as_ref().map(FingerprintKey::maker);
        let counts = Arc::new(Counts::default());
        Self { rules, counts, maker, allow_maker, strangers: Strangers::new() }
    }

    /// What it and its clones have looked at.
    #[must_use]
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Looks at a whole document; `path` is what it is called, where that is known. Tells whether
    /// it was quiet: nothing stood in it that had to be looked at, wherever it may belong.
    pub fn document(
        &mut self,
        bytes: &[u8],
        path: Option<&str>,
        found: &mut Vec<Sighting>,
    ) -> bool {
        self.count(bytes.len() as u64);
        let document = Document::new(bytes, path);
        let mut left = self.rules.limits.bytes_max;
        self.look(&document, &mut Vec::new(), &mut left, found)
    }

    /// Looks at what holds no encodings: names, trees. Tells whether it was quiet.
    pub fn names(&mut self, bytes: &[u8], found: &mut Vec<Sighting>) -> bool {
        self.count(bytes.len() as u64);
        let document = Document::new(bytes, None);
        let mut quiet = true;
        spots_in_names(bytes, |spot| {
            quiet = false;
            found.extend(self.spot(&document, &spot, &[]));
        });
        quiet
    }

    /// A name as it may be shown: asterisks where it holds a token.
    #[must_use]
    pub fn shown(&mut self, name: &str) -> String {
        let mut shown = name.as_bytes().to_vec();
        let document = Document::new(name.as_bytes(), None);
        spots_in_names(name.as_bytes(), |spot| {
            let counted = self.counts.candidates.load(Ordering::Relaxed);
            if self.spot(&document, &spot, &[]).is_some() {
                shown[spot.start..spot.end].fill(b'*');
            }
            self.counts.candidates.store(counted, Ordering::Relaxed);
        });
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Counts bytes that were looked at.
    pub(crate) fn count(&self, bytes: u64) {
        self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Looks at a document and at what is encoded in it, and tells whether it was quiet.
    fn look(
        &mut self,
        document: &Document<'_>,
        layers: &mut Vec<Layer>,
        left: &mut u64,
        found: &mut Vec<Sighting>,
    ) -> bool {
        let kind = container(document.bytes);
        if let Some(kind) = kind {
            self.open(kind, document, layers, left, found);
        }
        let long = runs(document.bytes);
        let mut quiet = self.spots(document, &long, layers, found) && kind.is_none();
        if layers.len() >= self.rules.limits.depth_max {
            // What may be encoded in it was not asked.
            return false;
        }
        base64::decoded(document.bytes, &long, |start, end, decoded| {
            quiet = false;
            self.within(
                document,
                (start, end),
                &Zeroizing::new(decoded),
                Layer::Base64,
                layers,
                left,
                found,
            );
        });
        percent::parts(document.bytes, |start, end, decoded| {
            quiet = false;
            let (decoded, plain) = (Zeroizing::new(decoded), &document.bytes[start..end]);
            let inside = Document::inside(&decoded, document, (start, end));
            layers.push(Layer::Percent);
            let from = found.len();
            self.spots(&inside, &runs(&decoded), layers, found);
            layers.pop();
            self.replace_lines(document, start, &mut found[from..]);
            // What stands there without encoding was found already.
            let mut before = Vec::new();
            let plain_inside = Document::inside(plain, document, (start, end));
            self.spots(&plain_inside, &runs(plain), &[], &mut before);
            let mut at = 0;
            found.retain(|sighting| {
                at += 1;
                at <= from || before.iter().all(|one| one.fingerprint != sighting.fingerprint)
            });
        });
        quiet
    }

    /// Looks at what an encoded part of a document decodes to.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a thing of its own, and nobody else calls it"
    )]
    fn within(
        &mut self,
        document: &Document<'_>,
        at: (usize, usize),
        decoded: &[u8],
        layer: Layer,
        layers: &mut Vec<Layer>,
        left: &mut u64,
        found: &mut Vec<Sighting>,
    ) {
        if decoded.len() as u64 > *left {
            self.counts.cut.fetch_add(1, Ordering::Relaxed);
            return;
        }
        *left -= decoded.len() as u64;
        let inside = Document::inside(decoded, document, at);
        layers.push(layer);
        let from = found.len();
        self.look(&inside, layers, left, found);
        layers.pop();
        self.replace_lines(document, at.0, &mut found[from..]);
    }

    /// What was found in an encoded part stands where the part does.
    fn replace_lines(&self, document: &Document<'_>, at: usize, found: &mut [Sighting]) {
        if found.is_empty() {
            return;
        }
        let (line, column) = place(document.bytes, at);
        found.iter_mut().for_each(|sighting| (sighting.line, sighting.column) = (line, column));
    }

    fn open(
        &mut self,
        kind: Container,
        document: &Document<'_>,
        layers: &mut Vec<Layer>,
        left: &mut u64,
        found: &mut Vec<Sighting>,
    ) {
        if layers.len() >= self.rules.limits.depth_max {
            self.counts.cut.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let from = found.len();
        let mut member = |scanner: &mut Self, layer: Layer, bytes: &[u8]| {
            let name = match &layer {
                Layer::Zip(name) | Layer::Tar(name) => Some(name.clone()),
                _ => document.path.map(str::to_owned),
            };
            scanner.count(bytes.len() as u64);
            layers.push(layer);
            // Members share what is left; the closure that reads them holds the rest of it.
            let mut left = scanner.rules.limits.bytes_max;
            scanner.look(&Document::new(bytes, name.as_deref()), layers, &mut left, found);
            if let Some(name) = &name {
                let document = Document::new(name.as_bytes(), None);
                scanner.spots(&document, &runs(document.bytes), layers, found);
            }
            layers.pop();
        };
        let missed = match kind {
            Container::Gzip => {
                let (bytes, missed) = archive::gunzip(document.bytes, left);
                member(self, Layer::Gzip, &Zeroizing::new(bytes));
                missed
            }
            Container::Zip => archive::unzip(document.bytes, left, |Member { name, bytes }| {
                member(self, Layer::Zip(name), &Zeroizing::new(bytes));
            }),
            Container::Tar => archive::untar(document.bytes, left, |Member { name, bytes }| {
                member(self, Layer::Tar(name), &Zeroizing::new(bytes));
            }),
            Container::Unread => Missed { unread: 1, cut: false },
        };
        // A line in a container is nothing that anybody could go to.
        found[from..].iter_mut().for_each(|sighting| (sighting.line, sighting.column) = (0, 0));
        self.counts.unread.fetch_add(missed.unread, Ordering::Relaxed);
        self.counts.cut.fetch_add(u64::from(missed.cut), Ordering::Relaxed);
    }

    /// Looks at every spot, and tells whether there was none.
    fn spots(
        &mut self,
        document: &Document<'_>,
        runs: &[Run],
        layers: &[Layer],
        found: &mut Vec<Sighting>,
    ) -> bool {
        let mut none = true;
        spots(document.bytes, runs, |spot| {
            none = false;
            found.extend(self.spot(document, &spot, layers));
        });
        none
    }

    fn spot(&mut self, document: &Document<'_>, spot: &Spot, layers: &[Layer]) -> Option<Sighting> {
        self.counts.candidates.fetch_add(1, Ordering::Relaxed);
        let value: Zeroizing<Vec<u8>> = Zeroizing::new(spot.characters(document.bytes).collect());
        let (what, fingerprint) = match self.ours(spot.form, &value) {
            Some(fingerprint) => (What::Ours, fingerprint),
            None => (self.stranger(document, spot, &value)?, self.maker.of(&value)),
        };
        let (line, column) = place(document.bytes, spot.start);
        let mut layers = layers.to_vec();
        layers.extend((spot.step == 2).then_some(Layer::Utf16));
        let text = std::str::from_utf8(&value).ok();
        let value_kept = text.filter(|_| self.rules.keep_values).map(Token::from);
        let allowed_as = self.allow_maker.as_mut().map(|maker| maker.of(&value));
        let form = spot.form;
        Some(Sighting {
            what,
            form,
            fingerprint,
            allowed_as,
            line,
            column,
            layers,
            value: value_kept,
        })
    }

    /// The fingerprint of a value that is ours. A UUID is the same one in capitals.
    fn ours(&mut self, form: Form, value: &[u8]) -> Option<domain::Fingerprint> {
        let uuid = if form == Form::Uuid { number(value) } else { 0 };
        if self.strangers.noted(uuid) {
            return None;
        }
        let mut forms = [self.maker.of(value); 3];
        let mut number_of_forms = 1;
        if form == Form::Uuid {
            let mut variant = Zeroizing::new([0_u8; 36]);
            for change in [<[u8]>::make_ascii_lowercase, <[u8]>::make_ascii_uppercase] {
                variant.copy_from_slice(value);
                change(&mut *variant);
                if *variant != *value {
                    forms[number_of_forms] = self.maker.of(&*variant);
                    number_of_forms += 1;
                }
            }
        }
        let found = self.rules.known.known_form(&forms[..number_of_forms]);
        if found.is_none() && form == Form::Uuid {
            self.strangers.note(uuid);
        }
        found
    }

    fn stranger(&self, document: &Document<'_>, spot: &Spot, value: &[u8]) -> Option<What> {
        if !self.rules.strangers {
            return None;
        }
        let profiles = self.rules.profiles;
        let judged = if spot.step == 2 {
            // The text around it is as wide as the value is.
            let narrow: Zeroizing<Vec<u8>> = Zeroizing::new(narrowed(document.bytes, spot));
            let start = spot.start / 2 - narrowed_from(spot) / 2;
            let spot = Spot { start, end: start + value.len(), form: spot.form, step: 1, low: 0 };
            context::judge(profiles, &Document::new(&narrow, document.path), &spot, value)
        } else {
            context::judge(profiles, document, spot, value)
        };
        let (issuer, confidence, reason) = judged?;
        Some(What::Looks { issuer, confidence, reason })
    }
}

/// So much of a text in UTF-16 is read around a value, in bytes.
const WIDE_AROUND: usize = 16 << 10;

fn narrowed_from(spot: &Spot) -> usize {
    let from = spot.start.saturating_sub(WIDE_AROUND);
    from + (spot.start - from) % 2
}

fn narrowed(bytes: &[u8], spot: &Spot) -> Vec<u8> {
    let to = (spot.end + WIDE_AROUND).min(bytes.len());
    bytes[narrowed_from(spot)..to].iter().copied().skip(spot.low).step_by(2).collect()
}

/// Line and column of a byte, from 1.
fn place(bytes: &[u8], at: usize) -> (u64, u64) {
    let before = &bytes[..at];
    let line = memchr_iter(b'\n', before).count() as u64 + 1;
    let column = at - memrchr(b'\n', before).map_or(0, |feed| feed + 1);
    (line, column as u64 + 1)
}

#[cfg(test)]
mod tests;
