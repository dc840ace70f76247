//! Example files: which names a program needs, and never a value.
//!
//! Made from the inventory or from a file that exists, whose values are left out; a committed
//! example is then held in step with what it was made from.

use serde_json::{Map, Value, json};

use crate::diagnosis::{Anatomy, Flaw, Kind};
use crate::{Shape, Token};

/// One name that a program needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// What it is, in a few words; empty where nobody said.
    pub about: String,
}

/// The form of an example file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A dotenv file.
    Env,
    /// A JSON object.
    Json,
    /// An `.envrc` of direnv.
    Direnv,
    /// A workflow of GitHub Actions.
    Actions,
    /// An `app.json` of Heroku.
    HerokuAppJson,
    /// A file of Docker Compose.
    Compose,
}

impl Form {
    /// The name of the file that it usually is.
    #[must_use]
    pub fn usual_file(self) -> &'static str {
        match self {
            Self::Env => ".env.example",
            Self::Json => "config.example.json",
            Self::Direnv => ".envrc.example",
            Self::Actions => ".github/workflows/deploy.example.yml",
            Self::HerokuAppJson => "app.json",
            Self::Compose => "compose.example.yaml",
        }
    }

    /// The form of a file of that name, where its name tells.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let name = name.rsplit('/').next().unwrap_or(name);
        match name {
            "app.json" => Some(Self::HerokuAppJson),
            _ if name.starts_with(".envrc") => Some(Self::Direnv),
            _ if name.starts_with(".env") || name.ends_with(".env") || name.contains(".env.") => {
                Some(Self::Env)
            }
            _ if name.ends_with(".json") => Some(Self::Json),
            _ if name.contains("compose") => Some(Self::Compose),
            _ if name.ends_with(".yml") || name.ends_with(".yaml") => Some(Self::Actions),
            _ => None,
        }
    }
}

/// An example file of these names.
#[must_use]
pub fn render(form: Form, entries: &[Entry]) -> String {
    let lines = |line: &dyn Fn(&Entry) -> String| entries.iter().map(line).collect::<String>();
    let head = "# An example: names without values. Made by `rollover template`.\n";
    match form {
        Form::Env => {
            let line = |entry: &Entry| match entry.about.is_empty() {
                true => format!("{}=\n", entry.key),
                false => format!("# {}\n{}=\n", entry.about, entry.key),
            };
            format!("{head}{}", lines(&line))
        }
        Form::Direnv => {
            let line = |entry: &Entry| {
                format!(": \"${{{0}:?{0} is not set: put it into .env}}\"\n", entry.key)
            };
            format!("{head}dotenv_if_exists .env\n{}", lines(&line))
        }
        Form::Actions => {
            let line = |entry: &Entry| format!("      {0}: ${{{{ secrets.{0} }}}}\n", entry.key);
            format!(
                "{head}name: deploy\non:\n  workflow_dispatch: {{}}\npermissions:\n  contents: read\njobs:\n  \
                 deploy:\n    runs-on: ubuntu-latest\n    environment: production\n    env:\n{}    steps:\n      \
                 - run: ./deploy\n",
                lines(&line)
            )
        }
        Form::Compose => {
            let line = |entry: &Entry| format!("      {0}: ${{{0}:?set it in .env}}\n", entry.key);
            format!("{head}services:\n  app:\n    build: .\n    environment:\n{}", lines(&line))
        }
        Form::Json => {
            let object: Map<String, Value> =
                entries.iter().map(|entry| (entry.key.clone(), json!(""))).collect();
            pretty(&Value::Object(object))
        }
        Form::HerokuAppJson => {
            let env: Map<String, Value> = entries
                .iter()
                .map(|entry| {
                    let about = json!({ "description": entry.about, "required": true });
                    (entry.key.clone(), about)
                })
                .collect();
            pretty(&json!({ "env": env }))
        }
    }
}

fn pretty(value: &Value) -> String {
    // Values of this module's own making always have a text.
    format!("{:#}\n", value)
}

/// The same JSON with an empty text in the place of every value.
#[must_use]
pub fn emptied(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, inner)| (key.clone(), emptied(inner))).collect())
        }
        Value::Array(_) => Value::Array(Vec::new()),
        _ => json!(""),
    }
}

/// The JSON of an example, written out.
#[must_use]
pub fn written(value: &Value) -> String {
    pretty(value)
}

/// A name in an example file, and whether what stands there looks like a value of a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// The name; in JSON its path, joined by dots.
    pub key: String,
    /// Why what stands there is no example.
    pub worry: Option<&'static str>,
}

/// The names in a JSON text: paths of its leaves, or the keys of `env` in an `app.json`.
///
/// # Errors
/// It is not JSON.
pub fn of_json(form: Form, text: &str) -> Result<Vec<Held>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut held = Vec::new();
    match form {
        Form::HerokuAppJson => {
            for (key, inner) in value.get("env").and_then(Value::as_object).into_iter().flatten() {
                let text = inner.as_str().or_else(|| inner.get("value").and_then(Value::as_str));
                held.push(Held { key: key.clone(), worry: worry(text.unwrap_or_default()) });
            }
        }
        _ => leaves(&value, "", &mut held),
    }
    Ok(held)
}

fn leaves(value: &Value, path: &str, held: &mut Vec<Held>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(inner, &path, held);
            }
        }
        _ if path.is_empty() => {}
        _ => {
            let worry = value.as_str().and_then(worry);
            held.push(Held { key: path.to_owned(), worry });
        }
    }
}

/// The names in a text of YAML or of a shell: `KEY: ${...}` and `${KEY:?...}`.
#[must_use]
pub fn of_lines(text: &str) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let named = line.split_once(": ").map(|(key, value)| (key.trim_start_matches("- "), value));
        let asked = line.strip_prefix(": \"${").and_then(|rest| rest.split_once(":?"));
        let (key, value) = match (asked, named) {
            (Some((key, _)), _) => (key, ""),
            (None, Some((key, value))) => (key, value.trim()),
            (None, None) => continue,
        };
        let is_name = key.len() > 2
            && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if is_name && !held.iter().any(|one| one.key == key) {
            held.push(Held { key: key.to_owned(), worry: worry(value) });
        }
    }
    held
}

/// Why a text in an example file is no example; `None` for an empty text, a placeholder, a
/// reference, a plain setting.
#[must_use]
pub fn worry(text: &str) -> Option<&'static str> {
    let text = text.trim().trim_matches(['"', '\'']);
    if text.is_empty() || text.contains("${") || text.contains("{{") {
        return None;
    }
    let token = Token::from(text);
    if [Shape::Uuid, Shape::Heroku].iter().any(|shape| shape.fits(text)) {
        let placeholder = Anatomy::of(&token, Kind::PostmarkServer)
            .flaws
            .iter()
            .any(|flaw| matches!(flaw, Flaw::Placeholder));
        return (!placeholder).then_some("it has the form of a token");
    }
    let flaws = Anatomy::of(&token, Kind::PostmarkServer).flaws;
    let foreign = flaws.iter().any(|flaw| match flaw {
        Flaw::OtherKind(what) => what != "an address",
        _ => false,
    });
    if foreign {
        return Some("it begins as a token does");
    }
    if flaws.iter().any(|flaw| matches!(flaw, Flaw::Placeholder | Flaw::Masked)) {
        return None;
    }
    let letters = text.chars().filter(char::is_ascii_alphabetic).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let one_word = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-+/=".contains(c));
    (one_word && text.len() >= 24 && digits >= 3 && letters >= 3)
        .then_some("it is long and looks random")
}

/// What is not in step in an example file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gap {
    /// A name is missing.
    Missing(String),
    /// A name is there that nobody needs.
    Unknown(String),
    /// What stands there is no example.
    Value(String, &'static str),
}

/// Compares an example with the names that are needed. Where `whole`, other names are gaps, too.
#[must_use]
pub fn gaps(needed: &[String], held: &[Held], whole: bool) -> Vec<Gap> {
    let has = |key: &String| held.iter().any(|one| one.key == *key);
    let missing = needed.iter().filter(|key| !has(key)).cloned().map(Gap::Missing);
    let unknown = held
        .iter()
        .filter(|one| whole && !needed.contains(&one.key))
        .map(|one| Gap::Unknown(one.key.clone()));
    let values = held.iter().filter_map(|one| Some(Gap::Value(one.key.clone(), one.worry?)));
    missing.chain(unknown).chain(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |key: &str, about: &str| Entry { key: key.into(), about: about.into() };
        vec![entry("POSTMARK_SERVER_TOKEN", "Postmark server token"), entry("HEROKU_API_KEY", "")]
    }

    #[test]
    fn each_form_names_everything_and_reads_back() {
        let names: Vec<String> = entries().into_iter().map(|entry| entry.key).collect();
        for form in [Form::Json, Form::HerokuAppJson] {
            let held = of_json(form, &render(form, &entries())).unwrap();
            assert_eq!(gaps(&names, &held, true), [], "{form:?}");
        }
        for form in [Form::Actions, Form::Compose, Form::Direnv] {
            let held = of_lines(&render(form, &entries()));
            assert_eq!(gaps(&names, &held, true), [], "{form:?}: {held:?}");
        }
        assert!(render(Form::Env, &entries()).contains("\nHEROKU_API_KEY=\n"));
        for form in
            [Form::Env, Form::Json, Form::Direnv, Form::Actions, Form::HerokuAppJson, Form::Compose]
        {
            assert_eq!(Form::of_file(form.usual_file()), Some(form));
        }
    }

    #[test]
    fn values_are_left_out_and_found() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        let whole = json!({ "postmark": { "serverToken": uuid, "n": 3 }, "list": [uuid] });
        let text = written(&emptied(&whole));
        assert!(!text.contains(uuid) && text.contains("serverToken"), "{text}");
        for fine in [
            "",
            "info",
            "3000",
            "https://example.com/path",
            "your-token-here",
            "${X}",
            "POSTMARK_HERE",
        ] {
            assert_eq!(worry(fine), None, "{fine}");
        }
        for bad in [uuid, "ghp_0123456789abcdefghij", "0123456789abcdef0123456789abcdef"] {
            assert!(worry(bad).is_some(), "{bad}");
        }
        let held = of_json(Form::Json, &format!(r#"{{"a":{{"b":"{uuid}"}}}}"#)).unwrap();
        assert!(matches!(
            gaps(&["c".into()], &held, true).as_slice(),
            [Gap::Missing(_), Gap::Unknown(_), Gap::Value(..)]
        ));
    }
}
