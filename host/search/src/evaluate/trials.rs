//! Several trials of each example: its id says which one an evaluation means, so that seeds, records and repetitions are
//! those of any example.

use mmh_record::trial::TrialId;

use crate::dataset::Example;

/// The example under the id of one of its trials, from 1.
pub fn in_trial(example: &Example, number: u32) -> Example {
    let id = TrialId { example: &example.id, number }.to_string();
    Example::new(id, example.input.clone(), example.gold.clone())
}

/// The example that is evaluated at this place, if each has so many trials: example by example, and trial by trial.
pub(super) fn at(examples: &[Example], trials: u32, place: usize) -> Option<Example> {
    match trials {
        0 | 1 => examples.get(place).cloned(),
        _ => {
            let trials = trials as usize;
            let number = u32::try_from(place % trials + 1).ok()?;
            examples.get(place / trials).map(|example| in_trial(example, number))
        }
    }
}

/// The example with this id, or a trial of it, if there are so many trials. `find` knows examples by their ids.
pub fn named<'a>(id: &str, trials: u32, find: impl Fn(&str) -> Option<&'a Example>) -> Option<Example> {
    if let Some(example) = find(id) {
        return Some(example.clone());
    }
    let TrialId { example, number } = TrialId::of(id);
    let example = find(example).filter(|_| (1..=trials).contains(&number) && trials > 1)?;
    Some(in_trial(example, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Example> {
        ["val-0000", "val-0001"].map(|id| Example::new(id, "text", "gold")).into()
    }

    #[test]
    fn places_are_trials_of_one_example_after_the_other() {
        // trials, ids
        let table: [(u32, &[&str]); 2] = [
            (1, &["val-0000", "val-0001"]),
            (3, &["val-0000~1", "val-0000~2", "val-0000~3", "val-0001~1", "val-0001~2", "val-0001~3"]),
        ];
        for (trials, expected) in table {
            let found: Vec<String> =
                (0..).map_while(|place| Some(at(&examples(), trials, place)?.id.clone())).collect();
            assert_eq!(found, expected, "{trials}");
        }
    }

    #[test]
    fn trials_are_found_by_their_ids() {
        let examples = examples();
        // id, trials, what is found
        let table = [
            ("val-0001", 1, Some("val-0001")),
            ("val-0001", 3, Some("val-0001")),
            ("val-0001~3", 3, Some("val-0001~3")),
            ("val-0001~4", 3, None),
            ("val-0001~1", 1, None),
            ("val-0009~1", 3, None),
        ];
        for (id, trials, expected) in table {
            let found = named(id, trials, |id| examples.iter().find(|it| it.id == id));
            assert_eq!(found.map(|it| it.id.clone()).as_deref(), expected, "{id} of {trials}");
        }
    }
}
