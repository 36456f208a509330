//! Assembles a search, or one evaluation, from resolved settings. Every front end starts them through here.
//!
//! Not in here: where settings come from. The caller reads arguments, settings files and keys, and decides what it takes
//! from a run's folder.

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
    baseline::Baseline,
    clock::Clock,
    format::{ProposerKind, Protocol, ProviderInfo, Summary, TaskInfo},
    ledger,
    limits::Limits,
    pricing::{Price, Usd},
    writer::RunWriter,
};

use crate::{
    dataset::{Dataset, Example},
    evaluate::{Evaluator, Lessons, Target, record_share, replies::Replies},
    leaks::Lint,
    progress::Observer,
    propose::{
        ModelLoop, Proposer,
        external::{Absent, External, Service},
    },
    search::Search,
    times::Times,
};

/// A model that is ready to be called.
pub struct ReadyModel {
    /// Makes the calls.
    pub model: Arc<dyn ChatModel>,
    /// What calls cost.
    pub price: Price,
    /// What the run records about its server. `None` for a simulated model.
    pub info: Option<ProviderInfo>,
    /// Whether it is a real model on this machine.
    pub is_local: bool,
}

/// Who writes the harnesses of a search.
pub enum ReadyProposer {
    /// A conversation with this model.
    Model(Box<ReadyModel>),
    /// Proposers outside of this process.
    Outside {
        /// Their name.
        name: String,
        /// How they are reached.
        service: Arc<dyn Service>,
    },
    /// Proposers outside of this process, of this name, that are not there: the search goes as far as it can without.
    Absent(String),
}

impl ReadyProposer {
    /// The run's `proposer_model`.
    pub fn name(&self) -> &str {
        match self {
            Self::Model(ready) => ready.model.id(),
            Self::Outside { name, .. } | Self::Absent(name) => name,
        }
    }

    /// What a run records about how it works.
    pub fn kind(&self) -> ProposerKind {
        match self {
            Self::Model(_) => ProposerKind::Conversation,
            Self::Outside { .. } | Self::Absent(_) => ProposerKind::Tools,
        }
    }

    /// The model, where it is one.
    pub fn model(&self) -> Option<&ReadyModel> {
        match self {
            Self::Model(ready) => Some(ready),
            Self::Outside { .. } | Self::Absent(_) => None,
        }
    }
}

/// The proposer and the model of a search.
pub struct Models {
    /// Writes harnesses.
    pub proposer: ReadyProposer,
    /// Is asked by harnesses.
    pub target: ReadyModel,
    /// The target's reply cache. Without it all requests are sent.
    pub replies: Option<Replies>,
}

/// What all calls and evaluations of a run share.
pub struct Session<'a> {
    /// The run's limits.
    pub limits: &'a Limits,
    /// The money of both models.
    pub budget: Arc<Budget>,
    /// The host's clock.
    pub clock: Clock,
    /// Stops all calls and evaluations.
    pub cancel: Cancel,
}

impl Session<'_> {
    /// A proposer that is a conversation with this model, with its retry policy. Its calls at once are not limited.
    pub fn proposer(&self, ready: ReadyModel) -> Arc<dyn Proposer> {
        let retry_policy = RetryPolicy {
            attempts: self.limits.attempts,
            attempt: Duration::from_millis(self.limits.proposer_attempt_ms),
            total: Duration::from_millis(self.limits.proposer_call_ms),
            options: ["--proposer-timeout-s", "--proposer-call-timeout-s"],
        };
        Arc::new(ModelLoop::new(self.caller(ready, Throttle::unlimited(), retry_policy), self.limits.clone()))
    }

    /// The proposer: a conversation with a model, or one outside of this process.
    fn proposing(&self, ready: ReadyProposer) -> Arc<dyn Proposer> {
        match ready {
            ReadyProposer::Model(ready) => self.proposer(*ready),
            ReadyProposer::Outside { name, service } => Arc::new(External::new(&name, service)),
            ReadyProposer::Absent(name) => Arc::new(Absent::new(&name, self.cancel.clone())),
        }
    }

    /// The target, with its retry policy and reply cache. At most `concurrency` calls go to it at once.
    pub fn target(&self, ready: ReadyModel, concurrency: usize, replies: Option<Replies>) -> Target {
        let retry_policy = RetryPolicy {
            attempts: self.limits.attempts,
            attempt: Duration::from_millis(self.limits.target_attempt_ms),
            total: Duration::MAX,
            options: ["--target-timeout-s", "--example-timeout-s"],
        };
        Target::new(self.caller(ready, Throttle::new(concurrency), retry_policy), replies)
    }

    /// An evaluator for a data set whose splits have these sizes and whose train examples are learned in batches of these
    /// sizes by this protocol, with this seed and at most this many examples at once.
    pub fn evaluator(
        &self,
        builder: &Builder,
        target: Arc<Target>,
        (dataset, sizes, learn_batches, protocol): (&Dataset, &TaskInfo, &[usize], &Protocol),
        (seed, concurrency): (u64, usize),
        observer: Arc<dyn Observer>,
    ) -> Evaluator {
        Evaluator {
            runner: builder.runner(),
            target,
            kind: dataset.kind.clone(),
            task: Arc::new(dataset.task.clone()),
            seed,
            concurrency,
            lessons: Lessons::new(learn_batches, protocol),
            times: Arc::new(Times::new(self.clock)),
            record_bytes: record_share(self.limits, sizes, learn_batches, protocol),
            clock: self.clock,
            observer,
            cancel: self.cancel.clone(),
        }
    }

    /// A search with this target and this proposer, and at most this many examples at once.
    pub fn search(
        &self,
        start: Start,
        builder: Builder,
        (target, proposer): (Arc<Target>, Arc<dyn Proposer>),
        concurrency: usize,
        observer: Arc<dyn Observer>,
    ) -> Search {
        let Start { summary, writer, baselines, dataset, val } = start;
        let config = summary.config.clone();
        let about = (&dataset, &config.task, config.learn_batches.as_slice(), &config.protocol);
        let evaluator = self.evaluator(&builder, target, about, (config.seed, concurrency), observer.clone());
        let (clock, cancel) = (self.clock, self.cancel.clone());
        // The whole validation split, even if this run evaluates a part of it only.
        let lint = Lint::of(&dataset);
        Search {
            config,
            dataset,
            val,
            summary,
            baselines,
            builder,
            lint,
            evaluator,
            proposer,
            budget: self.budget.clone(),
            writer,
            clock,
            observer,
            cancel,
            claims: None,
        }
    }

    fn caller(&self, ready: ReadyModel, throttle: Throttle, retry_policy: RetryPolicy) -> MeteredModel {
        let ReadyModel { model, price, .. } = ready;
        let retry_policy = if model.is_simulated() { RetryPolicy::ONCE } else { retry_policy };
        let run = RunContext { budget: self.budget.clone(), clock: self.clock, cancel: self.cancel.clone() };
        MeteredModel::new(model, price, throttle, retry_policy, run)
    }
}

impl Models {
    /// The models with their roles. A proposer outside of this process is none.
    pub fn by_role(&self) -> impl Iterator<Item = (Role, &ReadyModel)> {
        let proposer = self.proposer.model().map(|model| (Role::Proposer, model));
        proposer.into_iter().chain([(Role::Target, &self.target)])
    }

    /// The servers of real models, by role, for the run's record.
    pub fn providers(&self) -> BTreeMap<String, ProviderInfo> {
        let asked =
            self.by_role().filter_map(|(role, ready)| Some((role.name().to_owned(), ready.info.clone()?)));
        asked.collect()
    }
}

/// What a search starts from. Its folder exists already.
pub struct Start {
    /// The run's summary so far. A new run's has nothing but the configuration.
    pub summary: Summary,
    /// Writes the run's folder.
    pub writer: RunWriter,
    /// The baselines: the harnesses of the iterations 000 and on.
    pub baselines: Vec<Baseline>,
    /// The task and its examples.
    pub dataset: Dataset,
    /// The validation examples that this run uses.
    pub val: Vec<Example>,
}

/// Everything that a search needs.
pub struct Plan {
    /// What it starts from.
    pub start: Start,
    /// Proposer and target.
    pub models: Models,
    /// What the run may spend in all, in US dollars.
    pub budget_usd: f64,
    /// The host's clock.
    pub clock: Clock,
}

impl Plan {
    /// The search, ready to run, with the limits of the builder's sandbox. Fails if the ledger cannot be read.
    pub fn search(
        self,
        builder: Builder,
        observer: Arc<dyn Observer>,
        cancel: Cancel,
    ) -> Result<Search, RecordError> {
        let Self { start, models, budget_usd, clock } = self;
        let limits = builder.sandbox.limits().clone();
        let budget = Arc::new(budget(&start.writer, start.summary.config.mock, budget_usd)?);
        let session = Session { limits: &limits, budget, clock, cancel };
        let concurrency = start.summary.config.concurrency;
        let target = Arc::new(session.target(models.target, concurrency, models.replies));
        let parts = (target, session.proposing(models.proposer));
        Ok(session.search(start, builder, parts, concurrency, observer))
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
