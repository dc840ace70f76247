//! The client of the control API: how another process looks at a running lab, disturbs it and stops it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Ask, WireError, once};
use crate::{FaultRule, FaultStatus, RequestRecord, StateFile};

/// A running lab, from outside.
#[derive(Clone)]
pub struct Control {
    dashboard: String,
    token: String,
}

/// Why a control call failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The lab does not answer.
    #[error("failed to reach the lab")]
    Wire(#[from] WireError),
    /// The lab said no.
    #[error("the lab refused ({status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The answer is not what was expected.
    #[error("failed to read the lab's answer")]
    Answer(#[from] serde_json::Error),
}

impl Control {
    /// The lab that wrote this state file.
    #[must_use]
    pub fn new(state: &StateFile) -> Self {
        Self { dashboard: state.urls.dashboard.clone(), token: state.control_token.clone() }
    }

    /// What runs where, and how it is.
    ///
    /// # Errors
    ///
    /// When the lab does not answer.
    pub async fn status(&self) -> Result<Value, ControlError> {
        self.call("GET", "/lab/status", Value::Null).await
    }

    /// The faults in force.
    ///
    /// # Errors
    ///
    /// When the lab does not answer.
    pub async fn faults(&self) -> Result<Vec<FaultStatus>, ControlError> {
        let answer = self.call("GET", "/lab/faults", Value::Null).await?;
        Ok(serde_json::from_value(answer["faults"].clone())?)
    }

    /// Puts a fault in force and answers its number.
    ///
    /// # Errors
    ///
    /// When the lab does not answer or does not know the fault.
    pub async fn add_fault(&self, rule: &FaultRule) -> Result<u64, ControlError> {
        let answer = self.call("POST", "/lab/faults", serde_json::to_value(rule)?).await?;
        Ok(serde_json::from_value(answer["id"].clone())?)
    }

    /// Takes a fault out of force; false when there was none of that number.
    ///
    /// # Errors
    ///
    /// When the lab does not answer.
    pub async fn remove_fault(&self, id: u64) -> Result<bool, ControlError> {
        let answer = self.call("DELETE", &format!("/lab/faults/{id}"), Value::Null).await?;
        Ok(answer["removed"] == true)
    }

    /// Takes every fault out of force.
    ///
    /// # Errors
    ///
    /// When the lab does not answer.
    pub async fn clear_faults(&self) -> Result<(), ControlError> {
        self.call("DELETE", "/lab/faults", Value::Null).await.map(|_| ())
    }

    /// Moves the lab's time forward.
    ///
    /// # Errors
    ///
    /// When the lab does not answer.
    pub async fn advance(&self, by: Duration) -> Result<(), ControlError> {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.call("POST", "/lab/clock/advance", json!({ "ms": ms })).await.map(|_| ())
    }

    /// The requests so far, oldest first.
    ///
    /// # Errors
    ///
    /// When the lab does not answer.
    pub async fn requests(&self) -> Result<Vec<RequestRecord>, ControlError> {
        let answer = self.call("GET", "/lab/requests", Value::Null).await?;
        Ok(serde_json::from_value(answer["requests"].clone())?)
    }

    /// Puts the world back to how it was seeded.
    ///
    /// # Errors
    ///
    /// When the lab does not answer.
    pub async fn reset(&self) -> Result<(), ControlError> {
        self.call("POST", "/lab/reset", Value::Null).await.map(|_| ())
    }

    /// Stops the lab; its process ends a moment later.
    ///
    /// # Errors
    ///
    /// When the lab does not answer.
    pub async fn stop(&self) -> Result<(), ControlError> {
        self.call("POST", "/lab/stop", Value::Null).await.map(|_| ())
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Result<Value, ControlError> {
        let headers = [
            ("user-agent", "lab-control/1"),
            ("content-type", "application/json"),
            ("x-lab-control", self.token.as_str()),
        ];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = once(&self.dashboard, Ask { method, path, headers: &headers, body }).await?;
        if answer.status == 200 {
            return Ok(serde_json::from_slice(&answer.body)?);
        }
        let said = answer.json();
        let message = said["error"].as_str().unwrap_or("no reason given").to_owned();
        Err(ControlError::Refused { status: answer.status, message })
    }
}
