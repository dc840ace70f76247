//! The inventory's probes, by hand.

use domain::inventory::{Ask, Probe, ProbeKind};
use domain::runbook::ByHand;
use serde_json::json;

use super::{About, quoted};

impl About<'_> {
    /// How a probe is made by hand. `None` where its connection is not there.
    pub(super) fn probe(&self, probe: &Probe) -> Option<ByHand> {
        let (commands, expect) = match &probe.kind {
            ProbeKind::Health(ask) => (vec![curl(ask)], ask.expected()),
            ProbeKind::AppMail { ask, id } => {
                (vec![curl(ask)], format!("{}, and the mail's id in `{id}`", ask.expected()))
            }
            ProbeKind::TestMail { via, from, to, subject, stream } => {
                let mail = json!({
                    "From": from, "To": to, "Subject": subject, "MessageStream": stream,
                    "TextBody": "Sent with the new token.",
                });
                let command = format!(
                    "printf 'X-Postmark-Server-Token: %s\\n' \"$NEW\" | curl -sS -X POST -H @- \
                     -H 'Content-Type: application/json' --data {} {}/email | jq -r '.ErrorCode, \
                     .MessageID'",
                    quoted(&mail.to_string()),
                    self.url(via)?
                );
                (vec![command], "0 and a `MessageID`, which is a UUID".to_owned())
            }
            ProbeKind::Log { app, about, words, .. } => {
                let about = about.as_ref().map(|about| format!(" | grep -i {}", quoted(about)));
                let words: Vec<String> =
                    words.iter().map(|word| format!(" -e {}", quoted(word))).collect();
                let command = format!(
                    "heroku logs -n 1500 --source app -a {}{} | grep -ciw{}",
                    quoted(app),
                    about.unwrap_or_default(),
                    words.concat()
                );
                (vec![command], "0, for the lines since the restart".to_owned())
            }
            ProbeKind::Workflow { repo, workflow, git_ref, inputs, .. } => {
                let (repo, workflow) = (quoted(repo), quoted(workflow));
                let inputs: Vec<String> = inputs
                    .iter()
                    .map(|(name, value)| format!(" -f {}", quoted(&format!("{name}={value}"))))
                    .collect();
                let run = format!(
                    "gh workflow run {workflow}{} --repo {repo} --ref {}",
                    inputs.concat(),
                    quoted(git_ref)
                );
                let newest = format!(
                    "gh run list --repo {repo} --workflow {workflow} --limit 1 --json databaseId \
                     --jq '.[0].databaseId'"
                );
                let watch = format!("gh run watch --repo {repo} --exit-status \"$({newest})\"");
                (vec![run, watch], "success".to_owned())
            }
        };
        let arrives = match probe.confirm_receipt {
            true => ". Confirm that it has arrived in the inbox",
            false => "",
        };
        Some(ByHand::new(probe.name.clone(), commands, format!("{expect}{arrives}")))
    }
}

fn curl(ask: &Ask) -> String {
    let body = ask
        .json
        .as_ref()
        .map(|json| format!(" -H 'Content-Type: application/json' --data {}", quoted(json)));
    let (method, url) = (&ask.method, quoted(&ask.url));
    format!("curl -sS -X {method}{} {url} -w '\\n%{{http_code}}\\n'", body.unwrap_or_default())
}
