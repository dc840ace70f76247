//! The lab over real HTTP: every vendor, every documented error, every fault, and the shapes of the fixtures.

#[cfg(test)]
mod support;

#[cfg(test)]
mod postmark;

#[cfg(test)]
mod heroku;

#[cfg(test)]
mod dynos;

#[cfg(test)]
mod github;

#[cfg(test)]
mod infisical;

#[cfg(test)]
mod faults;

#[cfg(test)]
mod moments;

#[cfg(test)]
mod dashboard;

#[cfg(test)]
mod traffic;

#[cfg(test)]
mod control;
