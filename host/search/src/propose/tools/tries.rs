//! Trials of a harness that is not submitted: on a few validation examples, as often as the run allows, or by cross-validation on
//! the train examples.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{TRIAL_ENDED, Toolbox, folds::Folds};
use crate::{
    dataset::Example,
    evaluate::{EVALUATION_TIMEOUT, Evaluation, Evaluator, ExampleSet, Learned, Learning},
    propose::{
        OUT_OF_TIME, ProposeError,
        arguments::{self as args, TrialSplit},
        history::{Answer, add_grade, trace_json},
        pages::{self, Page},
        trials::Shown,
    },
};
use mmh_engine::build::Built;
use mmh_record::{
    data::Split,
    format::{Cost, LearnRow, TraceRow},
    objective::Objective,
    text,
    trial::tried_on,
};
use mmh_report::statistics::Tally;

/// Most examples of one trial.
pub const MAX_TRIALS: usize = 10;

/// The names of a trial's examples in the log of reads.
pub(super) const TRIED: &str = "dataset/val (trial)";
pub(super) const TRIED_TRAIN: &str = "dataset/train (trial)";

/// Most log lines of a batch of `learn` that are shown.
const MAX_LOG_LINES: usize = 20;

/// Bytes of a result that the rows of a verbose trial leave to the rest, at least.
const LEAST_PAGE: usize = 2_000;

/// What a harness is tried on.
enum Plan {
    Val(Vec<Example>),
    Train(Folds),
}

/// Examples to learn from, and examples to answer.
pub(super) struct Lesson<'a> {
    pub train: &'a [Example],
    pub split: Split,
    pub examples: &'a [Example],
    /// The fold of a cross-validation, from 1.
    pub fold: Option<usize>,
}

/// What one part of a trial came to.
pub(super) struct Tried<R> {
    pub rows: Vec<R>,
    pub learn_fuel: u64,
    pub state_bytes: usize,
    pub cost: Cost,
}

/// Whether a result is that of a trial on train examples which came to its end.
pub(super) fn is_of_train(result: &str) -> bool {
    tried_on(result) == Some(Split::Train)
}

impl Toolbox<'_> {
    /// Tries a harness.
    pub(super) async fn try_out(&mut self, asked: args::Trial) -> Result<Answer, ProposeError> {
        let plan = match self.plan(&asked) {
            Ok(plan) => plan,
            Err(problem) => return Ok(Err(problem)),
        };
        let built: Built = match self.context.build(&asked.code).await? {
            Ok(built) => built,
            Err(rejection) => return Ok(Ok(super::candidates::refusal(&rejection).to_string())),
        };
        match plan {
            Plan::Val(examples) => self.try_on_val(built, &examples, asked.verbose).await,
            Plan::Train(folds) => self.cross_validate(built, folds, asked.verbose).await,
        }
    }

    /// Counts a trial by its result: one on validation examples that came to its end.
    pub(super) fn count_trial(&mut self, result: &str) {
        if tried_on(result) == Some(Split::Val) {
            self.val_trials += 1;
        }
    }

    fn plan(&self, asked: &args::Trial) -> Result<Plan, String> {
        match asked.split {
            TrialSplit::Train if asked.example_ids.is_empty() => {
                Folds::new(self.context.dataset.train.len(), asked.folds, asked.rows).map(Plan::Train)
            }
            TrialSplit::Train => {
                Err("example_ids name validation examples; with split \"train\", folds and rows say what is tried".into())
            }
            TrialSplit::Val if asked.folds.is_some() || asked.rows.is_some() => {
                Err("folds and rows are for split \"train\"; validation examples are named by example_ids".into())
            }
            TrialSplit::Val => {
                let examples = self.trial_examples(&asked.example_ids)?;
                let most = self.context.limits.val_trials;
                if self.val_trials >= most {
                    return Err(format!(
                        "{most} trials on validation examples were made, which is the limit (--val-trials): try it with split \
                         \"train\", or submit a harness"
                    ));
                }
                Ok(Plan::Val(examples))
            }
        }
    }

    async fn try_on_val(
        &mut self,
        built: Built,
        examples: &[Example],
        verbose: bool,
    ) -> Result<Answer, ProposeError> {
        let shown = Arc::new(Shown::of(if verbose { examples } else { &[] }));
        let dataset = self.context.dataset;
        let lesson = Lesson { train: &dataset.train, split: Split::Val, examples, fold: None };
        let tried = match self.run(built, lesson, &shown, std::convert::identity).await? {
            Ok(tried) => tried,
            Err(ended) => return Ok(ended),
        };
        self.history.note(TRIED, examples.iter().map(|example| example.input.size_bytes()).sum())?;
        let rows: &[TraceRow] = &tried.rows;
        let mut found = json!({ "ok": true, "n_correct": rows.iter().filter(|row| row.correct).count() });
        if dataset.kind.objective() == Objective::Score {
            found["score"] = json!(Tally::of(rows.iter().map(TraceRow::grade)).mean());
        }
        found["val_trials"] = json!({ "made": self.val_trials + 1, "limit": self.context.limits.val_trials });
        if verbose {
            return Ok(Ok(self.verbosely(found, &shown)?));
        }
        found["examples"] = rows.iter().map(trial_json).collect();
        Ok(Ok(found.to_string()))
    }

    /// A result with what `learn` did, and with the examples that are shown in full.
    pub(super) fn verbosely(&self, mut found: Value, shown: &Shown) -> Result<String, ProposeError> {
        found["learn"] = shown.batches().iter().map(batch_json).collect();
        let found = pages::within(found.to_string(), self.max_bytes() / 2);
        let mut found: Value = serde_json::from_str(&found).unwrap_or_default();
        let rows = shown.examples();
        let max_bytes = self.max_bytes().saturating_sub(found.to_string().len()).max(LEAST_PAGE);
        let page = Page { offset: 0, limit: rows.len(), max_bytes };
        let mut page = page.fill("examples", rows.len(), |at| {
            let made = rows.get(at).map(|(row, calls)| trace_json(row, calls));
            Ok(made.unwrap_or_default())
        })?;
        let left_out = page["returned"].as_u64().unwrap_or_default() as usize;
        let left_out: Vec<&str> =
            rows.iter().skip(left_out).map(|(row, _)| row.example_id.as_str()).collect();
        if let (Value::Object(fields), false) = (&mut page, left_out.is_empty()) {
            fields.insert("left_out".into(), json!(left_out));
        }
        if let (Value::Object(found), Value::Object(page)) = (&mut found, page) {
            // A trial is not read page by page: it would be made again.
            let of_page = ["cut", "left_out", "examples"];
            found.extend(page.into_iter().filter(|(name, _)| of_page.contains(&name.as_str())));
        }
        Ok(found.to_string())
    }

    /// Lets a harness learn and answer. The inner error is how the trial ended before that.
    pub(super) async fn run<R: Send + 'static>(
        &mut self,
        built: Built,
        lesson: Lesson<'_>,
        shown: &Arc<Shown>,
        keep: fn(TraceRow) -> R,
    ) -> Result<Result<Tried<R>, Answer>, ProposeError> {
        let (recorded, limit) = (self.trials.recorded_bytes(), self.context.limits.evaluation_record_bytes);
        if recorded >= limit {
            let [recorded, limit] = [recorded, limit].map(text::bytes);
            return Ok(Err(Err(format!(
                "the trials of this iteration take {recorded} in the record, the limit is {limit}: submit a harness"
            ))));
        }
        let (past, sink) = self.trials.begin(self.place, lesson.fold, shown)?;
        shown.take_over(&past)?;
        let limited = self.context.evaluator.cancel.or_after(self.time_left());
        let evaluator = Evaluator { cancel: limited.cancel.clone(), ..self.context.evaluator.clone() };
        let learned = match evaluator.learn(built, lesson.train, &past, &sink).await? {
            Learning::Done(learned) => learned,
            Learning::Failed { status, reason, cost } => {
                self.trials.cost += cost;
                return Ok(Err(Ok(ended(status, &reason, lesson.fold))));
            }
            Learning::Interrupted { cost } => {
                self.trials.cost += cost;
                return Ok(Err(Err(self.interrupted())));
            }
        };
        self.trials.cost += learned.cost;
        let set = ExampleSet::new(lesson.split, lesson.examples);
        let done = evaluator.evaluate_keeping(&learned, set, past, sink, keep).await?;
        self.trials.cost += done.cost;
        Ok(match done {
            Evaluation { timed_out: Some(reason), .. } => {
                Err(Ok(ended(EVALUATION_TIMEOUT, &reason, lesson.fold)))
            }
            Evaluation { complete: false, .. } => Err(Err(self.interrupted())),
            Evaluation { rows, cost, .. } => Ok(Tried::of(rows, &learned, cost)),
        })
    }

    /// Why a trial was stopped.
    fn interrupted(&self) -> String {
        match self.context.evaluator.cancel.is_cancelled() {
            true => "the run is being stopped".into(),
            false => format!(
                "{TRIAL_ENDED}{OUT_OF_TIME}{} s together (--turn-tools-timeout-s)",
                self.context.limits.turn_tools_ms / 1000
            ),
        }
    }

    fn trial_examples(&self, ids: &[String]) -> Result<Vec<Example>, String> {
        if !(1..=MAX_TRIALS).contains(&ids.len()) {
            return Err(format!(
                "{} example ids were given; 1 to {MAX_TRIALS} can be tried at once",
                ids.len()
            ));
        }
        ids.iter()
            .map(|id| {
                self.context.index.val(id, self.context.val).ok_or_else(|| {
                    format!("there is no validation example {id:?}; read_eval_trace shows their ids")
                })
            })
            .collect()
    }
}

impl<R> Tried<R> {
    fn of(rows: Vec<R>, learned: &Learned, of_examples: Cost) -> Self {
        let mut cost = learned.cost;
        cost += of_examples;
        Self { rows, learn_fuel: learned.fuel, state_bytes: learned.state().len(), cost }
    }
}

/// The result of a trial that the harness ended.
fn ended(status: &str, reason: &str, fold: Option<usize>) -> String {
    let mut answer = json!({ "ok": false, "reason": status, "diagnostics": reason });
    if let Some(fold) = fold {
        answer["fold"] = json!(fold);
    }
    answer.to_string()
}

fn batch_json(row: &LearnRow) -> Value {
    let logs = row.logs.iter().take(MAX_LOG_LINES).map(|log| format!("{}: {}", log.level, log.message));
    json!({
        "batch": row.batch,
        "n_examples": row.n_examples,
        "fuel": row.fuel,
        "model_calls": row.model_calls,
        "state_bytes": row.state_bytes,
        "logs": logs.collect::<Vec<_>>(),
    })
}

fn trial_json(row: &TraceRow) -> Value {
    let mut trial = json!({
        "example_id": row.example_id,
        "gold_label": row.gold_label,
        "predicted_label": row.predicted_label,
        "correct": row.correct,
        "error_kind": row.error_kind.name(),
        "error": row.error,
        "logs": row.log_lines(),
    });
    add_grade(&mut trial, row);
    trial
}
