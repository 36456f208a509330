//! The trait that a harness implements.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Answer, Feedback, Input, Model, Result, Task};

/// A harness: a pure function of (task, state, input, model replies).
///
/// Every call happens in a fresh instance. What shall last from `learn` to `predict` goes into
/// [`Harness::State`]; nothing else survives.
///
/// ```
/// use mmh_sdk::prelude::*;
/// struct Echo;
/// impl Harness for Echo {
///     type State = ();
///     fn predict(_: &Task, _: &(), input: &Input, _: &Model) -> Result<Answer> {
///         Ok(Answer::new(&input.text))
///     }
/// }
/// let task = Task::open("echo", "Say it again.");
/// assert_eq!(Echo::predict(&task, &(), &"Hello".into(), &Model::replies([""]))?.text, "Hello");
/// # Ok::<(), Error>(())
/// ```
pub trait Harness {
    /// What `learn` gathers and `predict` reads. `()` for a harness that learns nothing.
    ///
    /// Kept as JSON of at most 16 MiB; `default()` is the state before the first call of `learn`.
    ///
    /// ```
    /// use mmh_sdk::{prelude::*, serde_json};
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Memory {
    ///     golds: Vec<String>,
    /// }
    /// // A harness with `type State = Memory;` finds this again in the next call.
    /// let state = serde_json::to_string(&Memory { golds: vec!["flu".into()] })?;
    /// assert_eq!(state, r#"{"golds":["flu"]}"#);
    /// assert_eq!(serde_json::from_str::<Memory>(&state)?.golds, ["flu"]);
    /// # Ok::<(), Error>(())
    /// ```
    type State: Serialize + DeserializeOwned + Default;

    /// Answers one input, with at most the limits' number of model calls.
    ///
    /// ```
    /// use mmh_sdk::prelude::*;
    /// struct Lenient;
    /// impl Harness for Lenient {
    ///     type State = ();
    ///     fn predict(task: &Task, _: &(), input: &Input, model: &Model) -> Result<Answer> {
    ///         let reply = model.ask(format!("{}\n{input}", task.instructions)).unwrap_or_default();
    ///         // A guess may be right, an error never is.
    ///         Ok(task.read_answer(&reply).unwrap_or_else(|| Answer::new(&task.labels[0])))
    ///     }
    /// }
    /// let task = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
    /// assert_eq!(Lenient::predict(&task, &(), &"It is cold.".into(), &Model::replies(["Snow!"]))?.text, "snow");
    /// assert_eq!(Lenient::predict(&task, &(), &"It is cold.".into(), &Model::replies(["fog"]))?.text, "rain");
    /// # Ok::<(), Error>(())
    /// ```
    fn predict(task: &Task, state: &Self::State, input: &Input, model: &Model) -> Result<Answer>;

    /// Takes in at most 20 `train` examples with their gold answers, and returns the new state. It may ask the model. The
    /// default learns nothing.
    ///
    /// Called for all of them in order before the first `predict`. Some of these calls share an instance, where the state
    /// goes from one to the next as it is; between instances it is encoded. They share what they use as well: each adds as
    /// many model calls, as much fuel and time as one call of `predict` has.
    ///
    /// ```
    /// use mmh_sdk::prelude::*;
    /// struct Known;
    /// impl Harness for Known {
    ///     /// Texts and their golds.
    ///     type State = Vec<(String, String)>;
    ///     fn learn(_: &Task, mut state: Self::State, feedback: &[Feedback], _: &Model) -> Result<Self::State> {
    ///         state.extend(feedback.iter().map(|it| (it.input.text.clone(), it.gold.clone())));
    ///         Ok(state)
    ///     }
    ///     fn predict(_: &Task, state: &Self::State, input: &Input, _: &Model) -> Result<Answer> {
    ///         let known = state.iter().find(|(text, _)| *text == input.text);
    ///         known.map(|(_, gold)| Answer::new(gold)).ok_or_else(|| Error::new("a new text"))
    ///     }
    /// }
    /// let task = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
    /// let (model, input) = (Model::replies([""]), Input::new("It is wet."));
    /// let feedback = Feedback { input: input.clone(), gold: "rain".into(), attempt: None };
    /// let state = Known::learn(&task, Vec::new(), &[feedback], &model)?;
    /// assert_eq!(Known::predict(&task, &state, &input, &model)?.text, "rain");
    /// # Ok::<(), Error>(())
    /// ```
    fn learn(task: &Task, state: Self::State, feedback: &[Feedback], model: &Model) -> Result<Self::State> {
        let _ = (task, feedback, model);
        Ok(state)
    }
}
