//! The outer loop, and the only module that knows every stage: baseline, then propose, evaluate and
//! record, iteration by iteration, then the held-out score.
//!
//! Everything is written when it is known. What goes wrong with one candidate ends its iteration; only
//! what keeps the host from going on ends the run. A run that was cut off goes on: every stage begins with
//! what is on record of it, and does the rest.

mod again;

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    build::{Builder, Built},
    call::budget::Budget,
    cancel::{Cancel, Stop},
    claims::{Claims, Ending},
    clock::Clock,
    compile::{CompileError, Rejection},
    dataset::{Dataset, Example, Split},
    digest::Digest,
    evaluate::{Evaluator, Learned, Learning, Past, Retry, Sink, sink::Recorder},
    lineage,
    lint::{self, Leak, Lint},
    pricing::Usd,
    progress::{Event, Observer, Silent},
    propose::{self, Outcome, ProposeError, Proposer, Submission, Toolbox, instructions},
    record::{
        RecordError, files,
        format::{
            Config, Cost, CostFile, IterationCost, IterationSummary, LearnRow, ReadRow, Score, Stopped,
            Summary, TestScore, TraceRow, Unscored,
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
    /// What is on record of the run. A new one has nothing but its configuration.
    pub summary: Summary,
    /// The source of iteration 000.
    pub baseline: String,
    pub builder: Builder,
    /// Finds held-back examples in candidates.
    pub lint: Lint,
    pub evaluator: Evaluator,
    pub proposer: Proposer,
    /// What both models spend from.
    pub budget: Arc<Budget>,
    pub writer: RunWriter,
    pub clock: Clock,
    pub observer: Arc<dyn Observer>,
    pub cancel: Cancel,
    /// A recorded run, from whose claims this one is made again.
    pub claims: Option<Arc<Claims>>,
}

/// The run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The run is made again, and its record goes no further than this place.
    #[error("the record of the run ends at {0}")]
    RecordEnds(String),
}

impl From<ProposeError> for SearchError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Compile(error) => Self::Compile(error),
            ProposeError::Record(error) => Self::Record(error),
            ProposeError::RecordEnds => Self::RecordEnds("a proposer's conversation".into()),
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
    /// Held-back examples that it carries along.
    leaks: Vec<Leak>,
}

/// A candidate that was evaluated, with what came of every example.
struct Scored {
    score: Score,
    state: Arc<[u8]>,
    rows: Vec<TraceRow>,
}

/// What became of a candidate.
enum Fate {
    Scored(Box<Scored>),
    Unscored { status: String, reason: String },
}

impl Search {
    /// Runs the whole search, or what is left of it. Stopped half-way, it leaves a valid partial run.
    pub async fn run(self) -> Result<Summary, SearchError> {
        let (mut progress, retry) = Progress::begin(&self);
        self.writer.unseal()?;
        self.write(&progress)?;
        for index in 0..=self.config.iterations {
            if progress.has(index) {
                continue;
            }
            if self.cancel.is_cancelled() || self.ends_before(&format!("iterations/{index:03}"))? {
                break;
            }
            match index {
                0 => self.baseline(retry, &mut progress).await?,
                _ => self.iteration(index, retry, &mut progress).await?,
            }
        }
        if !self.cancel.is_cancelled() {
            self.held_out(retry, &mut progress).await?;
        }
        match self.claims.as_ref().map(|claims| claims.ending()) {
            // Somebody asked a run to stop whose last example was under way.
            Some(Ending::Stopped(stop)) => self.cancel.stop(stop),
            Some(Ending::Open) => return Err(SearchError::RecordEnds("the end of the run".into())),
            Some(Ending::Finished) | None => {}
        }
        match self.cancel.why() {
            None => {
                let claimed = self.claims.as_ref().and_then(|claims| claims.finished_at());
                progress.summary.finished_at = Some(claimed.unwrap_or_else(|| self.clock.now()));
            }
            Some(stop) => {
                let (status, reason) = (stop.status().to_owned(), stop.reason().to_owned());
                progress.summary.stopped = Some(Stopped { status, reason });
            }
        }
        self.write(&progress)?;
        self.writer.seal()?;
        Ok(progress.summary)
    }

    fn write(&self, progress: &Progress) -> Result<(), RecordError> {
        self.writer.cost(&progress.cost)?;
        self.writer.summary(&progress.summary)
    }

    async fn baseline(&self, retry: Retry, progress: &mut Progress) -> Result<(), SearchError> {
        let candidate = Candidate {
            index: 0,
            source: self.baseline.clone(),
            reasoning: BASELINE_REASONING.to_owned(),
            reads: Vec::new(),
            cost: Cost::default(),
            started_at: self.began(0),
            leaks: Vec::new(),
        };
        let folder = self.writer.iteration(0)?;
        // Nobody proposed it, so nobody read anything for it.
        folder.put(files::READS, &[])?;
        self.stage(0, "compiling the baseline");
        let built = match self.claims.as_ref().and_then(|claims| claims.rejected_baseline()) {
            Some((status, reason)) => {
                folder.put(files::REASONING, candidate.reasoning.as_bytes())?;
                let fate = Fate::Unscored { status, reason };
                return self.conclude(candidate, Digest::of([]), fate, &folder, progress);
            }
            None => self.builder.build(&candidate.source).await?,
        };
        match built.and_then(|built| self.admit(&candidate.source, built)) {
            Ok(built) => self.judge(candidate, built, &folder, retry, progress).await,
            Err(rejection) => {
                folder.put(files::SOURCE, candidate.source.as_bytes())?;
                folder.put(files::REASONING, candidate.reasoning.as_bytes())?;
                let status = rejection.kind.name().to_owned();
                let reason = format!("{}\n{}", rejection.message, rejection.diagnostics);
                let fate = Fate::Unscored { status, reason };
                self.conclude(candidate, Digest::of([]), fate, &folder, progress)
            }
        }
    }

    /// Refuses a baseline that carries held-back examples, where that is wished. Of proposals, `propose` does.
    fn admit(&self, source: &str, built: Built) -> Result<Built, Rejection> {
        let refused = self.config.deny_leaks.then(|| self.lint.check(source, &built.component.bytes));
        refused.and_then(|leaks| lint::refusal(&leaks)).map_or(Ok(built), Err)
    }

    async fn iteration(&self, index: u32, retry: Retry, progress: &mut Progress) -> Result<(), SearchError> {
        let started_at = self.began(index);
        let folder = self.writer.iteration(index)?;
        self.stage(index, "proposing");
        let (outcome, reads, cost) = self.propose(index, retry, &folder).await?;
        match outcome {
            Outcome::Submitted(Submission { source, reasoning, built }) => {
                let leaks = Vec::new();
                let candidate = Candidate { index, source, reasoning, reads, cost, started_at, leaks };
                self.judge(candidate, built, &folder, retry, progress).await
            }
            Outcome::Unsubmitted { status, reason } => {
                let (source, reasoning) = (String::new(), String::new());
                let leaks = Vec::new();
                let candidate = Candidate { index, source, reasoning, reads, cost, started_at, leaks };
                let fate = Fate::Unscored { status, reason };
                self.conclude(candidate, Digest::of([]), fate, &folder, progress)
            }
        }
    }

    /// Lets the proposer work. Its transcript and reads are on disk when this returns.
    async fn propose(
        &self,
        index: u32,
        retry: Retry,
        folder: &IterationWriter,
    ) -> Result<(Outcome, Vec<ReadRow>, Cost), SearchError> {
        let past = match &self.claims {
            None => propose::Past::of(folder)?,
            Some(claims) => claims.proposal(index)?,
        };
        let reader = RunReader::new(self.writer.dir()?);
        let history = propose::History::resume(reader, folder, past.answered_steps(), self.clock)?;
        let history = history.again(past.again.as_ref().map(|it| it.read_times()).unwrap_or_default());
        let trials = match &self.claims {
            None => propose::Trials::resume(folder, past.answered_steps(), retry)?,
            Some(claims) => {
                let (calls, again) = claims.trials(index)?;
                propose::Trials::again(folder, calls, again)?
            }
        };
        let quiet = Evaluator { observer: Arc::new(Silent), ..self.evaluator.clone() };
        let limits = &self.config.limits;
        let mut toolbox =
            Toolbox::new(&self.builder, quiet, &self.dataset, &self.val, limits, history, trials)
                .within_summary(files::MAX_TEXTS_BYTES / (u64::from(self.config.iterations) + 1))
                .again(past.again.clone());
        if self.config.deny_leaks {
            toolbox = toolbox.refuse_leaks(&self.lint);
        }
        let transcript = folder.append(propose::TRANSCRIPT)?;
        let opening = instructions::opening(index, &self.dataset, self.val.len(), limits.proposer_steps);
        let proposal = self.proposer.propose(index, opening, &past, &mut toolbox, &transcript).await?;
        transcript.finish()?;
        let (reads, trial_cost) = toolbox.close(folder)?;
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
        retry: Retry,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        self.record_binary(&candidate, &built, folder)?;
        candidate.leaks = match self.claims.as_ref().filter(|claims| claims.missing.dataset) {
            Some(claims) => claims.leaks(candidate.index),
            None => self.lint.check(&candidate.source, &built.component.bytes),
        };
        if !candidate.leaks.is_empty() {
            folder.put_json(files::LEAKS, &candidate.leaks)?;
            let count = candidate.leaks.len();
            self.stage(candidate.index, &format!("LEAK: it carries held-back examples ({count})"));
        }
        let component = built.component.digest;
        let (past, refused) = match &self.claims {
            None => (Past::of(folder, retry)?, false),
            Some(claims) => {
                claims.evaluation(&format!("iterations/{:03}", candidate.index), candidate.index)?
            }
        };
        let recorder = Arc::new(Recorder::new(folder)?);
        self.stage(candidate.index, "learning and evaluating");
        let fate = self.evaluate(&mut candidate, built, past, refused, recorder.clone()).await?;
        recorder.finish(folder, &self.val)?;
        if let Fate::Scored(scored) = &fate {
            let Scored { score, state, rows } = &**scored;
            if !state.is_empty() {
                folder.put(files::STATE, state)?;
            }
            folder.put_json(files::SCORE, score)?;
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
        let tested = provenance::Tested::of(component, split, score, traces);
        folder.put_json(files::TEST_RESULT, &provenance::test_result(&tested, &self.config))
    }

    fn record_binary(
        &self,
        candidate: &Candidate,
        built: &Built,
        folder: &IterationWriter,
    ) -> Result<(), RecordError> {
        folder.put(files::SOURCE, candidate.source.as_bytes())?;
        folder.put(files::REASONING, candidate.reasoning.as_bytes())?;
        folder.put(files::COMPONENT, &built.component.bytes)?;
        let made = provenance::Made {
            source: Digest::of(&candidate.source),
            component: built.component.digest,
            key: self.builder.compiler.key(&candidate.source),
        };
        let statement = provenance::statement(&made, &self.config, Digest::of(sdk::LOCK));
        folder.put_json(files::PROVENANCE, &statement)
    }

    async fn evaluate(
        &self,
        candidate: &mut Candidate,
        built: Built,
        past: Past,
        refused: bool,
        recorder: Arc<dyn Sink>,
    ) -> Result<Fate, SearchError> {
        let train = &self.dataset.train;
        let learned = match self.evaluator.learn(built.prepared, train, &past, &recorder).await? {
            Learning::Done(learned) => learned,
            Learning::Failed { reason, cost } => {
                candidate.cost += cost;
                self.end_where_recorded(candidate.index, true, refused)?;
                return Ok(match self.cut_short() {
                    Some(stop) => Fate::stopped(&stop, 0, self.val.len()),
                    None => Fate::Unscored { status: "learn-failed".into(), reason },
                });
            }
            Learning::Interrupted { cost } => {
                candidate.cost += cost;
                self.end_where_recorded(candidate.index, false, refused)?;
                let stop = self.cancel.why().unwrap_or(Stop::Asked);
                return Ok(Fate::stopped(&stop, 0, self.val.len()));
            }
        };
        candidate.cost += learned.cost;
        let index = Some(candidate.index);
        let done = self.evaluator.evaluate(&learned, &self.val, Split::Val, index, past, recorder).await?;
        candidate.cost += done.cost;
        self.end_where_recorded(candidate.index, done.complete, refused)?;
        let stop = self.cut_short().or_else(|| self.cancel.why().filter(|_| !done.complete));
        if let Some(stop) = stop {
            return Ok(Fate::stopped(&stop, done.rows.len(), self.val.len()));
        }
        let score = score(&done.rows, &learned, self.config.mock);
        Ok(Fate::Scored(Box::new(Scored { score, state: learned.state, rows: done.rows })))
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
        let Candidate { index, source, reasoning, reads, cost, started_at, leaks } = candidate;
        let cost = progress.spend(Some(index), cost, self);
        let claimed = self.claims.as_ref().and_then(|claims| claims.times(index));
        let finished_at = claimed.map_or_else(|| self.clock.now(), |(_, ended)| ended);
        self.end_ahead(progress, |claims| claims.knows(index))?;
        self.observer.on(Event::Concluded { iteration: index, accuracy: fate.accuracy() });
        match fate {
            Fate::Scored(scored) => {
                let score = scored.score;
                progress.enter(index, &score);
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
                    leaks,
                });
            }
            Fate::Unscored { status, reason } => {
                let shown = crate::text::ellipsis(&reason, 200);
                self.observer.note(format!("{index:03} not scored: {status}: {shown}"));
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
        Ok(self.write(progress)?)
    }

    /// Why calls were refused, if they were: whatever the harness made of it is no score.
    fn cut_short(&self) -> Option<Stop> {
        self.cancel.why().filter(|stop| *stop != Stop::Asked)
    }

    /// Scores the baseline and the best iteration on the held-out examples, once.
    async fn held_out(&self, retry: Retry, progress: &mut Progress) -> Result<(), SearchError> {
        if !self.config.with_test || self.dataset.test.is_empty() {
            return Ok(());
        }
        for index in progress.finalists() {
            let name = format!("test/{index:03}");
            if self.ends_before(&name)? {
                return Ok(());
            }
            let learned = self.recall(index, progress).await?;
            let folder = self.writer.test(index)?;
            let (past, refused) = match &self.claims {
                None => (Past::of(&folder, retry)?, false),
                Some(claims) => claims.evaluation(&name, index)?,
            };
            let recorder = Arc::new(Recorder::new(&folder)?);
            let (examples, split, sink) = (&self.dataset.test, Split::Test, recorder.clone());
            let done = self.evaluator.evaluate(&learned, examples, split, Some(index), past, sink).await?;
            if let Some(claims) =
                self.claims.as_ref().filter(|it| !done.complete || it.was_cut_short_in_test(index, refused))
            {
                self.end_again(claims, &name)?;
            }
            recorder.finish(&folder, examples)?;
            progress.spend(None, done.cost, self);
            if !done.complete || self.cut_short().is_some() {
                return folder.seal().map_err(SearchError::from);
            }
            let score = score(&done.rows, &learned, self.config.mock);
            folder.put_json(files::SCORE, &score)?;
            self.put_result(split, progress.component(index), &score, &done.rows, &folder)?;
            folder.seal()?;
            progress.summary.test.push(TestScore { index, score });
            self.end_ahead(progress, |claims| claims.knows_test(index))?;
            self.write(progress)?;
        }
        Ok(())
    }

    /// A harness that was scored, as it was when it had learned.
    async fn recall(&self, index: u32, progress: &Progress) -> Result<Learned, SearchError> {
        let reader = RunReader::new(self.writer.dir()?);
        let file = |name| RunReader::iteration_file(index, name);
        let damaged = |name, problem: String| RecordError::Damaged { file: file(name), problem };
        let component = reader.bytes(&file(files::COMPONENT))?;
        if Digest::of(&component) != progress.component(index) {
            return Err(damaged("harness.wasm", "it is not what was evaluated".into()).into());
        }
        let built = self.builder.load(component).await?;
        let built = built.map_err(|rejection| damaged("harness.wasm", rejection.message))?;
        let state = match reader.has(&file(files::STATE)) {
            true => reader.bytes(&file(files::STATE))?,
            false => Vec::new(),
        };
        let mut fuel = 0u64;
        for row in reader.rows::<LearnRow>(&file(files::BATCHES))? {
            fuel = fuel.saturating_add(row?.fuel);
        }
        Ok(Learned { prepared: built.prepared, state: state.into(), fuel, cost: Cost::default() })
    }

    fn stage(&self, index: u32, stage: &str) {
        self.observer.on(Event::Stage { iteration: index, stage: stage.to_owned() });
    }
}

impl Fate {
    fn accuracy(&self) -> Option<f64> {
        match self {
            Self::Scored(scored) => Some(scored.score.accuracy),
            Self::Unscored { .. } => None,
        }
    }

    fn stopped(stop: &Stop, done: usize, total: usize) -> Self {
        let reason = format!("stopped after {done} of {total} examples: {}", stop.reason());
        Self::Unscored { status: stop.status().to_owned(), reason }
    }
}

/// What a search has come to.
struct Progress {
    summary: Summary,
    cost: CostFile,
    /// The accuracy of the best iteration.
    best: Option<f64>,
}

impl Progress {
    /// What is on record, and what an earlier attempt of the run left that is to be tried again: what it did
    /// not finish because it was stopped.
    fn begin(search: &Search) -> (Self, Retry) {
        let mut summary = search.summary.clone();
        let unusable = Stop::ModelUnusable(String::new());
        let was = |stop: &Stopped| stop.status == unusable.status();
        let retry =
            if summary.stopped.as_ref().is_some_and(was) { Retry::Unanswered } else { Retry::Refused };
        summary.unscored.retain(|it| !Stop::is_status(&it.status));
        // Held-out scores are derived again from their records, with their costs.
        summary.test.clear();
        (summary.stopped, summary.finished_at) = (None, None);
        let mut cost = cost_of(&summary, &search.config, search.budget.standing().limit);
        if let Some(claims) = &search.claims {
            cost.budget_usd = claims.budget_usd();
        }
        summary.total_cost = cost.total;
        let best = summary.best_iteration_index;
        let best = summary.iterations.iter().find(|it| Some(it.index) == best).map(|it| it.score.accuracy);
        (Self { summary, cost, best }, retry)
    }

    fn has(&self, index: u32) -> bool {
        self.summary.iterations.iter().any(|it| it.index == index)
            || self.summary.unscored.iter().any(|it| it.index == index)
    }

    /// A later iteration is best only if it is better.
    fn enter(&mut self, index: u32, score: &Score) {
        if self.best.is_none_or(|accuracy| score.accuracy > accuracy) {
            self.best = Some(score.accuracy);
            self.summary.best_iteration_index = Some(index);
        }
    }

    /// What a scored iteration was compiled to.
    fn component(&self, index: u32) -> Digest {
        let found = self.summary.iterations.iter().find(|it| it.index == index);
        found.map_or_else(|| Digest::of([]), |it| it.component_digest)
    }

    /// The baseline, where it was scored, and the best.
    fn finalists(&self) -> Vec<u32> {
        let baseline = self.summary.iterations.iter().any(|it| it.index == 0).then_some(0);
        let mut finalists: Vec<u32> = baseline.into_iter().chain(self.summary.best_iteration_index).collect();
        finalists.dedup();
        finalists
    }

    /// Adds what an iteration, or the held-out evaluation, has cost. What else the budget has seen since
    /// the last time belongs to it as well: calls that went out and were not answered, or whose answers
    /// were lost when the run was killed.
    fn spend(&mut self, index: Option<u32>, mut cost: Cost, search: &Search) -> Cost {
        let (standing, total) = (search.budget.standing(), &self.cost.total);
        let known = [total.estimated_usd, total.unknown_usd, cost.estimated_usd];
        let known = known.map(Usd::from_f64).into_iter().sum();
        cost.unknown_usd = match &search.claims {
            None => standing.spent.plus(standing.unknown).minus(known).as_f64(),
            // All of the held-out evaluation's, the first time.
            Some(claims) if index.is_some() || self.cost.test == Cost::default() => claims.unknown_usd(index),
            Some(_) => 0.0,
        };
        match index {
            Some(index) => self.cost.iterations.push(IterationCost { index, cost }),
            None => self.cost.test += cost,
        }
        self.cost.total += cost;
        self.summary.total_cost = self.cost.total;
        cost
    }
}

/// What the iterations of a summary have cost.
fn cost_of(summary: &Summary, config: &Config, limit: Usd) -> CostFile {
    let scored = summary.iterations.iter().map(|it| (it.index, it.cost));
    let unscored = summary.unscored.iter().map(|it| (it.index, it.cost));
    let mut iterations: Vec<IterationCost> =
        scored.chain(unscored).map(|(index, cost)| IterationCost { index, cost }).collect();
    iterations.sort_by_key(|it| it.index);
    let mut total = Cost::default();
    iterations.iter().for_each(|it| total += it.cost);
    // Raised since the run began, perhaps.
    let budget_usd = config.budget_usd.map(|_| limit.as_f64());
    CostFile { total, mock: config.mock, budget_usd, iterations, test: Cost::default() }
}
