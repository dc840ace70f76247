//! Values that were damaged, or are no tokens, in each kind of place.

use super::super::{Asked, Scene, Situation};
use super::{act, heroku, input, postmark, situation};

const APP: &str = "acme-api-prod";
const PLACE: &str = "heroku:acme-api-prod";

/// What happens to a value on its way.
type Damage = (&'static str, fn(&str) -> String);

const DAMAGES: [Damage; 24] = [
    ("quotes around it", |t| format!("\"{t}\"")),
    ("single quotes around it", |t| format!("'{t}'")),
    ("typographic quotes around it", |t| format!("\u{201c}{t}\u{201d}")),
    ("a blank before it", |t| format!(" {t}")),
    ("a tab behind it", |t| format!("{t}\t")),
    ("a line feed behind it", |t| format!("{t}\n")),
    ("a line end of Windows behind it", |t| format!("{t}\r\n")),
    ("backslash and n behind it", |t| format!("{t}\\n")),
    ("a blank that does not break", |t| format!("{t}\u{a0}")),
    ("a mark of byte order before it", |t| format!("\u{feff}{t}")),
    ("a space without a width inside", |t| format!("{}\u{200b}{}", &t[..9], &t[9..])),
    ("a blank inside", |t| format!("{} {}", &t[..14], &t[14..])),
    ("dashes of a typesetter", |t| t.replace('-', "\u{2013}")),
    ("a name before it", |t| format!("POSTMARK_SERVER_TOKEN={t}")),
    ("the header's name before it", |t| format!("X-Postmark-Server-Token: {t}")),
    ("a scheme before it", |t| format!("Bearer {t}")),
    ("a comma behind it", |t| format!("{t},")),
    ("percent-encoded", |t| t.replace('-', "%2D")),
    ("without its dashes", |t| t.replace('-', "")),
    ("twice", |t| format!("{t}{t}")),
    ("cut at its end", |t| t[..t.len() - 5].to_owned()),
    ("cut at its beginning", |t| t[5..].to_owned()),
    ("one character changed", |t| changed(t)),
    ("two characters swapped", |t| swapped(t)),
];

/// The last character becomes another hexadecimal digit.
fn changed(token: &str) -> String {
    let last = if token.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &token[..token.len() - 1])
}

/// The first two neighbours that differ change places.
fn swapped(token: &str) -> String {
    let mut chars: Vec<char> = token.chars().collect();
    let differ = |i: &usize| chars[*i] != chars[*i + 1] && chars[*i] != '-' && chars[*i + 1] != '-';
    if let Some(at) = (0..chars.len() - 1).find(differ) {
        chars.swap(at, at + 1);
    }
    chars.into_iter().collect()
}

/// What is no token at all: the value and its cause.
const NO_TOKENS: [(&str, &str, &str); 8] = [
    ("empty", "", "missing"),
    ("an example's text", "your-server-token-here", "placeholder"),
    ("the name itself", "POSTMARK_SERVER_TOKEN", "placeholder"),
    ("zeros", "00000000-0000-0000-0000-000000000000", "placeholder"),
    ("a reference", "${POSTMARK_SERVER_TOKEN}", "placeholder"),
    ("masked", "********-****-****-****-********abcd", "placeholder"),
    ("the test token", "POSTMARK_API_TEST", "test-token"),
    ("a GitHub token", concat!("ghp", "_0123456789abcdefghijk"), "other-kind"),
];

pub(super) fn situations() -> Vec<Situation> {
    let mut all = Vec::new();
    for (what, damage) in DAMAGES {
        let breaks = move |scene: &Scene<'_>| {
            let right = scene.seeded(postmark());
            scene.set(APP, postmark().key, Some(&damage(&right)))
        };
        all.push(situation(format!("app: {what}"), postmark(), PLACE, "mistyped", act(breaks)));
    }
    for (what, value, cause) in NO_TOKENS {
        let breaks = move |scene: &Scene<'_>| scene.set(APP, postmark().key, Some(value));
        all.push(situation(format!("app: {what}"), postmark(), PLACE, cause, act(breaks)));
    }
    all.extend(of_heroku());
    all.extend(in_files_and_store());
    all.extend(given());
    all
}

fn of_heroku() -> Vec<Situation> {
    let damages: [Damage; 4] = [
        ("cut", |t| t[..60].to_owned()),
        ("in small letters", |t| t.to_lowercase()),
        ("quotes around it", |t| format!("'{t}'")),
        ("one character missing inside", |t| format!("{}{}", &t[..30], &t[31..])),
    ];
    let each = damages.into_iter().map(|(what, damage)| {
        let breaks = move |scene: &Scene<'_>| {
            let right = scene.seeded(heroku());
            scene.set("acme-console-prod", heroku().key, Some(&damage(&right)))
        };
        let name = format!("Heroku token: {what}");
        situation(name, heroku(), "heroku:acme-console-prod", "mistyped", act(breaks))
    });
    each.collect()
}

fn in_files_and_store() -> Vec<Situation> {
    let in_file = |what: &str, cause, line: fn(&str) -> String| {
        let breaks = move |scene: &Scene<'_>| {
            scene.write("worker.env", &format!("{}\n", line(&scene.seeded(postmark()))))
        };
        situation(format!("file: {what}"), postmark(), "dotenv:worker.env", cause, act(breaks))
    };
    let in_store = |what: &str, cause, value: fn(&Scene<'_>) -> Option<String>| {
        let breaks = move |scene: &Scene<'_>| {
            scene.store(postmark(), value(scene).as_deref());
            Ok(())
        };
        situation(format!("store: {what}"), postmark(), "store", cause, act(breaks))
            .given_right(|scene| Ok(scene.seeded(postmark())))
    };
    vec![
        in_file("quotes inside of quotes", "mistyped", |t| {
            format!("POSTMARK_SERVER_TOKEN='\"{t}\"'")
        }),
        in_file("cut", "mistyped", |t| format!("POSTMARK_SERVER_TOKEN={}", &t[..20])),
        in_file("another name", "missing", |t| format!("POSTMARK_API_TOKEN={t}")),
        in_file("an example's text", "placeholder", |_| "POSTMARK_SERVER_TOKEN=changeme".into()),
        in_store("quotes around it", "mistyped", |scene| {
            Some(format!("\"{}\"", scene.seeded(postmark())))
        }),
        in_store("nothing", "missing", |_| None),
        in_store("an example's text", "placeholder", |_| Some("token-here".into())),
        in_store("an account token", "account-token", |scene| {
            Some(scene.credentials.postmark_account_token.clone())
        }),
        in_store("the token of another server", "wrong-environment", |scene| {
            scene.token_of("acme-staging").ok()
        }),
    ]
}

/// Values that a person asks about, without an inventory's name.
fn given() -> Vec<Situation> {
    let one = |what: &str, kind, cause, value: fn(&Scene<'_>) -> String| {
        let asked = Asked {
            given: Some(input(move |scene| Ok(value(scene)))),
            kind: Some(kind),
            ..Asked::default()
        };
        let name = format!("given as {kind}: {what}");
        situation(name, postmark(), "given", cause, act(|_| Ok(()))).asked(asked)
    };
    let right = |scene: &Scene<'_>| Ok(scene.seeded(postmark()));
    vec![
        one("quotes around it", "postmark-server", "mistyped", |scene| {
            format!("\"{}\"\n", scene.seeded(postmark()))
        })
        .given_right(right),
        one("a line end of Windows", "postmark-server", "mistyped", |scene| {
            format!("{}\r\n", scene.seeded(postmark()))
        })
        .given_right(right),
        one("an account token", "postmark-server", "account-token", |scene| {
            scene.credentials.postmark_account_token.clone()
        })
        .given_right(right),
        one("a server token", "postmark-account", "server-token", |scene| scene.seeded(postmark()))
            .given_right(|scene| Ok(scene.credentials.postmark_account_token.clone())),
        one("one that nobody knows", "postmark-server", "revoked", |_| {
            "01234567-89ab-4def-8123-456789abcdef".into()
        })
        .given_right(right),
        one("another vendor's", "heroku-authorization", "other-kind", |_| {
            concat!("gl", "pat-0123456789abcdefgh").into()
        })
        .given_right(|scene| Ok(scene.seeded(heroku()))),
        one("a narrow one", "heroku-authorization", "missing-scope", |scene| {
            scene.credentials.heroku_read_only_token.clone()
        })
        .given_right(|scene| Ok(scene.seeded(heroku()))),
    ]
}
