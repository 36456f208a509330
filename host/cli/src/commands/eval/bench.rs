//! Evaluates a harness with one target model after the other, each time in the same way.

use std::sync::Arc;

use super::{
    cut::{Counting, CutReplies},
    record::Scratch,
};
use crate::{concurrency, error::CliError};
use mmh_engine::build::{Builder, Built};
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::budget::Budget,
};
use mmh_record::{
    clock::Clock,
    data::Split,
    format::{Cost, Protocol},
    limits::Limits,
    pricing::Usd,
};
use mmh_search::{
    dataset::{Dataset, Example},
    evaluate::{
        self, EVALUATION_TIMEOUT, Evaluation, Evaluator, ExampleSet, LEARN_FAILED, Learned, Learning,
        RecordedEvaluation, Sink,
        replies::{Replies, Tally},
        sink::Discard,
    },
    progress::Observer,
    session::{ReadyModel, Session},
};

/// What all evaluations of a command have in common.
pub struct Bench<'a> {
    pub limits: &'a Limits,
    pub builder: &'a Builder,
    pub dataset: &'a Dataset,
    pub split: Split,
    pub examples: Vec<Example>,
    /// How many train examples each call of `learn` has. Empty: as many as a new run would give it.
    pub learn_batches: Vec<usize>,
    pub protocol: Protocol,
    pub seed: u64,
    /// Whether the target is simulated.
    pub mock: bool,
    pub asked_concurrency: Option<u16>,
    pub observer: Arc<dyn Observer>,
    pub cancel: Cancel,
    pub budget: Arc<Budget>,
}

/// A target model, with the cache of its replies if there is one.
pub struct Target {
    pub model: ReadyModel,
    pub replies: Option<Replies>,
}

/// Why a harness has no score: the kind, and the words.
pub type Unscored = (&'static str, String);

/// What came of one target.
pub struct Ran {
    /// The model's id.
    pub model: String,
    pub came: Result<(Learned, Evaluation), Unscored>,
    /// What was paid, and what may be owed.
    pub cost: Cost,
    pub replies: Option<Tally>,
    /// How many replies were cut off.
    pub cut: CutReplies,
    /// Why the evaluation was stopped, if it was.
    pub stop: Option<Stop>,
}

impl Bench<'_> {
    /// How many train examples each call of `learn` has.
    pub fn batches(&self) -> Vec<usize> {
        match self.learn_batches.as_slice() {
            [] => evaluate::planned(&self.dataset.train, self.limits, &self.protocol),
            batches => batches.to_vec(),
        }
    }

    /// Learning, then all examples.
    pub async fn evaluate(
        &self,
        target: Target,
        budget: Arc<Budget>,
        cancel: Cancel,
        built: Built,
        record: Option<&Scratch>,
    ) -> Result<Ran, CliError> {
        let Target { model, replies } = target;
        let (limits, id) = (self.limits, model.model.id().to_owned());
        let session =
            Session { limits, budget: budget.clone(), clock: Clock::System, cancel: cancel.clone() };
        let concurrency = concurrency::choose(self.asked_concurrency, &model, &*self.observer).await;
        let target = Arc::new(session.target(model, concurrency, replies));
        let batches = self.batches();
        let evaluator = session.evaluator(
            self.builder,
            target.clone(),
            (self.dataset, &self.dataset.info(), &batches, &self.protocol),
            (self.seed, concurrency),
            self.observer.clone(),
        );
        let sink = record.map_or_else(|| Arc::new(Discard) as Arc<dyn Sink>, Scratch::sink);
        let counting = Arc::new(Counting::new(sink));
        let (came, mut cost) = self.with(&evaluator, built, counting.clone()).await?;
        // What else was paid for, or may be owed: calls whose answers belong to no example.
        let (paid, standing) = (Usd::from_f64(cost.estimated_usd), budget.status());
        cost.unknown_usd = standing.spent.plus(standing.unknown).minus(paid).as_f64();
        let (replies, cut) = (target.tally(), counting.found());
        Ok(Ran { model: id, came, cost, replies, cut, stop: cancel.why() })
    }

    async fn with(
        &self,
        evaluator: &Evaluator,
        built: Built,
        sink: Arc<dyn Sink>,
    ) -> Result<(Result<(Learned, Evaluation), Unscored>, Cost), CliError> {
        let train = &self.dataset.train;
        let learned = match evaluator.learn(built, train, &RecordedEvaluation::default(), &sink).await? {
            Learning::Done(learned) => learned,
            Learning::Failed { status, reason, cost } => return Ok((Err((status, reason)), cost)),
            Learning::Interrupted { cost } => {
                return Ok((Err((LEARN_FAILED, "stopped while learning".into())), cost));
            }
        };
        let trials = self.protocol.trials;
        let examples = ExampleSet { trials, ..ExampleSet::new(self.split, &self.examples) };
        let done = evaluator.evaluate(&learned, examples, RecordedEvaluation::default(), sink).await?;
        let mut cost = learned.cost;
        cost += done.cost;
        Ok(match done.timed_out {
            Some(reason) => (Err((EVALUATION_TIMEOUT, reason)), cost),
            None => (Ok((learned, done)), cost),
        })
    }
}
