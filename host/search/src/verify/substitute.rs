//! A data set made of what a run says of it, where the real one is not here. Rows and gold labels are then
//! taken as they stand; that all evaluations have the same ones is checked.

use serde::Deserialize;

use crate::dataset::{Dataset, Example};
use mmh_engine::sandbox::Task;
use mmh_record::{RecordError, format::Config, layout, reader::RunReader};

/// Most train examples that are counted. They have no texts.
const MAX_TRAIN: usize = 1 << 20;

/// Most text that is taken of one evaluation.
const MAX_TEXT_BYTES: usize = 512 << 20;

/// The data set that a run speaks of, as far as its record has it.
pub fn dataset(reader: &RunReader, config: &Config, folders: &[String]) -> Result<Dataset, RecordError> {
    let nothing = || Example { id: String::new(), input: String::new(), label: String::new() };
    Ok(Dataset {
        task: Task {
            name: config.dataset.clone(),
            instructions: config.task.instructions.clone(),
            labels: config.task.labels.clone(),
        },
        train: (0..config.task.train_size.min(MAX_TRAIN)).map(|_| nothing()).collect(),
        val: rows(reader, folders, "iterations/"),
        test: rows(reader, folders, "test/"),
        digest: config.dataset_digest,
        findings: config.task.findings.clone().unwrap_or_default(),
    })
}

/// As much of an outcome as says which example it is of.
#[derive(Deserialize)]
struct Outcome {
    example_id: String,
    input: String,
    gold_label: String,
}

/// The examples of the first evaluation below this folder that has all of them, or the most.
fn rows(reader: &RunReader, folders: &[String], parent: &str) -> Vec<Example> {
    let mut most = Vec::new();
    for folder in folders.iter().filter(|folder| folder.starts_with(parent)) {
        // What cannot be read is told when the search is made again.
        let rows = read(reader, &format!("{folder}/{}", layout::TRACES)).unwrap_or_default();
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
        let Outcome { example_id: id, input, gold_label: label } = row?;
        bytes += id.len() + input.len() + label.len() + 64;
        if bytes > MAX_TEXT_BYTES {
            break;
        }
        examples.push(Example { id, input, label });
    }
    Ok(examples)
}
