//! What the process does to itself first, so that a token in its memory stays there.

use std::alloc::System;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use zeroizing_alloc::ZeroAlloc;

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
