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
    /// Kept as JSON of at most 16 MiB; `default()` is the state before the first call of `learn`.
    type State: Serialize + DeserializeOwned + Default;

    /// Answers one input, with at most the limits' number of model calls.
    fn predict(task: &Task, state: &Self::State, input: &Input, model: &Model) -> Result<Answer>;

    /// Takes in at most 20 `train` examples with their gold answers, and returns the new state. It may ask the model. The
    /// default learns nothing.
    ///
    /// Called for all of them in order before the first `predict`. Some of these calls share an instance, where the state
    /// goes from one to the next as it is; between instances it is encoded. They share what they use as well: each adds as
    /// many model calls, as much fuel and time as one call of `predict` has.
    fn learn(task: &Task, state: Self::State, feedback: &[Feedback], model: &Model) -> Result<Self::State> {
        let _ = (task, feedback, model);
        Ok(state)
    }
}
