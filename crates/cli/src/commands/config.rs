//! `rollover config check`

use serde_json::json;

use crate::args::{Config, Global};
use crate::exit::Exit;
use crate::fail::Result;
use crate::home::{Home, MAIN};
use crate::output::Output;

pub(crate) fn run(args: &Config, global: &Global, output: Output) -> Result<Exit> {
    match args {
        Config::Check => {
            let home = Home::find(global)?;
            let inventory = &home.inventory;
            let consumers: usize = inventory.secrets.values().map(|s| s.consumers.len()).sum();
            output.json(&json!({
                "inventory": home.directory.join(MAIN),
                "secrets": inventory.secrets.keys().collect::<Vec<_>>(),
                "issuers": inventory.issuers.len(),
                "stores": inventory.stores.len(),
                "consumers": consumers,
            }))?;
            output.text(&format!(
                "{} is right: {} secret(s), {} issuer(s), {} store(s), {consumers} consumer(s)",
                home.directory.join(MAIN).display(),
                inventory.secrets.len(),
                inventory.issuers.len(),
                inventory.stores.len(),
            ))?;
            Ok(Exit::Ok)
        }
    }
}
