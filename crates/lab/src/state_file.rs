//! The small file by which another process finds a running lab and may control it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Credentials, Urls};

/// What the state file holds. It has values in it: written with mode 0600, removed when the lab stops.
#[derive(Clone, Serialize, Deserialize)]
pub struct StateFile {
    /// The version of this format.
    pub version: u32,
    /// Where the vendors are.
    pub urls: Urls,
    /// The process that runs the lab.
    pub pid: u32,
    /// What control calls that change something have to carry.
    pub control_token: String,
    /// The seeded values.
    pub credentials: Credentials,
}

impl StateFile {
    pub(crate) const VERSION: u32 = 1;

    /// Reads the state of a lab that another process runs.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it is not a lab's state.
    pub fn read(path: &Path) -> io::Result<Self> {
        let state: Self = serde_json::from_slice(&fs::read(path)?)?;
        if state.version != Self::VERSION {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("version {} of the lab's state is unknown", state.version),
            ));
        }
        Ok(state)
    }

    /// Writes a file next to `path` and renames it, so that nobody ever reads half of it.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", std::process::id()));
        // A draft that is left over from a crash may have other permissions.
        let _nothing_left = fs::remove_file(&draft);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    }
}
