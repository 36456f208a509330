//! Data sets: the built-in one is what it says, files are read in every shape, bad ones say where.

use std::{collections::BTreeMap, fs};

use mmh::dataset::{self, BUILTIN, Split};

/// Thresholds of the data set's README.
const MAX_TRIGRAM_JACCARD: f64 = 0.15;
const MAX_WORD_JACCARD: f64 = 0.4;

#[test]
fn the_built_in_data_set_is_balanced() {
    let data = dataset::load(BUILTIN, 0).expect("it loads");
    assert_eq!(data.task.labels.len(), 22);
    for (split, per_label) in [(Split::Train, 22), (Split::Val, 10), (Split::Test, 10)] {
        let mut counts = BTreeMap::new();
        data.split(split).iter().for_each(|example| *counts.entry(&example.label).or_insert(0) += 1);
        assert!(counts.values().all(|&count| count == per_label), "{}: {counts:?}", split.name());
    }
    assert_eq!(data.warnings, Vec::<String>::new());
    for example in Split::ALL.iter().flat_map(|split| data.split(*split)) {
        let text = example.input.to_lowercase();
        let given_away = example.label.split(' ').find(|word| word.len() >= 5 && text.contains(word));
        assert_eq!(given_away, None, "{}: {}", example.id, example.input);
    }
}

#[test]
fn the_built_in_data_set_has_no_near_duplicates() {
    let data = dataset::load(BUILTIN, 0).expect("it loads");
    let texts: Vec<Vec<String>> =
        Split::ALL.iter().flat_map(|split| data.split(*split)).map(|example| words(&example.input)).collect();
    let trigrams: Vec<Vec<u64>> =
        texts.iter().map(|words| set(words.windows(3).map(|it| it.join(" ")))).collect();
    let long = |words: &Vec<String>| set(words.iter().filter(|word| word.len() >= 4).cloned());
    let longs: Vec<Vec<u64>> = texts.iter().map(long).collect();
    for left in 0..texts.len() {
        for right in left + 1..texts.len() {
            let close = jaccard(&trigrams[left], &trigrams[right]) >= MAX_TRIGRAM_JACCARD
                || jaccard(&longs[left], &longs[right]) >= MAX_WORD_JACCARD;
            assert!(!close, "near-duplicates:\n{}\n{}", texts[left].join(" "), texts[right].join(" "));
        }
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.to_lowercase();
    words
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A sorted set of hashes: quick to compare.
fn set(items: impl Iterator<Item = String>) -> Vec<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hashes: Vec<u64> = items
        .map(|item| {
            let mut hasher = DefaultHasher::new();
            item.hash(&mut hasher);
            hasher.finish()
        })
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

fn jaccard(left: &[u64], right: &[u64]) -> f64 {
    let common = left.iter().filter(|hash| right.binary_search(hash).is_ok()).count();
    common as f64 / (left.len() + right.len() - common).max(1) as f64
}

#[test]
fn files_are_found_by_shape() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let rows: String =
        (0..50).map(|n| format!("{{\"text\":\"text {n}\",\"label\":\"l{}\"}}\n", n % 2)).collect();
    let csv: String = (0..50).map(|n| format!("l{},\"text, {n}\"\n", n % 2)).collect();
    fs::create_dir(folder.path().join("parts")).expect("a folder");
    for (name, text) in [
        ("all.jsonl", rows.as_str()),
        ("all.csv", &format!("label,text\n{csv}")),
        ("parts/train.jsonl", "{\"question\":\"a\",\"answer\":\"x\"}\n"),
        (
            "parts/val.jsonl",
            "{\"input_text\":\"b\",\"output_text\":\"y\"}\n{\"text\":\"a\",\"label\":\"x\"}\n",
        ),
        ("parts/task.json", "{\"name\":\"mine\",\"instructions\":\"Do.\"}"),
    ] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let sizes = |name: &str| {
        let data = dataset::load(&at(name), 7).expect(name);
        (data.task.name.clone(), [data.train.len(), data.val.len(), data.test.len()], data.warnings)
    };
    assert_eq!(sizes("all.jsonl"), ("all".into(), [30, 10, 10], vec![]));
    assert_eq!(sizes("all.csv"), ("all".into(), [30, 10, 10], vec![]));
    let overlap = vec!["1 texts of val also stand in train".to_owned()];
    assert_eq!(sizes("parts"), ("mine".into(), [1, 2, 0], overlap));
    let digest = |seed| dataset::load(&at("all.csv"), seed).expect("it loads").digest;
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2), "another split is another data set");
}

#[test]
fn bad_data_says_where_and_what() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    for name in ["empty", "bad_row", "no_val", "bad_task"] {
        fs::create_dir(path.join(name)).expect("a folder");
    }
    let good = "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\",\"label\":\"y\"}\n";
    for (name, text) in [
        ("bad_row/train.jsonl", good),
        ("bad_row/val.jsonl", &format!("{good}{{\"text\":\"c\"}}\n")),
        ("no_val/train.jsonl", good),
        ("bad_task/train.jsonl", good),
        ("bad_task/val.jsonl", good),
        ("bad_task/task.json", "{\"nmae\":\"x\"}"),
        ("one_label.jsonl", "{\"text\":\"a\",\"label\":\"x\"}\n"),
        ("notes.txt", "hello"),
    ] {
        fs::write(path.join(name), text).expect("a file");
    }
    let table = [
        ("nowhere", "is no data set: it is neither built in (symptoms-mini) nor a folder"),
        ("nowhere.jsonl", "cannot read the data set"),
        ("notes.txt", "is no data set"),
        ("empty", "train.jsonl: No such file"),
        ("no_val", "val.jsonl: No such file"),
        (
            "bad_row",
            "val.jsonl, line 3: it needs the keys question and answer, or input_text and output_text, or text and label, or input and label; its keys are text",
        ),
        ("bad_task", "task.json: it needs the optional keys name and instructions"),
        ("one_label.jsonl", "there are 1 labels, but a task needs at least two"),
    ];
    for (name, says) in table {
        let found = dataset::load(&path.join(name).display().to_string(), 0).expect_err(name).to_string();
        assert!(found.contains(says), "{name}: {found}");
    }
}
