//! `rollover scan` on repositories and texts: what hides anywhere is found, what is not ours is told
//! from what only looks like a token.

mod commands;
mod rules;
