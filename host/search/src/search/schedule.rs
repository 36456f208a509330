//! Which candidates a search proposes, generation by generation.

use mmh_record::{candidate::CandidateId, format::Config};

/// The plan of a search's candidates. All candidates of a generation are proposed from what is known at its beginning.
pub(super) struct Schedule {
    /// Generations, besides the baseline's.
    generations: u32,
}

impl Schedule {
    /// The plan of a run with this configuration: the baseline, then one candidate a generation.
    pub fn of(config: &Config) -> Self {
        Self { generations: config.iterations }
    }

    /// All generations, the baseline's first.
    pub fn generations(&self) -> impl Iterator<Item = u32> + use<> {
        0..=self.generations
    }

    /// The candidates of a generation, in the order of their indices.
    pub fn candidates(&self, generation: u32) -> impl Iterator<Item = CandidateId> + use<> {
        std::iter::once(CandidateId { index: generation, generation })
    }

    /// All candidates, in the order of their indices.
    pub fn all(&self) -> impl Iterator<Item = CandidateId> + '_ {
        self.generations().flat_map(|generation| self.candidates(generation))
    }

    /// The number of all candidates, the baseline included.
    pub fn len(&self) -> u64 {
        u64::from(self.generations) + 1
    }
}
