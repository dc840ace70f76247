//! Checks of code and workflows: lines that do what they should not.

use super::{Evidence, Facts, Judged, Looked, TreeFacts};

/// A pattern in a line: all words have to stand in it, in lower case.
type Pattern = (&'static [&'static str], &'static str);

/// Endings of files that programs are written in.
const CODE: [&str; 22] = [
    ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".py", ".rb", ".php", ".go", ".java", ".kt",
    ".cs", ".rs", ".sh", ".bash", ".ps1", ".ex", ".yml", ".yaml", ".env", ".toml",
];

const TLS_OFF: [Pattern; 12] = [
    (&["rejectunauthorized", "false"], "Node.js takes every certificate"),
    (&["node_tls_reject_unauthorized", "0"], "Node.js takes every certificate"),
    (&["verify=false"], "Python takes every certificate"),
    (&["verify = false"], "Python takes every certificate"),
    (&["_create_unverified_context"], "Python takes every certificate"),
    (&["insecureskipverify", "true"], "Go takes every certificate"),
    (&["curlopt_ssl_verifypeer", "false"], "PHP takes every certificate"),
    (&["curlopt_ssl_verifypeer", "0"], "PHP takes every certificate"),
    (&["verify_none"], "Ruby takes every certificate"),
    (&["danger_accept_invalid_certs", "true"], "Rust takes every certificate"),
    (&["servercertificatevalidationcallback", "true"], ".NET takes every certificate"),
    (&["curl ", " -k "], "curl takes every certificate"),
];

const LOGS: [Pattern; 14] = [
    (&["console.", "process.env)"], "the whole environment is logged"),
    (&["console.", "err.config"], "a request with its headers is logged"),
    (&["console.", "error.config"], "a request with its headers is logged"),
    (&["console.", ".headers)"], "headers are logged"),
    (&["console.", "json.stringify(err"], "an error with its request is logged"),
    (&["logger.", ".headers)"], "headers are logged"),
    (&["logger.", "process.env)"], "the whole environment is logged"),
    (&["print(os.environ"], "the whole environment is logged"),
    (&["log", "request.headers)"], "headers are logged"),
    (&["logging.", "os.environ)"], "the whole environment is logged"),
    (&["puts env.to_h"], "the whole environment is logged"),
    (&["var_dump($_env)"], "the whole environment is logged"),
    (&["print_r($_env"], "the whole environment is logged"),
    (&["dbg!(std::env::vars"], "the whole environment is logged"),
];

const ARGUMENTS: [Pattern; 7] = [
    (&["curl", "-h", "-token: $"], "a token is an argument of curl"),
    (&["curl", "bearer $"], "a token is an argument of curl"),
    (&["heroku config:set", "token=$"], "a token is an argument of heroku"),
    (&["heroku config:set", "key=$"], "a token is an argument of heroku"),
    (&["gh secret set", "-b "], "a token is an argument of gh"),
    (&["gh secret set", "--body "], "a token is an argument of gh"),
    (&["infisical secrets set", "=$"], "a token is an argument of infisical"),
];

const CI_PRINTS: [Pattern; 6] = [
    (&["echo", "${{ secrets."], "a secret is printed"),
    (&["printf", "${{ secrets."], "a secret is printed"),
    (&["run: env"], "the environment is printed"),
    (&["run: printenv"], "the environment is printed"),
    (&["set -x"], "every command is printed with its values"),
    (&["tojson(secrets)"], "every secret is handed on"),
];

pub(super) fn tls_verified(facts: &Facts) -> Judged {
    judged(facts, &TLS_OFF, is_code, "certificates are checked wherever it shows")
}

pub(super) fn errors_logged(facts: &Facts) -> Judged {
    judged(facts, &LOGS, is_code, "no line logs a request, its headers or the environment")
}

pub(super) fn tokens_in_arguments(facts: &Facts) -> Judged {
    judged(facts, &ARGUMENTS, is_code, "no line gives a token as an argument")
}

pub(super) fn ci_prints_secrets(facts: &Facts) -> Judged {
    judged(facts, &CI_PRINTS, is_workflow, "no workflow prints what it holds")
}

/// `uses: owner/action@v4`, and not a commit.
pub(super) fn actions_pinned(facts: &Facts) -> Judged {
    let tree = match tree(facts, is_workflow) {
        Ok(tree) => tree,
        Err(judged) => return judged,
    };
    let found = lines(tree, is_workflow)
        .filter_map(|(file, number, line)| {
            let used = line.trim().trim_start_matches("- ").strip_prefix("uses:")?.trim();
            let used = used.split(['#', ' ']).next().unwrap_or_default().trim_matches(['"', '\'']);
            let (action, version) = used.split_once('@')?;
            let pinned = version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
            let own = action.starts_with("./") || action.starts_with("docker://");
            (!pinned && !own)
                .then(|| Evidence::at(format!("`{action}` is named by `{version}`"), file, number))
        })
        .collect();
    Judged::unless(found, "every action is named by its commit")
}

fn judged(facts: &Facts, patterns: &[Pattern], which: fn(&str) -> bool, otherwise: &str) -> Judged {
    let tree = match tree(facts, which) {
        Ok(tree) => tree,
        Err(judged) => return judged,
    };
    let found = lines(tree, which)
        .filter_map(|(file, number, line)| {
            let low = line.to_lowercase();
            let comment = ["//", "#", "*"].iter().any(|mark| low.trim_start().starts_with(mark));
            let holds = |pattern: &&Pattern| pattern.0.iter().all(|word| low.contains(word));
            let (_, what) = patterns.iter().find(holds).filter(|_| !comment)?;
            Some(Evidence::at(*what, file, number))
        })
        .collect();
    Judged::unless(found, otherwise)
}

fn tree(facts: &Facts, which: fn(&str) -> bool) -> Result<&TreeFacts, Judged> {
    match &facts.tree {
        Looked::Not(why) => Err(Judged::unknown(why.clone())),
        Looked::Seen(tree) if tree.files.keys().any(|path| which(path)) => Ok(tree),
        Looked::Seen(_) => Err(Judged::not_applicable("there are no such files")),
    }
}

fn lines(tree: &TreeFacts, which: fn(&str) -> bool) -> impl Iterator<Item = (&str, usize, &str)> {
    let files = tree.files.iter().filter(move |(path, _)| which(path));
    files.flat_map(|(path, text)| {
        text.lines().enumerate().map(|(i, line)| (path.as_str(), i + 1, line))
    })
}

fn is_code(path: &str) -> bool {
    CODE.iter().any(|ending| path.ends_with(ending)) || path.ends_with("Dockerfile")
}

fn is_workflow(path: &str) -> bool {
    path.starts_with(".github/workflows/") && (path.ends_with(".yml") || path.ends_with(".yaml"))
}
