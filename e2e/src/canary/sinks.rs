//! The places where a value could come out of the program, or be left by it.

/// One kind of place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sink {
    /// Standard output, as text.
    Output,
    /// Standard error.
    Errors,
    /// Standard output with `--json`.
    Json,
    /// What a terminal shows of a run, its prompts and its progress.
    Terminal,
    /// What is said where something is refused.
    Refusals,
    /// Help and completion scripts.
    Help,
    /// What people are asked to do.
    Tasks,
    /// Records of the audit log.
    Audit,
    /// A panic's message and its backtrace.
    Panics,
    /// The file for whoever helps.
    Support,
    /// The database's pages.
    Database,
    /// Pages of the database that hold nothing any more.
    FreePages,
    /// Space inside of pages that holds nothing any more.
    Slack,
    /// The write-ahead log.
    WriteAhead,
    /// The index of the write-ahead log.
    SharedMemory,
    /// Lock files.
    Locks,
    /// The file of a sealed store.
    SealedFile,
    /// The inventory, its key, and whatever else lies beside.
    Inventory,
    /// What lies beside after a kill.
    Leftovers,
    /// Home and the directory for temporary files.
    HomeAndTemporary,
    /// Names of files.
    FileNames,
    /// Dumps of a process that was made to crash.
    CoreDumps,
    /// Arguments in the process table, of the program and its children.
    Arguments,
    /// Environments in the process table, of the program and its children.
    Environment,
    /// Arguments and environments of every program that was started, as the system saw it.
    Started,
    /// Addresses of requests, with their queries.
    Addresses,
    /// Headers of requests other than those for logins.
    Headers,
    /// `User-Agent` headers.
    Agents,
    /// Bodies of requests other than those that bring a value to where it belongs.
    Bodies,
}

impl Sink {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::Output,
        Self::Errors,
        Self::Json,
        Self::Terminal,
        Self::Refusals,
        Self::Help,
        Self::Tasks,
        Self::Audit,
        Self::Panics,
        Self::Support,
        Self::Database,
        Self::FreePages,
        Self::Slack,
        Self::WriteAhead,
        Self::SharedMemory,
        Self::Locks,
        Self::SealedFile,
        Self::Inventory,
        Self::Leftovers,
        Self::HomeAndTemporary,
        Self::FileNames,
        Self::CoreDumps,
        Self::Arguments,
        Self::Environment,
        Self::Started,
        Self::Addresses,
        Self::Headers,
        Self::Agents,
        Self::Bodies,
    ];

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Output => "standard output",
            Self::Errors => "standard error",
            Self::Json => "JSON output",
            Self::Terminal => "terminal",
            Self::Refusals => "refusals",
            Self::Help => "help and completion",
            Self::Tasks => "tasks",
            Self::Audit => "audit records",
            Self::Panics => "panics",
            Self::Support => "support file",
            Self::Database => "database",
            Self::FreePages => "free pages",
            Self::Slack => "slack in pages",
            Self::WriteAhead => "write-ahead log",
            Self::SharedMemory => "shared memory",
            Self::Locks => "lock files",
            Self::SealedFile => "sealed file",
            Self::Inventory => "inventory and beside",
            Self::Leftovers => "leftovers of a kill",
            Self::HomeAndTemporary => "home and temporary files",
            Self::FileNames => "file names",
            Self::CoreDumps => "core dumps",
            Self::Arguments => "arguments",
            Self::Environment => "environment",
            Self::Started => "programs started",
            Self::Addresses => "addresses of requests",
            Self::Headers => "headers of requests",
            Self::Agents => "user agents",
            Self::Bodies => "bodies of requests",
        }
    }
}
