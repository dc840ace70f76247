//! One file per vendor: what it declares, what it asks, how it reads the answer.
//!
//! A connector makes calls and reads answers; it never decides. Whether to call, when to call
//! again and what an answer means for a rotation is said by the machine in `domain` and carried
//! out by `engine`. The only crate that may use the HTTP client.
//!
//! Every mutating call ends in one of three ways, and the type keeps them apart: it worked, it
//! certainly did not ([`Fault::Refused`], [`Fault::Later`]), or nobody knows ([`Fault::Unsure`]).

mod fault;
mod traits;

mod files;
mod gather;
mod hidden;
mod http;
mod login;
mod shown;

mod examine;
mod existing;
mod survey;

mod dotenv;
mod github;
mod heroku;
mod infisical;
mod notify;
mod postmark;
mod probe;
mod sealed_file;
mod workstation;

mod manual;
mod world;

pub mod kinds;
pub mod untrusted;

pub use dotenv::dotenv_names;
pub use examine::{Answered, Examiner, TestMail};
pub use existing::SecretSeen;
pub use fault::Fault;
pub use github::{Alert, Alerts};
pub use http::{CallObserver, Quota, SetupError};
pub use login::{Login, LoginError};
pub use manual::manual_of;
pub use notify::{ChannelError, Speaker, Unsaid};
pub use sealed_file::SealedFiles;
pub use survey::{RELEASES_MAX, ReleaseSeen, Survey};
pub use traits::{
    Adoption, Consumer, Found, Held, Issuer, ListedToken, Listing, MintOrder, MintRight, Minted,
    Place, Placed, PlacedWrite, ProbeOrder, Prober, Receipt, Running, Sight, Store, StoreWrite,
    Stored,
};
pub use workstation::{Desk, at_home, keep_in_own_file};
pub use world::{ALL_PROFILES, World, WorldError, profile_of};
