//! The trait that a harness implements, and the plain data it works on.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Model, Result, labels};

/// A harness: a pure function of (task, state, input, model replies).
///
/// Every call happens in a fresh instance. What shall last from `learn` to `predict` goes into
/// [`Harness::State`]; nothing else survives.
pub trait Harness {
    /// What `learn` gathers and `predict` reads. `()` for a harness that learns nothing.
    ///
    /// Kept as JSON of at most 16 MiB; `default()` is the state before the first call of `learn`.
    type State: Serialize + DeserializeOwned + Default;

    /// Answers one input, with at most the limits' number of model calls.
    fn predict(task: &Task, state: &Self::State, input: &str, model: &Model) -> Result<Prediction>;

    /// Takes in at most 20 labelled `train` examples and returns the new state.
    ///
    /// Called for all of them in order before the first `predict`. Some of these calls share an instance, where the state
    /// goes from one to the next as it is; between instances it is encoded. The default learns nothing.
    fn learn(task: &Task, state: Self::State, feedback: &[Feedback], model: &Model) -> Result<Self::State> {
        let _ = (task, feedback, model);
        Ok(state)
    }
}

/// What the labelled examples are about.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// A short machine name.
    pub name: String,
    /// What is asked, in words fit for a prompt.
    pub instructions: String,
    /// Every label that can be right, in a fixed order.
    pub labels: Vec<String>,
}

impl Task {
    /// A task, for tests.
    pub fn new<L: Into<String>>(
        name: impl Into<String>,
        instructions: impl Into<String>,
        labels: impl IntoIterator<Item = L>,
    ) -> Self {
        Self {
            name: name.into(),
            instructions: instructions.into(),
            labels: labels.into_iter().map(Into::into).collect(),
        }
    }

    /// The label that a model's reply means, if it means exactly one. See [`labels::find`] for the rule.
    pub fn match_label(&self, text: &str) -> Option<&str> {
        labels::find(&self.labels, text)
    }

    /// The labels as lines that start with `- `, ready for a prompt.
    pub fn label_list(&self) -> String {
        let lines: Vec<String> = self.labels.iter().map(|label| format!("- {label}")).collect();
        lines.join("\n")
    }
}

/// A harness's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Right if it equals the gold label after trimming white space.
    pub label: String,
}

impl Prediction {
    /// A prediction of this label.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into() }
    }
}

/// One labelled example of the `train` split.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// The example's text.
    pub input: String,
    /// The right label.
    pub gold: String,
    /// This harness's own prediction for it, where one was made.
    pub attempt: Option<Attempt>,
}

/// What was predicted for an input of which the label is now known.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The predicted label.
    pub label: String,
    /// Whether it was right.
    pub correct: bool,
}
