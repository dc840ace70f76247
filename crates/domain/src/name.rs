//! The name of a secret: its environment and its key, always both.
//!
//! There is no default environment. A command that guesses one deploys to the wrong one sooner
//! or later (Cloudflare R2, 21 March 2025).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A named credential in one environment, written `prod/POSTMARK_SERVER_TOKEN`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName {
    environment: String,
    key: String,
}

/// Why a text is not the name of a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// The environment is missing.
    #[error("`{0}` names no environment; write it as `prod/{0}`")]
    NoEnvironment(String),
    /// A character that neither an environment variable nor a path may hold.
    #[error("`{0}` holds a character other than letters, digits, `_`, `-` and `.`")]
    Character(String),
    /// One of the two halves is empty.
    #[error("`{0}` has an empty half")]
    Empty(String),
}

impl SecretName {
    /// Builds a name from its two halves.
    ///
    /// # Errors
    /// An empty half, or a character outside `[A-Za-z0-9_.-]`.
    pub fn new(environment: &str, key: &str) -> Result<Self, NameError> {
        let whole = || format!("{environment}/{key}");
        if environment.is_empty() || key.is_empty() {
            return Err(NameError::Empty(whole()));
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !environment.chars().chain(key.chars()).all(legal) {
            return Err(NameError::Character(whole()));
        }
        Ok(Self { environment: environment.to_owned(), key: key.to_owned() })
    }

    /// The environment, such as `prod`.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The name that programs read it by, such as `POSTMARK_SERVER_TOKEN`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.environment, self.key))
    }
}

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (environment, key) =
            text.split_once('/').ok_or_else(|| NameError::NoEnvironment(text.to_owned()))?;
        Self::new(environment, key)
    }
}

impl TryFrom<String> for SecretName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_its_environment_is_refused() {
        assert_eq!(
            "HEROKU_API_KEY".parse::<SecretName>(),
            Err(NameError::NoEnvironment("HEROKU_API_KEY".into()))
        );
        assert_eq!(
            "prod/HEROKU_API_KEY".parse::<SecretName>().unwrap().to_string(),
            "prod/HEROKU_API_KEY"
        );
        assert!("prod/".parse::<SecretName>().is_err());
        assert!("prod/A B".parse::<SecretName>().is_err());
        assert!("prod/../x".parse::<SecretName>().is_err());
    }
}
