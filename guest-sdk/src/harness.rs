//! The trait that a harness implements.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Answer, Feedback, Input, Model, Result, Task};

/// A harness: a pure function of (task, state, input, model replies).
///
/// Every call happens in a fresh instance. What shall last from `learn` to `predict` goes into
/// [`Harness::State`]; nothing else survives.
pub trait Harness {
    /// What `learn` gathers and `predict` reads. `()` for a harness that learns nothing.
    ///
    /// Kept as JSON of at most 16 MiB; `default()` is the state before the first batch.
    type State: Serialize + DeserializeOwned + Default;

    /// Answers one input, with at most the limits' number of model calls.
    fn predict(task: &Task, state: &Self::State, input: &Input, model: &Model) -> Result<Answer>;

    /// Takes in one batch of `train` examples with their gold answers, and returns the new state. The default learns
    /// nothing.
    ///
    /// It may ask the model. Each batch has the limits of one call of `predict`: as many model calls, as much fuel,
    /// memory and time.
    fn learn(task: &Task, state: Self::State, feedback: &[Feedback], model: &Model) -> Result<Self::State> {
        let _ = (task, feedback, model);
        Ok(state)
    }
}
