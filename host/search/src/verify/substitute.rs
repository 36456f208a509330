//! Makes a data set of a run's record, if the real one is missing. Rows and gold labels are then not proved, but all
//! evaluations have to have the same ones.

use serde::Deserialize;

use crate::dataset::{Dataset, Example, task};
use mmh_record::{
    RecordError,
    format::Config,
    input::{Field, Input},
    layout::{self, Place},
    reader::RunReader,
};

/// Most train examples, which have no texts here.
const MAX_TRAIN: usize = 1 << 20;

/// Most bytes of texts from one evaluation.
const MAX_TEXT_BYTES: usize = 512 << 20;

/// The part of a run's data set that its record has.
pub fn dataset(reader: &RunReader, config: &Config, folders: &[String]) -> Result<Dataset, RecordError> {
    Ok(Dataset {
        kind: task::kind_of_run(config)?,
        // `scorer` finds it.
        scorer: None,
        task: task::of_run(config),
        train: vec![Example::new("", "", ""); config.task.train_size.min(MAX_TRAIN)],
        val: rows(reader, folders, Place::Iteration),
        test: rows(reader, folders, Place::HeldOut),
        digest: config.dataset_digest,
        findings: config.task.findings.clone().unwrap_or_default(),
    })
}

/// The fields of an outcome that say which example it belongs to.
#[derive(Deserialize)]
struct Outcome {
    example_id: String,
    input: String,
    #[serde(default)]
    fields: Vec<Field>,
    gold_label: String,
}

/// The examples of the evaluation in such a place that has the most, the first one of several.
fn rows(reader: &RunReader, folders: &[String], place: Place) -> Vec<Example> {
    let mut most = Vec::new();
    for folder in folders.iter().filter(|folder| Place::of(folder) == Some(place)) {
        // A file that cannot be read is reported when the search is repeated.
        let rows = read(reader, &layout::file(folder, layout::TRACES)).unwrap_or_default();
        if rows.len() > most.len() {
            most = rows;
        }
    }
    most
}

/// The examples of one evaluation, as many as fit.
fn read(reader: &RunReader, file: &str) -> Result<Vec<Example>, RecordError> {
    let (mut examples, mut bytes) = (Vec::new(), 0);
    for row in reader.rows::<Outcome>(file)? {
        let Outcome { example_id: id, input: text, fields, gold_label: gold } = row?;
        let of_fields = fields.iter().map(|field| field.name.len() + field.value.len() + 64);
        bytes += id.len() + text.len() + gold.len() + of_fields.sum::<usize>() + 64;
        if bytes > MAX_TEXT_BYTES {
            break;
        }
        examples.push(Example::new(id, Input { text, fields }, gold));
    }
    Ok(examples)
}
