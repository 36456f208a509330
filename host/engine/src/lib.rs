//! Hostile source or component in, typed outcome out: which compiler there is, the jail that it runs in, what a
//! component may import, the cache, and the sandbox that runs one call.
//!
//! A worker needs no other crate: there are no models, data sets or scores in here.

pub mod build;
mod built;
pub mod cache;
pub mod compile;
mod elf;
pub mod gc;
pub mod jail;
pub mod load;
pub mod memory;
pub mod notice;
mod programs;
pub mod runner;
pub mod sandbox;
pub mod shared;
pub mod toolchain;
