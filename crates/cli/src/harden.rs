//! What the process does to itself first, so that a token in its memory stays there.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// No core dumps, and no reading of this process's memory and environment by others of the same
/// user (`PR_SET_DUMPABLE`). A system that refuses is an older or odder one; the program works
/// there too.
pub(crate) fn harden() {
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
