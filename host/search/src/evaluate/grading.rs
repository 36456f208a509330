//! What an answer is worth: by the task's metric, or by its own scorer, a program that runs in the sandbox as a harness does.
//!
//! A scorer that fails gives no grade, and then the answer is worth 0: a harness cannot stop a run by an answer that its
//! scorer cannot take. What the scorer uses is on record apart from what the harness uses, but both are paid from one account.

use std::sync::Arc;

use super::{
    Evaluator, RecordedEvaluation, Sink,
    again::Again,
    cost_of, log_rows,
    memo::{Kept, Key},
    recording_model::RecordingModel,
    sink::OfScorer,
    total_usage,
};
use crate::{dataset::Example, times::Part};
use mmh_engine::{
    build::BuiltScorer,
    sandbox::{Answered, Failure, Report},
};
use mmh_record::{
    RecordError,
    digest::{Digest, KeyBuilder},
    format::{CallRow, Cost, ScorerTrace, TraceRow},
    grade::Grade,
    layout::SCORER_COMPONENT,
    metric::MetricKind,
    outcome::OutcomeKind,
};

/// What came of grading one example.
#[derive(Default)]
pub(super) struct Graded {
    /// What the answer is worth. Nothing where there is no answer, or no grade.
    pub grade: Grade,
    /// How the scorer worked, if the task has one and there is an answer.
    pub scorer: Option<ScorerTrace>,
    /// What the scorer's model calls cost.
    pub cost: Cost,
    /// Whether one of them was refused because the run is being stopped. Then there is no outcome.
    pub is_cut_off: bool,
    /// Whether one of them had no reply in the record of a repeated evaluation.
    pub is_lost: bool,
}

/// The record of an evaluation, and where new rows go.
type Record<'a> = (&'a RecordedEvaluation, &'a Arc<dyn Sink>);

/// The seed of a scorer's randomness, which is apart from that of the harness whose answer it grades.
pub fn seed_of_grading(seed: u64, id: &str) -> Digest {
    KeyBuilder::new("grading").part("seed", seed.to_le_bytes()).part("id", id).finish()
}

impl Evaluator {
    /// Grades an answer. `claimed` is the recorded outcome of a repeated evaluation.
    pub(super) async fn graded(
        &self,
        example: &Example,
        answer: Option<&str>,
        claimed: Option<&TraceRow>,
        record: Record<'_>,
    ) -> Result<Graded, RecordError> {
        let Some(answer) = answer else { return Ok(Graded::default()) };
        let has_scorer = self.kind.metric().spec().kind == MetricKind::Scorer;
        match (self.kind.scorer(), has_scorer) {
            (Some(scorer), true) => self.scored(scorer, example, answer, claimed, record).await,
            (None, true) => {
                let problem = "the task's scorer is not built".into();
                Err(RecordError::Damaged { file: SCORER_COMPONENT.into(), problem })
            }
            (_, false) => Ok(Graded { grade: self.kind.grade(example, answer), ..Graded::default() }),
        }
    }

    async fn scored(
        &self,
        scorer: &BuiltScorer,
        example: &Example,
        answer: &str,
        claimed: Option<&TraceRow>,
        (past, sink): Record<'_>,
    ) -> Result<Graded, RecordError> {
        let journal = self.scorer_journal(&example.id, past, sink);
        let by_the_clock = claimed.and_then(|row| row.scorer.as_ref());
        let by_the_clock = by_the_clock.filter(|trace| trace.error_kind == OutcomeKind::Timeout);
        if let (Some(again), Some(trace)) = (past.again(), by_the_clock) {
            // Nobody can repeat what the clock ended, so it is a claim.
            let calls = again.calls(&past.scorer_calls.get(&example.id)?);
            journal.finish(&calls)?;
            again.notes.timed_out();
            let (scorer, cost) = (Some(trace.clone()), cost_of(&calls));
            return Ok(Graded { scorer, cost, ..Graded::default() });
        }
        let report = self.score(scorer, example, answer, (&journal, past.again())).await;
        journal.finish(&report.calls)?;
        Ok(Graded {
            cost: cost_of(&report.calls),
            is_cut_off: report.calls.iter().any(|call| call.answer.was_cut_off()),
            is_lost: journal.is_lost(),
            scorer: Some(trace(&report)),
            grade: report.result.unwrap_or_default(),
        })
    }

    /// Makes a call of `score`, unless it is remembered.
    async fn score(
        &self,
        scorer: &BuiltScorer,
        example: &Example,
        answer: &str,
        (journal, again): (&Arc<RecordingModel>, Option<&Again>),
    ) -> Report<Grade> {
        let component = scorer.component.digest;
        let key = again.map(|again| Key::grading(component, &again.place(), &example.id, answer));
        if let (Some(again), Some(key)) = (again, &key)
            && let Some(kept) = again.memo.take_grading(key)
        {
            journal.lose(&kept.lost);
            return kept.report;
        }
        let answered = Answered {
            input: self.kind.input(example),
            gold: example.gold.clone(),
            answer: answer.to_owned(),
        };
        let call = scorer.call(&self.task, seed_of_grading(self.seed, &example.id), answered);
        let report =
            self.times.during(Part::Sandbox, self.runner.score(scorer, &call, journal.clone())).await;
        if let (Some(again), Some(key)) = (again.filter(|again| again.is_ahead), key) {
            again.memo.keep_grading(key, Kept { report: report.clone(), lost: journal.lost() });
        }
        report
    }

    /// The model of a call of `score`: the run's target, with a record of its own.
    fn scorer_journal(
        &self,
        id: &str,
        past: &RecordedEvaluation,
        sink: &Arc<dyn Sink>,
    ) -> Arc<RecordingModel> {
        let sink = Arc::new(OfScorer(sink.clone()));
        let journal = RecordingModel::new(id, self.target.clone(), past.scorer_calls.clone(), sink);
        let journal = journal.with(past.purpose.clone()).within(self.record_bytes);
        Arc::new(journal.timed_by(self.times.clone()))
    }

    /// Takes over the scorer's calls for an example that has no recorded outcome. Says what they cost, and whether one of
    /// them was refused because the run was being stopped.
    pub(super) fn leave_grading(
        &self,
        id: &str,
        again: &Again,
        (past, sink): Record<'_>,
    ) -> Result<(Cost, bool), RecordError> {
        let rows: &[CallRow] = &past.scorer_calls.get(id)?;
        let made = again.calls(rows);
        self.scorer_journal(id, past, sink).finish(&made)?;
        Ok((cost_of(&made), made.iter().any(|call| call.answer.was_cut_off())))
    }
}

/// The record of a grading.
fn trace(report: &Report<Grade>) -> ScorerTrace {
    let failure: Option<&Failure> = report.result.as_ref().err();
    let usage = total_usage(&report.calls);
    ScorerTrace {
        error_kind: failure.map_or(OutcomeKind::Ok, |failure| failure.kind),
        error: failure.map(|failure| failure.message.clone()),
        fuel: report.fuel,
        peak_memory_bytes: report.peak_memory_bytes,
        model_calls: report.calls.len() as u64,
        cached_calls: report.calls.iter().filter(|call| call.answer.cached).count() as u64,
        input_tokens: usage.total_input_tokens(),
        output_tokens: usage.output_tokens,
        logs: log_rows(&report.logs),
        stdout: report.stdout.clone(),
        stderr: report.stderr.clone(),
    }
}
