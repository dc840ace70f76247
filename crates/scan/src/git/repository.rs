//! Where the parts of a repository lie.

use std::fs;
use std::path::{Path, PathBuf};

use gix_hash::Kind;

/// A repository that was found.
#[derive(Clone, Debug)]
pub struct Repository {
    /// `.git`, or what a linked worktree has instead of it.
    pub git_dir: PathBuf,
    /// What all worktrees share.
    pub common_dir: PathBuf,
    /// Where the files are, unless it is bare.
    pub work_tree: Option<PathBuf>,
    /// How objects are named.
    pub hash: Kind,
    /// Where objects lie: its own directory, and those that it borrows from.
    pub object_dirs: Vec<PathBuf>,
    /// Whether its history is cut.
    pub shallow: bool,
    /// Whether objects are left at another place until they are needed.
    pub partial: bool,
    /// Whether refs lie in tables instead of files; they are not read here.
    pub reftable: bool,
}

/// What goes wrong with a repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is none.
    #[error("there is no git repository at {} or above", .0.display())]
    None(PathBuf),
    /// Something in it cannot be read.
    #[error("failed to read {}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Objects cannot be opened.
    #[error("failed to open the objects of {}: {why}", path.display())]
    Objects {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A revision that does not name a commit.
    #[error("`{0}` names no commit here")]
    NoRevision(String),
}

impl GitError {
    /// What one can do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::None(_) => "scan a directory without --history, or name a repository",
            Self::Unreadable { .. } => "look at its permissions, or run as the user who owns it",
            Self::Objects { .. } => "`git fsck` tells more about it",
            Self::NoRevision(_) => "name a branch, a tag, HEAD~3 or a commit's id",
        }
    }
}

impl Repository {
    /// The repository that a directory belongs to.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn discover(from: &Path) -> Result<Self, GitError> {
        let from = from.canonicalize().map_err(|source| unreadable(from, source))?;
        for directory in from.ancestors() {
            let dot_git = directory.join(".git");
            if dot_git.is_dir() {
                return Self::at(dot_git, Some(directory.to_owned()));
            }
            if let Ok(text) = fs::read_to_string(&dot_git)
                && let Some(elsewhere) = text.strip_prefix("gitdir:")
            {
                let git_dir = directory.join(elsewhere.trim());
                return Self::at(git_dir, Some(directory.to_owned()));
            }
            if is_git_dir(directory) {
                return Self::at(directory.to_owned(), None);
            }
        }
        Err(GitError::None(from))
    }

    /// The repository in a `.git` directory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn at(git_dir: PathBuf, work_tree: Option<PathBuf>) -> Result<Self, GitError> {
        let git_dir = git_dir.canonicalize().map_err(|source| unreadable(&git_dir, source))?;
        let common_dir = match fs::read_to_string(git_dir.join("commondir")) {
            Ok(text) => git_dir.join(text.trim()),
            Err(_) => git_dir.clone(),
        };
        let objects = common_dir.join("objects");
        let config = fs::read_to_string(common_dir.join("config")).unwrap_or_default();
        let config = config.to_ascii_lowercase();
        let says = |word: &str| config.lines().any(|line| line.replace([' ', '\t'], "") == word);
        let hash = if says("objectformat=sha256") { Kind::Sha256 } else { Kind::Sha1 };
        let object_dirs = with_alternates(vec![objects])?;
        let shallow = common_dir.join("shallow").is_file();
        let partial = says("promisor=true") || config.contains("partialclone");
        let reftable = says("refstorage=reftable");
        Ok(Self { git_dir, common_dir, work_tree, hash, object_dirs, shallow, partial, reftable })
    }

    /// With directories of objects that are looked into first: what a push brings and nobody has
    /// taken yet lies apart until the hooks agree.
    ///
    /// # Errors
    /// Their alternates cannot be read.
    pub fn with_objects(mut self, first: Vec<PathBuf>) -> Result<Self, GitError> {
        let mut all = with_alternates(first)?;
        all.extend(self.object_dirs);
        let mut seen = std::collections::HashSet::new();
        all.retain(|directory| seen.insert(directory.clone()));
        self.object_dirs = all;
        Ok(self)
    }
}

/// Directories of objects, and those that they borrow from.
fn with_alternates(mut directories: Vec<PathBuf>) -> Result<Vec<PathBuf>, GitError> {
    let own = directories.clone();
    for directory in own {
        let more = gix_odb::alternate::resolve(directory.clone(), Path::new("/"));
        let more =
            more.map_err(|error| GitError::Objects { path: directory, why: error.to_string() })?;
        directories.extend(more);
    }
    Ok(directories)
}

/// Whether a directory is what `.git` is.
pub(crate) fn is_git_dir(directory: &Path) -> bool {
    directory.join("objects").is_dir()
        && directory.join("HEAD").is_file()
        && directory.join("refs").is_dir()
}

pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> GitError {
    GitError::Unreadable { path: path.to_owned(), source }
}
