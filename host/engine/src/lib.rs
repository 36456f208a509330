//! Hostile source or component in, typed outcome out: which compiler there is, the jail that it runs in, what a
//! component may import, the cache, and the sandbox that runs one call.
//!
//! A worker needs this crate and no other: no models, no data sets, no scores.

pub mod build;
pub mod cache;
pub mod compile;
pub mod jail;
pub mod notice;
pub mod sandbox;
pub mod toolchain;
