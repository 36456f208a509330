//! Evaluations as logs of Inspect (`inspect_ai`): one log for each evaluation of a candidate, as JSON or as `.eval`, which is
//! a ZIP archive with a file for each sample.
//!
//! The format is that of `EvalLog`, version 2. `header` says what was evaluated and what it scored, `sample` what
//! happened on an example.

mod archive;
mod header;
mod messages;
mod sample;

use std::io::{self, Write};

use mmh_record::{
    RecordError,
    chat::Usage,
    format::{Config, Score, Summary},
    layout,
    reader::RunReader,
};
use serde_json::{Value, json};

use self::archive::Archive;
use crate::evaluations::Evaluation;

/// Why no log was written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The run cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The file cannot be written.
    #[error("cannot write the log: {0}")]
    Write(#[from] io::Error),
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A ZIP archive, `.eval`.
    Eval,
    /// One JSON value, `.json`.
    Json,
}

/// An evaluation with a score, ready to be written.
pub struct Log<'a> {
    reader: &'a RunReader,
    config: &'a Config,
    summary: &'a Summary,
    evaluation: &'a Evaluation,
    score: Score,
}

/// What the samples of a log came to.
#[derive(Default)]
struct Sums {
    usage: Usage,
    cost_usd: f64,
    completed: u64,
    ids: Vec<String>,
}

impl<'a> Log<'a> {
    /// The log of an evaluation, which must have a score.
    pub fn open(
        reader: &'a RunReader,
        summary: &'a Summary,
        evaluation: &'a Evaluation,
    ) -> Result<Self, RecordError> {
        let score = reader.json(&evaluation.file(layout::SCORE))?;
        Ok(Self { reader, config: &summary.config, summary, evaluation, score })
    }

    /// Writes the log. One example is in memory at a time.
    pub fn write(&self, form: Form, file: impl Write) -> Result<(), LogError> {
        match form {
            Form::Eval => self.write_archive(file),
            Form::Json => self.write_json(file),
        }
    }

    fn write_json(&self, mut file: impl Write) -> Result<(), LogError> {
        let sums = self.each_sample(|_, _| Ok(()))?;
        let header = header::of(self, &sums).to_string();
        // The samples are the last field: the header without its closing brace goes before them.
        file.write_all(header.strip_suffix('}').unwrap_or(&header).as_bytes())?;
        file.write_all(b",\"samples\":[")?;
        let mut between: &[u8] = b"\n";
        self.each_sample(|_, sample| {
            file.write_all(between)?;
            between = b",\n";
            Ok(serde_json::to_writer(&mut file, &sample).map_err(io::Error::from)?)
        })?;
        file.write_all(b"\n]}\n")?;
        Ok(file.flush()?)
    }

    fn write_archive(&self, file: impl Write) -> Result<(), LogError> {
        let mut archive = Archive::new(file);
        let mut summaries = Vec::new();
        let sums = self.each_sample(|name, sample| {
            archive.add(&name, sample.to_string().as_bytes())?;
            summaries.push(sample::summary(sample));
            Ok(())
        })?;
        let header = header::of(self, &sums);
        let start = json!({ "version": header["version"], "eval": header["eval"], "plan": header["plan"] });
        archive.add("_journal/start.json", start.to_string().as_bytes())?;
        archive.add("summaries.json", Value::Array(summaries).to_string().as_bytes())?;
        archive.add("header.json", header.to_string().as_bytes())?;
        Ok(archive.finish()?)
    }

    /// Hands over each sample with the name of its file in an archive.
    fn each_sample(
        &self,
        mut take: impl FnMut(String, Value) -> Result<(), LogError>,
    ) -> Result<Sums, LogError> {
        let (mut traces, calls) = (self.evaluation.traces(self.reader)?, self.evaluation.calls(self.reader)?);
        let mut sums = Sums::default();
        while let Some((row, _, _)) = traces.next_with_place()? {
            if !is_plain_id(&row.example_id) {
                let problem = format!("{:?} is no id of an example", row.example_id);
                let file = self.evaluation.file(layout::TRACES);
                return Err(RecordError::Damaged { file, problem }.into());
            }
            let calls = calls.get(&row.example_id)?;
            let sample = sample::of(self, &row, &calls);
            for call in calls.iter() {
                sums.usage += call.usage;
                sums.cost_usd += call.cost_usd;
            }
            sums.completed += u64::from(row.error.is_none());
            let (id, epoch) = sample::id_and_epoch(&row);
            if epoch == 1 {
                sums.ids.push(id.clone());
            }
            take(format!("samples/{id}_epoch_{epoch}.json"), sample)?;
        }
        Ok(sums)
    }
}

/// Whether an id can be a part of a file's name in an archive that others unpack.
fn is_plain_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_~".contains(&it))
}

/// Tokens as Inspect has them.
fn usage(usage: &Usage, cost_usd: f64) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_input_tokens().saturating_add(usage.output_tokens),
        "input_tokens_cache_read": usage.cache_read_tokens,
        "input_tokens_cache_write": usage.total_cache_write_tokens(),
        "total_cost": cost_usd,
    })
}
