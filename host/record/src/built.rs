//! What took part in making a component, and what confined it.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// A program that takes part in making a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// The program, or what a group of files is: `rustc`, `standard library of wasm32-wasip2`.
    pub name: String,
    /// What it says of itself.
    pub version: String,
    /// Of the program file; of a group of files, of all of them.
    pub sha256: Digest,
}

/// What confines children. Seccomp, resource limits, the wall clock and the process group always do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confinement {
    /// Landlock as well.
    #[default]
    Full,
    /// The kernel has no Landlock, and somebody said to go on: a child may read and write what the user may.
    NoLandlock,
}
