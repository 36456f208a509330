//! Which candidates a search has, generation by generation.

use mmh_record::{
    candidate::CandidateId,
    format::{Config, Protocol, Summary},
};

/// The plan of a search's candidates. All candidates of a generation are proposed from what is known at its beginning.
pub(super) struct Schedule {
    protocol: Protocol,
    /// Generations, besides the baselines'.
    generations: u32,
}

impl Schedule {
    /// The plan of a run with this configuration: the baselines, then the candidates of one iteration after the other.
    pub fn of(config: &Config) -> Self {
        Self { protocol: config.protocol.clone(), generations: config.iterations }
    }

    /// All generations, the baselines' first.
    pub fn generations(&self) -> impl Iterator<Item = u32> + use<> {
        0..=self.generations
    }

    /// The candidates of a generation, in the order of their indices.
    pub fn candidates(&self, generation: u32) -> Vec<CandidateId> {
        let first = self.protocol.first_of(generation);
        let count = if generation == 0 { self.protocol.baselines } else { self.protocol.candidates };
        (first..first.saturating_add(count)).map(|index| CandidateId { index, generation }).collect()
    }

    /// The number of all candidates, the baselines included.
    pub fn len(&self) -> u64 {
        let Protocol { baselines, candidates, .. } = self.protocol;
        u64::from(baselines) + u64::from(self.generations) * u64::from(candidates)
    }
}

/// Where a search goes on: the first candidate of the first generation that is not whole in this summary. The candidates of
/// a generation are entered together, so what a summary has of one that is not whole is entered again, from its record.
pub fn goes_on_at(summary: &Summary) -> u32 {
    let mut known: Vec<u32> = summary.iterations.iter().map(|it| it.index).collect();
    let unscored = summary.unscored.iter();
    known.extend(unscored.filter(|it| !super::Stop::is_status(&it.status)).map(|it| it.index));
    known.sort_unstable();
    let is_there = (0u32..).zip(&known).take_while(|(expected, found)| expected == *found);
    let missing = is_there.count() as u32;
    let protocol = &summary.config.protocol;
    protocol.first_of(protocol.candidate(missing).generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_numbered_through() {
        // baselines, candidates at once, iterations, the candidates of each generation
        let table: [(u32, u32, u32, &[&[u32]]); 4] = [
            (1, 1, 2, &[&[0], &[1], &[2]]),
            (1, 3, 2, &[&[0], &[1, 2, 3], &[4, 5, 6]]),
            (3, 2, 1, &[&[0, 1, 2], &[3, 4]]),
            (2, 1, 0, &[&[0, 1]]),
        ];
        for (baselines, candidates, generations, expected) in table {
            let protocol = Protocol { baselines, candidates, ..Protocol::default() };
            let schedule = Schedule { protocol: protocol.clone(), generations };
            let found: Vec<Vec<CandidateId>> =
                schedule.generations().map(|generation| schedule.candidates(generation)).collect();
            let indices: Vec<Vec<u32>> =
                found.iter().map(|of| of.iter().map(|id| id.index).collect()).collect();
            assert_eq!(indices, expected);
            assert_eq!(schedule.len(), found.concat().len() as u64);
            for id in found.concat() {
                assert_eq!(protocol.candidate(id.index), id);
            }
        }
    }
}
