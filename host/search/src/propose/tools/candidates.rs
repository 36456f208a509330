//! The tools that compile a harness: check it, try it on a few examples, submit it.

use serde_json::{Value, json};

use super::{Submission, TRIAL_ENDED, TRIED, Toolbox};
use crate::{
    dataset::Example,
    evaluate::{EVALUATION_TIMEOUT, Evaluator, ExampleSet, Learning},
    leaks,
    propose::{
        OUT_OF_TIME, ProposeError, arguments as args, duplicate,
        history::{Answer, add_grade},
    },
};
use mmh_engine::{
    build::Built,
    compile::{Rejection, RejectionKind},
};
use mmh_record::{data::Split, format::TraceRow, objective::Objective, text};
use mmh_report::statistics::Tally;

/// Most examples of one trial.
pub const MAX_TRIALS: usize = 10;

/// Longest reasoning, in bytes.
const MAX_REASONING_BYTES: usize = 64 << 10;

impl Toolbox<'_> {
    /// Compiles a harness.
    pub(super) async fn check(&self, code: &str) -> Result<Answer, ProposeError> {
        Ok(Ok(match self.context.build(code).await? {
            Ok(built) => json!({ "ok": true, "component_bytes": built.component.bytes.len() }),
            Err(rejection) => refusal(&rejection),
        }
        .to_string()))
    }

    pub(super) async fn submit(&mut self, asked: args::Submission) -> Result<Answer, ProposeError> {
        if asked.reasoning.len() > MAX_REASONING_BYTES {
            let limit = text::bytes(MAX_REASONING_BYTES as u64);
            return Ok(Err(format!(
                "the reasoning has {} bytes, the limit is {limit}",
                asked.reasoning.len()
            )));
        }
        if self.submission.is_some() {
            return Ok(Err("a harness was accepted already in this turn".into()));
        }
        let verdict = match self.too_large(&asked) {
            Some(rejection) => Err(rejection),
            None => self.context.build(&asked.code).await?,
        };
        let verdict = verdict.and_then(|built| self.without_leaks(&asked.code, built));
        match verdict.and_then(|built| self.new_one(built)) {
            Ok(built) => {
                let answer = json!({ "accepted": true, "component_digest": built.component.digest });
                self.submission = Some(Submission { source: asked.code, reasoning: asked.reasoning, built });
                Ok(Ok(answer.to_string()))
            }
            Err(rejection) => {
                let mut answer = refusal(&rejection);
                answer["accepted"] = json!(false);
                Ok(Err(answer.to_string()))
            }
        }
    }

    /// The rejection of a submission that takes too much of the run's summary.
    fn too_large(&self, asked: &args::Submission) -> Option<Rejection> {
        let bytes = json!([asked.code, asked.reasoning]).to_string().len() as u64;
        let [taken, share] = [bytes, self.summary_bytes].map(text::bytes);
        (bytes > self.summary_bytes).then(|| Rejection {
            kind: RejectionKind::SourceTooLarge,
            message: format!(
                "source and reasoning take {taken} in the run's summary, their share of it is {share}"
            ),
            diagnostics: String::new(),
        })
    }

    /// Refuses a harness that an earlier generation has already.
    fn new_one(&self, built: Built) -> Result<Built, Rejection> {
        let twin = self.context.index.board().with_component(built.component.digest);
        twin.map_or(Ok(built), |twin| Err(duplicate(twin)))
    }

    fn without_leaks(&self, source: &str, built: Built) -> Result<Built, Rejection> {
        let leaks = self.lint.map(|lint| lint.check(source, &built.component.bytes)).unwrap_or_default();
        leaks::refusal(&leaks).map_or(Ok(built), Err)
    }

    pub(super) async fn try_out(&mut self, asked: args::Trial) -> Result<Answer, ProposeError> {
        let examples = match self.trial_examples(&asked.example_ids) {
            Ok(examples) => examples,
            Err(problem) => return Ok(Err(problem)),
        };
        let built: Built = match self.context.build(&asked.code).await? {
            Ok(built) => built,
            Err(rejection) => return Ok(Ok(refusal(&rejection).to_string())),
        };
        let (recorded, limit) = (self.trials.recorded_bytes(), self.context.limits.evaluation_record_bytes);
        if recorded >= limit {
            return Ok(Err(format!(
                "the trials of this iteration take {} in the record, the limit is {}: submit a harness",
                text::bytes(recorded),
                text::bytes(limit)
            )));
        }
        let (past, sink) = self.trials.begin(self.place.0, self.place.1)?;
        let limited = self.context.evaluator.cancel.or_after(self.time_left());
        let evaluator = Evaluator { cancel: limited.cancel.clone(), ..self.context.evaluator.clone() };
        let learned = match evaluator.learn(built, &self.context.dataset.train, &past, &sink).await? {
            Learning::Done(learned) => learned,
            Learning::Failed { status, reason, cost } => {
                self.trials.cost += cost;
                let answer = json!({ "ok": false, "reason": status, "diagnostics": reason });
                return Ok(Ok(answer.to_string()));
            }
            Learning::Interrupted { cost } => {
                self.trials.cost += cost;
                return Ok(Err(self.interrupted()));
            }
        };
        self.trials.cost += learned.cost;
        let done = evaluator.evaluate(&learned, ExampleSet::new(Split::Val, &examples), past, sink).await?;
        self.trials.cost += done.cost;
        if let Some(reason) = done.timed_out {
            let answer = json!({ "ok": false, "reason": EVALUATION_TIMEOUT, "diagnostics": reason });
            return Ok(Ok(answer.to_string()));
        }
        if !done.complete {
            return Ok(Err(self.interrupted()));
        }
        self.history.note(TRIED, examples.iter().map(|example| example.input.size_bytes()).sum())?;
        let correct = done.rows.iter().filter(|row| row.correct).count();
        let rows: Vec<Value> = done.rows.iter().map(trial_json).collect();
        let mut found = json!({ "ok": true, "n_correct": correct });
        if self.context.dataset.kind.objective() == Objective::Score {
            found["score"] = json!(Tally::of(done.rows.iter().map(TraceRow::grade)).mean());
        }
        found["examples"] = json!(rows);
        Ok(Ok(found.to_string()))
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

fn refusal(rejection: &Rejection) -> Value {
    let diagnostics = match rejection.diagnostics.as_str() {
        "" => &rejection.message,
        diagnostics => diagnostics,
    };
    json!({ "ok": false, "reason": rejection.kind.name(), "message": rejection.message, "diagnostics": diagnostics })
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
