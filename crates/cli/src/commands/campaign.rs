//! `rollover campaign`: rotations that were begun together.
//!
//! One that answers a compromised platform is closed by a person, and only when every secret that
//! was exposed is rotated and its old token proven dead, or somebody says why it need not be.

use std::collections::BTreeMap;
use std::fmt;

use clap::Subcommand;
use domain::campaign::Opened;
use domain::{Act, Outcome, Rotation, RotationId, SecretName};
use engine::Engine;
use journal::RotationFilter;
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{Fail, Result};
use crate::home::Home;
use crate::output::{Output, table};

/// Look at rotations that were begun together, and close them
#[derive(Subcommand, Debug)]
pub(crate) enum Campaign {
    /// List campaigns, newest first
    Ls,
    /// Show one campaign: each secret, and what is left before it may be closed
    Show {
        /// Its id
        id: String,
    },
    /// Say why an exposed secret needs no rotation
    Justify {
        /// The campaign's id
        id: String,
        /// The secret, as `prod/NAME`
        secret: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Close a campaign; refused while an exposed secret is neither rotated nor justified
    Close {
        /// Its id
        id: String,
    },
}

pub(crate) async fn run(args: &Campaign, global: &Global, output: Output) -> Result<Exit> {
    let home = Home::find(global)?;
    match args {
        Campaign::Ls => list(&home, output),
        Campaign::Show { id } => show(&home, id, output),
        Campaign::Justify { id, secret, reason } => {
            let name = home.secret(secret)?;
            let pass = home.allow(Act::LeakRespond, Some(&name))?;
            let engine = home.acting(&pass, &format!("campaign justify {id}"), false)?;
            let campaign = found(&engine, id)?;
            if !campaign.members.contains(&name) {
                return Err(Fail::usage(format!("{name} is no part of {id}"))
                    .hint(format!("rollover campaign show {id} lists its secrets")));
            }
            engine.note(campaign.justify(&name, reason, engine.actor(), engine.now())).await?;
            output
                .json(&json!({ "campaign": campaign.id, "secret": name, "justified": reason }))?;
            output.text(&format!("{name} is justified in {id}"))?;
            Ok(Exit::Ok)
        }
        Campaign::Close { id } => {
            let pass = home.allow(Act::Campaign, None)?;
            let engine = home.acting(&pass, &format!("campaign close {id}"), false)?;
            close(&engine, &found(&engine, id)?, output).await
        }
    }
}

fn list(home: &Home, output: Output) -> Result<Exit> {
    let engine = home.looking()?;
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for campaign in engine.campaigns()?.iter().rev() {
        let stands = stands(&engine, campaign)?;
        let over = stands.values().filter(|stand| stand.is_over()).count();
        let state = match &campaign.closed {
            Some((at, by)) => format!("closed {at:.0} by {by}"),
            None if over == stands.len() => "over".into(),
            None => "open".to_owned(),
        };
        rows.push(vec![
            campaign.id.to_string(),
            format!("{:.0}", campaign.at),
            campaign.asked.clone(),
            format!("{over}/{}", stands.len()),
            state.clone(),
        ]);
        objects.push(json!({ "campaign": campaign, "over": over, "state": state }));
    }
    output.json(&objects)?;
    output.text(&table(&["CAMPAIGN", "OPENED", "ASKED", "OVER", "STATE"], &rows))?;
    Ok(Exit::Ok)
}

fn show(home: &Home, id: &str, output: Output) -> Result<Exit> {
    let engine = home.looking()?;
    let campaign = found(&engine, id)?;
    let stands = stands(&engine, &campaign)?;
    let left: Vec<&SecretName> =
        stands.iter().filter(|(_, one)| !one.is_answered()).map(|(name, _)| name).collect();
    output.json(&json!({
        "campaign": campaign, "left": left,
        "members": stands.iter().map(|(name, one)| json!({
            "secret": name, "stands": one.to_string(), "rotation": one.rotation(),
            "answered": one.is_answered(),
        })).collect::<Vec<Value>>(),
    }))?;
    let reason = campaign.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    output.text(&format!("{id}  {}  by {}{reason}\n", campaign.asked, campaign.by))?;
    let rows: Vec<Vec<String>> = stands
        .iter()
        .map(|(name, one)| {
            let exposed = campaign.exposed.get(name).map(|fp| format!("fp {fp}"));
            vec![name.to_string(), exposed.unwrap_or_else(|| "-".into()), one.to_string()]
        })
        .collect();
    output.text(&table(&["SECRET", "EXPOSED", "STANDS"], &rows))?;
    match (&campaign.closed, left.len()) {
        (Some((at, by)), _) => output.text(&format!("\nclosed {at:.0} by {by}"))?,
        (None, 0) => output.text(&format!("\nclose it: rollover campaign close {id}"))?,
        (None, left) => output.text(&format!("\n{left} left before it may be closed"))?,
    }
    Ok(Exit::Ok)
}

async fn close(engine: &Engine, campaign: &Opened, output: Output) -> Result<Exit> {
    let id = &campaign.id;
    if let Some((at, by)) = &campaign.closed {
        return Err(Fail::usage(format!("{id} was closed {at:.0} by {by}")));
    }
    let stands = stands(engine, campaign)?;
    let left: Vec<String> = stands
        .iter()
        .filter(|(_, one)| !one.is_answered())
        .map(|(name, one)| format!("{name} ({one})"))
        .collect();
    if !left.is_empty() {
        let what = format!("{id} cannot be closed: {}", left.join(", "));
        return Err(Fail::new(Exit::Failed, what)
            .hint("rotate them: the command that began it, again")
            .hint(format!("or say why not: rollover campaign justify {id} SECRET --reason TEXT")));
    }
    engine.note(campaign.close(engine.actor(), engine.now())).await?;
    output.json(&json!({ "campaign": id, "closed": true }))?;
    output.text(&format!("{id} is closed: {} answered for", stands.len()))?;
    Ok(Exit::Ok)
}

fn found(engine: &Engine, id: &str) -> Result<Opened> {
    engine.campaigns()?.into_iter().find(|one| one.id.0 == id).ok_or_else(|| {
        Fail::usage(format!("there is no campaign {id}")).hint("`rollover campaign ls` lists them")
    })
}

/// How one secret of a campaign stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stand {
    /// No rotation of this campaign was begun for it.
    NotBegun,
    /// Its rotation is open.
    Open(RotationId),
    /// The leaked token is dead, but could read its replacement.
    Owes,
    /// Its rotation has ended.
    Over(RotationId, Outcome),
    /// Somebody has said why it needs none.
    Justified(String),
}

impl Stand {
    /// Whether nothing more is to be expected of it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Over(..) | Self::Justified(_))
    }

    /// Whether it went before others and is not proven.
    pub(crate) fn is_unproven(&self) -> bool {
        match self {
            Self::Over(_, outcome) => *outcome != Outcome::Completed,
            Self::Justified(_) => false,
            Self::NotBegun | Self::Owes => true,
            Self::Open(_) => false,
        }
    }

    /// Whether an exposed token is proven dead, or justified.
    fn is_answered(&self) -> bool {
        matches!(self, Self::Over(_, Outcome::Completed) | Self::Justified(_))
    }

    pub(crate) fn rotation(&self) -> Option<&RotationId> {
        match self {
            Self::Open(id) | Self::Over(id, _) => Some(id),
            _ => None,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Over(
                _,
                Outcome::Completed
                | Outcome::Rehearsed
                | Outcome::Decommissioned
                | Outcome::Removed,
            )
            | Self::Justified(_) => Exit::Ok,
            Self::Over(_, Outcome::RolledBack { .. }) => Exit::RolledBack,
            Self::Over(_, Outcome::Abandoned { .. }) => Exit::Attention,
            Self::NotBegun | Self::Open(_) | Self::Owes => Exit::Waiting,
        }
    }
}

impl fmt::Display for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun => f.write_str("not begun"),
            Self::Open(id) => write!(f, "open as {id}"),
            Self::Owes => f.write_str("owes a second rotation"),
            Self::Over(id, Outcome::Completed) => write!(f, "rotated by {id}, proven dead"),
            Self::Over(id, Outcome::Rehearsed) => write!(f, "rehearsed by {id}"),
            Self::Over(id, Outcome::Decommissioned) => write!(f, "taken out of use by {id}"),
            Self::Over(id, Outcome::Removed) => write!(f, "removed by {id}"),
            Self::Over(id, Outcome::RolledBack { why }) => write!(f, "{id} rolled back: {why}"),
            Self::Over(id, Outcome::Abandoned { why }) => write!(f, "{id} abandoned: {why}"),
            Self::Justified(why) => write!(f, "justified by {why}"),
        }
    }
}

/// How each secret of a campaign stands: by its newest rotation that belongs to the campaign, or
/// by any that has rotated an exposed token since.
pub(crate) fn stands(engine: &Engine, campaign: &Opened) -> Result<BTreeMap<SecretName, Stand>> {
    let mut stands: BTreeMap<SecretName, Stand> =
        campaign.members.iter().map(|name| (name.clone(), Stand::NotBegun)).collect();
    let rows = engine.reader().rotations(&RotationFilter::default())?;
    // The newest come first; what is known of a secret already is newer.
    for row in rows.iter().take_while(|row| row.started_at >= campaign.at) {
        let Some(stand) = stands.get_mut(&row.secret).filter(|stand| !stand.is_answered()) else {
            continue;
        };
        let rotation = engine.rotation(&row.id)?;
        let own = rotation.plan().campaign.as_ref() == Some(&campaign.id);
        let found = stand_of(&rotation, &row.id);
        let dead = campaign.exposed.contains_key(&row.secret) && found.is_answered();
        if dead || (own && *stand == Stand::NotBegun) {
            *stand = found;
        }
    }
    for (name, why) in &campaign.justified {
        if let Some(stand) = stands.get_mut(name).filter(|stand| !stand.is_answered()) {
            *stand = Stand::Justified(why.clone());
        }
    }
    Ok(stands)
}

fn stand_of(rotation: &Rotation, id: &RotationId) -> Stand {
    match rotation.outcome() {
        None => Stand::Open(id.clone()),
        Some((_, Outcome::Completed)) if rotation.plan().owes_reissue() => Stand::Owes,
        Some((_, outcome)) => Stand::Over(id.clone(), outcome.clone()),
    }
}
