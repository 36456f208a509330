//! The part of the run that the proposer may see: earlier iterations, through the run folder's handle.
//!
//! Every read is logged. Held-out scores, the configuration and other runs cannot be reached from here.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::pages::text_page;
pub use super::{
    index::{Order, RunIndex},
    pages::Page,
};
use crate::dataset::Example;
use mmh_record::{
    RecordError,
    append::Appender,
    clock::Clock,
    format::{CallRow, ReadRow, TraceRow},
    input::Field,
    language::HarnessLanguage,
    layout::{self, READS, SUMMARY, TRACES},
    outcome::OutcomeKind,
    reader::RunReader,
    text,
    writer::IterationWriter,
};

/// Reads earlier iterations.
pub struct History {
    pub(super) reader: RunReader,
    pub(super) index: Arc<RunIndex>,
    log: Appender,
    clock: Clock,
    /// The reads so far, for the summary.
    reads: Vec<ReadRow>,
    /// The turn that reads belong to.
    step: u32,
    /// The recorded times of the reads, if a conversation is repeated.
    times: Vec<Timestamp>,
    /// Iterations from this one on are not to be seen: they are of the same generation.
    pub(super) known: u32,
}

/// A tool's result: its content, or what is wrong with the call. The proposer gets either.
pub type Answer = Result<String, String>;

/// Most bytes of one prompt or reply in a trace. The middle is cut, because the ends of a prompt matter most.
const MAX_CALL_TEXT: usize = 6_000;

impl History {
    /// The history for an iteration whose first `answered` turns are complete. Later reads are removed from the record,
    /// because their turn is repeated.
    pub fn resume(
        reader: RunReader,
        index: Arc<RunIndex>,
        folder: &IterationWriter,
        answered: u32,
        clock: Clock,
    ) -> Result<Self, RecordError> {
        folder.keep_lines(READS, |row: &ReadRow| row.step <= answered)?;
        let reads = folder.mend_lines(READS)?;
        let log = folder.append(READS)?;
        Ok(Self { reader, index, log, clock, reads, step: answered, times: Vec::new(), known: u32::MAX })
    }

    /// Shows iterations before this one alone, whatever lies in the run's folder.
    pub fn of_iterations_before(mut self, known: u32) -> Self {
        self.known = known;
        self
    }

    /// Whether the run has this file of an iteration that may be seen.
    pub(super) fn has(&self, iteration: u32, path: &str) -> bool {
        iteration < self.known && self.reader.has(path)
    }

    /// Dates the reads with these recorded times, in order.
    pub fn again(mut self, times: Vec<Timestamp>) -> Self {
        self.times = times;
        self
    }

    /// Takes over recorded reads.
    pub fn take_over(&mut self, reads: Vec<ReadRow>) -> Result<(), RecordError> {
        for row in reads {
            self.log.push(&row)?;
            self.reads.push(row);
        }
        Ok(())
    }

    /// Later reads belong to this turn.
    pub fn begin_turn(&mut self, step: u32) {
        self.step = step;
    }

    /// All reads, once they are on disk.
    pub fn into_reads(self) -> Result<Vec<ReadRow>, RecordError> {
        self.log.finish()?;
        Ok(self.reads)
    }

    /// Logs a read. `path` is a file of the run, or another name for something else, such as `dataset/train`.
    pub fn note(&mut self, path: &str, bytes_read: usize) -> Result<(), RecordError> {
        let at = self.times.get(self.reads.len()).copied().unwrap_or_else(|| self.clock.now());
        let (path, step) = (path.to_owned(), self.step);
        let row = ReadRow { path, bytes_read: bytes_read as u64, at, step };
        self.log.push(&row)?;
        self.reads.push(row);
        Ok(())
    }

    /// The iterations, in an order and page by page, with status and the figure that is compared. Only this result counts as read: the rest of
    /// the summary can change when a run is resumed.
    pub fn list(&mut self, order: Order, page: Page) -> Result<Answer, RecordError> {
        self.iterations(order, page, true)
    }

    /// The same with the main figures.
    pub fn scoreboard(&mut self, order: Order, page: Page) -> Result<Answer, RecordError> {
        self.iterations(order, page, false)
    }

    fn iterations(&mut self, order: Order, page: Page, in_short: bool) -> Result<Answer, RecordError> {
        let index = self.index.clone();
        let board = index.board();
        let rows = page.fill("iterations", board.len(), |at| Ok(board.row(order, at, in_short)))?;
        let mut found = json!({ "best": board.best(), "mock": board.is_mock(), "order": order });
        merge(&mut found, rows);
        let text = found.to_string();
        self.note(SUMMARY, text.len())?;
        Ok(Ok(text))
    }

    /// A page of a text file of an iteration, such as its source.
    pub fn file(
        &mut self,
        iteration: u32,
        file: &str,
        offset: usize,
        max_bytes: usize,
    ) -> Result<Answer, RecordError> {
        Ok(self.whole_file(iteration, file)?.map(|text| text_page(&text, offset, max_bytes)))
    }

    pub(super) fn whole_file(&mut self, iteration: u32, file: &str) -> Result<Answer, RecordError> {
        let path = RunReader::iteration_file(iteration, file);
        if !self.has(iteration, &path) {
            let is_source = file == self.reader.source_name() && iteration < self.known;
            let is_given = is_source && self.reader.config().is_ok_and(|it| it.given(iteration).is_some());
            return Ok(Err(match is_given {
                true => format!(
                    "iteration {iteration} is a component; its source is not recorded. read_reasoning says where it came from, \
                     read_eval_trace what it does"
                ),
                false => format!("iteration {iteration} has no {file}; list_iterations shows what there is"),
            }));
        }
        let text = self.reader.text(&path)?;
        self.note(&path, text.len())?;
        Ok(Ok(text))
    }

    /// The language that harnesses are written in.
    pub(super) fn language(&self) -> HarnessLanguage {
        self.reader.language()
    }

    /// A page of an iteration's source.
    pub fn source_page(
        &mut self,
        iteration: u32,
        offset: usize,
        max_bytes: usize,
    ) -> Result<Answer, RecordError> {
        self.file(iteration, self.reader.source_name(), offset, max_bytes)
    }

    /// A page of a unified diff between the sources of two iterations.
    pub fn diff(&mut self, a: u32, b: u32, offset: usize, max_bytes: usize) -> Result<Answer, RecordError> {
        let source = self.reader.source_name();
        let (old, new) = match (self.whole_file(a, source)?, self.whole_file(b, source)?) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(problem), _) | (_, Err(problem)) => return Ok(Err(problem)),
        };
        let name = |index| layout::file(&layout::folder_name(index), source);
        let diff = similar::TextDiff::from_lines(&old, &new);
        let diff = diff.unified_diff().header(&name(a), &name(b)).to_string();
        Ok(Ok(text_page(&diff, offset, max_bytes)))
    }

    /// A page of train examples, of one label or of all. They are those that the index was made of.
    pub fn train(
        &mut self,
        examples: &[Example],
        label: Option<&str>,
        page: Page,
    ) -> Result<Answer, RecordError> {
        let index = self.index.clone();
        let of_label = label.map(|label| index.train(label));
        let total = of_label.map_or(examples.len(), <[usize]>::len);
        let rows = page.fill("examples", total, |at| {
            let at = of_label.and_then(|places| places.get(at).copied()).unwrap_or(at);
            Ok(examples.get(at).map(train_json).into())
        })?;
        let text = rows.to_string();
        self.note("dataset/train", text.len())?;
        Ok(Ok(text))
    }

    /// A page of traces with their prompts and replies.
    pub fn trace(&mut self, iteration: u32, only_failures: bool, page: Page) -> Result<Answer, RecordError> {
        let path = RunReader::iteration_file(iteration, TRACES);
        if !self.has(iteration, &path) {
            return Ok(Err(format!(
                "iteration {iteration} was not evaluated; list_iterations shows what there is"
            )));
        }
        let index = self.index.traces(&self.reader, iteration)?;
        let files = index.open(&self.reader)?;
        let rows = page.fill("examples", index.len(only_failures), |at| {
            let (row, calls) = files.read(only_failures, at)?;
            Ok(trace_json(&row, &calls))
        })?;
        let mut found = json!({ "iteration": iteration });
        merge(&mut found, rows);
        let text = found.to_string();
        self.note(&path, text.len())?;
        Ok(Ok(text))
    }
}

/// Adds the fields of another object.
pub(super) fn merge(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}

pub(super) fn train_json(row: &Example) -> Value {
    let mut found = json!({ "example_id": row.id, "input": row.input.text });
    add_fields(&mut found, &row.input.fields);
    found["label"] = json!(row.gold);
    found
}

/// Adds what an answer is worth, where that is more than right or wrong.
pub(super) fn add_grade(value: &mut Value, row: &TraceRow) {
    if let Some(score) = row.score {
        value["score"] = json!(score);
    }
    if !row.parts.is_empty() {
        value["parts"] = json!(row.parts);
    }
    if let Some(trace) = &row.scorer {
        if let Some(failure) = trace.failure() {
            value["no_grade"] = json!(failure);
        }
        if !trace.logs.is_empty() {
            value["scorer_logs"] = json!(trace.log_lines());
        }
    }
}

/// Adds what an example asks besides its text, by name.
fn add_fields(value: &mut Value, fields: &[Field]) {
    if !fields.is_empty() {
        let by_name = fields.iter().map(|field| (field.name.clone(), json!(field.value)));
        value["fields"] = Value::Object(by_name.collect());
    }
}

pub(super) fn trace_json(row: &TraceRow, calls: &[CallRow]) -> Value {
    let calls: Vec<Value> = calls
        .iter()
        .map(|call| {
            let reply = call.reply.as_ref().map(|reply| reply.text());
            let reply = reply.or_else(|| call.error.clone()).unwrap_or_default();
            let mut shown = json!({
                "prompt": text::middle_cut(&call.request.prompt_text(), MAX_CALL_TEXT),
                "reply": text::middle_cut(&reply, MAX_CALL_TEXT),
            });
            if let Some(reply) = &call.reply {
                shown["stop_reason"] = json!(reply.stop_reason);
            }
            shown["input_tokens"] = json!(call.usage.total_input_tokens());
            shown["output_tokens"] = json!(call.usage.output_tokens);
            shown
        })
        .collect();
    let mut trace = json!({ "example_id": row.example_id, "input": row.input });
    add_fields(&mut trace, &row.fields);
    let outcome = json!({
        "gold_label": row.gold_label,
        "predicted_label": row.predicted_label,
        "correct": row.correct,
        "error_kind": row.error_kind.name(),
        "error": row.error,
        "fuel": row.fuel,
        "logs": row.log_lines(),
        "calls": calls,
    });
    merge(&mut trace, outcome);
    add_grade(&mut trace, row);
    if row.error_kind != OutcomeKind::Ok && !row.stderr.is_empty() {
        trace["stderr"] = json!(text::middle_cut(&row.stderr, MAX_CALL_TEXT));
    }
    trace
}
