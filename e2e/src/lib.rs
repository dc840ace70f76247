//! The harness of the whole-product tests: the real binary, as a child process, against the lab.
//!
//! A [`Stage`] is a lab and an inventory of it. A [`Rollover`] is one run of the binary there, in
//! an environment of its own. An [`Operator`] does what a person is asked to do. What became of
//! the world is read from the lab, never from the product: [`Before`] is what it was like, and
//! compares. [`crashes`] and [`faults`] put one rotation through everything that can happen to it,
//! [`disks`] and [`clocks`] do the same to the disk and the clock under it, by means of a [`shim`]
//! that the program does not know of. [`drifts`] changes the world behind everybody's back and
//! looks whether it is noticed. [`appends`] cuts the power under the journal alone. [`chain`]
//! times a rotation, [`originals`] is what the two given runbooks say, [`leaks`] lives a whole
//! life and lets [`canary`] look for values where none
//! may be, [`memory`] counts copies in the running program, and [`hardening`] tries to look at it.
//! [`clients`] puts the vendors' own clients before the lab, and [`pages`] types what the documents
//! say to type.
//!
//! Both the tests of the command line and `cargo xtask figures` rest on this, so that a published
//! figure and a test are one piece of code.

mod ground;
mod stage;

mod operator;
mod rollover;
mod secret;

mod before;

mod spread;

pub mod bench;
mod facts;
pub mod pairing;

pub mod shim;

pub mod posture;

pub mod power;

pub mod appends;
pub mod clocks;
pub mod disks;
pub mod doctor;

pub mod canary;
pub mod chain;
pub mod clients;
pub mod corpus;
pub mod crashes;
pub mod doubtful;
pub mod drifts;
pub mod faults;
pub mod fleet;
pub mod hardening;
pub mod hiding;
pub mod hourly;
pub mod journey;
pub mod leaks;
pub mod matrix;
pub mod members;
pub mod memory;
pub mod originals;
pub mod pages;
pub mod probes;
pub mod rekeys;
pub mod roles;
pub mod set_backs;
pub mod steps;
pub mod syncs;
pub mod tls;
pub mod usage;

pub use before::{Before, Restarts};
pub use bench::Bench;
pub use facts::Facts;
pub use operator::{Does, Enter, Fetch, Operator};
pub use pairing::Pairing;
pub use rollover::{Ended, Rollover, Running};
pub use secret::{HEROKU, POSTMARK, SERVER, Secret};
pub use spread::{full, spread};
pub use stage::{Pace, Stage};

/// What went wrong, in words for the person who reads the test's output.
pub type Result<T, E = String> = std::result::Result<T, E>;
