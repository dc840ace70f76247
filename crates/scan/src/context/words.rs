//! Names, cut into words, and what the words say.

/// What the name of a value says of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sort {
    /// It is called a token, a key, a password.
    Secret,
    /// It is called a user or a login; where the login is the token, that is one.
    Login,
    /// It is called an id of something.
    Id,
    /// It is called a token or key of a kind that is none of a vendor's: a cursor, a CSRF token.
    Doubtful,
    /// A word that says nothing: `value`, `string`, or no word at all.
    Generic,
    /// Words of a sentence that say nothing.
    Prose,
    /// Something else.
    Other,
}

/// Last words of a name that make it an id.
const IDS: [&str; 65] = [
    "id",
    "uuid",
    "guid",
    "ref",
    "reference",
    "handle",
    "hash",
    "digest",
    "etag",
    "checksum",
    "sha",
    "version",
    "revision",
    "release",
    "slug",
    "build",
    "pipeline",
    "stack",
    "space",
    "team",
    "region",
    "app",
    "application",
    "dyno",
    "addon",
    "attachment",
    "domain",
    "collaborator",
    "feature",
    "webhook",
    "message",
    "mail",
    "email",
    "template",
    "stream",
    "batch",
    "bounce",
    "event",
    "request",
    "trace",
    "span",
    "correlation",
    "transaction",
    "session",
    "device",
    "user_id",
    "account",
    "owner",
    "organization",
    "organisation",
    "tenant",
    "project",
    "resource",
    "subscription",
    "node",
    "host",
    "instance",
    "job",
    "task",
    "order",
    "invoice",
    "customer",
    "product",
    "deployment",
    "drain",
];

/// Words that make a name a secret's.
const SECRETS: [&str; 19] = [
    "token",
    "key",
    "apikey",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "pw",
    "credential",
    "cred",
    "bearer",
    "apitoken",
    "authtoken",
    "servertoken",
    "accounttoken",
    "accesstoken",
    "apisecret",
];

const LOGINS: [&str; 4] = ["user", "username", "login", "usr"];

/// Words that take away from `token` and `key` what they say.
const DOUBTFUL: [&str; 22] = [
    "csrf",
    "xsrf",
    "page",
    "next",
    "continuation",
    "cursor",
    "idempotency",
    "idempotent",
    "cache",
    "primary",
    "foreign",
    "partition",
    "sort",
    "public",
    "row",
    "lookup",
    "correlation",
    "dedupe",
    "sync",
    "invite",
    "unsubscribe",
    "tracking",
];

const GENERIC: [&str; 24] = [
    "value", "val", "v", "default", "content", "text", "data", "string", "str", "body", "payload",
    "const", "char", "auto", "var", "let", "raw", "plain", "input", "arg", "s", "x", "entry",
    "static",
];

/// The words of a name, in lower case: cut at everything that is no letter or digit, and at
/// capitals.
pub(crate) fn cut(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut before) = (String::new(), ' ');
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let lower_follows = rest.peek().is_some_and(char::is_ascii_lowercase);
        let capital = c.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit()
                || (before.is_ascii_uppercase() && lower_follows));
        if (!c.is_ascii_alphanumeric() || capital) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.extend((!word.is_empty()).then_some(word));
    words.iter_mut().for_each(singular);
    words
}

fn singular(word: &mut String) {
    let plural = word.len() > 3 && word.ends_with('s') && !word.ends_with("ss");
    if plural && !matches!(word.as_str(), "pass" | "dns" | "tls" | "aws" | "address") {
        word.pop();
    }
}

/// What a name says. `ids` are the issuer's own names of ids.
pub(crate) fn sort(name: &str, ids: &[&str]) -> Sort {
    let words = cut(name);
    let Some(last) = words.last() else { return Sort::Generic };
    if is_id_of(&words, ids) {
        return Sort::Id;
    }
    let among = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let numbered = last.chars().all(|c| c.is_ascii_digit());
    let last = if numbered { words.iter().rev().nth(1).unwrap_or(last) } else { last };
    if among(&SECRETS) || joined_secret(&words) {
        return if among(&DOUBTFUL) { Sort::Doubtful } else { Sort::Secret };
    }
    if LOGINS.contains(&last.as_str()) {
        return Sort::Login;
    }
    if IDS.contains(&last.as_str()) {
        return Sort::Id;
    }
    if words.len() == 1 && GENERIC.contains(&last.as_str()) { Sort::Generic } else { Sort::Other }
}

/// `serverToken` is cut; `servertoken` and `PMTOKEN` are not.
fn joined_secret(words: &[String]) -> bool {
    let ends = ["token", "apikey", "secret", "password", "passwd"];
    words.iter().any(|word| ends.iter().any(|end| word.ends_with(end)))
}

fn is_id_of(words: &[String], ids: &[&str]) -> bool {
    const ENDS: [&str; 5] = ["id", "uuid", "guid", "ref", "handle"];
    let Some(last) = words.last() else { return false };
    let whole: String = words.concat();
    ENDS.contains(&last.as_str())
        || last.ends_with("guid")
        || ids.contains(&whole.as_str())
        || ids.iter().any(|id| whole.ends_with(id) && id.len() > 5)
}

/// Whether a name is an id's.
pub(crate) fn is_id(name: &str, ids: &[&str]) -> bool {
    sort(name, ids) == Sort::Id
}

/// Whether any of the words of a text is an id's.
pub(crate) fn any_id(text: &str, ids: &[&str]) -> bool {
    let words = cut(text);
    words
        .iter()
        .any(|word| matches!(word.as_str(), "id" | "uuid" | "guid") || ids.contains(&word.as_str()))
}

/// Whether any of the words of a text is a secret's.
pub(crate) fn is_secret(text: &str) -> bool {
    let words = cut(text);
    words.iter().any(|word| SECRETS.contains(&word.as_str())) || joined_secret(&words)
}

/// The words of a sentence before a value, the nearest last: the nearest that says something wins.
pub(crate) fn sort_of_sentence(words: &[String], ids: &[&str]) -> Sort {
    for word in words.iter().rev() {
        let found = sort(word, ids);
        if matches!(found, Sort::Secret | Sort::Id | Sort::Login | Sort::Doubtful) {
            return found;
        }
    }
    Sort::Prose
}

/// Bytes as text in lower case; what is not UTF-8 is left out.
pub(crate) fn lower(bytes: &[u8]) -> String {
    bytes
        .iter()
        .filter(|byte| byte.is_ascii())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_as_people_read_them() {
        let cut = |name: &str| cut(name).join(" ");
        assert_eq!(cut("X-Postmark-Server-Token"), "x postmark server token");
        assert_eq!(cut("postmarkServerTokens"), "postmark server token");
        assert_eq!(cut("HEROKU_API_KEY"), "heroku api key");
        assert_eq!(cut("APIToken"), "api token");
        assert_eq!(cut("app.mail[\"token\"]"), "app mail token");
    }

    #[test]
    fn what_names_say() {
        for (name, says) in [
            ("POSTMARK_TOKEN", Sort::Secret),
            ("pmtoken", Sort::Secret),
            ("POSTMARK_TOKEN_2", Sort::Secret),
            ("MessageID", Sort::Id),
            ("message_id", Sort::Id),
            ("token_id", Sort::Id),
            ("authorization", Sort::Id),
            ("herokuAppId", Sort::Id),
            ("csrf_token", Sort::Doubtful),
            ("smtp_username", Sort::Login),
            ("value", Sort::Generic),
            ("", Sort::Generic),
            ("colour", Sort::Other),
        ] {
            assert_eq!(sort(name, &["authorization"]), says, "{name}");
        }
    }
}
