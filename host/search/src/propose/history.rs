//! The part of the run that the proposer may see: earlier iterations, through the run folder's handle.
//!
//! Every read is logged. Held-out scores, the configuration and other runs cannot be reached from here.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::evaluate::recorded_replies::Calls;
use mmh_record::{
    RecordError,
    append::Appender,
    clock::Clock,
    format::{CallRow, ReadRow, Score, Summary, TraceRow},
    layout::{self, CALLS, READS, SUMMARY, TRACES},
    objective::Objective,
    outcome::OutcomeKind,
    reader::RunReader,
    text,
    writer::IterationWriter,
};

/// Reads earlier iterations.
pub struct History {
    reader: RunReader,
    log: Appender,
    clock: Clock,
    /// The reads so far, for the summary.
    reads: Vec<ReadRow>,
    /// The turn that reads belong to.
    step: u32,
    /// The recorded times of the reads, if a conversation is repeated.
    times: Vec<Timestamp>,
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
        folder: &IterationWriter,
        answered: u32,
        clock: Clock,
    ) -> Result<Self, RecordError> {
        folder.keep_lines(READS, |row: &ReadRow| row.step <= answered)?;
        let reads = folder.mend_lines(READS)?;
        Ok(Self { reader, log: folder.append(READS)?, clock, reads, step: answered, times: Vec::new() })
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

    /// The result of a tool that reads the summary. Only this result counts as read: the rest of the file can change when
    /// a run is resumed.
    fn of_summary(&mut self, found: &Value) -> Result<Answer, RecordError> {
        let text = found.to_string();
        self.note(SUMMARY, text.len())?;
        Ok(Ok(text))
    }

    /// All iterations, with status and the figure that is compared.
    pub fn list(&mut self) -> Result<Answer, RecordError> {
        let summary = self.reader.summary()?;
        let objective = Objective::of(&summary.config);
        let rows = rows(
            &summary,
            |index, score| json!({ "iteration": index, "status": "scored", (objective.name()): objective.value(score) }),
        );
        self.of_summary(&json!({ "iterations": rows }))
    }

    /// The main figures of all iterations, and which is best.
    pub fn scoreboard(&mut self) -> Result<Answer, RecordError> {
        let summary = self.reader.summary()?;
        let headline = |index: u32| {
            let reasoning =
                summary.iterations.iter().find(|it| it.index == index).map(|it| it.reasoning.as_str());
            let line = reasoning.unwrap_or_default().lines().find(|line| !line.trim().is_empty());
            text::ellipsis(line.unwrap_or_default().trim_start_matches('#').trim(), 120)
        };
        let objective = Objective::of(&summary.config);
        let rows = rows(&summary, |index, score| {
            json!({
                "iteration": index,
                "status": "scored",
                (objective.name()): objective.value(score),
                "n_correct": score.n_correct,
                "n_examples": score.n_examples,
                "n_errors": score.n_errors,
                "mean_prompt_bytes": score.mean_prompt_bytes.round(),
                "mean_model_calls": score.mean_model_calls,
                "reasoning_headline": headline(index),
            })
        });
        self.of_summary(
            &json!({ "best": summary.best_iteration_index, "mock": summary.config.mock, "iterations": rows }),
        )
    }

    /// A text file of an iteration, such as its source.
    pub fn file(&mut self, iteration: u32, file: &str) -> Result<Answer, RecordError> {
        let path = RunReader::iteration_file(iteration, file);
        if !self.reader.has(&path) {
            return Ok(Err(format!(
                "iteration {iteration} has no {file}; list_iterations shows what there is"
            )));
        }
        let text = self.reader.text(&path)?;
        self.note(&path, text.len())?;
        Ok(Ok(text))
    }

    /// A unified diff between the sources of two iterations.
    pub fn diff(&mut self, a: u32, b: u32) -> Result<Answer, RecordError> {
        let (old, new) = match (self.file(a, layout::SOURCE)?, self.file(b, layout::SOURCE)?) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(problem), _) | (_, Err(problem)) => return Ok(Err(problem)),
        };
        let (old_name, new_name) =
            (format!("{a:03}/{}", layout::SOURCE), format!("{b:03}/{}", layout::SOURCE));
        let diff = similar::TextDiff::from_lines(&old, &new);
        Ok(Ok(diff.unified_diff().header(&old_name, &new_name).to_string()))
    }

    /// A page of traces with their prompts and replies, as many as fit into `max_bytes`.
    pub fn trace(
        &mut self,
        iteration: u32,
        only_failures: bool,
        page: Page,
        max_bytes: usize,
    ) -> Result<Answer, RecordError> {
        let path = RunReader::iteration_file(iteration, TRACES);
        if !self.reader.has(&path) {
            return Ok(Err(format!(
                "iteration {iteration} was not evaluated; list_iterations shows what there is"
            )));
        }
        let traces: Vec<TraceRow> = self.reader.lines(&path)?;
        let calls = Calls::index(self.reader.dir(), &RunReader::iteration_file(iteration, CALLS), |_| {})?;
        let wanted: Vec<&TraceRow> = traces.iter().filter(|row| !only_failures || !row.correct).collect();
        let example = |row: &&TraceRow| Ok(trace_json(row, calls.get(&row.example_id)?.iter()));
        let mut found = page.fill("examples", &wanted, example, max_bytes)?;
        found["iteration"] = json!(iteration);
        let text = found.to_string();
        self.note(&path, text.len())?;
        Ok(Ok(text))
    }
}

/// Scored and unscored iterations, by index.
fn rows(summary: &Summary, scored: impl Fn(u32, &Score) -> Value) -> Vec<Value> {
    let mut rows: Vec<(u32, Value)> =
        summary.iterations.iter().map(|it| (it.index, scored(it.index, &it.score))).collect();
    let figure = Objective::of(&summary.config).name();
    rows.extend(summary.unscored.iter().map(|it| {
        let row = json!({ "iteration": it.index, "status": it.status, (figure): null, "reason": it.reason });
        (it.index, row)
    }));
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn trace_json<'a>(row: &TraceRow, calls: impl Iterator<Item = &'a CallRow>) -> Value {
    let calls: Vec<Value> = calls
        .map(|call| {
            let reply = call.reply.as_ref().map(|reply| reply.text());
            let reply = reply.or_else(|| call.error.clone()).unwrap_or_default();
            json!({
                "prompt": text::middle_cut(&call.request.prompt_text(), MAX_CALL_TEXT),
                "reply": text::middle_cut(&reply, MAX_CALL_TEXT),
            })
        })
        .collect();
    let mut trace = json!({
        "example_id": row.example_id,
        "input": row.input,
        "gold_label": row.gold_label,
        "predicted_label": row.predicted_label,
        "correct": row.correct,
        "error_kind": row.error_kind.name(),
        "error": row.error,
        "logs": row.log_lines(),
        "calls": calls,
    });
    if row.error_kind != OutcomeKind::Ok && !row.stderr.is_empty() {
        trace["stderr"] = json!(text::middle_cut(&row.stderr, MAX_CALL_TEXT));
    }
    trace
}

/// A part of a list.
#[derive(Clone, Copy)]
pub struct Page {
    /// How many rows come before it.
    pub offset: usize,
    /// Most rows.
    pub limit: usize,
}

impl Page {
    /// The rows of this page under `name`, with the counts that the next page needs. There are as many whole rows as fit
    /// into `max_bytes`, and at least one. `json` is called for these rows only, and for the first that does not fit.
    pub fn fill<T>(
        self,
        name: &str,
        rows: &[T],
        json: impl Fn(&T) -> Result<Value, RecordError>,
        max_bytes: usize,
    ) -> Result<Value, RecordError> {
        let (mut kept, mut bytes) = (Vec::new(), 0);
        for row in rows.iter().skip(self.offset).take(self.limit) {
            let row = json(row)?;
            bytes += row.to_string().len();
            if bytes > max_bytes && !kept.is_empty() {
                break;
            }
            kept.push(row);
        }
        Ok(json!({ "total": rows.len(), "offset": self.offset, "returned": kept.len(), name: kept }))
    }
}
