//! How many examples a search runs, at least and at most: what an estimate multiplies with.

use mmh_record::format::{HeldOut, Learning, Protocol};

/// The evaluations of a search. Each trial of an example counts.
pub struct Evaluations<'a> {
    pub protocol: &'a Protocol,
    pub iterations: u32,
}

impl Evaluations<'_> {
    /// Harnesses that are evaluated: those to start from, and those that are proposed.
    fn harnesses(&self) -> (u64, u64) {
        let [baselines, candidates] = [self.protocol.baselines, self.protocol.candidates].map(u64::from);
        (baselines, u64::from(self.iterations) * candidates)
    }

    /// Of so many validation examples. Screening may drop each proposed harness.
    pub fn validation(&self, examples: usize) -> (u64, u64) {
        let ((baselines, proposed), all) = (self.harnesses(), examples as u64);
        let first = self.protocol.screen.map_or(all, |first| u64::from(first).min(all));
        let trials = u64::from(self.protocol.trials);
        (trials * (baselines * all + proposed * first), trials * (baselines + proposed) * all)
    }

    /// Of so many held-out examples.
    pub fn held_out(&self, examples: usize) -> (u64, u64) {
        let ((baselines, proposed), all) = (self.harnesses(), examples as u64);
        let few = baselines + 1;
        let many = match self.protocol.held_out {
            HeldOut::Best => few,
            HeldOut::Frontier | HeldOut::All => few.max(baselines + proposed),
        };
        let trials = u64::from(self.protocol.trials);
        (trials * few * all, trials * many * all)
    }

    /// Predictions of so many train examples while learning. None where learning comes first.
    pub fn while_learning(&self, examples: usize) -> Option<(u64, u64)> {
        let (baselines, proposed) = self.harnesses();
        let all = (baselines + proposed) * examples as u64 * u64::from(self.protocol.epochs);
        (self.protocol.learning == Learning::Online).then_some((all, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screening_saves_and_held_out_scores_cost_examples() {
        let plain = Protocol::default();
        let screened = Protocol { screen: Some(20), ..Protocol::default() };
        let frontier = Protocol { held_out: HeldOut::Frontier, ..Protocol::default() };
        let several = Protocol { baselines: 2, candidates: 3, held_out: HeldOut::All, ..Protocol::default() };
        // protocol, iterations, of 100 validation examples, of 50 held-out ones
        let table = [
            ("plain", plain.clone(), 4, (500, 500), (100, 100)),
            ("no iterations", plain, 0, (100, 100), (100, 100)),
            ("screened", screened, 4, (180, 500), (100, 100)),
            ("the frontier", frontier, 4, (500, 500), (100, 250)),
            ("several", several, 2, (800, 800), (150, 400)),
        ];
        for (name, protocol, iterations, validation, held_out) in table {
            let evaluations = Evaluations { protocol: &protocol, iterations };
            assert_eq!(evaluations.validation(100), validation, "{name}");
            assert_eq!(evaluations.held_out(50), held_out, "{name}");
        }
    }
}
