//! Judges a candidate: it is recorded, evaluated, scored, and entered into summary and costs.

use std::sync::Arc;

use super::{
    Search, SearchError,
    candidate::{Candidate, Proposed},
    progress::Progress,
    screening::Screening,
};
use crate::{
    evaluate::{
        EVALUATION_TIMEOUT, ExampleSet, FirstLook, Learning, Outcome, RecordedEvaluation, Retry,
        SCREENED_OUT, Sink, WITHOUT_MODEL, sink::Recorder,
    },
    progress::Event,
    propose,
    score::{score, with_cost},
};
use mmh_engine::{build::Built, compile::Rejection};
use mmh_models::cancel::Stop;
use mmh_record::{
    RecordError,
    candidate::CandidateId,
    data::Split,
    digest::Digest,
    format::{Config, Cost, IterationSummary, Score, Unscored},
    layout,
    objective::Objective,
    pricing::Usd,
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

/// A candidate whose result is known, and not entered yet.
pub(super) struct Judged {
    candidate: Candidate,
    /// The digest of its component; of nothing where there is none.
    component: Digest,
    outcome: CandidateOutcome,
    folder: IterationWriter,
}

impl Judged {
    pub fn id(&self) -> CandidateId {
        self.candidate.id
    }

    /// What it cost by its record, and what its calls were billed to its account.
    pub fn cost(&self) -> (Cost, Usd) {
        (self.candidate.cost, self.candidate.account.budget.billed())
    }
}

impl Search {
    /// Records a candidate, evaluates it, and records the result. One whose component an earlier candidate has, its twin, is
    /// not evaluated: the result would be the same.
    pub(super) async fn judge(
        &self,
        proposed: Proposed,
        twin: Option<u32>,
        retry: Retry,
        progress: &Progress,
    ) -> Result<Judged, SearchError> {
        let Proposed { candidate, folder, built } = proposed;
        let built = match built {
            Ok(built) => built,
            Err(outcome) => return Ok(Judged { candidate, component: Digest::of([]), outcome, folder }),
        };
        self.record_binary(&candidate, &built, &folder)?;
        if let Some(twin) = twin {
            let component = built.component.digest;
            let Rejection { kind, message, .. } = propose::duplicate(twin);
            let outcome = CandidateOutcome::Unscored { status: kind.name().to_owned(), reason: message };
            return Ok(Judged { candidate, component, outcome, folder });
        }
        self.judge_new(candidate, built, folder, retry, progress).await
    }

    async fn judge_new(
        &self,
        mut candidate: Candidate,
        built: Built,
        folder: IterationWriter,
        retry: Retry,
        progress: &Progress,
    ) -> Result<Judged, SearchError> {
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
        let screening = self.screening(candidate.id, &progress.summary)?;
        let past = match &self.claims {
            None => (RecordedEvaluation::of(&folder, retry)?, false),
            Some(claims) => claims.evaluation(&candidate.id.folder(), candidate.id.index)?,
        };
        let (kind, lessons) = (&*self.evaluator.kind, &self.evaluator.lessons);
        let recorder = Arc::new(Recorder::learning(&folder, kind, lessons)?);
        self.stage(candidate.id.index, "learning and evaluating");
        let outcome = self.evaluate(&mut candidate, built, past, recorder.clone(), screening).await?;
        recorder.finish(&folder, &self.val)?;
        if let CandidateOutcome::Scored(scored) = &outcome {
            let Scored { score, state, rows } = &**scored;
            if !state.is_empty() {
                folder.put(layout::STATE, state)?;
            }
            folder.put_json(layout::SCORE, score)?;
            put_result(
                &tested(component, Split::Val, score, rows),
                &self.config_of(candidate.id.index),
                &folder,
            )?;
            self.warn_of_scorer(candidate.id.index, score);
            progress.index.prepare(&RunReader::new(self.writer.dir()?), candidate.id.index);
        }
        Ok(Judged { candidate, component, outcome, folder })
    }

    fn record_binary(
        &self,
        candidate: &Candidate,
        built: &Built,
        folder: &IterationWriter,
    ) -> Result<(), RecordError> {
        let config = self.config_of(candidate.id.index);
        if let Some(given) = config.given(candidate.id.index) {
            folder.put(layout::REASONING, candidate.reasoning.as_bytes())?;
            folder.put(layout::COMPONENT, &built.component.bytes)?;
            return folder.put_json(layout::PROVENANCE, &statements::given(given));
        }
        folder.put(config.harness_language.source(), candidate.source.as_bytes())?;
        folder.put(layout::REASONING, candidate.reasoning.as_bytes())?;
        folder.put(layout::COMPONENT, &built.component.bytes)?;
        let made = statements::Made {
            source: Digest::of(&candidate.source),
            component: built.component.digest,
            key: self.builder.compiler.key(&candidate.source),
        };
        let lock = self.builder.compiler.tools().sdk_lock;
        folder.put_json(layout::PROVENANCE, &statements::provenance(&made, &config, lock))
    }

    async fn evaluate(
        &self,
        candidate: &mut Candidate,
        built: Built,
        (past, refused): (RecordedEvaluation, bool),
        recorder: Arc<dyn Sink>,
        screening: Option<Screening>,
    ) -> Result<CandidateOutcome, SearchError> {
        let (train, evaluator) = (&self.dataset.train, self.evaluator.billed_to(&candidate.account));
        let learned = match evaluator.learn(built, train, &past, &recorder).await? {
            Learning::Done(learned) => learned,
            Learning::Failed { status, reason, cost } => {
                candidate.cost += cost;
                self.end_where_recorded(candidate, true, refused)?;
                return Ok(match cut_short(candidate) {
                    Some(stop) => CandidateOutcome::stopped(&stop, 0, self.validation(candidate)),
                    None => CandidateOutcome::Unscored { status: status.into(), reason },
                });
            }
            Learning::Interrupted { cost } => {
                candidate.cost += cost;
                self.end_where_recorded(candidate, false, refused)?;
                let stop = candidate.account.cancel.why().unwrap_or(Stop::Asked);
                return Ok(CandidateOutcome::stopped(&stop, 0, self.validation(candidate)));
            }
        };
        candidate.cost += learned.cost;
        let set = self.validation(candidate);
        let drops = |rows: &[Outcome]| screening.as_ref().and_then(|it| it.drops(rows));
        let look = screening.as_ref().map(|it| FirstLook { examples: it.examples, drops: &drops });
        let done = evaluator.evaluate_screened(&learned, set, past, recorder, look).await?;
        candidate.cost += done.cost;
        let is_over = done.complete || done.dropped.is_some();
        self.end_where_recorded(candidate, is_over || done.timed_out.is_some(), refused)?;
        let stop = cut_short(candidate).or_else(|| candidate.account.cancel.why().filter(|_| !is_over));
        if let Some(stop) = stop {
            return Ok(CandidateOutcome::stopped(&stop, done.rows.len(), set));
        }
        if let Some(reason) = done.timed_out {
            return Ok(CandidateOutcome::Unscored { status: EVALUATION_TIMEOUT.into(), reason });
        }
        if let Some(reason) = done.dropped {
            return Ok(CandidateOutcome::Unscored { status: SCREENED_OUT.into(), reason });
        }
        let score = score(&done.rows, self.evaluator.kind.objective(), &learned, self.config.mock);
        if let Some(words) = score.asks_no_model().filter(|_| self.config.protocol.require_model) {
            let n = score.n_examples;
            let reason =
                format!("it {words} on any of {n} examples, and the run requires it (--require-model)");
            return Ok(CandidateOutcome::Unscored { status: WITHOUT_MODEL.into(), reason });
        }
        let score = with_cost(score, &done.cost);
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

    /// Enters a candidate into summary and costs. `before` is its share of what was billed before the run was resumed.
    pub(super) fn conclude(
        &self,
        judged: Judged,
        before: Usd,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        let Judged { candidate, component: component_digest, outcome, folder } = judged;
        folder.seal()?;
        let Candidate { id, account, source, reasoning, reads, cost, started_at, leaks } = candidate;
        let index = id.index;
        let cost = progress.spend(index, cost, (&account.budget, before), self);
        let claimed = self.claims.as_ref().and_then(|claims| claims.times(index));
        let finished_at = claimed.map_or_else(|| self.clock.now(), |(_, ended)| ended);
        self.end_ahead(progress, |claims| claims.knows(index))?;
        let value = outcome.value(Objective::of(&self.config));
        self.observer.on(Event::Concluded { iteration: index, value });
        match outcome {
            CandidateOutcome::Scored(scored) => {
                let score = scored.score;
                progress.enter(index, &score);
                // None of its generation was known to its proposer.
                let known = self.config.protocol.first_of(id.generation);
                let earlier = progress.summary.iterations.iter().filter(|it| it.index < known);
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
}

/// Why calls of a candidate were refused, if they were. Then the outcomes give no score.
fn cut_short(candidate: &Candidate) -> Option<Stop> {
    candidate.account.cancel.why().filter(|stop| *stop != Stop::Asked)
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
