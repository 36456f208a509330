//! Offers a harness the train examples: batch by batch, and in the online protocol after it has predicted each batch.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use mmh_engine::{build::Built, runner::LearnedState, sandbox::LabelledExample};
use mmh_record::{
    RecordError,
    digest::Digest,
    format::{Cost, LearnRow},
    limits::portions,
};

use super::{
    EVALUATION_TIMEOUT, Evaluator, LEARN_FAILED, Learned, Learning, RecordedEvaluation, Sink, Step,
    batches::Batch,
    cost_of, learn_row,
    online::{Predicted, Stream},
    own_time::OwnTime,
    recorded_cost, sink,
};
use crate::dataset::Example;

/// What all batches of a harness have in common.
struct Course<'a> {
    train: &'a [Example],
    past: &'a RecordedEvaluation,
    sink: &'a Arc<dyn Sink>,
    own_time: OwnTime,
    /// The predictions of the online protocol.
    stream: Option<Stream>,
}

impl Evaluator {
    /// Offers the harness all train examples, batch by batch. Recorded batches are repeated with the recorded replies,
    /// because the states between batches are not kept.
    pub fn learn<'a>(
        &'a self,
        built: Built,
        train: &'a [Example],
        past: &'a RecordedEvaluation,
        sink: &'a Arc<dyn Sink>,
    ) -> BoxFuture<'a, Result<Learning, RecordError>> {
        Box::pin(self.offer_batches(built, train, past, sink))
    }

    async fn offer_batches(
        &self,
        built: Built,
        train: &[Example],
        past: &RecordedEvaluation,
        sink: &Arc<dyn Sink>,
    ) -> Result<Learning, RecordError> {
        let mut learned = Learned::with_state(built, []);
        if let Some(again) = past.again().filter(|again| again.learned.is_some()) {
            return self.take_over(learned, again, past, sink);
        }
        let own_time = self.own_time(past, Duration::ZERO);
        let stream = self.lessons.are_online().then(|| self.stream(train.len(), past, sink));
        let mut course = Course { train, past, sink, own_time, stream };
        for batch in self.lessons.batches(train) {
            if let Some(ended) = self.offer(&mut learned, &batch, &mut course).await? {
                return Ok(ended);
            }
        }
        self.target.settle().await;
        learned.online = course.stream.map(|stream| Box::new(stream.score(self.kind.objective())));
        Ok(Learning::Done(learned))
    }

    /// Offers one batch. Says how learning has ended, if it has.
    async fn offer(
        &self,
        learned: &mut Learned,
        batch: &Batch<'_>,
        course: &mut Course<'_>,
    ) -> Result<Option<Learning>, RecordError> {
        let (past, all) = (course.past, self.lessons.batches_of(course.train.len()));
        let timed_out = |own_time: &OwnTime, cost| learn_timed_out(own_time, batch.number, all, cost);
        if course.own_time.is_over() {
            return Ok(Some(timed_out(&course.own_time, learned.cost)));
        }
        let lessons = match &mut course.stream {
            None => batch.examples.iter().map(|it| self.kind.lesson(it)).collect(),
            Some(stream) => {
                let predicted = self.predict_batch(learned, batch, stream).await?;
                course.own_time.set(learned.own_time);
                match predicted {
                    Predicted::Whole(lessons) => lessons,
                    Predicted::TooLate => return Ok(Some(timed_out(&course.own_time, learned.cost))),
                    Predicted::Stopped => return Ok(Some(Learning::Interrupted { cost: learned.cost })),
                }
            }
        };
        let step = past.batch(batch.number);
        if let (Step::Take(row), None) = (&step, past.again()) {
            learned.cost += recorded_cost(&*past.calls.get(&batch.id)?);
            return Ok(Some(learn_failed(row, learned.cost)));
        }
        if matches!(step, Step::End) && past.is_timed_out() {
            return Ok(Some(timed_out(&course.own_time, learned.cost)));
        }
        if matches!(step, Step::End) || self.cancel.is_cancelled() {
            return Ok(Some(Learning::Interrupted { cost: learned.cost }));
        }
        self.learn_batch(learned, (batch, lessons), step, course).await
    }

    /// Makes the call of a batch, or repeats it, and takes over the state that it gives.
    async fn learn_batch(
        &self,
        learned: &mut Learned,
        (batch, lessons): (&Batch<'_>, Vec<LabelledExample>),
        step: Step<LearnRow>,
        course: &Course<'_>,
    ) -> Result<Option<Learning>, RecordError> {
        let (past, sink, n_examples) = (course.past, course.sink, batch.examples.len());
        let journal = self.journal(&batch.id, portions(n_examples), past, sink);
        let report = match (step, past.again()) {
            (Step::Take(row), Some(again)) => again.batch_report(&row, &past.calls.get(&batch.id)?),
            _ => self.batch(learned, &batch.id, lessons, &journal, past).await,
        };
        journal.finish(&report.calls)?;
        learned.cost += cost_of(&report.calls);
        let row = learn_row(self.target.id(), batch.number, n_examples, &report);
        learned.fuel = learned.fuel.saturating_add(row.fuel);
        course.own_time.add(report.own_time);
        learned.own_time = course.own_time.spent();
        match past.batches.get(batch.number) {
            Some(recorded) if past.again().is_none() => same_state(recorded, &row)?,
            _ => sink.batch(&row)?,
        }
        match report.result {
            Ok(state) => {
                let digest = row.state_digest.unwrap_or_else(|| Digest::of(&state));
                learned.trained.state = LearnedState::hashed(state, digest);
                Ok(None)
            }
            Err(_) => {
                self.target.settle().await;
                Ok(Some(learn_failed(&row, learned.cost)))
            }
        }
    }
}

/// The end of learning with a failed batch.
pub(super) fn learn_failed(row: &LearnRow, cost: Cost) -> Learning {
    let message = row.error.as_deref().unwrap_or_default();
    let reason = format!("learn failed at batch {}: {}: {message}", row.batch, row.error_kind.name());
    Learning::Failed { status: LEARN_FAILED, reason, cost }
}

/// The end of learning before this batch, because the harness took too long.
pub(super) fn learn_timed_out(own_time: &OwnTime, batch: usize, all: usize, cost: Cost) -> Learning {
    let reason = own_time.reason(&format!("{batch} of {all} batches of learn"));
    Learning::Failed { status: EVALUATION_TIMEOUT, reason, cost }
}

/// Checks that a repeated batch gives the recorded state.
fn same_state(recorded: &LearnRow, repeated: &LearnRow) -> Result<(), RecordError> {
    if recorded.state_digest == repeated.state_digest {
        return Ok(());
    }
    let problem = format!("batch {} gave another state when it was repeated", recorded.batch);
    Err(RecordError::Damaged { file: sink::BATCHES.into(), problem })
}
