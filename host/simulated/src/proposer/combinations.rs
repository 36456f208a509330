//! What the simulated proposer comes to when it has tried its list of ideas: combinations of mechanisms with other
//! parameters. Which one follows from the seed and the iteration's number alone, so that no history has to be read for
//! it, and no two iterations of a run come to the same one.

use super::{
    ideas::{Idea, Mechanism},
    study::Study,
};

/// A mechanism, and its parameters.
type Choice = (Mechanism, &'static [u32]);

/// The parameters that a mechanism can have in a combination. 0: it is not in it.
const CHOICES: [Choice; 6] = [
    (Mechanism::FewShot, &[0, 1, 2, 3, 4, 5, 6]),
    (Mechanism::ShortList, &[0, 40, 50, 60, 70, 80]),
    (Mechanism::Retrieve, &[0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16]),
    (Mechanism::Reason, &[0, 200, 250, 300, 350, 400, 450, 500, 600, 700, 800]),
    (Mechanism::Hints, &[0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    (Mechanism::Verdict, &[0, 1]),
];

/// The distance from one combination to the next: a prime that divides no number of combinations, so all come once before
/// one comes twice.
const STRIDE: u64 = 48_271;

/// So many numbers belong to each iteration: it takes the first one that comes to something. Nearly all do.
const PER_ITERATION: u64 = 2;

/// The combination of an iteration. It has one mechanism at least.
pub(crate) fn of(study: &Study, seed: u64, iteration: u64) -> Vec<Idea> {
    let choices = applicable(study);
    let all: u64 = choices.iter().map(|(_, parameters)| parameters.len() as u64).product();
    let first = iteration.wrapping_mul(PER_ITERATION);
    let numbers = (0..PER_ITERATION).map(|more| {
        let steps = first.wrapping_add(more) % all;
        (seed % all + steps * STRIDE) % all
    });
    let sets = numbers.map(|number| combination(&choices, number));
    let mut found = sets.filter(|set| !set.is_empty() && set.iter().all(|idea| idea.applies(study, set)));
    found.next().unwrap_or_else(|| vec![Idea { mechanism: Mechanism::Retrieve, parameter: 6 }])
}

/// The mechanisms for which there is something to make them of, with their parameters.
fn applicable(study: &Study) -> Vec<Choice> {
    let needs_failures = |mechanism| matches!(mechanism, Mechanism::ShortList | Mechanism::Hints);
    let applies =
        |(mechanism, _): &Choice| !needs_failures(*mechanism) || mechanism.with(0).applies(study, &[]);
    CHOICES.into_iter().filter(applies).collect()
}

/// The combination with a number: its digits, in the bases of the choices.
fn combination(choices: &[Choice], number: u64) -> Vec<Idea> {
    let mut rest = number;
    let mut set = Vec::new();
    for (mechanism, parameters) in choices {
        let count = parameters.len() as u64;
        let parameter = parameters[(rest % count) as usize];
        rest /= count;
        if parameter > 0 {
            set.push(mechanism.with(parameter));
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::proposer::study::Failure;

    fn study() -> Study {
        let failure = Failure {
            example_id: "v".into(),
            gold: "a".into(),
            predicted: Some("b".into()),
            error_kind: "ok".into(),
        };
        let labels = ["a", "b", "c"].map(str::to_owned).to_vec();
        Study { failures: vec![failure], n_failures: 1, labels, ..Study::default() }
    }

    #[test]
    fn each_iteration_has_another_combination() {
        for (_, parameters) in CHOICES {
            assert!(!STRIDE.is_multiple_of(parameters.len() as u64), "{parameters:?}");
        }
        for seed in [0, 1, u64::MAX] {
            let sets: Vec<Vec<Idea>> = (1..=2_000).map(|iteration| of(&study(), seed, iteration)).collect();
            let different: BTreeSet<&Vec<Idea>> = sets.iter().collect();
            assert_eq!(different.len(), sets.len(), "seed {seed}");
            assert!(sets.iter().all(|set| !set.is_empty() && set.len() <= 6));
        }
    }

    #[test]
    fn what_does_not_apply_is_left_out() {
        // Without a failure there is nothing to make a short list or hints of.
        let sets: Vec<Vec<Idea>> = (1..200).map(|iteration| of(&Study::default(), 3, iteration)).collect();
        let needs = |idea: &Idea| matches!(idea.mechanism, Mechanism::ShortList | Mechanism::Hints);
        assert!(sets.iter().all(|set| !set.is_empty() && !set.iter().any(needs)), "{sets:?}");
        assert_eq!(sets.iter().collect::<BTreeSet<_>>().len(), sets.len());
    }
}
