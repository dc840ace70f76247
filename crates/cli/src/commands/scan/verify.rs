//! `--verify`: asks the issuers about what is not ours, once a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::Issuer;
use domain::Liveness;
use scan::What;

use super::Among;
use super::told::{Told, kind_of};
use crate::fail::{Fail, Result};
use crate::output::Output;

/// So many values are sent at most; whoever has more looks at the report first.
const LOOKS_MAX: usize = 100;

pub(super) async fn verify(told: &mut Told, among: &Among, output: Output) -> Result<()> {
    let Some(home) = &among.home else { return Ok(()) };
    let engine = home.looking()?;
    let mut issuers: BTreeMap<&'static str, Arc<dyn Issuer>> = BTreeMap::new();
    for (name, issuer) in engine.issuers() {
        if let Some(kind) = kind_of(home, &name) {
            issuers.entry(kind).or_insert(issuer);
        }
    }
    let mut looks = 0;
    for one in &mut told.all {
        let What::Looks { issuer, .. } = one.finding.what else { continue };
        let Some(token) = one.finding.value.take() else { continue };
        let Some(connector) = issuers.get(issuer) else {
            let why = format!("the inventory has no issuer of the kind {issuer}");
            one.look = Some(Liveness::Unknown { why });
            continue;
        };
        looks += 1;
        if looks > LOOKS_MAX {
            return Err(Fail::usage(format!("more than {LOOKS_MAX} candidates to ask about"))
                .hint("look at the report without --verify first, or at a smaller part"));
        }
        one.look = Some(connector.look(&token).await);
    }
    if looks > 0 {
        output.say(&format!("asked about {looks} candidates"));
    }
    Ok(())
}
