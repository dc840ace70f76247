//! The floor: packs are traversed, and nothing is looked at.

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix_pack::index::traverse::{Algorithm, Options, SafetyCheck};
use gix_utils::progress::{Discard, Progress};

use super::super::Result;
use super::children::own_cpu;
use super::text;

/// CPU seconds of a bare traversal of a repository's packs.
pub(super) fn traversed(objects: &Path) -> Result<f64> {
    let before = own_cpu()?;
    let entries = std::fs::read_dir(objects.join("pack")).map_err(text)?;
    for entry in entries {
        let path = entry.map_err(text)?.path();
        if path.extension().is_none_or(|extension| extension != "idx") {
            continue;
        }
        let hash = gix_hash::Kind::Sha1;
        let pack = gix_pack::data::File::at(path.with_extension("pack"), hash).map_err(text)?;
        let index = gix_pack::index::File::at(&path, hash).map_err(text)?;
        let options = Options {
            traversal: Algorithm::DeltaTreeLookup,
            thread_limit: None,
            check: SafetyCheck::SkipFileAndObjectChecksumVerificationAndNoAbortOnDecodeError,
            alloc_limit_bytes: None,
            make_pack_lookup_cache: || gix_pack::cache::Never,
        };
        let each = |_, bytes: &[u8], _: &gix_pack::index::Entry, _: &dyn Progress| {
            black_box(bytes.len());
            Ok(())
        };
        index
            .traverse(&pack, &mut Discard, &AtomicBool::new(false), each, options)
            .map_err(text)?;
    }
    Ok(own_cpu()? - before)
}
