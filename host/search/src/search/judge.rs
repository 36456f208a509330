//! Judges a candidate: it is recorded, evaluated, scored, and entered into summary and costs.

use std::sync::Arc;

use super::{Search, SearchError, candidate::Candidate, progress::Progress};
use crate::{
    evaluate::{
        EVALUATION_TIMEOUT, ExampleSet, Learning, Outcome, RecordedEvaluation, Retry, Sink, sink::Recorder,
    },
    progress::Event,
    score::score,
};
use mmh_engine::build::Built;
use mmh_models::cancel::Stop;
use mmh_record::{
    RecordError,
    data::Split,
    digest::Digest,
    format::{Config, IterationSummary, Score, Unscored},
    layout,
    objective::Objective,
    reader::RunReader,
    statements, trial,
    writer::IterationWriter,
};
use mmh_report::lineage;

/// An evaluated candidate, with the outcomes of all examples.
pub(super) struct Scored {
    score: Score,
    state: Arc<[u8]>,
    rows: Vec<Outcome>,
}

/// The result of a candidate.
pub(super) enum CandidateOutcome {
    Scored(Box<Scored>),
    Unscored { status: String, reason: String },
}

impl Search {
    /// Records a candidate, evaluates it, and records the result.
    pub(super) async fn judge(
        &self,
        mut candidate: Candidate,
        built: Built,
        folder: &IterationWriter,
        retry: Retry,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        self.record_binary(&candidate, &built, folder)?;
        candidate.leaks = match self.claims.as_ref().filter(|claims| claims.missing.dataset) {
            Some(claims) => claims.leaks(candidate.id.index),
            None => self.lint.check(&candidate.source, &built.component.bytes),
        };
        if !candidate.leaks.is_empty() {
            folder.put_json(layout::LEAKS, &candidate.leaks)?;
            let count = candidate.leaks.len();
            self.stage(candidate.id.index, &format!("LEAK: it carries held-back examples ({count})"));
        }
        let component = built.component.digest;
        let (past, refused) = match &self.claims {
            None => (RecordedEvaluation::of(folder, retry)?, false),
            Some(claims) => claims.evaluation(&candidate.id.folder(), candidate.id.index)?,
        };
        let recorder = Arc::new(Recorder::learning(folder, &self.evaluator.lessons)?);
        self.stage(candidate.id.index, "learning and evaluating");
        let outcome = self.evaluate(&mut candidate, built, past, refused, recorder.clone()).await?;
        recorder.finish(folder, &self.val)?;
        if let CandidateOutcome::Scored(scored) = &outcome {
            let Scored { score, state, rows } = &**scored;
            if !state.is_empty() {
                folder.put(layout::STATE, state)?;
            }
            folder.put_json(layout::SCORE, score)?;
            put_result(
                &tested(component, Split::Val, score, rows),
                &self.config_of(candidate.id.index),
                folder,
            )?;
            progress.index.prepare(&RunReader::new(self.writer.dir()?), candidate.id.index);
        }
        self.conclude(candidate, component, outcome, folder, progress)
    }

    fn record_binary(
        &self,
        candidate: &Candidate,
        built: &Built,
        folder: &IterationWriter,
    ) -> Result<(), RecordError> {
        folder.put(layout::SOURCE, candidate.source.as_bytes())?;
        folder.put(layout::REASONING, candidate.reasoning.as_bytes())?;
        folder.put(layout::COMPONENT, &built.component.bytes)?;
        let made = statements::Made {
            source: Digest::of(&candidate.source),
            component: built.component.digest,
            key: self.builder.compiler.key(&candidate.source),
        };
        let lock = self.builder.compiler.tools().sdk_lock;
        let statement = statements::provenance(&made, &self.config_of(candidate.id.index), lock);
        folder.put_json(layout::PROVENANCE, &statement)
    }

    async fn evaluate(
        &self,
        candidate: &mut Candidate,
        built: Built,
        past: RecordedEvaluation,
        refused: bool,
        recorder: Arc<dyn Sink>,
    ) -> Result<CandidateOutcome, SearchError> {
        let (train, evaluator) = (&self.dataset.train, self.evaluator.billed_to(&candidate.account));
        let learned = match evaluator.learn(built, train, &past, &recorder).await? {
            Learning::Done(learned) => learned,
            Learning::Failed { status, reason, cost } => {
                candidate.cost += cost;
                self.end_where_recorded(candidate.id.index, true, refused)?;
                return Ok(match self.cut_short() {
                    Some(stop) => CandidateOutcome::stopped(&stop, 0, self.validation(candidate)),
                    None => CandidateOutcome::Unscored { status: status.into(), reason },
                });
            }
            Learning::Interrupted { cost } => {
                candidate.cost += cost;
                self.end_where_recorded(candidate.id.index, false, refused)?;
                let stop = self.cancel.why().unwrap_or(Stop::Asked);
                return Ok(CandidateOutcome::stopped(&stop, 0, self.validation(candidate)));
            }
        };
        candidate.cost += learned.cost;
        let set = self.validation(candidate);
        let done = evaluator.evaluate_keeping(&learned, set, past, recorder, |row| Outcome::of(&row)).await?;
        candidate.cost += done.cost;
        self.end_where_recorded(candidate.id.index, done.complete || done.timed_out.is_some(), refused)?;
        let stop = self.cut_short().or_else(|| self.cancel.why().filter(|_| !done.complete));
        if let Some(stop) = stop {
            return Ok(CandidateOutcome::stopped(&stop, done.rows.len(), set));
        }
        if let Some(reason) = done.timed_out {
            return Ok(CandidateOutcome::Unscored { status: EVALUATION_TIMEOUT.into(), reason });
        }
        let score = score(&done.rows, self.evaluator.kind.objective(), &learned, self.config.mock);
        Ok(CandidateOutcome::Scored(Box::new(Scored {
            score,
            state: learned.state().clone(),
            rows: done.rows,
        })))
    }

    /// The examples that a candidate is scored on, with the trials of the protocol.
    fn validation(&self, candidate: &Candidate) -> ExampleSet<'_> {
        let (iteration, trials) = (Some(candidate.id.index), self.config.protocol.trials);
        ExampleSet { iteration, trials, ..ExampleSet::new(Split::Val, &self.val) }
    }

    /// Enters an iteration into summary and costs.
    pub(super) fn conclude(
        &self,
        candidate: Candidate,
        component_digest: Digest,
        outcome: CandidateOutcome,
        folder: &IterationWriter,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        folder.seal()?;
        let Candidate { id, account, source, reasoning, reads, cost, started_at, leaks } = candidate;
        let index = id.index;
        let cost = progress.spend(index, cost, &account, self);
        let claimed = self.claims.as_ref().and_then(|claims| claims.times(index));
        let finished_at = claimed.map_or_else(|| self.clock.now(), |(_, ended)| ended);
        self.end_ahead(progress, |claims| claims.knows(index))?;
        let value = outcome.value(Objective::of(&self.config));
        self.observer.on(Event::Concluded { iteration: index, value });
        match outcome {
            CandidateOutcome::Scored(scored) => {
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
            CandidateOutcome::Unscored { status, reason } => {
                let shown = mmh_record::text::ellipsis(&reason, 200);
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
        progress.index.board().enter(&progress.summary, index);
        Ok(self.write(progress)?)
    }

    /// Why calls were refused, if they were. Then the outcomes give no score.
    fn cut_short(&self) -> Option<Stop> {
        self.cancel.why().filter(|stop| *stop != Stop::Asked)
    }
}

/// What the statement of an evaluation with these outcomes is about.
pub(super) fn tested<'a>(
    component: Digest,
    split: Split,
    score: &'a Score,
    outcomes: &'a [Outcome],
) -> statements::Tested<'a> {
    let examples = outcomes.iter().map(|it| (it.example_id.as_str(), it.grade.correct));
    statements::Tested::of(component, split, score, examples)
}

/// Writes the statement that says which component got which score.
pub(super) fn put_result(
    tested: &statements::Tested<'_>,
    config: &Config,
    folder: &IterationWriter,
) -> Result<(), RecordError> {
    folder.put_json(layout::TEST_RESULT, &statements::test_result(tested, config))
}

impl CandidateOutcome {
    /// What the objective compares.
    fn value(&self, objective: Objective) -> Option<f64> {
        match self {
            Self::Scored(scored) => Some(objective.value(&scored.score)),
            Self::Unscored { .. } => None,
        }
    }

    fn stopped(stop: &Stop, done: usize, set: ExampleSet<'_>) -> Self {
        let all = trial::counted(set.examples.len(), set.trials);
        let reason = format!("stopped after {done} of {all}: {}", stop.reason());
        Self::Unscored { status: stop.status().to_owned(), reason }
    }
}
