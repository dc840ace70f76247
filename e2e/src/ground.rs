//! What a [`crate::Stage`] and a [`crate::Bench`] stand on: a lab, a directory and the binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lab::{Lab, LabConfig};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::Result;

/// A lab of this process, and a directory of its own.
pub(crate) struct Ground {
    // Stopped before the runtime that it runs on.
    pub(crate) lab: Lab,
    pub(crate) runtime: Runtime,
    pub(crate) binary: PathBuf,
    pub(crate) place: TempDir,
}

impl Ground {
    /// Starts the lab, on so many threads.
    ///
    /// # Errors
    /// The lab cannot start, or there is no place for files.
    pub(crate) fn new(
        binary: &Path,
        config: LabConfig,
        name: &str,
        threads: usize,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .map_err(|error| format!("failed to start a runtime: {error}"))?;
        let lab = runtime
            .block_on(Lab::start(config))
            .map_err(|error| format!("failed to start the lab: {error}"))?;
        let place = tempfile::Builder::new()
            .prefix(&format!("rollover-{name}-"))
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| format!("failed to make a directory: {error}"))?;
        // A link of our own, so that a build meanwhile does not exchange the binary under a run.
        let own = place.path().join("rollover");
        let binary = match fs::hard_link(binary, &own) {
            Ok(()) => own,
            Err(_) => binary.to_owned(),
        };
        Ok(Self { lab, runtime, binary, place })
    }
}
