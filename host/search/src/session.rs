//! Puts a search, or one evaluation, together from resolved settings. Whoever starts one comes through here: the
//! command line, tests, and other front ends.
//!
//! Not in here: where settings come from. Arguments, files of settings, keys and what a run's folder may decide are
//! the caller's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mmh_engine::build::Builder;
use mmh_models::{
    ChatModel,
    cancel::Cancel,
    metering::{MeteredModel, RetryPolicy, RunContext, budget::Budget, throttle::Throttle},
    remote::Role,
};
use mmh_record::{
    RecordError,
    clock::Clock,
    format::{ProviderInfo, Summary},
    ledger,
    limits::Limits,
    pricing::{Price, Usd},
    writer::RunWriter,
};

use crate::{
    dataset::{Dataset, Example},
    evaluate::{Evaluator, Target, record_share, replies::Replies},
    leaks::Lint,
    progress::Observer,
    propose::Proposer,
    search::Search,
};

/// A model that is ready to be called.
pub struct ReadyModel {
    pub model: Arc<dyn ChatModel>,
    pub price: Price,
    /// None where the model is simulated.
    pub info: Option<ProviderInfo>,
    /// A real model on this machine.
    pub is_local: bool,
}

/// The two models of a search.
pub struct Models {
    /// Writes harnesses.
    pub proposer: ReadyModel,
    /// Is asked by harnesses.
    pub target: ReadyModel,
    /// Replies of the target that are kept from run to run, where they are.
    pub replies: Option<Replies>,
}

/// What all calls and evaluations of a run share.
pub struct Session<'a> {
    pub limits: &'a Limits,
    pub budget: Arc<Budget>,
    pub clock: Clock,
    pub cancel: Cancel,
}

impl Session<'_> {
    pub fn proposer(&self, ready: ReadyModel) -> MeteredModel {
        let retry_policy = RetryPolicy {
            attempts: self.limits.attempts,
            attempt: Duration::from_millis(self.limits.proposer_attempt_ms),
            total: Duration::from_millis(self.limits.proposer_call_ms),
            options: ["--proposer-timeout-s", "--proposer-call-timeout-s"],
        };
        self.caller(ready, Throttle::unlimited(), retry_policy)
    }

    /// At most `concurrency` calls go to the target at once.
    pub fn target(&self, ready: ReadyModel, concurrency: usize, replies: Option<Replies>) -> Target {
        let retry_policy = RetryPolicy {
            attempts: self.limits.attempts,
            attempt: Duration::from_millis(self.limits.target_attempt_ms),
            total: Duration::MAX,
            options: ["--target-timeout-s", "--example-timeout-s"],
        };
        Target::new(self.caller(ready, Throttle::new(concurrency), retry_policy), replies)
    }

    /// Runs harnesses over the examples of a data set, with this seed and at most so many examples at once.
    pub fn evaluator(
        &self,
        builder: &Builder,
        target: Arc<Target>,
        dataset: &Dataset,
        (seed, concurrency): (u64, usize),
        observer: Arc<dyn Observer>,
    ) -> Evaluator {
        Evaluator {
            sandbox: builder.sandbox.clone(),
            target,
            task: Arc::new(dataset.task.clone()),
            seed,
            concurrency,
            record_bytes: record_share(self.limits, &dataset.info()),
            clock: self.clock,
            observer,
            cancel: self.cancel.clone(),
        }
    }

    fn caller(&self, ready: ReadyModel, throttle: Throttle, retry_policy: RetryPolicy) -> MeteredModel {
        let ReadyModel { model, price, .. } = ready;
        let retry_policy = if model.is_simulated() { RetryPolicy::ONCE } else { retry_policy };
        let run = RunContext { budget: self.budget.clone(), clock: self.clock, cancel: self.cancel.clone() };
        MeteredModel::new(model, price, throttle, retry_policy, run)
    }
}

/// The servers that a run asks, for its record.
pub fn providers(models: [(Role, &ReadyModel); 2]) -> BTreeMap<String, ProviderInfo> {
    let asked =
        models.into_iter().filter_map(|(role, model)| Some((role.name().to_owned(), model.info.clone()?)));
    asked.collect()
}

/// A search with everything that it needs. Its folder is there already.
pub struct Plan {
    /// What is on record of it.
    pub summary: Summary,
    pub writer: RunWriter,
    pub baseline: String,
    pub dataset: Dataset,
    pub val: Vec<Example>,
    pub models: Models,
    pub budget_usd: f64,
    pub clock: Clock,
}

impl Plan {
    /// The search, ready to run. `limits` are those of the builder's sandbox.
    pub fn search(
        self,
        builder: Builder,
        observer: Arc<dyn Observer>,
        cancel: Cancel,
    ) -> Result<Search, RecordError> {
        let Self { summary, writer, baseline, dataset, val, models, budget_usd, clock, .. } = self;
        let config = summary.config.clone();
        let limits = builder.sandbox.limits().clone();
        let budget = Arc::new(budget(&writer, config.mock, budget_usd)?);
        let session = Session { limits: &limits, budget: budget.clone(), clock, cancel: cancel.clone() };
        let target = Arc::new(session.target(models.target, config.concurrency, models.replies));
        let evaluator = session.evaluator(
            &builder,
            target,
            &dataset,
            (config.seed, config.concurrency),
            observer.clone(),
        );
        let caller = session.proposer(models.proposer);
        let proposer = Proposer { caller, limits, clock, observer: observer.clone(), cancel: cancel.clone() };
        // Also where this run evaluates a part of the validation split only.
        let lint = Lint::new(&dataset.train, &dataset.val, &dataset.test);
        Ok(Search {
            config,
            dataset,
            val,
            summary,
            baseline,
            builder,
            lint,
            evaluator,
            proposer,
            budget,
            writer,
            clock,
            observer,
            cancel,
            claims: None,
        })
    }
}

/// The run's budget, less what it has spent already. Simulated models cost nothing.
fn budget(writer: &RunWriter, mock: bool, budget_usd: f64) -> Result<Budget, RecordError> {
    if mock {
        return Ok(Budget::unlimited());
    }
    let (ledger, owed) = ledger::open(writer)?;
    Ok(Budget::kept(Usd::from_f64(budget_usd), Box::new(ledger), owed))
}
