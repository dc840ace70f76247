//! `rollover scan` on repositories and texts: what hides anywhere is found, what is not ours is told
//! from what only looks like a token.

#[path = "scan/rules.rs"]
mod rules;

#[path = "scan/commands.rs"]
mod commands;
