//! Every kind of probe that is registered, and where it stands in the lab.
//!
//! Which kinds there are is the connectors' own list; a kind that is registered and has no place
//! here is an error, so that none is left untried.

use connectors::kinds::PROBES;
use lab::Urls;

use crate::{HEROKU, POSTMARK, Result, Secret, Stage};

/// A probe in the lab.
pub struct ProbeAt {
    kind: &'static str,
    /// The secret whose new token it is made with.
    pub secret: &'static Secret,
    toml: fn(&Urls) -> String,
    /// What the evidence of its last step holds.
    pub shows: &'static str,
}

static PROBES_AT: [ProbeAt; 5] = [
    ProbeAt {
        kind: "health",
        secret: &HEROKU,
        toml: |urls| {
            let url = urls.app_health("acme-console-prod");
            format!("url = \"{url}\"\nexpect = {{ json = {{ heroku_api = \"ok\" }} }}\n")
        },
        shows: "heroku_api is ok",
    },
    ProbeAt {
        kind: "test-mail",
        secret: &POSTMARK,
        toml: |_| "from = \"noreply@example.com\"\nto = \"ops@example.com\"\n".to_owned(),
        shows: "MessageID ",
    },
    ProbeAt {
        kind: "app-mail",
        secret: &POSTMARK,
        toml: |urls| {
            let url = urls.app_test_mail("acme-api-prod");
            let json = "json = { to = \"ops@example.com\", subject = \"rotation validation\" }";
            format!("url = \"{url}\"\nid = \"message_id\"\n{json}\n")
        },
        shows: "id ",
    },
    ProbeAt {
        kind: "log",
        secret: &HEROKU,
        toml: |_| "via = \"heroku\"\napp = \"acme-api-prod\"\nabout = \"heroku_api\"\n".to_owned(),
        shows: "none with 401 or InvalidAPIToken",
    },
    ProbeAt {
        kind: "workflow",
        secret: &HEROKU,
        toml: |_| {
            "via = \"github\"\nrepo = \"acme/api\"\nworkflow = \"deploy-staging.yml\"\n\
             inputs = { sanity = true }\ncorrelate = \"title\"\n"
                .to_owned()
        },
        shows: ": success",
    },
];

impl ProbeAt {
    /// One of each kind that is registered.
    ///
    /// # Errors
    /// A kind is registered that the lab has no place for.
    pub fn all() -> Result<Vec<&'static Self>> {
        PROBES.iter().map(|kind| Self::of(kind)).collect()
    }

    /// The one of this kind.
    ///
    /// # Errors
    /// The lab has no place for it.
    pub fn of(kind: &str) -> Result<&'static Self> {
        let found = PROBES_AT.iter().find(|place| place.kind == kind);
        found.ok_or_else(|| format!("the probe `{kind}` is registered and has no place in the lab"))
    }

    /// What its kind is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Puts it, and nothing else of its kind, into the inventory, with some more lines.
    ///
    /// # Errors
    /// The file cannot be changed.
    pub fn put(&self, stage: &Stage, more: &str) -> Result<()> {
        let toml = (self.toml)(&stage.lab().urls());
        let file = match self.secret.by_operator {
            true => "secrets/postmark-server-token.toml",
            false => "secrets/heroku-api-key.toml",
        };
        stage.edit(file, |text| {
            let rest = text.split("[[verify]]").next().unwrap_or_default().to_owned();
            format!("{rest}[[verify]]\nname = \"it\"\nkind = \"{}\"\n{toml}{more}", self.kind)
        })
    }
}
