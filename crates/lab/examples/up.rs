//! A lab in the foreground, until somebody stops it: `cargo run -p lab --example up -- state.json [gh.sock]`.

use std::path::PathBuf;

use lab::{Lab, LabConfig, LabError};

#[tokio::main]
async fn main() -> Result<(), LabError> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let state_file = paths.next();
    let github_socket = paths.next();
    let lab = Lab::start(LabConfig { state_file, github_socket, ..LabConfig::default() }).await?;
    lab.stopped().await;
    lab.stop().await;
    Ok(())
}
