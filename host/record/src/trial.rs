//! The ids of what happens to an example more than once: the one place that knows how a trial's id is made. And which examples a
//! proposer's trial was made on.
//!
//! Where each example is evaluated several times, `val-0007~2` is the second trial of `val-0007`. Where train examples are
//! predicted in several passes, `train-0007~2` is the prediction of the second pass; that of the first is `train-0007`.

use std::fmt;

use crate::data::Split;

/// How the result of a proposer's trial begins that came to its end, and of one on train examples.
const WENT_WELL: &str = "{\"ok\":true";
const OF_TRAIN: &str = "{\"ok\":true,\"split\":\"train\"";

/// Which examples a proposer's trial was made on, by the result of `try_harness`. None if it did not come to its end.
pub fn tried_on(result: &str) -> Option<Split> {
    match result {
        _ if result.starts_with(OF_TRAIN) => Some(Split::Train),
        _ if result.starts_with(WENT_WELL) => Some(Split::Val),
        _ => None,
    }
}

/// Stands between an example's id and the number of the trial.
const SEPARATOR: char = '~';

/// An example and which of its trials is meant, from 1; 0 where the id names no trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrialId<'a> {
    /// The example's id.
    pub example: &'a str,
    /// The number of the trial, from 1. 0 for an example that has only one.
    pub number: u32,
}

impl<'a> TrialId<'a> {
    /// Reads an id, which may be a stranger's. What is no trial's id is an example's.
    pub fn of(id: &'a str) -> Self {
        let whole = Self { example: id, number: 0 };
        let Some((example, number)) = id.rsplit_once(SEPARATOR) else { return whole };
        // Each trial has one id: no sign, no zeros in front.
        let is_plain = number.bytes().all(|it| it.is_ascii_digit()) && !number.starts_with('0');
        number.parse().ok().filter(|_| is_plain).map_or(whole, |number| Self { example, number })
    }

    /// How many independent replies to the same requests come before those of this trial.
    pub fn sample(self) -> u32 {
        self.number.saturating_sub(1)
    }
}

impl fmt::Display for TrialId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => f.write_str(self.example),
            number => write!(f, "{}{SEPARATOR}{number}", self.example),
        }
    }
}

/// How much there is to do: `20 examples`, or `60 trials of 20 examples`.
pub fn counted(examples: usize, trials: u32) -> String {
    match trials {
        0 | 1 => format!("{examples} examples"),
        trials => format!("{} trials of {examples} examples", examples.saturating_mul(trials as usize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_written() {
        // id, example, number, sample
        let table = [
            ("val-0007", "val-0007", 0, 0),
            ("val-0007~1", "val-0007", 1, 0),
            ("val-0007~12", "val-0007", 12, 11),
            ("val-0007~01", "val-0007~01", 0, 0),
            ("val-0007~0", "val-0007~0", 0, 0),
            ("val-0007~+1", "val-0007~+1", 0, 0),
            ("val-0007~", "val-0007~", 0, 0),
            ("a~b~3", "a~b", 3, 2),
            ("a~99999999999", "a~99999999999", 0, 0),
            ("", "", 0, 0),
        ];
        for (id, example, number, sample) in table {
            let found = TrialId::of(id);
            assert_eq!((found, found.sample()), (TrialId { example, number }, sample), "{id:?}");
            assert_eq!(found.to_string(), id);
        }
    }

    #[test]
    fn trials_are_counted_in_words() {
        let table = [(20, 1, "20 examples"), (20, 3, "60 trials of 20 examples")];
        for (examples, trials, expected) in table {
            assert_eq!(counted(examples, trials), expected);
        }
    }
}
