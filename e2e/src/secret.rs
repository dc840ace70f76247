//! The two secrets of the lab's inventory, and where each of them is held.

/// The Postmark server that the first runbook is about.
pub const SERVER: &str = "acme-prod";

/// One of the two secrets.
#[derive(Debug, PartialEq, Eq)]
pub struct Secret {
    /// The whole name.
    pub name: &'static str,
    /// The key in the store, in config vars and in files.
    pub key: &'static str,
    /// The Heroku apps that hold it.
    pub apps: &'static [&'static str],
    /// Whether the GitHub repository holds it.
    pub github: bool,
    /// The dotenv file that holds it.
    pub file: &'static str,
    /// Whether a person creates and deletes it.
    pub by_operator: bool,
}

/// The secret that the API makes and revokes.
pub static HEROKU: Secret = Secret {
    name: "prod/HEROKU_API_KEY",
    key: "HEROKU_API_KEY",
    apps: &["acme-api-prod", "acme-api-staging", "acme-console-prod", "acme-rotation-pipeline"],
    github: true,
    file: "operator.env",
    by_operator: false,
};

/// The secret that a person makes and deletes.
pub static POSTMARK: Secret = Secret {
    name: "prod/POSTMARK_SERVER_TOKEN",
    key: "POSTMARK_SERVER_TOKEN",
    apps: &["acme-api-prod", "acme-api-staging"],
    github: false,
    file: "worker.env",
    by_operator: true,
};
