//! Simulators of four vendors on loopback, with the pages a person clicks in and the apps that use the tokens.
//!
//! The lab is a stranger to the rest of the product, as a vendor is: it is written from the vendors'
//! published facts and knows nothing of the client that talks to it. Official clients work against it.
//!
//! How one request walks through the code:
//!
//! ```text
//! server (a real socket) -> exchange (faults, moments, log) -> world (one lock) -> postmark | heroku | github | infisical
//! ```
//!
//! Each vendor is one synchronous function from the world and a call to a reply. That is what makes a
//! duplicate delivery, a late effect and a stale replica a few lines each instead of a second simulator.
//!
//! Nothing here listens until [`Lab::start`] is called, and then on loopback only.

mod browser;
mod chat;
mod clock;
mod colleagues;
mod config;
mod control;
mod dashboard;
mod exchange;
mod faults;
mod fleet;
mod gate;
mod github;
mod heroku;
mod hooks;
mod infisical;
mod inspect;
mod knobs;
mod lab;
mod log;
mod operator;
mod org;
mod postmark;
mod random;
mod seed;
mod server;
mod state_file;
mod traffic;
mod wire;
mod world;

pub use browser::WireError;
pub use chat::{Received, SlackMessage};
pub use clock::Clock;
pub use config::{ClockMode, LabConfig, LabError, Urls, Vendor};
pub use control::{Control, ControlError};

pub use faults::{FaultKind, FaultRule, FaultStatus, Faults};
pub use fleet::FleetSecret;
pub use github::SecretScope;
pub use hooks::{Moment, MomentKind, Verdict};
pub use inspect::{
    AuthorizationView, DynoView, GithubSecretView, Inspection, MailView, ReleaseView, RestartView,
    RunView, VersionView,
};
pub use knobs::{
    AppKnobs, GithubKnobs, HerokuKnobs, InfisicalKnobs, Knobs, Listing, PostmarkKnobs,
    ReleasePhase, SecretLook, Sending, Standing,
};
pub use lab::Lab;
pub use log::{Counters, RequestRecord};
pub use operator::{Request as OperatorRequest, StandIn, StandInError, TokenPick, TokensOf};
pub use org::{
    AppSeed, AuthorizationSeed, Credentials, GithubSecretSeed, GithubSeed, HerokuSeed,
    InfisicalSecretSeed, InfisicalSeed, Org, PostmarkSeed, ServerSeed, ValueSeed, WorkflowSeed,
};
pub use state_file::StateFile;
pub use traffic::{AppCounts, Traffic, TrafficConfig, TrafficReport, TrafficSource};
