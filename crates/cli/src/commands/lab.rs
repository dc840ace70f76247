//! `rollover lab`: the simulated vendors.

use std::path::Path;

use lab::{Control, FaultKind, FaultRule, Lab, LabConfig, StateFile, Vendor};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{self, Fault, VendorName};
use crate::exit::Exit;
use crate::fail::{Fail, Result, chain};
use crate::output::{Output, table};

pub(crate) async fn run(args: args::Lab, output: Output) -> Result<Exit> {
    match args {
        args::Lab::Up { port, state } => up(port, &state, output).await,
        args::Lab::Down { state } => {
            control(&state)?.stop().await.map_err(unreachable)?;
            output.json(&json!({ "stopped": true }))?;
            output.text("the lab is down")?;
            Ok(Exit::Ok)
        }
        args::Lab::Status { state } => {
            let status = control(&state)?.status().await.map_err(unreachable)?;
            output.json(&status)?;
            output.text(&format!("{status:#}"))?;
            Ok(Exit::Ok)
        }
        args::Lab::Fault(fault) => disturb(fault, output).await,
    }
}

async fn up(port: Option<u16>, state: &Path, output: Output) -> Result<Exit> {
    if let Ok(running) = StateFile::read(state)
        && Control::new(&running).status().await.is_ok()
    {
        return Err(Fail::usage(format!("{} belongs to a lab that runs", state.display()))
            .hint("`rollover lab down` stops it; --state FILE starts another one"));
    }
    let config =
        LabConfig { base_port: port, state_file: Some(state.to_owned()), ..LabConfig::default() };
    let lab = Lab::start(config).await.map_err(|e| Fail::new(Exit::Failed, chain(&e)))?;
    let urls = lab.urls();
    output.json(&urls)?;
    output.text(&format!(
        "The lab is up. Open {}/ in a browser.\n\n  Postmark   {}\n  Heroku     {}\n  GitHub     {}\n  Infisical  {}\n\n\
         An inventory for it:  rollover init --lab\nCtrl-C or `rollover lab down` stops it.",
        urls.dashboard, urls.postmark, urls.heroku, urls.github, urls.infisical
    ))?;
    let mut terminated = signal(SignalKind::terminate()).map_err(|error| {
        Fail::new(Exit::Failed, format!("failed to listen for signals: {error}"))
    })?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
        () = lab.stopped() => {}
    }
    lab.stop().await;
    Ok(Exit::Ok)
}

async fn disturb(fault: Fault, output: Output) -> Result<Exit> {
    match fault {
        Fault::Menu => {
            output.json(&FaultKind::NAMES)?;
            output.text(&FaultKind::NAMES.join("\n"))?;
        }
        Fault::Add { vendor, kind, amount, method, path, times, state } => {
            let Some(kind) = FaultKind::named(&kind, amount) else {
                return Err(Fail::usage(format!("there is no fault `{kind}`"))
                    .hint("`rollover lab fault menu` lists them"));
            };
            let mut rule = FaultRule::new(vendor_of(vendor), kind);
            rule.method = method;
            rule.path = path;
            rule.times = times;
            let id = control(&state)?.add_fault(&rule).await.map_err(unreachable)?;
            output.json(&json!({ "fault": id }))?;
            output.text(&format!("fault {id} is in force"))?;
        }
        Fault::Ls { state } => {
            let faults = control(&state)?.faults().await.map_err(unreachable)?;
            let rows: Vec<Vec<String>> = faults
                .iter()
                .map(|fault| {
                    let rule = &fault.rule;
                    vec![
                        fault.id.to_string(),
                        rule.vendor.map_or("any", Vendor::name).to_owned(),
                        rule.kind.name().to_owned(),
                        rule.method.clone().unwrap_or_else(|| "any".into()),
                        rule.path.clone().unwrap_or_else(|| "any".into()),
                        fault.hits.to_string(),
                    ]
                })
                .collect();
            output.json(&faults)?;
            output.text(&table(&["ID", "VENDOR", "FAULT", "METHOD", "PATH", "HITS"], &rows))?;
        }
        Fault::Clear { state } => {
            control(&state)?.clear_faults().await.map_err(unreachable)?;
            output.json(&json!({ "cleared": true }))?;
            output.text("no fault is in force")?;
        }
    }
    Ok(Exit::Ok)
}

fn vendor_of(name: VendorName) -> Vendor {
    match name {
        VendorName::Postmark => Vendor::Postmark,
        VendorName::Heroku => Vendor::Heroku,
        VendorName::Github => Vendor::Github,
        VendorName::Infisical => Vendor::Infisical,
    }
}

fn control(state: &Path) -> Result<Control> {
    let file = StateFile::read(state).map_err(|error| {
        Fail::usage(format!("failed to read {}: {error}", state.display()))
            .hint("`rollover lab up` starts a lab and writes this file")
    })?;
    Ok(Control::new(&file))
}

fn unreachable(error: lab::ControlError) -> Fail {
    Fail::new(Exit::Failed, chain(&error)).hint("is the lab still up? `rollover lab up` starts one")
}
