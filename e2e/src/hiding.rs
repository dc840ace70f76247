//! A repository with one token in every place of it where one can hide.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;

use crate::corpus::Random;

/// A place and the token that hides there.
#[derive(Clone, Debug)]
pub struct Hidden {
    /// The place.
    pub place: &'static str,
    /// The token.
    pub token: String,
}

/// A repository under construction.
struct Repository {
    root: PathBuf,
    random: Random,
    hidden: Vec<Hidden>,
}

/// Builds the repository in a directory; what goes wrong is git's.
///
/// # Errors
/// A command of git that failed, or a file that could not be written.
pub fn build(root: &Path) -> Result<Vec<Hidden>, String> {
    let mut repository =
        Repository { root: root.join("repository"), random: Random::new(7), hidden: Vec::new() };
    repository.begin()?;
    repository.files()?;
    repository.commits()?;
    repository.names()?;
    repository.lost()?;
    repository.beside()?;
    Ok(repository.hidden)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Repository {
    fn git(&self, arguments: &[&str]) -> Result<String, String> {
        self.git_with(arguments, b"")
    }

    fn git_with(&self, arguments: &[&str], input: &[u8]) -> Result<String, String> {
        let mut child = Command::new("git")
            .args(["-c", "user.name=ops-1", "-c", "user.email=ops@example.com"])
            .args([
                "-c",
                "commit.gpgsign=false",
                "-c",
                "init.defaultBranch=main",
                "-c",
                "gc.auto=0",
            ])
            .args(["-c", "protocol.file.allow=always", "-C"])
            .arg(&self.root)
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(text)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input).map_err(text)?;
        }
        let ended = child.wait_with_output().map_err(text)?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("git {}: {said}", arguments.join(" ")));
        }
        Ok(String::from_utf8_lossy(&ended.stdout).trim_end().to_owned())
    }

    /// A new token for a place.
    fn token(&mut self, place: &'static str) -> String {
        let token = self.random.uuid();
        self.hidden.push(Hidden { place, token: token.clone() });
        token
    }

    /// A new token, as it would stand in a file.
    fn line(&mut self, place: &'static str) -> String {
        format!("POSTMARK_SERVER_TOKEN={}\n", self.token(place))
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), String> {
        let path = self.root.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(text)?;
        }
        fs::write(path, bytes).map_err(text)
    }

    fn commit(&self, message: &str) -> Result<(), String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]).map(drop)
    }

    fn begin(&mut self) -> Result<(), String> {
        // Objects that are borrowed from another repository.
        let lender = self.root.with_file_name("lender");
        fs::create_dir_all(&lender).map_err(text)?;
        let root = std::mem::replace(&mut self.root, lender.clone());
        self.git(&["init", "--quiet"])?;
        let line = self.line("borrowed from another repository");
        self.write("borrowed.env", line)?;
        self.commit("lent")?;
        self.root = root;
        fs::create_dir_all(&self.root).map_err(text)?;
        self.git(&["init", "--quiet"])?;
        let objects = lender.join(".git/objects");
        self.write(".git/objects/info/alternates", format!("{}\n", objects.display()))?;
        self.write("README.md", "# acme\n")?;
        self.commit("first")
    }

    /// Contents of files, as they are and encoded.
    fn files(&mut self) -> Result<(), String> {
        let line = self.line("a file of the last commit");
        self.write(".env", line)?;
        let line = self.line("a file with NUL bytes");
        self.write("cache.bin", [b"\0\x01\x02\0".as_slice(), line.as_bytes(), b"\0\0"].concat())?;
        let line = self.line("UTF-16");
        let wide: Vec<u8> =
            format!("\u{feff}{line}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.write("settings.reg", wide)?;
        let line = self.line("base64");
        let encoded = base64::engine::general_purpose::STANDARD.encode(line);
        self.write("secret.yaml", format!("data:\n  env: {encoded}\n"))?;
        let line = self.line("base64 in lines").repeat(4);
        let encoded = base64::engine::general_purpose::STANDARD.encode(line);
        let lines: Vec<&str> = (0..encoded.len())
            .step_by(64)
            .map(|from| &encoded[from..encoded.len().min(from + 64)])
            .collect();
        self.write("wrapped.pem", format!("{}\n", lines.join("\n")))?;
        let line = self.line("gzip");
        self.write("dump.sql.gz", gzip(line.as_bytes())?)?;
        let line = self.line("tar");
        self.write("backup.tar", tar("etc/app.env", line.as_bytes())?)?;
        let line = self.line("gzip of tar");
        self.write("backup.tgz", gzip(&tar("etc/app.env", line.as_bytes())?)?)?;
        let line = self.line("zip");
        self.write("bundle.zip", zip("app.env", line.as_bytes())?)?;
        let token = self.token("percent-encoding");
        let token = token.replace('-', "%2D");
        self.write("link.txt", format!("https://example.com/?postmark_token={token}\n"))?;
        let token = self.token("a link's target");
        std::os::unix::fs::symlink(format!("/run/{token}"), self.root.join("link"))
            .map_err(text)?;
        self.commit("files")
    }

    /// Commits: what was taken out again, merges, branches, notes, tags.
    fn commits(&mut self) -> Result<(), String> {
        let line = self.line("a file that was removed");
        self.write("old.env", line)?;
        self.commit("add")?;
        fs::remove_file(self.root.join("old.env")).map_err(text)?;
        self.commit("remove")?;

        self.git(&["checkout", "--quiet", "-b", "feature"])?;
        let line = self.line("a branch that was not merged");
        self.write("feature.env", line)?;
        self.commit("feature")?;
        self.git(&["checkout", "--quiet", "-b", "side", "main"])?;
        self.write("side.txt", "side\n")?;
        self.commit("side")?;
        self.git(&["checkout", "--quiet", "main"])?;
        self.write("main.txt", "main\n")?;
        self.commit("main")?;
        self.git(&["merge", "--quiet", "--no-ff", "--no-commit", "side"])?;
        let line = self.line("a merge that adds what neither side had");
        self.write("merged.env", line)?;
        self.commit("merge")?;
        fs::remove_file(self.root.join("merged.env")).map_err(text)?;
        self.commit("clean")?;

        let message = format!("fix\n\n{}", self.line("a commit's message"));
        self.commit(&message)?;
        let token = self.token("a note");
        self.git(&["notes", "add", "--message", &format!("postmark token {token}")])?;
        let token = self.token("a tag's message");
        self.git(&["tag", "--annotate", "v1", "--message", &format!("postmark token {token}")])?;
        let line = self.line("a tag on a blob");
        let blob = self.git_with(&["hash-object", "-w", "--stdin"], line.as_bytes())?;
        self.git(&["tag", "blob", &blob])?;
        let line = self.line("a replaced object");
        let blob = self.git_with(&["hash-object", "-w", "--stdin"], line.as_bytes())?;
        let readme = self.git(&["rev-parse", "HEAD:README.md"])?;
        self.git(&["replace", &readme, &blob])?;
        Ok(())
    }

    /// Names: of people, of files, of branches and tags.
    fn names(&mut self) -> Result<(), String> {
        let token = self.token("an author's name");
        let author = format!("postmark {token} <ops@example.com>");
        self.git(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--author",
            &author,
            "--message",
            "author",
        ])?;
        let token = self.token("an author's address");
        let author = format!("ops <{token}@example.com>");
        self.git(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--author",
            &author,
            "--message",
            "address",
        ])?;
        let token = self.token("a file's name");
        self.write(&format!("postmark-{token}.txt"), "nothing\n")?;
        let token = self.token("a directory's name");
        self.write(&format!("logs/{token}/x.txt"), "nothing\n")?;
        self.commit("names")?;
        let token = self.token("a branch's name");
        self.git(&["branch", &format!("postmark/{token}")])?;
        let token = self.token("a tag's name");
        self.git(&["tag", &format!("postmark-{token}")])?;
        // Most of a repository lies in packs; what comes from here on lies loose.
        self.git(&["gc", "--quiet", "--prune=never"]).map(drop)
    }

    /// What no branch leads to.
    fn lost(&mut self) -> Result<(), String> {
        let line = self.line("a commit that was amended away");
        self.write("amended.env", line)?;
        self.commit("amend me")?;
        fs::remove_file(self.root.join("amended.env")).map_err(text)?;
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--amend", "--message", "amended"])?;
        let line = self.line("a commit that was reset");
        self.write("reset.env", line)?;
        self.commit("reset me")?;
        self.git(&["reset", "--quiet", "--hard", "HEAD~1"])?;
        self.git(&["checkout", "--quiet", "-b", "gone"])?;
        let line = self.line("a branch that was deleted");
        self.write("gone.env", line)?;
        self.commit("gone")?;
        self.git(&["checkout", "--quiet", "main"])?;
        self.git(&["branch", "--quiet", "-D", "gone"])?;
        let line = self.line("a stash of a file");
        self.write("README.md", format!("# acme\n{line}"))?;
        self.git(&["stash", "push", "--quiet"])?;
        let line = self.line("a stash of a new file");
        self.write("new.env", line)?;
        self.git(&["stash", "push", "--quiet", "--include-untracked"])?;
        let line = self.line("a blob that nothing leads to");
        self.git_with(&["hash-object", "-w", "--stdin"], line.as_bytes())?;
        let line = self.line("staged and then changed");
        self.write("staged.env", line)?;
        self.git(&["add", "staged.env"])?;
        self.write("staged.env", "POSTMARK_SERVER_TOKEN=\n")?;
        let token = self.token("a reflog's text");
        let message = format!("postmark token {token}");
        self.git(&["update-ref", "--create-reflog", "-m", &message, "refs/heads/told", "HEAD"])?;
        Ok(())
    }

    /// What git keeps beside the objects.
    fn beside(&mut self) -> Result<(), String> {
        let token = self.token("the settings, a remote's address");
        let url = format!("https://heroku:{token}@git.heroku.com/acme.git");
        self.git(&["config", "remote.heroku.url", &url])?;
        let line = self.line("a hook");
        self.write(".git/hooks/post-commit", format!("#!/bin/sh\nexport {line}"))?;
        let path = self.root.join(".git/hooks/post-commit");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(text)?;
        let line = self.line("the message of a commit in progress");
        self.write(".git/COMMIT_EDITMSG", line)?;
        let line = self.line("the patterns of what is ignored");
        self.write(".git/info/exclude", format!("# {line}"))?;
        let line = self.line("a large file's own store");
        self.write(".git/lfs/objects/aa/bb/aabb", line)?;
        let line = self.line("a rebase in progress");
        self.write(".git/rebase-merge/message", line)?;
        let token = self.token("a name in the index alone");
        let blob = self.git_with(&["hash-object", "-w", "--stdin"], b"nothing\n")?;
        let entry = format!("100644,{blob},postmark-{token}.log");
        self.git(&["update-index", "--add", "--cacheinfo", &entry])?;
        // A submodule's own repository lies within.
        let root = self.root.clone();
        self.root = root.with_file_name("inner");
        fs::create_dir_all(&self.root).map_err(text)?;
        self.git(&["init", "--quiet"])?;
        let line = self.line("a submodule's history");
        self.write("inner.env", line)?;
        self.commit("inner")?;
        let inner = std::mem::replace(&mut self.root, root);
        self.git(&["submodule", "--quiet", "add", &inner.to_string_lossy(), "inner"]).map(drop)
    }
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).map_err(text)?;
    encoder.finish().map_err(text)
}

fn tar(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    builder.append_data(&mut header, name, bytes).map_err(text)?;
    builder.into_inner().map_err(text)
}

fn zip(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file(name, zip::write::SimpleFileOptions::default()).map_err(text)?;
    writer.write_all(bytes).map_err(text)?;
    writer.finish().map(std::io::Cursor::into_inner).map_err(text)
}
