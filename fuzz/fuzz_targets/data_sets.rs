//! Data sets: JSON, CSV, plain and packed, and folders with a `task.toml`. What is taken has the shape that everything
//! after it relies on.

#![no_main]

use std::{collections::HashSet, fs, path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use mmh_search::dataset::{Dataset, DatasetError, self};
use mmh_record::data::Split;
use mmh_fuzz::{choice, folder};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = folder();
    fs::create_dir(folder.path().join("splits")).expect("a folder");
    folder
});

/// Stands between the files of a folder.
const BETWEEN: &[u8] = b"\n----\n";

fuzz_target!(|data: &[u8]| {
    let (kind, rest) = choice(data);
    let root = FOLDER.path();
    let path = match kind % 4 {
        0 => written(&root.join("data.jsonl"), rest),
        1 => written(&root.join("data.json"), rest),
        2 => written(&root.join("data.csv"), rest),
        _ => split_up(&root.join("splits"), rest),
    };
    let load = || dataset::load(&path, kind as u64 / 4);
    match (load(), load()) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first.digest, second.digest);
            check(&first);
        }
        (Err(first), Err(second)) => {
            assert!(matches!(
                first,
                DatasetError::Row { .. } | DatasetError::Shape { .. } | DatasetError::Read { .. }
            ));
            assert_eq!(first.to_string(), second.to_string());
        }
        (first, second) => panic!("{:?} and then {:?}", first.map(|_| ()), second.map(|_| ())),
    }
});

fn written(path: &Path, bytes: &[u8]) -> String {
    fs::write(path, bytes).expect("the folder can be written to");
    path.display().to_string()
}

/// A folder of up to four files: train, val and test, and `task.toml`.
fn split_up(folder: &Path, data: &[u8]) -> String {
    let mut rest = Some(data);
    for name in ["train.jsonl", "val.jsonl", "test.jsonl", "task.toml"] {
        let path = folder.join(name);
        let Some(data) = rest else {
            let _ = fs::remove_file(path);
            continue;
        };
        let end = data.windows(BETWEEN.len()).position(|window| window == BETWEEN);
        written(&path, &data[..end.unwrap_or(data.len())]);
        rest = end.map(|end| &data[end + BETWEEN.len()..]);
    }
    folder.display().to_string()
}

fn check(dataset: &Dataset) {
    let labels = &dataset.task.labels;
    assert!(labels.len() != 1 && labels.is_sorted() && !dataset.train.is_empty() && !dataset.val.is_empty());
    let mut ids = HashSet::new();
    for example in Split::ALL.into_iter().flat_map(|split| dataset.split(split)) {
        assert!(ids.insert(&example.id), "{} stands there twice", example.id);
        assert!(!example.gold.is_empty() && !example.input.text.trim().is_empty());
        let grade = dataset.kind.grade(example, &example.gold);
        assert!(grade.check().is_ok());
    }
    let few = dataset::sample(&dataset.val, 3, 1);
    assert_eq!(few.len(), dataset.val.len().min(3));
}
