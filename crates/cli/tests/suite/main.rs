//! Everything that is tried on the real binary, as one program of tests: each further one would be
//! linked anew, with the lab and a harness of its own.

mod audit;
mod campaign;
mod canary;
mod clock;
mod crash;
mod demo;
mod disk;
mod doctor;
mod doubtful;
mod drift;
mod emergency;
mod every_step;
mod faults;
mod harness;
mod interplay;
mod keys;
mod lease;
mod matrix;
mod memory;
mod notify;
mod operator;
mod people;
mod posture;
mod power;
mod refusals;
mod roles;
mod runbooks;
mod scan;
mod schedule;
mod support;
mod sync;
mod tasks;
mod template;
mod usage;
mod way_back;
