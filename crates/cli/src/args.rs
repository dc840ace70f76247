//! The command line, as typed. The doc comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use domain::audit::NoteKey;
use domain::inventory::KeySource;
use domain::{Mode, Span};

use crate::commands::notify::Notify;
use crate::commands::runbook::Runbook;
use crate::commands::{self, Campaign, Rotate, Which};

/// Rotate API tokens without an outage, and prove that the old one is dead
#[derive(Parser, Debug)]
#[command(name = "rollover", version, max_term_width = 80, propagate_version = true)]
#[command(after_help = "Exit codes: rollover help-exit-codes\nFirst steps: rollover demo")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes
#[derive(Args, Debug, Clone)]
pub(crate) struct Global {
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no progress and no advice
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Never ask; where a person is needed, end with code 10
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Use the inventory in this directory
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Show both runbooks rotate end to end against the built-in lab
    Demo(Demo),
    /// Write an inventory to start from
    Init(commands::init::Init),
    /// Check the inventory
    #[command(subcommand)]
    Config(Config),
    /// Show what a rotation would do; reads only
    Plan(Plan),
    /// Rotate secrets; run again to go on after an interruption
    Rotate(Rotate),
    /// Look at rotations that were begun together, and close them
    #[command(subcommand)]
    Campaign(Campaign),
    /// Show every secret: age, consumers in step, token live, open run
    Status(Status),
    /// Find out why a token is refused; reads only, but for a test mail
    Doctor(commands::doctor::Doctor),
    /// Check whether the rules for tokens are followed; reads only, but for `--fix`
    Posture(commands::posture::Posture),
    /// Show what happens with tokens at their vendors, and what is out of the ordinary
    Usage(commands::usage::Usage),
    /// Make example files without values, and keep them in step
    #[command(subcommand)]
    Template(commands::template::Template),
    /// Compare what everybody holds with what they should
    Drift(crate::commands::Drift),
    /// Fetch a value for your own machine, or run one program with it
    #[command(subcommand)]
    Env(commands::env::Env),
    /// Look at rotations and steer them
    #[command(subcommand)]
    Run(Run),
    /// Show and check the runbook of a secret, made from what is known and measured
    #[command(subcommand)]
    Runbook(Runbook),
    /// See the channels that people are told by, and try them
    #[command(subcommand)]
    Notify(Notify),
    /// Look at what waits for people, and answer
    #[command(subcommand)]
    Task(Task),
    /// Read and check the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// See when rotations are due, and into which windows they fall
    #[command(subcommand)]
    Schedule(Schedule),
    /// Put a secret's current token where it belongs
    #[command(subcommand)]
    Secret(crate::commands::Secret),
    /// Replace the installation's key; run again to go on after an interruption
    Rekey(Rekey),
    /// Write a backup of everything into one file, sealed for somebody
    Backup(Backup),
    /// Put a backup back where there is no installation
    Restore(Restore),
    /// Look at the world after the database was set back, before anything is changed
    Reconcile(Reconcile),
    /// Run the simulated vendors
    #[command(subcommand)]
    Lab(Lab),
    /// Look for tokens in files, in git's history, in what is staged, in standard input
    Scan(commands::scan::Scan),
    /// Have git look for tokens before each commit and push
    #[command(subcommand)]
    Hook(commands::hook::Hook),
    /// Answer a leak, from the finding to the proof
    #[command(subcommand)]
    Leak(commands::leak::Leak),
    /// Show a token's fingerprint, and whose it is; reads standard input
    Fingerprint,
    /// Write a file for whoever helps; it holds no value
    Support(Support),
    /// Print a completion script for a shell
    Completion {
        /// Which shell
        shell: Shell,
    },
    /// Explain the exit codes
    HelpExitCodes,
}

/// Show both runbooks rotate end to end against the built-in lab
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Keep the demo's inventory and memory in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Send at least this many requests while rotating
    #[arg(long, default_value_t = 5_200, value_name = "N")]
    pub(crate) requests: u64,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Config {
    /// Read the inventory and say everything that is wrong with it
    Check,
}

/// Show what a rotation would do; reads only
#[derive(Args, Debug)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) which: Which,
    /// End with code 3 where something would change
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    #[command(flatten)]
    pub(crate) why: Why,
}

/// Why a token is rotated, where it is not simply due
#[derive(Args, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct Why {
    /// The token has leaked: everybody at once, no soak, and once more where the leaked token
    /// could read its replacement
    #[arg(long)]
    pub(crate) emergency: bool,
    /// The token has leaked and must die now: revoke it before there is a new one. Its consumers
    /// are out of service until they have the new one
    #[arg(long)]
    pub(crate) revoke_first: bool,
    /// Go forward although the current token is dead
    #[arg(long)]
    pub(crate) repair: bool,
    /// Try everything but the revocation, and go back: each consumer is restarted twice
    #[arg(long)]
    pub(crate) rehearse: bool,
}

impl Why {
    /// The mode of the rotation.
    pub(crate) fn mode(&self) -> Mode {
        match (self.emergency, self.revoke_first, self.repair, self.rehearse) {
            (true, ..) => Mode::Emergency,
            (_, true, ..) => Mode::RevokeFirst,
            (_, _, true, _) => Mode::Repair,
            (.., true) => Mode::Rehearsal,
            _ => Mode::Scheduled,
        }
    }

    /// The option as it is typed, with a space before it.
    pub(crate) fn option(&self) -> &'static str {
        match self.mode() {
            Mode::Scheduled | Mode::Decommission | Mode::Removal => "",
            Mode::Emergency | Mode::Reissue => " --emergency",
            Mode::RevokeFirst => " --revoke-first",
            Mode::Repair => " --repair",
            Mode::Rehearsal => " --rehearse",
        }
    }
}

/// How a rotation is run
#[derive(Args, Debug, Default, Clone)]
pub(crate) struct How {
    /// Begin without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Agree to the revocation beforehand by the secret's name; to those of several by `all:N`
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
    /// End with code 10 where a person is needed, instead of waiting
    #[arg(long, conflicts_with = "wait")]
    pub(crate) no_wait: bool,
    /// Wait for people even without a terminal
    #[arg(long)]
    pub(crate) wait: bool,
    /// Take over from a process that is stopped and no longer renews its lease
    #[arg(long)]
    pub(crate) take_over: bool,
    #[command(flatten)]
    pub(crate) token: TokenWay,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Schedule {
    /// List each secret: when it is overdue, and where its rotation is placed
    Ls,
    /// Show rotations and freezes day by day
    Calendar {
        /// Print an iCalendar file (RFC 5545) for calendar programs
        #[arg(long)]
        ics: bool,
    },
}

/// Ways in for a token; never an argument
#[derive(Args, Debug, Default, Clone)]
pub(crate) struct TokenWay {
    /// Read the token from standard input
    #[arg(long)]
    pub(crate) token_stdin: bool,
    /// Read the token from a file of mode 0600
    #[arg(long, value_name = "FILE", conflicts_with = "token_stdin")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Show every secret: age, consumers in step, token live, open run
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Only this secret
    pub(crate) secret: Option<String>,
    /// End with code 3 where anything is overdue or out of step
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Run {
    /// List rotations, newest first
    Ls,
    /// Show one rotation: steps, evidence, what it waits for
    Show {
        /// Its id
        id: String,
    },
    /// Go on with a rotation that was interrupted or waits
    Resume {
        /// Its id
        id: String,
        #[command(flatten)]
        how: How,
    },
    /// Turn a rotation back and leave everything as it was
    #[command(visible_alias = "abort")]
    Rollback {
        /// Its id
        id: String,
        /// Why
        #[arg(long, default_value = "asked for")]
        reason: String,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Task {
    /// List what waits for people
    Ls {
        /// Only what you have taken
        #[arg(long)]
        mine: bool,
        /// Only what asks for this role
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
    },
    /// Show one task: instructions, who has it, what an answer has to bring
    Show {
        /// The task's id
        id: String,
    },
    /// Take a task, so that nobody else works at it; take it again to keep it for longer
    Claim {
        /// The task's id
        id: String,
        /// For how long, such as `30m`; the policy's `claim` without it
        #[arg(long, value_name = "TIME")]
        r#for: Option<Span>,
    },
    /// Give a task back, or hand it over
    Release {
        /// The task's id
        id: String,
        /// Hand it over to this member
        #[arg(long, value_name = "MEMBER")]
        to: Option<String>,
    },
    /// Say that you could not do a task; it is anybody's again
    Fail {
        /// The task's id
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Say that a task is done; the engine then looks for itself
    Done {
        /// The task's id
        id: String,
        /// Agree to a revocation by the secret's name
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
        /// Say that what was sent did not arrive
        #[arg(long)]
        no: bool,
        #[command(flatten)]
        token: TokenWay,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Audit {
    /// List records, newest last
    Ls {
        /// How many
        #[arg(short = 'n', long, default_value_t = 50)]
        number: u64,
    },
    /// Check that no record was changed, removed, inserted or moved
    Verify {
        /// Also check that the log goes on from the checkpoints in this file
        #[arg(long, value_name = "FILE")]
        anchor: Vec<PathBuf>,
    },
    /// Write the proof that a record is in the log, or check one
    Prove(Prove),
    /// Print the key that checkpoints and proofs are checked with
    Key,
    /// Check the log and keep its checkpoint elsewhere; without a place, print it
    Anchor(Anchor),
}

/// Write the proof that a record is in the log, or check one
#[derive(Args, Debug)]
pub(crate) struct Prove {
    /// The record's number, as `audit ls` shows it
    #[arg(required_unless_present = "check", conflicts_with = "check")]
    pub(crate) number: Option<u64>,
    /// Write the proof to this new file instead of standard output
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub(crate) output: Option<PathBuf>,
    /// Check the proof in this file; needs no inventory and no database
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) check: Option<PathBuf>,
    /// The log's key, as `audit key` prints it
    #[arg(long, value_name = "VKEY", requires = "check")]
    pub(crate) key: Option<NoteKey>,
}

/// Check the log and keep its checkpoint elsewhere; without a place, print it
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct Anchor {
    /// Append it to this file
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// Commit it to the git repository of this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) git: Option<PathBuf>,
    /// Send it to this address with `sendmail`
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mail: Option<String>,
}

/// Replace the installation's key; run again to go on after an interruption
#[derive(Args, Debug)]
pub(crate) struct Rekey {
    /// Where the old key is, if not where the inventory says: `file:PATH`, `keyring:NAME` or
    /// `passphrase:PATH`
    #[arg(long, value_name = "PLACE", value_parser = place)]
    pub(crate) from: Option<KeySource>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseWay,
    /// Read the old key's passphrase from a file of mode 0600
    #[arg(long, value_name = "FILE")]
    pub(crate) old_passphrase_file: Option<PathBuf>,
}

/// Write a backup of everything into one file, sealed for somebody
#[derive(Args, Debug)]
pub(crate) struct Backup {
    /// Where it goes; nothing is overwritten
    pub(crate) file: PathBuf,
    /// Leave the installation's key out
    #[arg(long)]
    pub(crate) without_key: bool,
    /// Seal it for this public key of age, `age1...`, instead of a passphrase
    #[arg(long, value_name = "AGE", conflicts_with_all = ["passphrase_stdin", "passphrase_file"])]
    pub(crate) recipient: Vec<String>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseWay,
}

/// Put a backup back where there is no installation
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// The private key of age that opens it, in a file of mode 0600
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase_stdin", "passphrase_file"])]
    pub(crate) identity: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseWay,
}

/// Look at the world after the database was set back, before anything is changed
#[derive(Args, Debug)]
pub(crate) struct Reconcile {
    /// End this rotation, which the world has moved on without
    #[arg(long, value_name = "ID")]
    pub(crate) abandon: Vec<String>,
}

/// Ways in for a passphrase; never an argument
#[derive(Args, Debug, Default)]
pub(crate) struct PassphraseWay {
    /// Read the passphrase from standard input
    #[arg(long)]
    pub(crate) passphrase_stdin: bool,
    /// Read the passphrase from a file of mode 0600
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_stdin")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

fn place(text: &str) -> Result<KeySource, String> {
    let (kind, place) = text.split_once(':').unwrap_or((text, ""));
    match kind {
        _ if place.is_empty() => Err("say file:PATH, keyring:NAME or passphrase:PATH".into()),
        "file" => Ok(KeySource::File(place.into())),
        "keyring" => Ok(KeySource::Keyring(place.into())),
        "passphrase" => Ok(KeySource::Passphrase(place.into())),
        other => Err(format!("`{other}` is no kind of place: file, keyring or passphrase")),
    }
}

/// Write a file for whoever helps; it holds no value
#[derive(Args, Debug)]
pub(crate) struct Support {
    /// The file, which must not be there yet
    pub(crate) file: PathBuf,
    /// Replace every name by a hash
    #[arg(long)]
    pub(crate) hash_names: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Lab {
    /// Start the lab and stay until Ctrl-C or `lab down`
    Up {
        /// The first of five ports; free ones are taken without it
        #[arg(long, value_name = "PORT")]
        port: Option<u16>,
        /// Where the state file goes; it holds the lab's tokens (mode 0600)
        #[arg(long, default_value = "lab.json", value_name = "FILE")]
        state: PathBuf,
    },
    /// Stop a running lab
    Down {
        /// Its state file
        #[arg(long, default_value = "lab.json", value_name = "FILE")]
        state: PathBuf,
    },
    /// Show a running lab
    Status {
        /// Its state file
        #[arg(long, default_value = "lab.json", value_name = "FILE")]
        state: PathBuf,
    },
    /// Disturb a running lab
    #[command(subcommand)]
    Fault(Fault),
}

#[derive(Subcommand, Debug)]
pub(crate) enum Fault {
    /// Put a fault in force
    Add {
        /// Whose answers it spoils
        vendor: VendorName,
        /// Which fault; `lab fault menu` lists them
        kind: String,
        /// Milliseconds, a status or seconds, as the fault has it
        #[arg(long)]
        amount: Option<u64>,
        /// Only requests with this method
        #[arg(long)]
        method: Option<String>,
        /// Only requests whose path contains this
        #[arg(long)]
        path: Option<String>,
        /// How often it strikes; for ever without it
        #[arg(long)]
        times: Option<u32>,
        /// The lab's state file
        #[arg(long, default_value = "lab.json", value_name = "FILE")]
        state: PathBuf,
    },
    /// List the faults in force
    Ls {
        /// The lab's state file
        #[arg(long, default_value = "lab.json", value_name = "FILE")]
        state: PathBuf,
    },
    /// Clear all faults
    Clear {
        /// The lab's state file
        #[arg(long, default_value = "lab.json", value_name = "FILE")]
        state: PathBuf,
    },
    /// List what can go wrong
    Menu,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum VendorName {
    Postmark,
    Heroku,
    Github,
    Infisical,
}
