//! The tools that a proposer works with. A wrong call is an error of the tool; `Err` means that the host cannot go on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use super::arguments::specs;
use super::{
    OUT_OF_TIME, Outcome, ProposeError, Submission, ToolCall,
    again::{self, Again},
    arguments as args,
    arguments::parse,
    history::{Answer, History, Page},
    trials::{Trials, trial_name},
};
use crate::{
    dataset::{Dataset, Example},
    evaluate::{EVALUATION_TIMEOUT, Evaluator, ExampleSet, Learning},
    leaks,
    leaks::Lint,
};
use mmh_engine::{
    build::{Builder, Built},
    compile::{Rejection, RejectionKind},
    toolchain::sdk,
};
use mmh_record::{
    RecordError,
    data::Split,
    format::{Cost, ReadRow, TraceRow},
    layout,
    limits::Limits,
    text,
    writer::IterationWriter,
};

/// Most examples of one trial.
pub const MAX_TRIALS: usize = 10;

/// The name of a trial's examples in the log of reads.
const TRIED: &str = "dataset/val (trial)";

/// The beginning of the result of a trial that was stopped.
pub(super) const TRIAL_ENDED: &str = "the trial was ended: ";

/// Longest reasoning, in bytes.
const MAX_REASONING_BYTES: usize = 64 << 10;

/// The parts of a run that the tools work with.
pub struct ToolContext<'a> {
    /// Compiles what is checked, tried and submitted.
    pub builder: &'a Builder,
    /// Runs trials.
    pub evaluator: Evaluator,
    /// The task and the train examples.
    pub dataset: &'a Dataset,
    /// The validation examples of this run.
    pub val: &'a [Example],
    /// Sizes of results, and times.
    pub limits: &'a Limits,
}

/// One iteration's tools, and what was submitted through them.
pub struct Toolbox<'a> {
    context: ToolContext<'a>,
    /// Finds held-back examples in submissions, if these are refused.
    lint: Option<&'a Lint>,
    /// Most bytes of a submission in the run's summary.
    summary_bytes: u64,
    /// Set if the conversation is repeated: some results are taken from its record.
    again: Option<Again>,
    history: History,
    trials: Trials,
    submission: Option<Submission>,
    /// Why the last submission was refused: the kind and the message.
    last_refusal: Option<(String, String)>,
    /// The turn, and how many of its tool calls were made.
    place: (u32, usize),
    /// When the turn's tools began.
    turn_began: Instant,
    /// The position of the current call in its turn. Calls that were not made count as well.
    at: usize,
}

impl<'a> Toolbox<'a> {
    /// The tools of an iteration, with its log of reads and its trials.
    pub fn new(context: ToolContext<'a>, history: History, trials: Trials) -> Self {
        Self {
            context,
            lint: None,
            summary_bytes: u64::MAX,
            again: None,
            history,
            trials,
            submission: None,
            last_refusal: None,
            place: (0, 0),
            turn_began: Instant::now(),
            at: 0,
        }
    }

    /// Refuses submissions that contain held-back examples.
    pub fn refuse_leaks(mut self, lint: &'a Lint) -> Self {
        self.lint = Some(lint);
        self
    }

    /// Refuses submissions that take more bytes in the run's summary.
    pub fn within_summary(mut self, bytes: u64) -> Self {
        self.summary_bytes = bytes;
        self
    }

    /// Takes results that cannot be derived again from the record of the conversation.
    pub fn again(mut self, again: Option<Again>) -> Self {
        self.again = again;
        self
    }

    /// Sets the position of the next call in its turn, from 0.
    pub fn begin_call(&mut self, at: usize) {
        self.at = at;
    }

    /// Takes over the reads and trials of a turn that was not completed.
    pub fn take_over_cut(&mut self, again: &Again, step: u32) -> Result<(), RecordError> {
        self.history.take_over(again.cut_reads(step))?;
        self.trials.take_over(&format!("trial-{step:02}-"))
    }

    /// Begins a turn: later calls belong to it, and its time starts.
    pub fn begin_turn(&mut self, step: u32) {
        self.place = (step, 0);
        self.turn_began = Instant::now();
        self.history.begin_turn(step);
    }

    /// The time that is left to the tools of this turn.
    pub fn time_left(&self) -> Duration {
        if self.again.is_some() {
            // The record says which calls had no time.
            return Duration::from_secs(86_400);
        }
        Duration::from_millis(self.context.limits.turn_tools_ms).saturating_sub(self.turn_began.elapsed())
    }

    /// The recorded result of the current call, if it was not made because the turn's time was over.
    pub fn was_out_of_time(&self) -> Option<String> {
        self.again.as_ref()?.out_of_time(self.place.0, self.at)
    }

    /// Takes the accepted harness.
    pub fn take_submission(&mut self) -> Option<Submission> {
        self.submission.take()
    }

    /// The end of an iteration without an accepted harness: it tells about the last refused one, if there is one.
    pub fn unsubmitted(&self, reason: String) -> Outcome {
        match &self.last_refusal {
            Some((kind, message)) => Outcome::Unsubmitted {
                status: kind.clone(),
                reason: format!("{reason}; its last submission: {message}"),
            },
            None => Outcome::Unsubmitted { status: "gave-up".into(), reason },
        }
    }

    /// The reads, and what trials cost, once both are on disk.
    pub fn close(self, folder: &IterationWriter) -> Result<(Vec<ReadRow>, Cost), RecordError> {
        Ok((self.history.into_reads()?, self.trials.close(folder)?))
    }

    /// Repeats the changes of a call that was answered before. Its result is on record.
    pub async fn recall(&mut self, call: ToolCall, result: &Answer) -> Result<(), ProposeError> {
        if call.name != "write_harness" {
            return Ok(());
        }
        match result {
            Ok(_) => {
                let Ok(asked) = parse::<args::Submission>(&call.name, call.input) else {
                    return Err(not_again("its arguments cannot be read").into());
                };
                let built = self.context.builder.build(&asked.code).await?;
                let built = built.map_err(|rejection| not_again(&rejection.message))?;
                self.submission = Some(Submission { source: asked.code, reasoning: asked.reasoning, built });
            }
            Err(said) => {
                let said: Value = serde_json::from_str(said).unwrap_or_default();
                if let (Some(kind), Some(message)) = (said["reason"].as_str(), said["message"].as_str()) {
                    self.last_refusal = Some((kind.to_owned(), message.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Calls a tool by name.
    pub async fn call(&mut self, call: ToolCall) -> Result<Answer, ProposeError> {
        if let Some(result) = self.claimed(&call) {
            self.take_over(&call, &result)?;
            self.recall(call, &result).await?;
            self.place.1 += 1;
            return Ok(result);
        }
        let answer = match self.dispatch(&call.name, call.input).await? {
            Ok(content) => Ok(self.within(content)),
            Err(content) => Err(self.within(content)),
        };
        self.place.1 += 1;
        Ok(answer)
    }

    /// The recorded result of a call that cannot be repeated on this machine.
    fn claimed(&self, call: &ToolCall) -> Option<Answer> {
        let again = self.again.as_ref()?;
        let is_known = call.input["code"].as_str().is_some_and(|code| self.context.builder.knows(code));
        again.claimed_result(self.place.0, self.at, call, is_known)
    }

    /// Logs the reads of such a call, and takes over the model calls of a trial.
    fn take_over(&mut self, call: &ToolCall, result: &Answer) -> Result<(), RecordError> {
        match (call.name.as_str(), result) {
            ("read_train", Ok(content)) => self.history.note("dataset/train", content.len()),
            ("try_harness", _) => {
                self.trials.take_over(&format!("{}/", trial_name(self.place.0, self.place.1)))?;
                let tried = again::tried(&call.input, result);
                let size = |id: &String| {
                    self.context.val.iter().find(|it| it.id == *id).map_or(0, |it| it.input.len())
                };
                let bytes = tried.iter().map(size).sum();
                if tried.is_empty() { Ok(()) } else { self.history.note(TRIED, bytes) }
            }
            _ => Ok(()),
        }
    }

    async fn dispatch(&mut self, name: &str, input: Value) -> Result<Answer, ProposeError> {
        // Every arm parses its own arguments. The model is told about errors in them.
        macro_rules! arguments {
            ($type:ty) => {
                match parse::<$type>(name, input) {
                    Ok(arguments) => arguments,
                    Err(problem) => return Ok(Err(problem)),
                }
            };
        }
        Ok(match name {
            "list_iterations" => {
                arguments!(args::Nothing);
                self.history.list()?
            }
            "scoreboard" => {
                arguments!(args::Nothing);
                self.history.scoreboard()?
            }
            "read_harness" => self.history.file(arguments!(args::OfIteration).iteration, layout::SOURCE)?,
            "read_reasoning" => {
                self.history.file(arguments!(args::OfIteration).iteration, layout::REASONING)?
            }
            "read_score" => self.history.file(arguments!(args::OfIteration).iteration, layout::SCORE)?,
            "read_eval_trace" => {
                let asked = arguments!(args::OfTrace);
                let page = Page { offset: asked.offset, limit: asked.limit.min(args::MAX_ROWS) };
                let room = (self.context.limits.tool_result_bytes as usize).saturating_sub(1024);
                self.history.trace(asked.iteration, asked.only_failures, page, room)?
            }
            "read_train" => self.read_train(&arguments!(args::OfTrain))?,
            "read_sdk" => {
                arguments!(args::Nothing);
                self.history.note("sdk", sdk::GUIDE.len())?;
                Ok(sdk::GUIDE.to_owned())
            }
            "diff_harness" => {
                let asked = arguments!(args::Pair);
                self.history.diff(asked.a, asked.b)?
            }
            "check_harness" => self.check(&arguments!(args::Code).code).await?,
            "try_harness" => self.try_out(arguments!(args::Trial)).await?,
            "write_harness" => self.submit(arguments!(args::Submission)).await?,
            _ => {
                let names: Vec<String> = specs().into_iter().map(|spec| spec.name).collect();
                Err(format!("there is no tool {name:?}; the tools are {}", names.join(", ")))
            }
        })
    }

    fn within(&self, content: String) -> String {
        text::capped(&content, self.context.limits.tool_result_bytes as usize)
    }

    fn read_train(&mut self, asked: &args::OfTrain) -> Result<Answer, RecordError> {
        if let Some(label) = &asked.label
            && !self.context.dataset.task.labels.contains(label)
        {
            let labels = self.context.dataset.task.labels.join(", ");
            return Ok(Err(format!("there is no label {label:?}; the labels are {labels}")));
        }
        let is_wanted = |row: &&Example| asked.label.as_ref().is_none_or(|label| *label == row.label);
        let wanted: Vec<&Example> = self.context.dataset.train.iter().filter(is_wanted).collect();
        let row =
            |row: &&Example| Ok(json!({ "example_id": row.id, "input": row.input, "label": row.label }));
        let page = Page { offset: asked.offset, limit: asked.limit.min(args::MAX_ROWS) };
        let room = (self.context.limits.tool_result_bytes as usize).saturating_sub(1024);
        let found = page.fill("examples", &wanted, row, room)?.to_string();
        self.history.note("dataset/train", found.len())?;
        Ok(Ok(found))
    }

    async fn check(&self, code: &str) -> Result<Answer, ProposeError> {
        Ok(Ok(match self.context.builder.build(code).await? {
            Ok(built) => json!({ "ok": true, "component_bytes": built.component.bytes.len() }),
            Err(rejection) => refusal(&rejection),
        }
        .to_string()))
    }

    async fn submit(&mut self, asked: args::Submission) -> Result<Answer, ProposeError> {
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
            None => self.context.builder.build(&asked.code).await?,
        };
        match verdict.and_then(|built| self.without_leaks(&asked.code, built)) {
            Ok(built) => {
                let answer = json!({ "accepted": true, "component_digest": built.component.digest });
                self.submission = Some(Submission { source: asked.code, reasoning: asked.reasoning, built });
                Ok(Ok(answer.to_string()))
            }
            Err(rejection) => {
                let mut answer = refusal(&rejection);
                answer["accepted"] = json!(false);
                self.last_refusal = Some((rejection.kind.name().to_owned(), rejection.message));
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

    fn without_leaks(&self, source: &str, built: Built) -> Result<Built, Rejection> {
        let leaks = self.lint.map(|lint| lint.check(source, &built.component.bytes)).unwrap_or_default();
        leaks::refusal(&leaks).map_or(Ok(built), Err)
    }

    async fn try_out(&mut self, asked: args::Trial) -> Result<Answer, ProposeError> {
        let examples = match self.trial_examples(&asked.example_ids) {
            Ok(examples) => examples,
            Err(problem) => return Ok(Err(problem)),
        };
        let built: Built = match self.context.builder.build(&asked.code).await? {
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
        self.history.note(TRIED, examples.iter().map(|example| example.input.len()).sum())?;
        let correct = done.rows.iter().filter(|row| row.correct).count();
        let rows: Vec<Value> = done.rows.iter().map(trial_json).collect();
        Ok(Ok(json!({ "ok": true, "n_correct": correct, "examples": rows }).to_string()))
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
                let found = self.context.val.iter().find(|example| example.id == *id).cloned();
                found.ok_or_else(|| {
                    format!("there is no validation example {id:?}; read_eval_trace shows their ids")
                })
            })
            .collect()
    }
}

/// The error of a harness that was accepted before and cannot be built now.
fn not_again(why: &str) -> RecordError {
    let problem = format!("the harness that was accepted is not built again: {why}");
    RecordError::Damaged { file: super::TRANSCRIPT.into(), problem }
}

fn refusal(rejection: &Rejection) -> Value {
    let diagnostics = match rejection.diagnostics.as_str() {
        "" => &rejection.message,
        diagnostics => diagnostics,
    };
    json!({ "ok": false, "reason": rejection.kind.name(), "message": rejection.message, "diagnostics": diagnostics })
}

fn trial_json(row: &TraceRow) -> Value {
    json!({
        "example_id": row.example_id,
        "gold_label": row.gold_label,
        "predicted_label": row.predicted_label,
        "correct": row.correct,
        "error_kind": row.error_kind.name(),
        "error": row.error,
        "logs": row.log_lines(),
    })
}
