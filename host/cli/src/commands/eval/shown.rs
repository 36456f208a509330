//! What an evaluation shows besides its score: prompts, replies, logs and fuel of examples; all model calls; the page.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{
    alone::Alone,
    record::{CallOf, Recorded},
    setting::{BenchArgs, SplitArg},
    write_rows, written_to,
};
use crate::{error::CliError, global::Global, output_file::OutputFile};
use mmh_record::{
    format::{CallRow, TraceRow},
    text,
    trial::TrialId,
};
use mmh_report::html;
use mmh_search::dataset::Example;

/// Failures that are shown where no example is named.
pub const SHOWN_FAILURES: usize = 3;

#[derive(Args)]
pub struct ShowArgs {
    /// Show prompts, replies, logs and fuel of this example; without an ID, of the first failures. With --json, `examples`
    /// has them, without an ID those of all examples
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    show: Option<String>,
    /// Write all model calls to this file, as JSON Lines: requests, replies, errors
    #[arg(long, value_name = "FILE")]
    calls: Option<PathBuf>,
    /// Write the evaluation into this HTML file, as `mmh report` does with a run; of the validation split
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

/// The files that are written.
pub struct Outputs {
    calls: Option<OutputFile>,
    report: Option<(PathBuf, OutputFile)>,
}

impl ShowArgs {
    /// Whether it has to be on record what happens.
    pub fn wants_record(&self) -> bool {
        self.show.is_some() || self.calls.is_some() || self.report.is_some()
    }

    /// Checks the files before any work is done.
    pub fn outputs(&self, global: &Global, on: &BenchArgs) -> Result<Outputs, CliError> {
        if self.report.is_some() && !matches!(on.split, SplitArg::Val) {
            return Err(CliError::input(
                "--report makes the page of a validation: it goes with --split val only",
            ));
        }
        let calls = self.calls.as_deref();
        let calls =
            calls.map(|path| written_to(global, on, path, &[".jsonl", ".ndjson", ".json"])).transpose()?;
        let report = self.report.as_deref();
        let report = report
            .map(|path| {
                Ok::<_, CliError>((path.to_owned(), written_to(global, on, path, &[".html", ".htm"])?))
            })
            .transpose()?;
        Ok(Outputs { calls, report })
    }

    /// Refuses what is about one evaluation where there are several, or where a run has it on record.
    pub fn only_alone(&self, is_of_several: bool) -> Result<(), CliError> {
        match is_of_several && self.wants_record() {
            false => Ok(()),
            true => Err(CliError::input(
                "--show, --calls and --report are for one harness with one target; of a run, `mmh replay RUN --iteration N --example ID` shows an example and `mmh report RUN` makes the page",
            )),
        }
    }

    /// Refuses an example that is not evaluated.
    pub fn known(&self, examples: &[Example]) -> Result<(), CliError> {
        let Some(id) = self.id() else { return Ok(()) };
        if examples.iter().any(|example| example.id == TrialId::of(id).example) {
            return Ok(());
        }
        let name = |example: Option<&Example>| example.map_or("none", |example| &example.id).to_owned();
        Err(CliError::input(format!(
            "--show {}: no such example is evaluated; the first is {}, the last {}",
            text::name(id),
            name(examples.first()),
            name(examples.last())
        )))
    }

    fn id(&self) -> Option<&str> {
        self.show.as_deref().filter(|id| !id.is_empty())
    }

    /// The examples that are shown as text.
    fn shown<'a>(&self, rows: &'a [TraceRow]) -> Vec<&'a TraceRow> {
        match (&self.show, self.id()) {
            (None, _) => Vec::new(),
            (_, Some(id)) => rows.iter().filter(|row| is_meant(row, id)).collect(),
            (_, None) => failures(rows, SHOWN_FAILURES),
        }
    }
}

fn is_meant(row: &TraceRow, id: &str) -> bool {
    row.example_id == id || TrialId::of(&row.example_id).example == id
}

/// The first examples that failed or are wrong.
pub fn failures(rows: &[TraceRow], most: usize) -> Vec<&TraceRow> {
    rows.iter().filter(|row| !row.correct).take(most).collect()
}

impl Alone<'_> {
    /// Writes the files that were asked for. Says where the page is.
    pub fn write(&self, recorded: &Recorded, outputs: &Outputs) -> Result<Option<String>, CliError> {
        if let Some(file) = &outputs.calls {
            write_rows(file, recorded.calls(|_| true)?)?;
        }
        let Some((path, file)) = &outputs.report else { return Ok(None) };
        let html::Report { html, problems, .. } = recorded.page()?;
        for problem in &problems {
            errln!("note: {}", text::name(problem));
        }
        file.write(html.as_bytes())?;
        Ok(Some(format!("page: {} ({})\n", text::path(path), text::bytes(html.len() as u64))))
    }

    /// The examples that are shown, as text.
    pub async fn examples(
        &self,
        rows: &[TraceRow],
        state: &[u8],
        recorded: &Recorded,
    ) -> Result<String, CliError> {
        let wanted = self.args.show.shown(rows);
        if self.args.show.show.is_some() && wanted.is_empty() {
            return Ok("no example failed; --show ID shows any other\n".into());
        }
        let calls = recorded.calls(|id| wanted.iter().any(|row| row.example_id == id))?;
        let mut out = String::new();
        let mut explained = Vec::new();
        for row in wanted {
            let calls = of_harness(&calls, &row.example_id);
            // Running it once more takes its time again: once for each kind of ending.
            let is_new = !explained.contains(&row.error_kind);
            explained.push(row.error_kind);
            out += &self.on.example((row, &calls), state, is_new).await?;
        }
        Ok(out)
    }

    /// The examples that are shown, as JSON: each row of the trace with its calls.
    pub fn examples_json(&self, rows: &[TraceRow], recorded: &Recorded) -> Result<Option<Value>, CliError> {
        let show = &self.args.show;
        if show.show.is_none() {
            return Ok(None);
        }
        let rows: Vec<&TraceRow> =
            rows.iter().filter(|row| show.id().is_none_or(|id| is_meant(row, id))).collect();
        let calls =
            recorded.calls(|id| rows.iter().any(|row| row.example_id == id) || show.id().is_none())?;
        let of = |id: &str| calls.iter().filter(|of| of.call.example_id == id).collect::<Vec<_>>();
        let examples = rows.iter().map(|row| json!({ "example": row, "calls": of(&row.example_id) }));
        Ok(Some(examples.collect()))
    }
}

/// The calls of the harness for one example.
pub fn of_harness(calls: &[CallOf], id: &str) -> Vec<CallRow> {
    let own = calls.iter().filter(|of| of.by == "harness" && of.call.example_id == id);
    own.map(|of| of.call.clone()).collect()
}

/// How many answers are no label of the task, with an example, where that is worth saying.
pub fn no_labels(rows: &[TraceRow], labels: &[String]) -> Option<String> {
    if labels.is_empty() {
        return None;
    }
    let answers: Vec<&str> = rows.iter().filter_map(|row| row.predicted_label.as_deref()).collect();
    let odd: Vec<&&str> =
        answers.iter().filter(|it| !labels.iter().any(|label| label == it.trim())).collect();
    let first = odd.first()?;
    Some(format!(
        "{} of {} answers {} no label of the task, e.g. {:?}: `task.match_label(reply)` finds the label that a reply means\n",
        odd.len(),
        answers.len(),
        if odd.len() == 1 { "is" } else { "are" },
        text::ellipsis(&text::one_line(first), 80)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_no_labels_are_counted() {
        let labels = ["rain".to_owned(), "snow".to_owned()];
        let row = |answer: Option<&str>| {
            let row = json!({
                "example_id": "val-0000", "model": "m", "input": "x", "gold_label": "rain",
                "predicted_label": answer, "correct": false, "latency_ms": 0.0, "input_tokens": 0,
                "output_tokens": 0, "error": null, "error_kind": "ok", "fuel": 1, "peak_memory_bytes": 0,
                "model_calls": 0, "prompt_bytes": 0, "logs": [],
            });
            serde_json::from_value::<TraceRow>(row).expect("a row")
        };
        // answers, what is said
        let table: [(&[Option<&str>], Option<&str>); 4] = [
            (&[Some("rain"), Some(" snow\n"), None], None),
            (&[Some("Rain."), Some("snow")], Some("1 of 2 answers is no label of the task, e.g. \"Rain.\"")),
            (
                &[Some("a"), Some("b"), Some("c"), Some("d")],
                Some("4 of 4 answers are no label of the task, e.g. \"a\""),
            ),
            (&[None], None),
        ];
        for (answers, expected) in table {
            let rows: Vec<TraceRow> = answers.iter().map(|answer| row(*answer)).collect();
            let found = no_labels(&rows, &labels);
            match expected {
                None => assert_eq!(found, None, "{answers:?}"),
                Some(part) => assert!(found.as_deref().is_some_and(|it| it.starts_with(part)), "{found:?}"),
            }
            assert_eq!(no_labels(&rows, &[]), None);
        }
    }
}
