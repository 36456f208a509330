//! What a call is about, as plain data: the task, an example to learn from, an answer to be graded.

use mmh_record::input::Input;
use serde::{Deserialize, Serialize};

/// What the examples of a run have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The data set's name.
    pub name: String,
    /// What a harness has to do, in words.
    pub instructions: String,
    /// The labels that answers are chosen from, in a fixed order. Empty for a task with open answers.
    pub labels: Vec<String>,
}

/// One example with its gold answer, offered to `learn`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelledExample {
    /// What is asked.
    pub input: Input,
    /// The gold answer, as one text.
    pub gold: String,
    /// What the harness itself has answered. None if it was not asked before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// An answer that a harness has given, and what it is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The answer's text.
    pub answer: String,
    /// From 0 to 1.
    pub score: f64,
    /// Whether it counts as right.
    pub correct: bool,
}

/// An answer to be graded by a scorer, with what was asked and the gold answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What was asked.
    pub input: Input,
    /// The gold answer, as one text.
    pub gold: String,
    /// The harness's answer.
    pub answer: String,
}
