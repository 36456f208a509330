//! The outer loop, and the only module that knows every stage: baseline, then propose, evaluate and
//! record, iteration by iteration, then the held-out score.
//!
//! Everything is written when it is known. What goes wrong with one candidate ends its iteration; only
//! what keeps the host from going on ends the run.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    build::{Builder, Built},
    call::budget::Budget,
    cancel::{Cancel, Stop},
    clock::Clock,
    compile::CompileError,
    dataset::{Dataset, Example, Split},
    digest::Digest,
    evaluate::{Evaluator, Learned, Learning, Sink, sink::Recorder},
    lineage,
    pricing::Usd,
    progress::{Event, Observer, Silent},
    propose::{self, Outcome, ProposeError, Proposer, Submission, Toolbox, instructions},
    record::{
        RecordError,
        format::{
            Config, Cost, CostFile, IterationCost, IterationSummary, ReadRow, Score, Stopped, Summary,
            TestScore, TraceRow, Unscored,
        },
        provenance,
        reader::RunReader,
        writer::{IterationWriter, RunWriter},
    },
    score::score,
    toolchain::sdk,
};

/// The harness that every search starts from.
pub const BASELINE: &str = include_str!("../../baseline-harness/src/harness.rs");

/// What is written beside the baseline.
const BASELINE_REASONING: &str =
    "# Baseline\n\nZero-shot: the labels, the text, one question. Every search starts here.\n";

/// Everything a search works with.
pub struct Search {
    pub config: Config,
    pub dataset: Dataset,
    /// The validation examples of this run.
    pub val: Vec<Example>,
    /// The source of iteration 000.
    pub baseline: String,
    pub builder: Builder,
    pub evaluator: Evaluator,
    pub proposer: Proposer,
    /// What both models spend from.
    pub budget: Arc<Budget>,
    /// Whether the held-out examples are scored at the end.
    pub with_test: bool,
    pub writer: RunWriter,
    pub clock: Clock,
    pub observer: Arc<dyn Observer>,
    pub cancel: Cancel,
}

/// The run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<ProposeError> for SearchError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Compile(error) => Self::Compile(error),
            ProposeError::Record(error) => Self::Record(error),
        }
    }
}

/// A candidate on its way to a score.
struct Candidate {
    index: u32,
    source: String,
    reasoning: String,
    reads: Vec<ReadRow>,
    cost: Cost,
    started_at: Timestamp,
}

/// A candidate that was evaluated, with what came of every example.
struct Scored {
    score: Score,
    learned: Learned,
    rows: Vec<TraceRow>,
}

/// What became of a candidate.
enum Fate {
    Scored(Box<Scored>),
    Unscored { status: String, reason: String },
}

impl Search {
    /// Runs the whole search. Stopped half-way, it leaves a valid partial run.
    pub async fn run(self) -> Result<Summary, SearchError> {
        let mut progress = Progress::new(&self);
        self.write(&progress)?;
        self.baseline(&mut progress).await?;
        for index in 1..=self.config.iterations {
            if self.cancel.is_cancelled() {
                break;
            }
            self.iteration(index, &mut progress).await?;
        }
        if !self.cancel.is_cancelled() {
            self.held_out(&mut progress).await?;
        }
        match self.cancel.why() {
            None => progress.summary.finished_at = Some(self.clock.now()),
            Some(stop) => {
                let (status, reason) = (stop.status().to_owned(), stop.reason().to_owned());
                progress.summary.stopped = Some(Stopped { status, reason });
            }
        }
        self.write(&progress)?;
        Ok(progress.summary)
    }

    fn write(&self, progress: &Progress) -> Result<(), RecordError> {
        self.writer.cost(&progress.cost)?;
        self.writer.summary(&progress.summary)?;
        self.writer.seal()
    }

    async fn baseline(&self, progress: &mut Progress) -> Result<(), SearchError> {
        let candidate = Candidate {
            index: 0,
            source: self.baseline.clone(),
            reasoning: BASELINE_REASONING.to_owned(),
            reads: Vec::new(),
            cost: Cost::default(),
            started_at: self.clock.now(),
        };
        let folder = self.writer.iteration(0)?;
        self.stage(0, "compiling the baseline");
        match self.builder.build(&candidate.source).await? {
            Ok(built) => self.judge(candidate, built, &folder, progress).await,
            Err(rejection) => {
                folder.put("harness.rs", candidate.source.as_bytes())?;
                folder.put("reasoning.md", candidate.reasoning.as_bytes())?;
                let status = rejection.kind.name().to_owned();
                let reason = format!("{}\n{}", rejection.message, rejection.diagnostics);
                let fate = Fate::Unscored { status, reason };
                self.conclude(candidate, Digest::of([]), fate, &folder, progress)
            }
        }
    }

    async fn iteration(&self, index: u32, progress: &mut Progress) -> Result<(), SearchError> {
        let started_at = self.clock.now();
        let folder = self.writer.iteration(index)?;
        self.stage(index, "proposing");
        let (outcome, reads, cost) = self.propose(index, &folder).await?;
        match outcome {
            Outcome::Submitted(Submission { source, reasoning, built }) => {
                let candidate = Candidate { index, source, reasoning, reads, cost, started_at };
                self.judge(candidate, built, &folder, progress).await
            }
            Outcome::Unsubmitted { status, reason } => {
                let (source, reasoning) = (String::new(), String::new());
                let candidate = Candidate { index, source, reasoning, reads, cost, started_at };
                let fate = Fate::Unscored { status: status.to_owned(), reason };
                self.conclude(candidate, Digest::of([]), fate, &folder, progress)
            }
        }
    }

    /// Lets the proposer work. Its transcript and reads are on disk when this returns.
    async fn propose(
        &self,
        index: u32,
        folder: &IterationWriter,
    ) -> Result<(Outcome, Vec<ReadRow>, Cost), SearchError> {
        let history = propose::History::new(
            RunReader::new(self.writer.dir()?),
            folder.append("filesystem_reads.jsonl")?,
            self.clock,
        );
        let quiet = Evaluator { observer: Arc::new(Silent), ..self.evaluator.clone() };
        let limits = &self.config.limits;
        let mut toolbox = Toolbox::new(&self.builder, quiet, &self.dataset, &self.val, limits, history);
        let transcript = folder.append("proposer.jsonl")?;
        let opening = instructions::opening(index, &self.dataset, self.val.len(), limits.proposer_steps);
        let proposal = self.proposer.propose(index, opening, &mut toolbox, &transcript).await?;
        transcript.finish()?;
        let (reads, trial_cost) = toolbox.close()?;
        let mut cost = proposal.cost;
        cost += trial_cost;
        Ok((proposal.outcome, reads, cost))
    }

    /// Records what a candidate is, evaluates it, and records what came of it.
    async fn judge(
        &self,
        mut candidate: Candidate,
        built: Built,
        folder: &IterationWriter,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        self.record_binary(&candidate, &built, folder)?;
        let component = built.component.digest;
        let recorder = Arc::new(Recorder::new(folder)?);
        self.stage(candidate.index, "learning and evaluating");
        let fate = self.evaluate(&mut candidate, built, recorder.clone()).await?;
        recorder.finish(folder, &self.val)?;
        if let Fate::Scored(scored) = &fate {
            let Scored { score, learned, rows } = &**scored;
            if !learned.state.is_empty() {
                folder.put("state.bin", &learned.state)?;
            }
            folder.put_json("score.json", score)?;
            self.put_result(Split::Val, component, score, rows, folder)?;
        }
        self.conclude(candidate, component, fate, folder, progress)
    }

    /// States which component had which score on what.
    fn put_result(
        &self,
        split: Split,
        component: Digest,
        score: &Score,
        traces: &[TraceRow],
        folder: &IterationWriter,
    ) -> Result<(), RecordError> {
        let tested = provenance::Tested { component, split, score, traces };
        folder.put_json("test-result.json", &provenance::test_result(&tested, &self.config))
    }

    fn record_binary(
        &self,
        candidate: &Candidate,
        built: &Built,
        folder: &IterationWriter,
    ) -> Result<(), RecordError> {
        folder.put("harness.rs", candidate.source.as_bytes())?;
        folder.put("reasoning.md", candidate.reasoning.as_bytes())?;
        folder.put("harness.wasm", &built.component.bytes)?;
        let made = provenance::Made {
            source: Digest::of(&candidate.source),
            component: built.component.digest,
            key: self.builder.compiler.key(&candidate.source),
        };
        let statement = provenance::statement(&made, &self.config, Digest::of(sdk::LOCK));
        folder.put_json("provenance.json", &statement)
    }

    async fn evaluate(
        &self,
        candidate: &mut Candidate,
        built: Built,
        recorder: Arc<dyn Sink>,
    ) -> Result<Fate, RecordError> {
        let learned = match self.evaluator.learn(built.prepared, &self.dataset.train, &*recorder).await? {
            Learning::Done(learned) => learned,
            Learning::Failed { reason, cost } => {
                candidate.cost += cost;
                return Ok(match self.cut_short() {
                    Some(stop) => Fate::stopped(&stop, 0, self.val.len()),
                    None => Fate::Unscored { status: "learn-failed".into(), reason },
                });
            }
            Learning::Interrupted { cost } => {
                candidate.cost += cost;
                let stop = self.cancel.why().unwrap_or(Stop::Asked);
                return Ok(Fate::stopped(&stop, 0, self.val.len()));
            }
        };
        candidate.cost += learned.cost;
        let index = Some(candidate.index);
        let done = self.evaluator.evaluate(&learned, &self.val, Split::Val, index, recorder).await?;
        candidate.cost += done.cost;
        let stop = self.cut_short().or_else(|| self.cancel.why().filter(|_| !done.complete));
        if let Some(stop) = stop {
            return Ok(Fate::stopped(&stop, done.rows.len(), self.val.len()));
        }
        let score = score(&done.rows, &learned, self.config.mock);
        Ok(Fate::Scored(Box::new(Scored { score, learned, rows: done.rows })))
    }

    /// Enters an iteration into summary and costs.
    fn conclude(
        &self,
        candidate: Candidate,
        component_digest: Digest,
        fate: Fate,
        folder: &IterationWriter,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        folder.seal()?;
        let Candidate { index, source, reasoning, reads, cost, started_at } = candidate;
        let finished_at = self.clock.now();
        match fate {
            Fate::Scored(scored) => {
                let Scored { score, learned, .. } = *scored;
                progress.enter(index, &score, learned);
                let earlier = progress.summary.iterations.iter();
                let parent = lineage::parent(&source, earlier.map(|it| (it.index, it.harness_code.as_str())));
                progress.summary.iterations.push(IterationSummary {
                    index,
                    parent,
                    source_digest: Digest::of(&source),
                    harness_code: source,
                    reasoning,
                    filesystem_reads: reads,
                    score,
                    cost,
                    started_at,
                    finished_at,
                    component_digest,
                });
            }
            Fate::Unscored { status, reason } => {
                self.stage(index, &format!("not scored: {status}: {}", crate::text::ellipsis(&reason, 200)));
                progress.summary.unscored.push(Unscored {
                    index,
                    status,
                    reason,
                    cost,
                    started_at,
                    finished_at,
                });
            }
        }
        progress.spend(Some(index), cost, &self.budget);
        Ok(self.write(progress)?)
    }

    /// Why calls were refused, if they were: whatever the harness made of it is no score.
    fn cut_short(&self) -> Option<Stop> {
        self.cancel.why().filter(|stop| *stop != Stop::Asked)
    }

    /// Scores the baseline and the best iteration on the held-out examples, once.
    async fn held_out(&self, progress: &mut Progress) -> Result<(), SearchError> {
        if !self.with_test || self.dataset.test.is_empty() {
            return Ok(());
        }
        for (index, learned) in progress.finalists() {
            let folder = self.writer.test(index)?;
            let recorder = Arc::new(Recorder::new(&folder)?);
            let (examples, split) = (&self.dataset.test, Split::Test);
            let done =
                self.evaluator.evaluate(&learned, examples, split, Some(index), recorder.clone()).await?;
            recorder.finish(&folder, examples)?;
            progress.spend(None, done.cost, &self.budget);
            if !done.complete || self.cut_short().is_some() {
                return folder.seal().map_err(SearchError::from);
            }
            let score = score(&done.rows, &learned, self.config.mock);
            folder.put_json("score.json", &score)?;
            let component = progress.component(index);
            self.put_result(split, component, &score, &done.rows, &folder)?;
            folder.seal()?;
            progress.summary.test.push(TestScore { index, score });
            self.write(progress)?;
        }
        Ok(())
    }

    fn stage(&self, index: u32, stage: &str) {
        self.observer.on(Event::Stage { iteration: index, stage: stage.to_owned() });
    }
}

impl Fate {
    fn stopped(stop: &Stop, done: usize, total: usize) -> Self {
        let reason = format!("stopped after {done} of {total} examples: {}", stop.reason());
        Self::Unscored { status: stop.status().to_owned(), reason }
    }
}

/// What a search has come to.
struct Progress {
    summary: Summary,
    cost: CostFile,
    /// The baseline and the best harness so far, ready to be called.
    baseline: Option<Learned>,
    best: Option<(u32, f64, Learned)>,
}

impl Progress {
    fn new(search: &Search) -> Self {
        let summary = Summary {
            config: search.config.clone(),
            iterations: Vec::new(),
            unscored: Vec::new(),
            total_cost: Cost::default(),
            best_iteration_index: None,
            test: Vec::new(),
            finished_at: None,
            stopped: None,
        };
        let Config { mock, budget_usd, .. } = search.config;
        let cost = CostFile { mock, budget_usd, ..CostFile::default() };
        Self { summary, cost, baseline: None, best: None }
    }

    /// A later iteration is best only if it is better.
    fn enter(&mut self, index: u32, score: &Score, learned: Learned) {
        if index == 0 {
            self.baseline = Some(learned.clone());
        }
        if self.best.as_ref().is_none_or(|(_, accuracy, _)| score.accuracy > *accuracy) {
            self.best = Some((index, score.accuracy, learned));
            self.summary.best_iteration_index = Some(index);
        }
    }

    /// What a scored iteration was compiled to.
    fn component(&self, index: u32) -> Digest {
        let found = self.summary.iterations.iter().find(|it| it.index == index);
        found.map_or_else(|| Digest::of([]), |it| it.component_digest)
    }

    fn finalists(&self) -> Vec<(u32, Learned)> {
        let best = self.best.as_ref().map(|(index, _, learned)| (*index, learned.clone()));
        let baseline = self.baseline.clone().map(|learned| (0, learned));
        let mut finalists: Vec<_> = baseline.into_iter().chain(best).collect();
        finalists.dedup_by_key(|(index, _)| *index);
        finalists
    }

    /// Adds what an iteration, or the held-out evaluation, has cost. What went out since the last time and
    /// was not answered belongs to it.
    fn spend(&mut self, index: Option<u32>, mut cost: Cost, budget: &Budget) {
        let unknown = budget.standing().unknown.minus(Usd::from_f64(self.cost.total.unknown_usd));
        cost.unknown_usd = unknown.as_f64();
        match index {
            Some(index) => self.cost.iterations.push(IterationCost { index, cost }),
            None => self.cost.test += cost,
        }
        self.cost.total += cost;
        self.summary.total_cost = self.cost.total;
    }
}
