//! The online protocol: a harness predicts each batch of train examples before it learns from it, and learns with what it
//! has answered and what that was worth. The predictions have a record of their own.

use std::sync::{Arc, Mutex};

use mmh_engine::sandbox::{Attempt, LabelledExample};
use mmh_record::{
    RecordError,
    data::Split,
    format::{CallRow, LearnRow, OnlineScore, Score, TraceRow},
    objective::Objective,
};
use mmh_report::statistics::Tally;

use super::{
    Evaluator, ExampleSet, Learned, RecordedEvaluation, Sink, batches::Batch, look::Keeping,
    standing::Standing, trials::in_trial,
};
use crate::dataset::Example;

/// The predictions of one harness, in the order of the train examples.
pub(super) struct Stream {
    past: RecordedEvaluation,
    sink: Arc<dyn Sink>,
    standing: Arc<Mutex<Standing>>,
    /// The grades of the first pass, and its examples without a prediction.
    tally: Tally,
    errors: u64,
}

/// How the predictions of a batch ended.
pub(super) enum Predicted {
    /// All examples were predicted: what the harness learns from them.
    Whole(Vec<LabelledExample>),
    /// The harness's own code took too long.
    TooLate,
    /// A stop was requested, or the record ends here.
    Stopped,
}

impl Stream {
    /// The score of the first pass. Later passes know the answers.
    pub fn score(&self, objective: Objective) -> OnlineScore {
        let mut score = Score::default();
        self.tally.enter(objective, &mut score);
        OnlineScore::of(&score, self.errors)
    }
}

impl Evaluator {
    /// The predictions of so many train examples, before the first one.
    pub(super) fn stream(
        &self,
        train_size: usize,
        past: &RecordedEvaluation,
        sink: &Arc<dyn Sink>,
    ) -> Stream {
        let past = RecordedEvaluation {
            rows: past.predictions.clone(),
            calls: past.calls.clone(),
            scorer_calls: past.scorer_calls.clone(),
            purpose: past.purpose.clone(),
            ..RecordedEvaluation::default()
        };
        let passes = self.lessons.passes();
        let standing = Standing::new(ExampleSet::new(Split::Train, &[]), train_size * passes, self);
        let sink = Arc::new(Predictions(sink.clone()));
        Stream { past, sink, standing: Arc::new(Mutex::new(standing)), tally: Tally::default(), errors: 0 }
    }

    /// Predicts the examples of a batch with what was learned so far.
    pub(super) async fn predict_batch(
        &self,
        learned: &mut Learned,
        batch: &Batch<'_>,
        stream: &mut Stream,
    ) -> Result<Predicted, RecordError> {
        if self.cancel.is_cancelled() {
            return Ok(Predicted::Stopped);
        }
        let examples: Vec<Example> = batch.examples.iter().map(|it| in_pass(it, batch.pass)).collect();
        let set = ExampleSet::new(Split::Train, &examples);
        let (past, sink, standing) = (stream.past.clone(), stream.sink.clone(), stream.standing.clone());
        let keep = std::convert::identity::<TraceRow>;
        let (done, own_time) =
            self.run_set(learned, set, (past, sink, standing), Keeping { keep, look: None }).await?;
        learned.cost += done.cost;
        learned.own_time = own_time;
        if !done.complete {
            return Ok(if done.timed_out.is_some() { Predicted::TooLate } else { Predicted::Stopped });
        }
        if batch.pass == 0 {
            done.rows.iter().for_each(|row| stream.tally.add(&row.grade()));
            stream.errors += done.rows.iter().filter(|row| row.error.is_some()).count() as u64;
        }
        let lessons = batch.examples.iter().zip(done.rows);
        let lesson =
            |(example, row)| LabelledExample { attempt: attempt_of(row), ..self.kind.lesson(example) };
        Ok(Predicted::Whole(lessons.map(lesson).collect()))
    }
}

/// The example as it is predicted in this pass, from 0. Each pass has ids of its own.
pub(super) fn in_pass(example: &Example, pass: usize) -> Example {
    match u32::try_from(pass) {
        Ok(0) | Err(_) => example.clone(),
        Ok(pass) => in_trial(example, pass + 1),
    }
}

/// What the harness has answered, and what it is worth. Nothing where it gave no answer.
fn attempt_of(row: TraceRow) -> Option<Attempt> {
    let grade = row.grade();
    row.predicted_label.map(|answer| Attempt { answer, score: grade.score, correct: grade.correct })
}

/// Records examples as predictions.
struct Predictions(Arc<dyn Sink>);

impl Sink for Predictions {
    fn call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.0.call(row)
    }

    fn scorer_call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.0.scorer_call(row)
    }

    fn example(&self, row: &TraceRow) -> Result<(), RecordError> {
        self.0.prediction(row)
    }

    fn batch(&self, row: &LearnRow) -> Result<(), RecordError> {
        self.0.batch(row)
    }

    fn wants_calls(&self) -> bool {
        self.0.wants_calls()
    }
}
