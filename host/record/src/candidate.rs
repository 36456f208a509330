//! Which candidate of a run is meant: its index, its generation, and its folders are three things.
//!
//! An index numbers the candidates of a run, from 0; a generation is the candidates that are proposed together, from what
//! is known at its beginning. The folders are named by the index, in [`layout`] alone. Files have the index only, as the
//! field `index`. Not in here: which candidates a generation has, which a search decides.

use crate::layout;

/// A candidate of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CandidateId {
    /// Its number in the run, over all generations. The baselines come first.
    pub index: u32,
    /// The number of its generation. 0 is the baselines'.
    pub generation: u32,
}

impl CandidateId {
    /// The first harness that a search starts from.
    pub const BASELINE: Self = Self { index: 0, generation: 0 };

    /// Whether the search starts from it.
    pub fn is_baseline(self) -> bool {
        self.generation == 0
    }

    /// The folder with its source, its scores and how it came to be, by its path in the run.
    pub fn folder(self) -> String {
        layout::iteration(self.index)
    }

    /// The folder of its held-out evaluation, by its path in the run.
    pub fn held_out_folder(self) -> String {
        layout::held_out(self.index)
    }
}
