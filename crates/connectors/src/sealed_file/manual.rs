//! The sealed file in a runbook.

use domain::SecretName;
use domain::runbook::{ByHand, Failure, StoreManual};

pub(crate) fn store(name: &SecretName) -> StoreManual {
    StoreManual {
        write: vec![ByHand::new(
            "the file opens with the installation's key and rollover alone",
            vec![format!("printf %s \"$NEW\" | rollover secret import {name} --token-stdin")],
            "stored, as the next version",
        )],
        failures: vec![Failure::new(
            "the installation's key is lost",
            "the values in the file are lost with it: restore the key from its copy, or import the \
             current token again",
        )],
        claims: &[],
    }
}
