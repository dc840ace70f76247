//! The rewriting itself: `git filter-repo` with functions that replace every form of the values in
//! contents, messages, names of people, of files and of refs.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use domain::Token;
use scan::Finding;
use scan::git::{Objects, Repository};
use scan::purge::{Pair, REMOVED, encoded, forms};
use serde_json::json;

use crate::commands::scan::git_fail;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::programs::{git, program, succeeded};

const INSTALL: &str =
    "install git-filter-repo: `apt install git-filter-repo`, or `pip install git-filter-repo`";

/// Whether the program is there that rewrites.
pub(super) fn check() -> Result<()> {
    let mut command = program("git");
    let ended = command.args(["filter-repo", "--version"]).output();
    succeeded("git filter-repo", ended, INSTALL).map(drop).map_err(|fail| fail.hint(INSTALL))
}

/// Rewrites a fresh mirror clone in its place.
pub(super) fn rewrite(repository: &Path, before: &[Finding], place: &Path) -> Result<()> {
    let values: Vec<(Token, String)> = before
        .iter()
        .filter_map(|finding| {
            let instead = format!("{REMOVED}{}", finding.fingerprint);
            finding.value.clone().map(|value| (value, instead))
        })
        .collect();
    let (pairs, whole) = removal(repository, before, &values)?;
    drop_pinned(repository, before)?;
    let expressions = place.join("expressions");
    let written = write(&expressions, &pairs, &whole);
    let result = written.and_then(|()| run(repository, &expressions, place));
    destroy(&expressions);
    result
}

/// What is replaced, and the objects that are replaced as a whole because the value is under a
/// compression.
fn removal(
    repository: &Path,
    before: &[Finding],
    values: &[(Token, String)],
) -> Result<(Vec<Pair>, BTreeSet<String>)> {
    let mut pairs: Vec<Pair> =
        values.iter().flat_map(|(value, instead)| forms(value, instead)).collect();
    let mut whole = BTreeSet::new();
    let repository =
        Repository::at(repository.to_owned(), None).map_err(|error| git_fail(&error))?;
    let objects = Objects::open(&repository).map_err(|error| git_fail(&error))?;
    let mut buffer = Vec::new();
    for place in before.iter().flat_map(|finding| &finding.places) {
        let Some(object) = &place.object else { continue };
        let plain = ["utf-16", "percent"];
        let layers: Vec<&String> =
            place.layers.iter().filter(|layer| !plain.contains(&layer.as_str())).collect();
        if layers.is_empty() {
            continue;
        }
        if layers.iter().any(|layer| *layer != "base64") || layers.len() > 1 {
            whole.insert(object.clone());
            continue;
        }
        let id = scan::git::ObjectId::from_hex(object.as_bytes()).ok();
        if let Some((_, bytes)) = id.and_then(|id| objects.find(&id, &mut buffer)) {
            pairs.extend(encoded(bytes, values));
        }
    }
    pairs.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    pairs.dedup();
    Ok((pairs, whole))
}

/// Refs that name an object with the value directly; a rewriting leaves them as they are.
fn drop_pinned(repository: &Path, before: &[Finding]) -> Result<()> {
    let places = before.iter().flat_map(|finding| &finding.places);
    let names: BTreeSet<&str> =
        places.filter_map(|place| place.path.strip_prefix("under ")).collect();
    // Notes and replacements name commits and objects by ids that will not be any more, and the
    // program that rewrites leaves them alone.
    let listed = ["for-each-ref", "--format=%(refname)", "refs/notes", "refs/replace"];
    let listed = git(repository, &listed.map(std::ffi::OsStr::new))?;
    for name in names.into_iter().filter(|name| name.starts_with("refs/")).chain(listed.lines()) {
        git(repository, &["update-ref", "-d", name].map(std::ffi::OsStr::new))?;
    }
    Ok(())
}

fn write(path: &Path, pairs: &[Pair], whole: &BTreeSet<String>) -> Result<()> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let pairs: Vec<[String; 2]> = pairs.iter().map(|(from, to)| [hex(from), hex(to)]).collect();
    let text = zeroize::Zeroizing::new(json!({ "pairs": pairs, "whole": whole }).to_string());
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            Fail::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
        })
}

/// Overwritten, as far as the file system writes in place, and removed.
fn destroy(path: &Path) {
    if let Ok(about) = fs::metadata(path) {
        let zeros = vec![0_u8; usize::try_from(about.len()).unwrap_or(0)];
        let file = OpenOptions::new().write(true).open(path);
        // Its directory goes the same way in the end, whatever happens here.
        let _ = file.and_then(|mut file| file.write_all(&zeros).and_then(|()| file.sync_all()));
    }
    let _ = fs::remove_file(path);
}

/// The functions, each in a file: on the command line they would be too long, and the name of the
/// file with the values must be told to them.
fn functions(expressions: &Path, place: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let load = format!(
        "import builtins, json\n\
         known = getattr(builtins, 'rollover_known', None)\n\
         if known is None:\n\
         \x20 data = json.load(open({}))\n\
         \x20 known = ([(bytes.fromhex(a), bytes.fromhex(b)) for a, b in data['pairs']], set(w.encode() for w in data['whole']))\n\
         \x20 builtins.rollover_known = known\n",
        json!(expressions.to_string_lossy())
    );
    let each = |name: &str| {
        format!("{load}for a, b in known[0]:\n  {name} = {name}.replace(a, b)\nreturn {name}\n")
    };
    let blob = format!(
        "{load}if blob.original_id in known[1]:\n\
         \x20 blob.data = b'removed by rollover: it held a token under a compression\\n'\n\
         else:\n\
         \x20 for a, b in known[0]:\n\
         \x20   if a in blob.data:\n\
         \x20     blob.data = blob.data.replace(a, b)\n"
    );
    let all = [
        ("--blob-callback", "blob", blob),
        ("--message-callback", "message", each("message")),
        ("--filename-callback", "filename", each("filename")),
        ("--refname-callback", "refname", each("refname")),
        ("--name-callback", "name", each("name")),
        ("--email-callback", "email", each("email")),
    ];
    let mut files = Vec::new();
    for (option, name, text) in all {
        let path = place.join(format!("{name}.py"));
        fs::write(&path, text).map_err(|error| {
            Fail::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
        })?;
        files.push((option, path));
    }
    Ok(files)
}

fn run(repository: &Path, expressions: &Path, place: &Path) -> Result<()> {
    let mut command = program("git");
    command.arg("-C").arg(repository).args([
        "filter-repo",
        "--force",
        "--sensitive-data-removal",
        "--no-fetch",
    ]);
    for (option, file) in functions(expressions, place)? {
        command.arg(option).arg(file);
    }
    succeeded("git filter-repo", command.output(), INSTALL).map(drop)?;
    // What it has noted of the refs' names of before may hold a value.
    for noted in ["changed-refs", "ref-map"] {
        let _ = fs::remove_file(repository.join("filter-repo").join(noted));
    }
    let words = [
        ["reflog", "expire", "--expire=now", "--all"].as_slice(),
        ["gc", "--quiet", "--prune=now"].as_slice(),
    ];
    for words in words {
        let words: Vec<&std::ffi::OsStr> = words.iter().map(std::ffi::OsStr::new).collect();
        git(repository, &words)?;
    }
    Ok(())
}
