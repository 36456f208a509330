//! The differences of a repeated evaluation: it takes over a state that cannot be learned again, and does not repeat calls
//! that were made a moment ago.

use std::{sync::Arc, time::Duration};

use super::{
    Evaluator, Learned, Learning, RecordedEvaluation, Sink,
    again::Again,
    batch_id, cost_of,
    learn::{learn_failed, learn_timed_out},
    memo::{Kept, Key},
    recording_model::RecordingModel,
};
use crate::{dataset::Example, times::Part};
use mmh_engine::{
    runner::LearnedState,
    sandbox::{LabelledExample, Report},
};
use mmh_record::{RecordError, format::Cost};

impl Evaluator {
    /// Takes over the recorded state, if there are no train examples to learn from.
    pub(super) fn take_over(
        &self,
        mut learned: Learned,
        again: &Again,
        past: &RecordedEvaluation,
        sink: &Arc<dyn Sink>,
    ) -> Result<Learning, RecordError> {
        let Some(claimed) = &again.learned else { return Ok(Learning::Done(learned)) };
        for (batch, row) in past.batches.iter().enumerate() {
            let id = batch_id(batch);
            let calls = past.calls.get(&id)?;
            let made = again.calls(&calls);
            self.journal(&id, 1, past, sink).finish(&made)?;
            sink.batch(row)?;
            learned.cost += cost_of(&made);
            learned.fuel = learned.fuel.saturating_add(row.fuel);
            if row.error.is_some() {
                return Ok(learn_failed(row, learned.cost));
            }
        }
        if !again.whole && past.batches.len() < claimed.batches {
            if past.is_timed_out() {
                let own_time = self.own_time(past, Duration::ZERO);
                return Ok(learn_timed_out(&own_time, past.batches.len(), claimed.batches, learned.cost));
            }
            return Ok(Learning::Interrupted { cost: learned.cost });
        }
        again.count_batches(claimed.batches, past.batches.len());
        learned.trained.state = LearnedState::new(claimed.state.clone());
        Ok(Learning::Done(learned))
    }

    /// Makes a call of `learn`, unless it is remembered.
    pub(super) async fn batch(
        &self,
        learned: &Learned,
        id: &str,
        lessons: Vec<LabelledExample>,
        journal: &Arc<RecordingModel>,
        past: &RecordedEvaluation,
    ) -> Report<Vec<u8>> {
        let again = past.again();
        let key = again.map(|again| Key::batch(&learned.trained, &again.place(), id, &lessons));
        if let (Some(again), Some(key)) = (again, &key)
            && let Some(kept) = again.memo.batch(key)
        {
            journal.lose(&kept.lost);
            return kept.report.clone();
        }
        let call = self.call(learned, id, lessons);
        let report =
            self.times.during(Part::Sandbox, self.runner.learn(&learned.trained, &call, journal.clone()));
        let report = report.await;
        if let (Some(again), Some(key)) = (again, key) {
            again.memo.keep_batch(key, Kept { report: report.clone(), lost: journal.lost() });
        }
        report
    }

    /// An example without a recorded outcome, because it was interrupted or the run was killed. Its calls are taken over.
    /// They count in the evaluation's cost if the example was interrupted, and not if the run was killed.
    pub(super) fn leave(
        &self,
        id: &str,
        past: &RecordedEvaluation,
        sink: &Arc<dyn Sink>,
    ) -> Result<Option<Cost>, RecordError> {
        let Some(again) = past.again() else { return Ok(None) };
        let made = again.calls(&past.calls.get(id)?);
        self.journal(id, 1, past, sink).finish(&made)?;
        let (of_grading, grading_was_cut_off) = self.leave_grading(id, again, (past, sink))?;
        let was_cut_off = grading_was_cut_off || made.iter().any(|call| call.answer.was_cut_off());
        let mut cost = cost_of(&made);
        cost += of_grading;
        Ok(was_cut_off.then_some(cost))
    }

    /// Makes a call of `predict`, unless it is remembered.
    pub(super) async fn example(
        &self,
        harness: &Learned,
        example: &Example,
        journal: &Arc<RecordingModel>,
        past: &RecordedEvaluation,
    ) -> Report<String> {
        let again = past.again();
        let key = again.map(|again| Key::example(&harness.trained, &again.place(), &example.id));
        if let (Some(again), Some(key)) = (again, &key)
            && let Some(kept) = again.memo.take_example(key)
        {
            journal.lose(&kept.lost);
            return kept.report;
        }
        let call = self.call(harness, &example.id, self.kind.input(example));
        let report =
            self.times.during(Part::Sandbox, self.runner.predict(&harness.trained, &call, journal.clone()));
        let report = report.await;
        if let (Some(again), Some(key)) = (again.filter(|again| again.is_ahead), key) {
            again.memo.keep_example(key, Kept { report: report.clone(), lost: journal.lost() });
        }
        report
    }
}
