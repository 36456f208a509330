//! Where a call into a harness or a scorer runs: the seam between an evaluation and the machine that does its work.
//!
//! A call and its report are data. The model is reached through a port, because its replies, its costs and its keys stay
//! with whoever evaluates. [`Sandbox`] is the runner of this process.

use std::sync::Arc;

use async_trait::async_trait;
use mmh_record::{digest::Digest, grade::Grade, input::Input, limits::Limits};
use serde::{Deserialize, Serialize};

use crate::{
    built::{Built, BuiltScorer},
    sandbox::{Answered, CallContext, LabelledExample, ModelPort, Report, Sandbox, Task},
};

/// A call into a harness, as data. With the model's replies and the limits it decides the report, except for times.
/// `I` is the call's argument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HarnessCall<I> {
    /// The component that is called.
    pub component: Digest,
    /// What it has learned.
    pub state: Digest,
    /// The task, which the harness is told.
    #[serde(with = "crate::shared")]
    pub task: Arc<Task>,
    /// Where the call's randomness comes from.
    pub seed: Digest,
    /// For `predict` the input, for `learn` a batch of examples.
    pub input: I,
}

/// A call into a scorer, as data. With the model's replies and the limits it decides the report, except for times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScorerCall {
    /// The component that is called.
    pub component: Digest,
    /// The task, which the scorer is told.
    #[serde(with = "crate::shared")]
    pub task: Arc<Task>,
    /// Where the call's randomness comes from.
    pub seed: Digest,
    /// The answer, with what was asked and the gold answer.
    pub answered: Answered,
}

/// What a harness has learned: bytes that it reads itself, with their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnedState {
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl LearnedState {
    /// The state of these bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// The state of bytes whose digest is known already.
    pub fn hashed(bytes: impl Into<Arc<[u8]>>, digest: Digest) -> Self {
        Self { bytes: bytes.into(), digest }
    }

    /// The bytes. Empty if nothing was learned.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Their digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest for a record, which has none of an empty state.
    pub fn recorded_digest(&self) -> Option<Digest> {
        (!self.bytes.is_empty()).then_some(self.digest)
    }
}

/// A harness and its state: everything that a runner has to have at hand before it makes a call. Cheap to clone.
#[derive(Clone)]
pub struct Trained {
    /// The harness.
    pub built: Built,
    /// What it has learned.
    pub state: LearnedState,
}

impl Trained {
    /// A call into it.
    pub fn call<I>(&self, task: &Arc<Task>, seed: Digest, input: I) -> HarnessCall<I> {
        let (component, state) = (self.built.component.digest, self.state.digest());
        HarnessCall { component, state, task: task.clone(), seed, input }
    }
}

impl BuiltScorer {
    /// A call into it.
    pub fn call(&self, task: &Arc<Task>, seed: Digest, answered: Answered) -> ScorerCall {
        ScorerCall { component: self.component.digest, task: task.clone(), seed, answered }
    }
}

/// Runs calls into harnesses and scorers. All runners give the same reports for the same calls, replies and limits, except for times.
#[async_trait]
pub trait Runner: Send + Sync {
    /// The limits of each call.
    fn limits(&self) -> &Limits;

    /// Asks a harness for the answer to one input.
    async fn predict(
        &self,
        harness: &Trained,
        call: &HarnessCall<Input>,
        model: Arc<dyn ModelPort>,
    ) -> Report<String>;

    /// Offers a harness a batch of labelled examples. The result is its new state.
    async fn learn(
        &self,
        harness: &Trained,
        call: &HarnessCall<Vec<LabelledExample>>,
        model: Arc<dyn ModelPort>,
    ) -> Report<Vec<u8>>;

    /// Asks a scorer what an answer is worth.
    async fn score(
        &self,
        scorer: &BuiltScorer,
        call: &ScorerCall,
        model: Arc<dyn ModelPort>,
    ) -> Report<Grade>;
}

#[async_trait]
impl Runner for Sandbox {
    fn limits(&self) -> &Limits {
        Self::limits(self)
    }

    async fn predict(
        &self,
        harness: &Trained,
        call: &HarnessCall<Input>,
        model: Arc<dyn ModelPort>,
    ) -> Report<String> {
        Self::predict(self, &harness.built.prepared, context(harness, call, model), &call.input).await
    }

    async fn learn(
        &self,
        harness: &Trained,
        call: &HarnessCall<Vec<LabelledExample>>,
        model: Arc<dyn ModelPort>,
    ) -> Report<Vec<u8>> {
        Self::learn(self, &harness.built.prepared, context(harness, call, model), &call.input).await
    }

    async fn score(
        &self,
        scorer: &BuiltScorer,
        call: &ScorerCall,
        model: Arc<dyn ModelPort>,
    ) -> Report<Grade> {
        let context = CallContext { task: &call.task, state: &[], seed: call.seed, model };
        Self::score(self, &scorer.prepared, context, &call.answered).await
    }
}

fn context<'a, I>(
    harness: &'a Trained,
    call: &'a HarnessCall<I>,
    model: Arc<dyn ModelPort>,
) -> CallContext<'a> {
    CallContext { task: &call.task, state: harness.state.bytes(), seed: call.seed, model }
}
