//! What takes a run elsewhere: [`signing`] lets others verify its statements.
//!
//! This crate reads runs through `mmh-record`, prints nothing, and writes no file itself but for keys and signatures.

pub mod signing;
