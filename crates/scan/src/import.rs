//! What other scanners have found, in the form of their reports.
//!
//! gitleaks and betterleaks: a JSON array, `-f json`. kingfisher: `--format json` or `jsonl`.
//! trufflehog: `--json`, one object a line. And SARIF 2.1.0 of whomever. The value of a report is
//! taken out of it once, looked up, and never written anywhere.

use domain::Token;
use serde_json::Value;

/// Whose report it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tool {
    /// gitleaks.
    Gitleaks,
    /// betterleaks, in gitleaks' form.
    Betterleaks,
    /// kingfisher.
    Kingfisher,
    /// trufflehog.
    Trufflehog,
    /// SARIF, of whomever.
    Sarif,
}

/// One entry of a report.
#[derive(Clone, Debug)]
pub struct Reported {
    /// What the other program calls it.
    pub rule: String,
    /// The value, or a text that it stands in; `None` where the report hides it.
    pub text: Option<Token>,
    /// The file, where the report names one.
    pub path: String,
    /// The line, from 1; 0 where the report names none.
    pub line: u64,
    /// The commit, where the report names one.
    pub commit: Option<String>,
}

/// Why a report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not JSON.
    #[error("it is not JSON: line {line}, column {column}")]
    NotJson {
        /// Where it stops being JSON.
        line: usize,
        /// Where it stops being JSON.
        column: usize,
    },
    /// It is JSON of something else.
    #[error("it is not a report of this kind: {0}")]
    Other(&'static str),
}

/// The entries of a report.
///
/// # Errors
/// It is not a report of this kind.
pub fn read(tool: Tool, bytes: &[u8]) -> Result<Vec<Reported>, ImportError> {
    let values = documents(bytes)?;
    match tool {
        Tool::Gitleaks | Tool::Betterleaks => gitleaks(&values),
        Tool::Kingfisher => kingfisher(&values),
        Tool::Trufflehog => trufflehog(&values),
        Tool::Sarif => sarif(&values),
    }
}

/// One JSON value, or one a line.
fn documents(bytes: &[u8]) -> Result<Vec<Value>, ImportError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::Deserializer::from_slice(bytes)
        .into_iter::<Value>()
        .collect::<Result<_, _>>()
        .map_err(|error| ImportError::NotJson { line: error.line(), column: error.column() })
}

/// The first of these fields that is a text with something in it.
fn text(value: &Value, fields: &[&str]) -> Option<String> {
    fields
        .iter()
        .filter_map(|field| value.pointer(field)?.as_str())
        .find(|text| !text.trim().is_empty())
        .map(str::to_owned)
}

/// A value that the report really has: not one that it has covered up.
fn shown(text: Option<String>) -> Option<Token> {
    let covered = |text: &String| {
        let upper = text.to_ascii_uppercase();
        upper.contains("REDACTED") || upper.contains("***") || upper.ends_with("...")
    };
    text.filter(|text| !covered(text)).map(Token::new)
}

fn number(value: &Value, fields: &[&str]) -> u64 {
    fields.iter().find_map(|field| value.pointer(field)?.as_u64()).unwrap_or(0)
}

/// The entries of an array, or of one value a line.
fn entries<'v>(values: &'v [Value], field: &str) -> Vec<&'v Value> {
    let one = |value: &'v Value| -> Vec<&'v Value> {
        match (value.as_array(), value.pointer(field).and_then(Value::as_array)) {
            (Some(array), _) | (None, Some(array)) => array.iter().collect(),
            (None, None) => vec![value],
        }
    };
    values.iter().flat_map(one).collect()
}

fn gitleaks(values: &[Value]) -> Result<Vec<Reported>, ImportError> {
    // A run that has found nothing writes `[]`, or `null`.
    let all = entries(values, "/findings").into_iter().filter(|one| !one.is_null());
    all.map(|one| {
        let rule = text(one, &["/RuleID", "/ruleID", "/rule_id"])
            .ok_or(ImportError::Other("an entry has no `RuleID`"))?;
        Ok(Reported {
            rule,
            text: shown(
                text(one, &["/Secret", "/secret"]).or_else(|| text(one, &["/Match", "/match"])),
            ),
            path: text(one, &["/File", "/file"]).unwrap_or_default(),
            line: number(one, &["/StartLine", "/startLine"]),
            commit: text(one, &["/Commit", "/commit"]),
        })
    })
    .collect()
}

fn kingfisher(values: &[Value]) -> Result<Vec<Reported>, ImportError> {
    let mut all = Vec::new();
    for one in entries(values, "/findings") {
        // The last line of its `jsonl` sums up.
        if one.pointer("/finding").is_none() {
            if one.pointer("/summary").is_some()
                || one.pointer("/findings").is_some()
                || one.pointer("/metadata").is_some()
            {
                continue;
            }
            return Err(ImportError::Other("an entry has no `finding`"));
        }
        all.push(Reported {
            rule: text(one, &["/rule/id", "/rule/name"]).unwrap_or_default(),
            text: shown(text(one, &["/finding/snippet"])),
            path: text(one, &["/finding/path", "/finding/git_metadata/file/path"])
                .unwrap_or_default(),
            line: number(one, &["/finding/line"]),
            commit: text(one, &["/finding/git_metadata/commit/id"]),
        });
    }
    Ok(all)
}

fn trufflehog(values: &[Value]) -> Result<Vec<Reported>, ImportError> {
    let all = entries(values, "/results").into_iter();
    // Its log is written to the same place if one is not careful.
    let all = all.filter(|one| one.pointer("/level").is_none());
    all.map(|one| {
        let rule = text(one, &["/DetectorName"])
            .ok_or(ImportError::Other("an entry has no `DetectorName`"))?;
        let data = one.pointer("/SourceMetadata/Data").and_then(Value::as_object);
        let source = data.and_then(|data| data.values().next()).unwrap_or(&Value::Null);
        Ok(Reported {
            rule,
            text: shown(text(one, &["/RawV2", "/Raw"])),
            path: text(source, &["/file", "/link"]).unwrap_or_default(),
            line: number(source, &["/line"]),
            commit: text(source, &["/commit"]),
        })
    })
    .collect()
}

fn sarif(values: &[Value]) -> Result<Vec<Reported>, ImportError> {
    let runs = values.iter().filter_map(|value| value.pointer("/runs")?.as_array());
    let runs: Vec<&Value> = runs.flatten().collect();
    if runs.is_empty() {
        return Err(ImportError::Other("there is no `runs`"));
    }
    let results = runs.into_iter().filter_map(|run| run.pointer("/results")?.as_array()).flatten();
    let mut all = Vec::new();
    for one in results {
        let rule = text(one, &["/ruleId", "/rule/id"]).unwrap_or_default();
        let commit = text(one, &["/partialFingerprints/commitSha"]);
        let locations = one.pointer("/locations").and_then(Value::as_array);
        for place in locations.into_iter().flatten() {
            let place = place.pointer("/physicalLocation").unwrap_or(&Value::Null);
            all.push(Reported {
                rule: rule.clone(),
                text: shown(text(place, &["/region/snippet/text"])),
                path: text(place, &["/artifactLocation/uri"]).unwrap_or_default(),
                line: number(place, &["/region/startLine"]),
                commit: commit.clone(),
            });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(tool: Tool, text: &str) -> Vec<(String, Option<String>, String, u64)> {
        let shown = |one: Reported| {
            (one.rule, one.text.map(|text| text.expose().to_owned()), one.path, one.line)
        };
        read(tool, text.as_bytes()).unwrap().into_iter().map(shown).collect()
    }

    fn entry(rule: &str, value: Option<&str>, line: u64) -> (String, Option<String>, String, u64) {
        (rule.into(), value.map(str::to_owned), "a/.env".into(), line)
    }

    #[test]
    fn every_report_is_read() {
        let gitleaks = r#"[{"RuleID":"generic-api-key","Secret":"a-value","Match":"K=a-value",
            "File":"a/.env","StartLine":3,"Commit":"c0ffee"},
            {"RuleID":"heroku-api-key","Secret":"REDACTED","Match":"REDACTED","File":"a/.env","StartLine":4}]"#;
        let both = [entry("generic-api-key", Some("a-value"), 3), entry("heroku-api-key", None, 4)];
        assert_eq!(values(Tool::Gitleaks, gitleaks), both);
        assert_eq!(values(Tool::Betterleaks, gitleaks), both);
        assert_eq!(values(Tool::Gitleaks, "[]"), []);
        let kingfisher = r#"{"rule":{"name":"Heroku","id":"kingfisher.heroku.1"},
            "finding":{"snippet":"a-value","line":3,"path":"a/.env"}}
            {"findings":1,"summary":{}}"#;
        assert_eq!(
            values(Tool::Kingfisher, kingfisher),
            [entry("kingfisher.heroku.1", Some("a-value"), 3)]
        );
        let trufflehog = r#"{"level":"info","msg":"running"}
            {"SourceMetadata":{"Data":{"Git":{"commit":"c0","file":"a/.env","line":3}}},
            "DetectorName":"Postmark","Verified":false,"Raw":"a-value","RawV2":""}"#;
        assert_eq!(values(Tool::Trufflehog, trufflehog), [entry("Postmark", Some("a-value"), 3)]);
        let sarif = r#"{"version":"2.1.0","runs":[{"results":[{"ruleId":"x","locations":[{"physicalLocation":
            {"artifactLocation":{"uri":"a/.env"},"region":{"startLine":3,"snippet":{"text":"a-value"}}}}]}]}]}"#;
        assert_eq!(values(Tool::Sarif, sarif), [entry("x", Some("a-value"), 3)]);
    }

    #[test]
    fn what_is_something_else_is_refused() {
        for (tool, text) in [
            (Tool::Gitleaks, r#"[{"a":1}]"#),
            (Tool::Kingfisher, r#"[{"a":1}]"#),
            (Tool::Trufflehog, r#"{"a":1}"#),
            (Tool::Sarif, r#"{"a":1}"#),
            (Tool::Sarif, "not json"),
        ] {
            assert!(read(tool, text.as_bytes()).is_err(), "{text}");
        }
    }
}
