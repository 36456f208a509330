//! A proposer that is a command, such as a coding agent: how it was started, and what nobody knows of it.

use serde::{Deserialize, Serialize};

/// How the command of `--proposer-command` was started for each candidate. Its name is the run's `proposer_model`. The whole
/// command is not on record, because its words may hold a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposerCommand {
    /// Whether bubblewrap kept it to its work folder: the rest of the system read-only, no home folder, no other process.
    pub confined: bool,
    /// What it was not kept from, in words, such as `network`. Empty where it was kept from everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unconfined: Vec<String>,
    /// Whether it could use the network.
    pub network: bool,
    /// The names of the variables of the environment that the user let it see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// How many files and folders of the user it could read besides its work folder.
    pub readable: usize,
    /// How long it could work on one candidate, in seconds.
    pub timeout_s: u64,
    /// What the record cannot say of it: `filesystem_reads` has its tool calls only, not which files it read in its work
    /// folder; the tokens and the money that it spends on its own are nowhere.
    pub unknown: Vec<String>,
}
