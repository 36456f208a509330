//! The trait that a scorer implements, and what it gives an answer.

use crate::{Answer, Input, Model, Result, Task};

/// A scorer: a task's own metric. A pure function of (task, input, gold, answer, model replies).
///
/// Every call happens in a fresh instance, within the same limits as a harness's call. A scorer that asks the model is a
/// judge.
///
/// ```
/// use mmh_sdk::prelude::*;
/// struct AnyCase;
/// impl Scorer for AnyCase {
///     fn score(_: &Task, _: &Input, gold: &str, answer: &Answer, _: &Model) -> Result<Grade> {
///         Ok(Grade::right_or_wrong(answer.text.eq_ignore_ascii_case(gold)))
///     }
/// }
/// let task = Task::open("capitals", "Name the capital.");
/// let grade = AnyCase::score(&task, &"Norway".into(), "Oslo", &"OSLO".into(), &Model::replies([""]))?;
/// assert!(grade.correct);
/// # Ok::<(), Error>(())
/// ```
pub trait Scorer {
    /// Says what an answer is worth. `gold` is the gold answer as one text: a text as it is, anything else (several
    /// golds, an object, a number) as its JSON text. An error means that there is no grade.
    ///
    /// ```
    /// use mmh_sdk::prelude::*;
    /// struct Judge;
    /// impl Scorer for Judge {
    ///     fn score(_: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade> {
    ///         let reply = model.ask(format!("{input}: how good is {answer} for {gold}, from 0 to 1?"))?;
    ///         Ok(Grade::partial(reply.trim().parse()?))
    ///     }
    /// }
    /// let (task, model) = (Task::open("capitals", "Name the capital."), Model::replies(["0.5"]));
    /// let grade = Judge::score(&task, &"Norway".into(), "Oslo", &"Bergen".into(), &model)?;
    /// assert_eq!(grade, Grade::partial(0.5));
    /// # Ok::<(), Error>(())
    /// ```
    fn score(task: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade>;
}

/// What an answer is worth. A grade with a number that is not from 0 to 1 is no grade: the call fails.
///
/// ```
/// use mmh_sdk::Grade;
/// // This metric calls an answer right if four fifths of it are.
/// let score = 0.9;
/// let grade = Grade { score, correct: score >= 0.8, parts: Vec::new() };
/// assert!(grade.correct && !Grade::partial(score).correct);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Grade {
    /// From 0, worth nothing, to 1, as good as an answer can be.
    pub score: f64,
    /// Whether the answer counts as right.
    pub correct: bool,
    /// What the score is made of. At most 32, and empty where there is nothing to tell.
    pub parts: Vec<Part>,
}

/// A named number that tells what a score is made of.
///
/// ```
/// use mmh_sdk::{Grade, Part};
/// let grade = Grade::partial(0.5).part("recall", 0.5);
/// assert_eq!(grade.parts, [Part { name: "recall".into(), value: 0.5 }]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The name, such as `recall`: 1 to 64 bytes without control characters, once in a grade.
    pub name: String,
    /// From 0 to 1.
    pub value: f64,
}

impl Grade {
    /// The grade of an answer that is right or wrong and nothing between: score 1 or 0.
    ///
    /// ```
    /// use mmh_sdk::Grade;
    /// let grade = |answer: &str| Grade::right_or_wrong(answer.contains("Oslo"));
    /// assert_eq!((grade("It is Oslo.").score, grade("Bergen").score), (1.0, 0.0));
    /// ```
    pub fn right_or_wrong(correct: bool) -> Self {
        Self { score: if correct { 1.0 } else { 0.0 }, correct, parts: Vec::new() }
    }

    /// The grade with this score, which is right only at a score of 1. Set `correct` for another rule.
    ///
    /// ```
    /// use mmh_sdk::Grade;
    /// assert!(!Grade::partial(0.75).correct);
    /// assert!(Grade::partial(1.0).correct);
    /// ```
    pub fn partial(score: f64) -> Self {
        Self { score, correct: score >= 1.0, parts: Vec::new() }
    }

    /// Adds a part.
    ///
    /// ```
    /// use mmh_sdk::Grade;
    /// let (precision, recall) = (1.0, 0.5);
    /// let f1 = 2.0 * precision * recall / (precision + recall);
    /// let grade = Grade::partial(f1).part("precision", precision).part("recall", recall);
    /// assert_eq!(grade.parts.len(), 2);
    /// ```
    pub fn part(mut self, name: impl Into<String>, value: f64) -> Self {
        self.parts.push(Part { name: name.into(), value });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Judge;

    impl Scorer for Judge {
        fn score(_: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade> {
            if answer.text == gold {
                return Ok(Grade::right_or_wrong(true));
            }
            let reply = model.ask(format!("{input}: is {answer} as good as {gold}? From 0 to 1."))?;
            Ok(Grade::partial(reply.parse()?).part("judged", 1.0))
        }
    }

    #[test]
    fn a_scorer_runs_natively() {
        let task = Task::open("capitals", "Name the capital.");
        let judged = |score, correct| {
            let parts = vec![Part { name: "judged".into(), value: 1.0 }];
            Ok(Grade { score, correct, parts })
        };
        let table = [
            ("equal", "Oslo", "", Ok(Grade { score: 1.0, correct: true, parts: Vec::new() })),
            ("as good", "Oslo, Norway", "1", judged(1.0, true)),
            ("nearly", "Bergen", "0.25", judged(0.25, false)),
            ("no number", "Bergen", "a bit", Err("invalid float literal".to_owned())),
        ];
        for (name, answer, reply, expected) in table {
            let found =
                Judge::score(&task, &"Norway".into(), "Oslo", &answer.into(), &Model::replies([reply]));
            assert_eq!(found.map_err(|error| error.to_string()), expected, "{name}");
        }
    }
}
