//! A text for the people who have to know, ready to be sent. It holds no value.

use domain::leak::{Case, Life};

use crate::home::Home;

pub(super) fn letter(home: &Home, case: &Case, life: Life) -> String {
    let secret = home.inventory.secret(&case.secret);
    let owner = secret.and_then(|secret| secret.owner.clone());
    let consumers: Vec<String> = secret
        .map(|secret| secret.consumers.iter().map(|one| one.label.clone()).collect())
        .unwrap_or_default();
    let now = match life {
        Life::Dead => {
            "It is revoked, and its issuer does not know it any more: it can do no harm from now on."
        }
        Life::Revoked => "It is revoked; the proof that it is dead is not there yet.",
        Life::Lives => {
            "It is being replaced now. Until then, treat whatever it can do as done by somebody else."
        }
    };
    let mut text = format!(
        "Subject: a token of {} has leaked ({})\n\n\
         On {:.0} we learned that a token of {} was where it should not be.\n\
         Its fingerprint is {}; its value is not in this message.\n{now}\n",
        case.secret, case.id, case.opened_at, case.secret, case.fingerprint
    );
    let mut list = |head: &str, all: &[String]| {
        if !all.is_empty() {
            text.push_str(&format!("\n{head}\n"));
            all.iter().for_each(|one| text.push_str(&format!("- {one}\n")));
        }
    };
    list("Where it was seen:", &case.places);
    list("Who uses the secret, and gets the new token without doing anything:", &consumers);
    let reached: Vec<String> = case.reached.iter().map(ToString::to_string).collect();
    list("What else it could read, and what is replaced as well:", &reached);
    list("Live tokens that nobody knows; say so if one of them is yours:", &case.strangers);
    text.push_str(
        "\nWhat you have to do: if you have a copy of the token (a workstation, a script, a wiki page), \
         remove it.\nIf a history is rewritten because of this, you will be told to clone again; do not \
         push an old clone after that.\n",
    );
    if let Some(owner) = owner {
        text.push_str(&format!("\nQuestions go to {owner}.\n"));
    }
    text
}
