//! What the process does to itself first, so that a token in its memory stays there.

use std::alloc::System;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use zeroizing_alloc::ZeroAlloc;

use crate::exit::Exit;
use crate::fail::{Fail, Result};

/// Memory that is given back is wiped first, whoever used it: also the buffers of the HTTP client,
/// of TLS and of the JSON parser, which hold tokens and know nothing of it.
#[global_allocator]
static WIPED: ZeroAlloc<System> = ZeroAlloc(System);

/// No core dumps, and no reading of this process's memory and environment by others of the same
/// user (`PR_SET_DUMPABLE`). A system that refuses is an older or odder one; the program works
/// there too.
pub(crate) fn harden() {
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// How many files and connections a rotation has open at a time, with room for a few more: the
/// database from several threads, a connection for each consumer that is written side by side.
const FILES_MIN: u64 = 64;

/// Looks whether this process may open as many files as it needs, before it changes anything:
/// what fails in the middle is settled, but takes somebody's time. Takes what it may have.
pub(crate) fn enough_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|files| files >= FILES_MIN);
    if enough(limit.current) {
        return Ok(());
    }
    let more = Rlimit { current: Some(FILES_MIN), maximum: limit.maximum };
    if enough(limit.maximum) && setrlimit(Resource::Nofile, more).is_ok() {
        return Ok(());
    }
    let files = limit.current.unwrap_or(0);
    let what = format!(
        "this process may have {files} files and connections open, and needs up to {FILES_MIN}; \
         nothing was done"
    );
    Err(Fail::new(Exit::Failed, what).hint("raise the limit and run it again: ulimit -n 1024"))
}
