//! Evaluations and model calls as tables: CSV by RFC 4180, a row for each example and for each call.
//!
//! A spreadsheet runs a cell that begins like a formula, and texts of models and data sets are strangers'. Such a text gets
//! a `'` in front, unless exact cells are asked for.

use std::io::Write;

use csv::{Terminator, Writer, WriterBuilder};
use mmh_record::{
    RecordError,
    chat::StopReason,
    format::{CallRow, TraceRow},
    layout,
    reader::RunReader,
    trial::TrialId,
};
use serde::Serialize;

use crate::evaluations::Evaluation;

/// The columns of the table of examples.
const EXAMPLES: [&str; 22] = [
    "iteration",
    "split",
    "example_id",
    "trial",
    "model",
    "input",
    "fields",
    "gold_label",
    "predicted_label",
    "correct",
    "score",
    "parts",
    "outcome",
    "error",
    "latency_ms",
    "input_tokens",
    "output_tokens",
    "model_calls",
    "cached_calls",
    "prompt_bytes",
    "fuel",
    "peak_memory_bytes",
];

/// The columns of the table of calls.
const CALLS: [&str; 22] = [
    "iteration",
    "split",
    "part",
    "example_id",
    "trial",
    "call",
    "model",
    "request_sha256",
    "system",
    "prompt",
    "reply",
    "stop_reason",
    "error",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "cached",
    "cost_usd",
    "attempts",
    "latency_ms",
    "sample",
];

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The run cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The file cannot be written.
    #[error("cannot write the table: {0}")]
    Write(#[from] csv::Error),
}

/// What became of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows without the heading.
    pub rows: u64,
    /// Texts that begin like a formula.
    pub guarded: u64,
}

/// A table that is being written.
struct Table<W: Write> {
    csv: Writer<W>,
    exact: bool,
    written: Written,
}

/// Writes the examples of these evaluations. `exact` leaves texts as they are that begin like a formula.
pub fn examples(
    reader: &RunReader,
    evaluations: &[Evaluation],
    exact: bool,
    file: impl Write,
) -> Result<Written, FrameError> {
    let mut table = Table::begin(&EXAMPLES, exact, file)?;
    for evaluation in evaluations {
        let mut rows = evaluation.traces(reader)?;
        while let Some((row, _, _)) = rows.next_with_place()? {
            table.example(evaluation, &row)?;
        }
    }
    table.end()
}

/// Writes the calls of these evaluations: those of the harness, in `learn` and on examples, and those of the task's scorer.
pub fn calls(
    reader: &RunReader,
    evaluations: &[Evaluation],
    exact: bool,
    file: impl Write,
) -> Result<Written, FrameError> {
    let mut table = Table::begin(&CALLS, exact, file)?;
    for evaluation in evaluations {
        for (name, part) in [(layout::CALLS, None), (layout::SCORER_CALLS, Some("scorer"))] {
            let path = evaluation.file(name);
            if !reader.has(&path) {
                continue;
            }
            let mut rows = reader.rows::<CallRow>(&path)?;
            while let Some((row, _, _)) = rows.next_with_place()? {
                table.call(evaluation, part, &row)?;
            }
        }
    }
    table.end()
}

impl<W: Write> Table<W> {
    fn begin(columns: &[&str], exact: bool, file: W) -> Result<Self, FrameError> {
        let mut csv = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(file);
        csv.write_record(columns)?;
        Ok(Self { csv, exact, written: Written::default() })
    }

    fn end(mut self) -> Result<Written, FrameError> {
        self.csv.flush().map_err(csv::Error::from)?;
        Ok(self.written)
    }

    fn example(&mut self, evaluation: &Evaluation, row: &TraceRow) -> Result<(), FrameError> {
        let (trial, grade) = (TrialId::of(&row.example_id), row.grade());
        self.place(evaluation)?;
        self.text(trial.example)?;
        self.value(trial.number.max(1))?;
        self.text(&row.model)?;
        self.text(&row.input)?;
        self.json(&row.fields, row.fields.is_empty())?;
        self.text(&row.gold_label)?;
        self.text(row.predicted_label.as_deref().unwrap_or_default())?;
        self.value(grade.correct)?;
        self.value(grade.score)?;
        self.json(&grade.parts, grade.parts.is_empty())?;
        self.text(row.error_kind.name())?;
        self.text(row.error.as_deref().unwrap_or_default())?;
        self.value(row.latency_ms)?;
        let numbers = [row.input_tokens, row.output_tokens, row.model_calls.into(), row.cached_calls.into()];
        numbers.into_iter().try_for_each(|number| self.value(number))?;
        [row.prompt_bytes, row.fuel, row.peak_memory_bytes]
            .into_iter()
            .try_for_each(|number| self.value(number))?;
        self.row()
    }

    fn call(&mut self, evaluation: &Evaluation, part: Option<&str>, row: &CallRow) -> Result<(), FrameError> {
        let trial = TrialId::of(&row.example_id);
        let in_learn = if trial.example.starts_with("learn-") { "learn" } else { "predict" };
        let reply = row.reply.as_ref();
        // A conversation of several turns is one text here, one message under another.
        let mut request = row.request.clone();
        let system = request.system.take().unwrap_or_default();
        self.place(evaluation)?;
        self.text(part.unwrap_or(in_learn))?;
        self.text(trial.example)?;
        self.value(trial.number.max(1))?;
        self.value(row.call)?;
        self.text(&row.model)?;
        self.value(row.request_digest)?;
        self.text(&system)?;
        self.text(&request.prompt_text())?;
        self.text(&reply.map(|it| it.text()).unwrap_or_default())?;
        self.text(&reply.map(|it| stop_reason(&it.stop_reason)).unwrap_or_default())?;
        self.text(row.error.as_deref().unwrap_or_default())?;
        let usage = &row.usage;
        let tokens = [
            usage.input_tokens,
            usage.cache_read_tokens,
            usage.total_cache_write_tokens(),
            usage.output_tokens,
        ];
        tokens.into_iter().try_for_each(|number| self.value(number))?;
        self.value(row.cached)?;
        self.value(row.cost_usd)?;
        self.value(row.attempts)?;
        self.value(row.latency_ms)?;
        self.value(row.request.sample)?;
        self.row()
    }

    fn place(&mut self, evaluation: &Evaluation) -> Result<(), FrameError> {
        self.value(evaluation.index)?;
        self.value(evaluation.split.name())
    }

    fn value(&mut self, value: impl std::fmt::Display) -> Result<(), FrameError> {
        Ok(self.csv.write_field(value.to_string())?)
    }

    /// A text that somebody else wrote.
    fn text(&mut self, text: &str) -> Result<(), FrameError> {
        if !is_like_a_formula(text) {
            return Ok(self.csv.write_field(text)?);
        }
        self.written.guarded += 1;
        match self.exact {
            true => Ok(self.csv.write_field(text)?),
            false => Ok(self.csv.write_field(format!("'{text}"))?),
        }
    }

    fn json(&mut self, value: &impl Serialize, is_empty: bool) -> Result<(), FrameError> {
        match is_empty {
            true => self.text(""),
            false => self.text(&serde_json::to_string(value).unwrap_or_default()),
        }
    }

    fn row(&mut self) -> Result<(), FrameError> {
        self.written.rows += 1;
        Ok(self.csv.write_record(None::<&[u8]>)?)
    }
}

/// Whether a spreadsheet takes a cell for more than a text: what OWASP lists under CSV injection.
fn is_like_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

/// The recorded word for why a reply ended.
fn stop_reason(reason: &StopReason) -> String {
    serde_json::to_value(reason).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}
