//! What one answer is worth: the result of grading one example.
//!
//! A grade is a plain value. In a run it stands in the fields `correct`, `score` and `parts` of a
//! [`TraceRow`](crate::format::TraceRow).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the answer to one example is worth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// From 0, worth nothing, to 1, as good as an answer can be.
    pub score: f64,
    /// Whether the answer counts as right. Tasks with partial credit decide at which score it does.
    pub correct: bool,
    /// What the score is made of, by name, each from 0 to 1, such as `precision` and `recall`. Empty where there is
    /// nothing to tell.
    pub parts: BTreeMap<String, f64>,
}

/// As much of a line of `eval_trace.jsonl` as says which example it is about and what the answer is worth: what a reader
/// takes into memory who needs the grades only.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GradeRow {
    /// As in [`TraceRow`](crate::format::TraceRow).
    pub example_id: String,
    correct: bool,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    parts: BTreeMap<String, f64>,
}

crate::recorded!(GradeRow);

impl GradeRow {
    /// The example's id, and what its answer is worth. A stranger's row may say any number: see [`Grade::check`].
    pub fn into_parts(self) -> (String, Grade) {
        (self.example_id, Grade::recorded(self.correct, self.score, self.parts))
    }
}

/// A grade holds a number that no grade may hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} of a grade is {found}: it has to be a number from 0 to 1")]
pub struct InvalidGrade {
    /// `score`, or the name of the part.
    pub name: String,
    /// The number.
    pub found: f64,
}

impl Grade {
    /// The grade of an answer that is right or wrong and nothing between: score 1 or 0, no parts.
    pub fn right_or_wrong(correct: bool) -> Self {
        Self { score: if correct { 1.0 } else { 0.0 }, correct, parts: BTreeMap::new() }
    }

    /// The grade that these recorded fields stand for: where no score is recorded, `correct` says it.
    pub fn recorded(correct: bool, score: Option<f64>, parts: BTreeMap<String, f64>) -> Self {
        Self { score: score.unwrap_or(Self::right_or_wrong(correct).score), correct, parts }
    }

    /// Checks that the score and all parts are numbers from 0 to 1.
    pub fn check(&self) -> Result<(), InvalidGrade> {
        let parts = self.parts.iter().map(|(name, part)| (name.as_str(), *part));
        let mut numbers = [("score", self.score)].into_iter().chain(parts);
        match numbers.find(|(_, number)| !(0.0..=1.0).contains(number)) {
            Some((name, found)) => Err(InvalidGrade { name: name.to_owned(), found }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_grade_are_from_0_to_1() {
        let part = |number| BTreeMap::from([("recall".to_owned(), number)]);
        // name, score, parts, what is refused
        let table = [
            ("nothing", 0.0, BTreeMap::new(), None),
            ("everything", 1.0, part(1.0), None),
            ("between", 0.5, part(0.25), None),
            ("below 0", -0.1, part(0.0), Some("score")),
            ("above 1", 1.1, part(0.0), Some("score")),
            ("no number", f64::NAN, part(0.0), Some("score")),
            ("without end", f64::INFINITY, part(0.0), Some("score")),
            ("a part above 1", 0.5, part(2.0), Some("recall")),
            ("a part that is no number", 0.5, part(f64::NAN), Some("recall")),
        ];
        for (name, score, parts, refused) in table {
            let checked = Grade { score, correct: false, parts }.check();
            assert_eq!(checked.err().map(|error| error.name).as_deref(), refused, "{name}");
        }
    }

    #[test]
    fn right_or_wrong_answers_have_no_parts() {
        for (correct, score) in [(true, 1.0), (false, 0.0)] {
            let grade = Grade::right_or_wrong(correct);
            assert_eq!(grade, Grade { score, correct, parts: BTreeMap::new() });
            assert_eq!(grade.check(), Ok(()));
        }
    }
}
