//! Makes a data set of a run's record, if the real one is missing. Rows and gold labels are then not proved, but all
//! evaluations have to have the same ones.

use std::collections::HashMap;

use serde::Deserialize;

use crate::dataset::{Dataset, Example, task};
use mmh_record::{
    RecordError,
    data::Split,
    format::Config,
    input::{Field, Input},
    layout::{self, Place},
    reader::RunReader,
    trial::TrialId,
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
        train: train(reader, config, folders),
        val: rows(reader, folders, (Place::Iteration, layout::TRACES)),
        test: rows(reader, folders, (Place::HeldOut, layout::TRACES)),
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

mmh_record::recorded!(Outcome);

/// As many train examples as the run had. Those that a harness has predicted while learning are on record; others have no
/// texts.
fn train(reader: &RunReader, config: &Config, folders: &[String]) -> Vec<Example> {
    let mut known: HashMap<String, Example> = HashMap::new();
    for example in rows(reader, folders, (Place::Iteration, layout::PREDICTIONS)) {
        known.entry(example.id.clone()).or_insert(example);
    }
    let example = |at: usize| {
        let id = Split::Train.example_id(at);
        known.remove(&id).unwrap_or_else(|| Example::new(id, "", ""))
    };
    (0..config.task.train_size.min(MAX_TRAIN)).map(example).collect()
}

/// The examples of the evaluation in such a place that has the most, the first one of several.
fn rows(reader: &RunReader, folders: &[String], (place, file): (Place, &str)) -> Vec<Example> {
    let mut most = Vec::new();
    for folder in folders.iter().filter(|folder| Place::of(folder) == Some(place)) {
        // A file that cannot be read is reported when the search is repeated.
        let rows = read(reader, &layout::file(folder, file)).unwrap_or_default();
        if rows.len() > most.len() {
            most = rows;
        }
    }
    most
}

/// The examples of one evaluation, as many as fit. One that had several trials is there once.
fn read(reader: &RunReader, file: &str) -> Result<Vec<Example>, RecordError> {
    let (mut examples, mut bytes) = (Vec::<Example>::new(), 0);
    for row in reader.rows::<Outcome>(file)? {
        let Outcome { example_id: id, input: text, fields, gold_label: gold } = row?;
        let id = TrialId::of(&id).example;
        if examples.last().is_some_and(|last| last.id == id) {
            continue;
        }
        let of_fields = fields.iter().map(|field| field.name.len() + field.value.len() + 64);
        bytes += id.len() + text.len() + gold.len() + of_fields.sum::<usize>() + 64;
        if bytes > MAX_TEXT_BYTES {
            break;
        }
        examples.push(Example::new(id, Input { text, fields }, gold));
    }
    Ok(examples)
}
