//! The tools that a proposer works with. A wrong call is an error of the tool; `Err` means that the host cannot go on.

use std::time::{Duration, Instant};

use serde_json::Value;

mod candidates;
mod direct;
mod folds;
mod left;
mod notes;
mod reading;
mod recorded;
mod tries;

use std::sync::Arc;

pub use super::arguments::{specs, specs_in};
use super::{
    Outcome, ProposeError, Submission,
    again::Again,
    arguments as args,
    arguments::parse,
    history::{Answer, History},
    index::RunIndex,
    pages,
    transcript::Transcript,
    trials::Trials,
};
pub use direct::DirectCall;
pub use folds::FOLDS;
pub use notes::{MAX_NOTE_BYTES, MAX_NOTES};
pub use tries::MAX_TRIALS;

use crate::{
    dataset::{Dataset, Example},
    evaluate::Evaluator,
    leaks::Lint,
    progress::{self, Event, Observer},
    times::{Part, Times},
};
use mmh_engine::{
    build::{Builder, Built},
    compile::BuildResult,
};
use mmh_record::{
    RecordError,
    candidate::CandidateId,
    format::{Cost, ReadRow, TargetFacts},
    limits::Limits,
    writer::IterationWriter,
};

/// The beginning of the result of a trial that was stopped.
pub(super) const TRIAL_ENDED: &str = "the trial was ended: ";

/// A tool call.
pub struct ToolCall {
    /// The call's id, which its result repeats. Empty for a call that no reply carries.
    pub id: String,
    /// The tool's name, which need not exist.
    pub name: String,
    /// The arguments, as they were given.
    pub input: Value,
}

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
    /// Where the tools look things up.
    pub index: Arc<RunIndex>,
    /// Sizes of results, and times.
    pub limits: &'a Limits,
    /// Told about tool calls.
    pub observer: Arc<dyn Observer>,
}

impl ToolContext<'_> {
    /// Compiles a source.
    async fn build(&self, source: &str) -> BuildResult<Built> {
        self.evaluator.times.during(Part::Compiling, self.builder.build(source)).await
    }
}

/// One candidate's tools, and what was submitted through them.
pub struct Toolbox<'a> {
    context: ToolContext<'a>,
    candidate: CandidateId,
    /// Where direct calls are recorded. If the proposal is repeated, some results are taken from its record.
    transcript: &'a Transcript,
    /// Finds held-back examples in submissions, if these are refused.
    lint: Option<&'a Lint>,
    /// Most bytes of a submission in the run's summary.
    summary_bytes: u64,
    history: History,
    trials: Trials,
    /// Trials on validation examples that came to their end.
    val_trials: u32,
    /// Notes for later iterations.
    notes: Vec<String>,
    /// The calls that no reply carries, the first one first.
    calls: Vec<DirectCall>,
    /// Whether its proposer calls the tools itself, so that each call is a turn.
    is_direct: bool,
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
    /// The tools of a candidate's proposer, with the proposal's transcript, its log of reads and its trials.
    pub(crate) fn new(
        context: ToolContext<'a>,
        candidate: CandidateId,
        transcript: &'a Transcript,
        history: History,
        trials: Trials,
    ) -> Self {
        Self {
            context,
            candidate,
            transcript,
            lint: None,
            summary_bytes: u64::MAX,
            history,
            trials,
            val_trials: 0,
            notes: Vec::new(),
            calls: Vec::new(),
            is_direct: false,
            submission: None,
            last_refusal: None,
            place: (0, 0),
            turn_began: Instant::now(),
            at: 0,
        }
    }

    /// Refuses submissions that contain held-back examples.
    pub(crate) fn refuse_leaks(mut self, lint: &'a Lint) -> Self {
        self.lint = Some(lint);
        self
    }

    /// Refuses submissions that take more bytes in the run's summary.
    pub(crate) fn within_summary(mut self, bytes: u64) -> Self {
        self.summary_bytes = bytes;
        self
    }

    /// What is known of the target of this id, for the first message.
    pub(crate) fn target(&self, id: &str, facts: Option<&TargetFacts>) -> Result<String, RecordError> {
        self.history.target(id, facts)
    }

    /// The run so far, for the first message.
    pub(crate) fn briefing(&self) -> Result<String, RecordError> {
        self.history.briefing(!self.context.dataset.is_open())
    }

    fn again(&self) -> Option<&'a Again> {
        self.transcript.past().again.as_ref()
    }

    /// Sets the position of the next call in its turn, from 0.
    pub(super) fn begin_call(&mut self, at: usize) {
        self.at = at;
    }

    /// Takes over the reads and trials of a turn that was not completed.
    pub(super) fn take_over_cut(&mut self, again: &Again, step: u32) -> Result<(), RecordError> {
        self.history.take_over(again.cut_reads(step))?;
        self.trials.take_over(&format!("trial-{step:02}-"))
    }

    /// Begins a turn: later calls belong to it, and its time starts.
    pub(super) fn begin_turn(&mut self, step: u32) {
        self.place = (step, 0);
        self.turn_began = Instant::now();
        self.history.begin_turn(step);
    }

    /// The time that is left to the tools of this turn.
    pub(super) fn time_left(&self) -> Duration {
        if self.again().is_some() {
            // The record says which calls had no time.
            return Duration::from_secs(86_400);
        }
        Duration::from_millis(self.context.limits.turn_tools_ms).saturating_sub(self.turn_began.elapsed())
    }

    /// The recorded result of the current call, if it was not made because the turn's time was over.
    pub(super) fn was_out_of_time(&self) -> Option<String> {
        self.again()?.out_of_time(self.place.0, self.at)
    }

    /// Takes the accepted harness.
    pub(super) fn take_submission(&mut self) -> Option<Submission> {
        self.submission.take()
    }

    /// The end of an iteration without an accepted harness: it tells about the last refused one, if there is one.
    pub fn unsubmitted(&self, reason: String) -> Outcome {
        match &self.last_refusal {
            Some((kind, message)) => Outcome::unsubmitted(kind, reason + &of_last_submission(message)),
            None => Outcome::unsubmitted("gave-up", reason),
        }
    }

    /// The same for a recorded reason, which may tell about the last refused submission already.
    pub(super) fn unsubmitted_again(&self, recorded: &str) -> Outcome {
        let told = self.last_refusal.as_ref().map(|(_, message)| of_last_submission(message));
        let reason = told.and_then(|told| recorded.strip_suffix(&told)).unwrap_or(recorded);
        self.unsubmitted(reason.to_owned())
    }

    /// Tells the observer about the tool calls of the current turn.
    pub(super) fn tell(&self, tools: Vec<progress::ToolCall>) {
        let (iteration, step) = (self.candidate.index, self.place.0);
        self.context.observer.on(Event::ToolsCalled { iteration, step, tools });
    }

    /// The reads, and what trials cost, once both are on disk.
    pub(crate) fn close(self, folder: &IterationWriter) -> Result<(Vec<ReadRow>, Cost), RecordError> {
        Ok((self.history.into_reads()?, self.trials.close(folder)?))
    }

    /// Where it is counted what the time goes to.
    pub fn times(&self) -> &Times {
        &self.context.evaluator.times
    }

    /// Calls a tool by name.
    pub(super) async fn call(&mut self, call: ToolCall) -> Result<Answer, ProposeError> {
        if let Some(result) = self.claimed(&call) {
            self.take_over(&call, &result)?;
            self.recall(call, &result).await?;
            self.place.1 += 1;
            return Ok(result);
        }
        let answer = match self.dispatch(&call.name, call.input).await? {
            Ok(content) => Ok(pages::within(content, self.max_bytes())),
            Err(content) => Err(pages::within(content, self.max_bytes())),
        };
        match (call.name.as_str(), &answer) {
            ("write_harness", Err(said)) => self.refused(said),
            ("try_harness", Ok(said)) => self.count_trial(said),
            _ => {}
        }
        self.place.1 += 1;
        Ok(answer)
    }

    async fn dispatch(&mut self, name: &str, input: Value) -> Result<Answer, ProposeError> {
        if let Some(answer) = self.read(name, &input)? {
            return Ok(answer);
        }
        Ok(match name {
            "check_harness" => match parse::<args::Code>(name, input) {
                Ok(asked) => self.check(&asked.code).await?,
                Err(problem) => Err(problem),
            },
            "try_harness" => match parse::<args::Trial>(name, input) {
                Ok(asked) => self.try_out(asked).await?,
                Err(problem) => Err(problem),
            },
            "write_harness" => match parse::<args::Submission>(name, input) {
                Ok(asked) => self.submit(asked).await?,
                Err(problem) => Err(problem),
            },
            "what_is_left" => parse::<args::Nothing>(name, input).map(|_| self.what_is_left()),
            "add_note" => parse::<args::Note>(name, input).and_then(|asked| self.add_note(asked.text)),
            _ => {
                let names: Vec<String> = specs().into_iter().map(|spec| spec.name).collect();
                Err(format!("there is no tool {name:?}; the tools are {}", names.join(", ")))
            }
        })
    }

    /// Most bytes of one result.
    fn max_bytes(&self) -> usize {
        self.context.limits.tool_result_bytes as usize
    }
}

fn of_last_submission(message: &str) -> String {
    format!("; its last submission: {message}")
}
