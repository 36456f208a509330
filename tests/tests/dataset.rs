//! Data sets: the built-in one is what it says, files are read in every shape, bad ones say where.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use mmh_record::data::{Columns, DataFinding, Split};
use mmh_search::dataset::{self, BUILTIN, Dataset, DatasetError, Source};
use rustix::fs::{FileType, Mode};
use serde_json::json;

/// Thresholds of the data set's README.
const MAX_TRIGRAM_JACCARD: f64 = 0.15;
const MAX_WORD_JACCARD: f64 = 0.4;

#[test]
fn the_built_in_data_set_is_balanced() {
    let data = dataset::load(BUILTIN, 0).expect("it loads");
    assert_eq!(data.task.labels.len(), 22);
    for (split, per_label) in [(Split::Train, 22), (Split::Val, 10), (Split::Test, 10)] {
        let mut counts = BTreeMap::new();
        data.split(split).iter().for_each(|example| *counts.entry(&example.gold).or_insert(0) += 1);
        assert!(counts.values().all(|&count| count == per_label), "{}: {counts:?}", split.name());
    }
    assert_eq!(data.findings, []);
    for example in Split::ALL.iter().flat_map(|split| data.split(*split)) {
        let text = example.input.text.to_lowercase();
        let given_away = example.gold.split(' ').find(|word| word.len() >= 5 && text.contains(word));
        assert_eq!(given_away, None, "{}: {}", example.id, example.input.text);
    }
}

#[test]
fn the_built_in_data_set_has_no_near_duplicates() {
    let data = dataset::load(BUILTIN, 0).expect("it loads");
    let texts: Vec<Vec<String>> = Split::ALL
        .iter()
        .flat_map(|split| data.split(*split))
        .map(|example| words(&example.input.text))
        .collect();
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

/// Writes a file, and the folders above it.
fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, content).expect("a file");
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(content).expect("packed");
    packer.finish().expect("packed")
}

fn load(root: &Path, name: &str) -> Result<Dataset, DatasetError> {
    dataset::load(&root.join(name).display().to_string(), 7)
}

/// The message of an error about a data set, or nothing if it loads.
fn error(root: &Path, name: &str) -> String {
    load(root, name).err().map(|error| error.to_string()).unwrap_or_default()
}

fn sizes(data: &Dataset) -> [usize; 3] {
    [data.train.len(), data.val.len(), data.test.len()]
}

/// Fifty rows in every format.
fn formats() -> Vec<(&'static str, Vec<u8>)> {
    let row = |n: usize| (format!("text, {n}"), n % 2);
    let lines = |of: &dyn Fn((String, usize)) -> String| (0..50).map(|n| of(row(n))).collect::<Vec<_>>();
    let json = lines(&|(text, label)| json!({ "text": text, "label": label }).to_string());
    let table = |delimiter: char, text: &dyn Fn(String) -> String| {
        lines(&|(it, label)| format!("{label}{delimiter}{}\n", text(it))).concat()
    };
    let quoted = |text: String| format!("\"{text}\"");
    let csv = format!("label,text\n{}", table(',', &quoted));
    vec![
        ("a.jsonl", json.join("\n").into()),
        ("b.NDJSON", json.join("\r\n\r\n").into()),
        ("c.json", format!("[\n  {}\n]\n", json.join(",\n  ")).into()),
        ("lines.json", json.join("\n").into()),
        ("array.jsonl", format!("[{}]", json.join(",")).into()),
        ("d.csv", csv.clone().into()),
        ("D.CSV", csv.replace('\n', "\r\n").into()),
        ("mark.csv", format!("\u{feff}{csv}").into()),
        ("semicolons.csv", format!("Label;Text\n{}", table(';', &|text| text)).into()),
        ("e.Tsv", format!("label\ttext\n{}", table('\t', &|text| text)).into()),
        ("d.csv.gz", packed(csv.as_bytes())),
        ("c.json.GZ", packed(format!("[{}]", json.join(",")).as_bytes())),
        (
            "in-two-parts.jsonl.gz",
            [
                packed(json[..20].join("\n").as_bytes()),
                packed(format!("\n{}", json[20..].join("\n")).as_bytes()),
            ]
            .concat(),
        ),
        ("unpacked-by-a-browser.csv.gz", csv.clone().into()),
        ("packed-in-secret.csv", packed(csv.as_bytes())),
    ]
}

#[test]
fn the_same_rows_are_the_same_data_set_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let mut digests = BTreeSet::new();
    for (name, content) in formats() {
        write(root, name, &content);
        let data = load(root, name).expect(name);
        assert_eq!((sizes(&data), data.findings.len()), ([30, 10, 10], 0), "{name}");
        assert_eq!(data.task.labels, ["0", "1"], "{name}");
        digests.insert(data.digest.to_string());
        // The name that is shown is the file's.
        assert_eq!(data.task.name, name.split('.').next().expect("a name"));
    }
    assert_eq!(digests.len(), 1);
    let other = dataset::load(&root.join("d.csv").display().to_string(), 8).expect("it loads");
    assert!(!digests.contains(&other.digest.to_string()), "another split is another data set");
}

#[test]
fn a_folder_holds_its_splits_in_any_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let mut digests = BTreeSet::new();
    let names = ["train.jsonl", "VAL.CSV", "test.tsv.gz", "train.json", "val.csv.gz", "Test.jsonl"];
    for (at, names) in names.chunks(3).enumerate() {
        for (name, label) in names.iter().zip(["w", "y", "z"]) {
            let (text, label) = (format!("text of {label}"), [label, "x"]);
            let content = match *name {
                name if name.to_lowercase().contains("json") => label
                    .map(|label| json!({ "input": format!("{text} {label}"), "label": label }).to_string())
                    .join("\n"),
                _ => format!(
                    "input,label\n{}",
                    label.map(|label| format!("{text} {label},{label}\n")).concat()
                ),
            };
            let content = content.into_bytes();
            write(
                root,
                &format!("{at}/{name}"),
                if name.ends_with("gz") { packed(&content) } else { content },
            );
        }
        let data = load(root, &at.to_string()).expect("it loads");
        assert_eq!((sizes(&data), data.task.name.as_str()), ([2, 2, 2], at.to_string().as_str()));
        digests.insert(data.digest.to_string());
    }
    assert_eq!(digests.len(), 1);
    // What a data set says of itself is a part of it.
    write(root, "1/task.toml", "name = \"mine\"\ninstructions = \"Do.\"");
    let data = load(root, "1").expect("it loads");
    assert_eq!((data.task.name.as_str(), data.task.instructions.as_str()), ("mine", "Do."));
    assert!(digests.insert(data.digest.to_string()));
}

#[test]
fn a_file_is_what_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let rows: Vec<String> = (0..20).map(|n| format!("text {n},l{}\n", n % 2)).collect();
    let backwards: Vec<String> = rows.iter().rev().cloned().collect();
    write(root, "a.csv", format!("text,label\n{}", rows.concat()));
    write(root, "elsewhere/b.csv", format!("text,label\n{}", rows.concat()));
    write(root, "c.csv", format!("text,label\n{}", backwards.concat()));
    std::os::unix::fs::symlink(root.join("a.csv"), root.join("link.csv")).expect("a link");
    let digest = |name: &str| load(root, name).expect(name).digest;
    for name in ["elsewhere/b.csv", "c.csv", "link.csv"] {
        assert_eq!(digest(name), digest("a.csv"), "{name}");
    }
}

#[test]
fn columns_can_be_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let rows: String = (0..10).map(|n| format!("{n},body {n},c{}\n", n % 2)).collect();
    write(root, "a.csv", format!("id,Body,Class\n{rows}"));
    let objects: Vec<_> =
        (0..10).map(|n| json!({ "body": format!("body {n}"), "class": format!("c{}", n % 2) })).collect();
    write(root, "a.json", json!(objects).to_string());
    let columns = Columns { text: Some("body".into()), label: Some("class".into()) };
    for name in ["a.csv", "a.json"] {
        let path = root.join(name).display().to_string();
        let data = Source { name: &path, columns: &columns }.load(0).expect(name);
        assert_eq!(
            (sizes(&data), data.task.labels),
            ([6, 2, 2], vec!["c0".to_owned(), "c1".into()]),
            "{name}"
        );
        assert!(error(root, name).contains("--text-column and --label-column name others"), "{name}");
    }
}

#[test]
fn labels_are_read_as_they_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let table = [
        ("\" spaced \"", Ok("spaced")),
        ("3", Ok("3")),
        ("-1", Ok("-1")),
        ("1.0", Ok("1.0")),
        ("123456789012345678901234567890", Ok("123456789012345678901234567890")),
        ("true", Ok("true")),
        ("null", Err("the value of \"label\" is not a string but null")),
        ("[1]", Err("is not a string but an array")),
        ("{\"a\":1}", Err("is not a string but an object")),
        ("\"\"", Err("the label is empty")),
        ("\"a\\nb\"", Err("the label has line ends")),
        ("\"\\ud800\"", Err("it is not JSON: ")),
    ];
    for (label, expected) in table {
        let rows: String = (0..5).map(|n| format!("{{\"text\":\"t{n}\",\"label\":\"other\"}}\n")).collect();
        let more: String = (5..15).map(|n| format!("{{\"text\":\"t{n}\",\"label\":{label}}}\n")).collect();
        write(root, "a.jsonl", rows + &more);
        match expected {
            Ok(expected) => {
                let data = load(root, "a.jsonl").expect(label);
                assert!(data.task.labels.iter().any(|label| label == expected), "{:?}", data.task.labels);
            }
            Err(expected) => {
                let found = error(root, "a.jsonl");
                assert!(found.contains("a.jsonl, line 6: ") && found.contains(expected), "{label}: {found}");
            }
        }
    }
}

#[test]
fn bad_data_says_where_and_what() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let good = "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\",\"label\":\"y\"}\n";
    let csv = "text,label\na,x\nb,y\n";
    fs::create_dir_all(root.join("empty")).expect("a folder");
    fs::create_dir_all(root.join("folder_for_a_file/val.csv")).expect("a folder");
    fs::create_dir_all(root.join("folder.csv")).expect("a folder");
    // name, content, what is loaded, what is said
    let table: &[(&str, &[u8], &str, &str)] = &[
        ("x", b"", "nowhere", "is no data set: it is neither built in (symptoms-mini) nor a folder"),
        ("x", b"", "nowhere.jsonl", "cannot read the data set"),
        (
            "notes.txt",
            b"hello",
            "notes.txt",
            "a file with the ending .jsonl, .ndjson, .json, .csv or .tsv, also with .gz",
        ),
        ("data.gz", b"hello", "data.gz", "is no data set"),
        ("x", b"", "empty", "there is no file for train: its name is train with the ending .jsonl, .ndjson"),
        ("no_val/train.jsonl", good.as_bytes(), "no_val", "no file for val"),
        ("no_val/validation.csv", csv.as_bytes(), "no_val", "the folder has train.jsonl, validation.csv"),
        ("x", b"", "folder.csv", "there is no file for train"),
        (
            "folder_for_a_file/train.csv",
            csv.as_bytes(),
            "folder_for_a_file",
            "val.csv: it is not a plain file",
        ),
        ("two/train.csv", csv.as_bytes(), "two", "no file for val"),
        ("two/val.csv", csv.as_bytes(), "two", ""),
        ("two/train.jsonl.gz", csv.as_bytes(), "two", "train.csv and train.jsonl.gz would both be train"),
        ("bad_row/train.jsonl", good.as_bytes(), "bad_row", "no file for val"),
        (
            "bad_row/val.jsonl",
            b"{\"text\":\"a\",\"label\":\"x\"}\n\n{\"text\":\"c\"}\n",
            "bad_row",
            "val.jsonl, line 3: it needs the names question and answer, or input_text and output_text, or text and label, or input and label; it has text;",
        ),
        ("bad_row/val.jsonl", b"\n", "bad_row", "the split val has no rows"),
        ("bad_task/train.jsonl", good.as_bytes(), "bad_task", "no file for val"),
        ("bad_task/val.jsonl", good.as_bytes(), "bad_task", ""),
        (
            "bad_task/task.toml",
            b"nmae = \"x\"",
            "bad_task",
            "task.toml: `nmae` is not known; the nearest key is `name`",
        ),
        ("bad_task/task.toml", b"data = \"nowhere\"", "bad_task", "cannot read the data set"),
        ("bad_task/task.toml", b"data = \"../few.zip\"", "bad_task", "cannot read the data set"),
        (
            "bad_task/task.toml",
            b"fields = [\"n\"]",
            "bad_task",
            "it has no \"n\"; it has text, label; text and answer in task.toml",
        ),
        (
            "bad_task/task.toml",
            b"metric = \"number\"",
            "bad_task",
            "line 1: the metric number cannot read the answer \"x\"",
        ),
        (
            "bad_task/task.toml",
            b"[splits]\ntrain = 0.5\nval = 0.5",
            "bad_task",
            "`data` is no file that could be divided",
        ),
        (
            "bad_task/task.json",
            b"{\"name\":\"x\"}",
            "bad_task",
            "task.json: name and instructions of a task stand in task.toml now",
        ),
        (
            "few.csv",
            csv.as_bytes(),
            "few.csv",
            "its 2 rows are too few to be split into train, val and test: it takes 5 texts",
        ),
        ("one_text.csv", b"text,label\na,x\na,x\na,y\na,x\na,x\n", "one_text.csv", "its 5 rows are too few"),
        (
            "one_label.csv",
            b"text,label\na,x\nb,x\nc,x\nd,x\ne,x\n",
            "one_label.csv",
            "every row has the label \"x\"",
        ),
        ("a.jsonl", b"{\"text\":\"a\",\"label\":\"b\"}\n{oops", "a.jsonl", "a.jsonl, line 2: it is not JSON"),
        (
            "a.jsonl",
            b"{\"text\":1,\"label\":\"b\"}",
            "a.jsonl",
            "line 1: the value of \"text\" is not a string but a number",
        ),
        ("a.jsonl", b"{\"text\":{\"en\":\"a\"},\"label\":\"b\"}", "a.jsonl", "is not a string but an object"),
        ("a.jsonl", b"{\"text\":\" \",\"label\":\"b\"}", "a.jsonl", "line 1: the text is empty"),
        (
            "a.jsonl",
            b"{\"text\":\"a\",\"text\":\"b\",\"label\":\"b\"}",
            "a.jsonl",
            "\"text\" stands there 2 times",
        ),
        ("a.jsonl", b"\"text\"", "a.jsonl", "line 1: it is not a JSON object"),
        (
            "a.jsonl",
            b"{\"text\":\"a\",\"label\":\"b\"} {}",
            "a.jsonl",
            "line 1: it is not JSON: trailing characters",
        ),
        (
            "a.json",
            b"[\n{\"text\":\"a\",\"label\":\"b\"},\n{\"text\":\"c\",\"label\":null}]",
            "a.json",
            "a.json, line 3: the value of \"label\"",
        ),
        ("a.json", b"[{\"text\":\"a\",\n\"label\":\"b\"}", "a.json", "line 2: it is not JSON: EOF"),
        ("a.json", b"[1]", "a.json", "line 1: it is not a JSON object"),
        (
            "a.json",
            b"{\n\"train\":[],\n\"test\":[]}",
            "a.json",
            "one JSON object over several lines; rows stand in an array, or each on a line; its keys are train, test",
        ),
        (
            "a.csv",
            b"text,label\na,x\n\"b,y\nc,x\n",
            "a.csv",
            "a.csv, line 3: the quote that opens here is never closed",
        ),
        ("a.csv", b"text,label\na,x\ncaf\xe9,y\n", "a.csv", "a.csv, line 3: it is not UTF-8: the byte 0xE9"),
        ("a.csv", b"\xff\xfet\0e\0", "a.csv", "a.csv: it is UTF-16"),
        ("a.csv", b"", "a.csv", "a.csv, line 1: it is empty"),
        (
            "a.csv",
            b"I feel ill,flu\nI sneeze,cold\n",
            "a.csv",
            "line 1: its header does not fit: it needs the names",
        ),
        ("a.csv.gz", b"\x1f\x8b\x08broken", "a.csv.gz", "cannot read the data set"),
    ];
    for (name, content, loaded, says) in table {
        write(root, name, content);
        let found = error(root, loaded);
        match says.is_empty() {
            true => assert_eq!(found, "", "{loaded} with {name}"),
            false => assert!(found.contains(says), "{loaded} with {name}: {found}"),
        }
    }
}

/// What would keep a reader waiting, or take all memory, is refused.
#[test]
fn files_without_an_end_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe.csv"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .expect("a pipe");
    std::os::unix::fs::symlink("/dev/zero", root.join("zeros.jsonl")).expect("a link");
    let sparse = fs::File::create(root.join("sparse.csv")).expect("a file");
    sparse.set_len(1 << 40).expect("a length");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let spaces = vec![b' '; 1 << 20];
    (0..257).for_each(|_| packer.write_all(&spaces).expect("packed"));
    write(root, "bomb.csv.gz", packer.finish().expect("packed"));
    let table = [
        ("pipe.csv", "it is not a plain file"),
        ("zeros.jsonl", "it is not a plain file"),
        ("sparse.csv", "it has more than 256 MiB"),
        ("bomb.csv.gz", "it has more than 256 MiB, unpacked"),
    ];
    for (name, says) in table {
        let found = error(root, name);
        assert!(found.contains(name) && found.contains(says), "{name}: {found}");
    }
}

#[test]
fn what_a_careful_user_should_know_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let csv = |rows: &str| {
        rows.split(' ')
            .filter(|row| !row.is_empty())
            .fold("text,label\n".to_owned(), |all, row| all + &row.replace('_', " ") + "\n")
    };
    // name, rows of train, val and test, findings
    let table: &[(&str, [&str; 3], &[&str])] = &[
        ("nothing", ["a,x b,y", "c,x", "d,y"], &[]),
        ("no test", ["a,x b,y", "c,x", "-"], &[]),
        (
            "an empty test",
            ["a,x b,y", "c,x", ""],
            &["the file of held-out examples has no rows, so there is no held-out score: test"],
        ),
        (
            "a text in val and test",
            ["a,x b,y", "c,x d,y", "e,x d,y"],
            &["1 text of test also stands in val: test-0001"],
        ),
        (
            "white space aside",
            ["a_b,x c,y", "_a__b_,x", "d,y"],
            &["1 text of val also stands in train: val-0000"],
        ),
        (
            "a text in all",
            ["a,x b,y", "b,y a,x", "a,x"],
            &[
                "2 texts of val also stand in train: val-0000, val-0001",
                "1 text of test also stands in train: test-0000",
                "1 text of test also stands in val: test-0000",
            ],
        ),
        (
            "twice the same",
            ["a,x b,y a,x a,x", "c,x", "d,y"],
            &["2 examples of train repeat text and label of another one: train-0002, train-0003"],
        ),
        (
            "two labels",
            ["a,x b,y a,y", "c,x", "d,y"],
            &["1 text stands there with different labels: train-0000, train-0002"],
        ),
        (
            "two labels in two splits",
            ["a,x b,y", "a,y", "d,y"],
            &[
                "1 text of val also stands in train: val-0000",
                "1 text stands there with different labels: train-0000, val-0000",
            ],
        ),
        (
            "labels without training",
            ["a,x b,y", "c,x", "d,z e,z f,x"],
            &["2 examples of test have a label that no example of train has: test-0000, test-0001"],
        ),
        (
            "labels in two cases",
            ["a,flu b,FLU", "c,flu", "d,FLU"],
            &["2 labels differ from another one in case, spaces or encoding only: FLU, flu"],
        ),
        (
            "labels with what cannot be seen",
            ["a,x b,flu", "c,x", "d,fl\u{200b}u"],
            &[
                "1 example of test has a label that no example of train has: test-0000",
                "2 labels differ from another one in case, spaces or encoding only: flu, fl\u{200b}u",
            ],
        ),
        (
            "labels in two encodings",
            ["a,caf\u{e9} b,cafe\u{301}", "c,caf\u{e9}", "d,caf\u{e9}"],
            &["2 labels differ from another one in case, spaces or encoding only: cafe\u{301}, caf\u{e9}"],
        ),
    ];
    for (name, splits, expected) in table {
        for (split, rows) in Split::ALL.into_iter().zip(splits).filter(|(_, rows)| **rows != "-") {
            write(root, &format!("{name}/{}.csv", split.name()), csv(rows));
        }
        let data = load(root, name).expect(name);
        let found: Vec<String> = data.findings.iter().map(DataFinding::line).collect();
        assert_eq!(found, *expected, "{name}");
    }
    let open: Vec<String> = (0..30).map(|n| format!("q{n},answer{n}")).collect();
    for (split, rows) in Split::ALL.into_iter().zip(open.chunks(10)) {
        write(root, &format!("open/{}.csv", split.name()), csv(&rows.join(" ")));
    }
    let found = load(root, "open").expect("it loads").findings;
    let found = found.last().map(DataFinding::line).unwrap_or_default();
    assert!(
        found.starts_with("10 answers for 10 examples of train do not repeat, so the task is open"),
        "{found}"
    );
    write(root, "nothing/dev.csv", "");
    write(root, "nothing/README.md", "");
    let found: Vec<String> =
        load(root, "nothing").expect("it loads").findings.iter().map(DataFinding::line).collect();
    assert_eq!(found, ["not read, since they are no split: dev.csv"]);
}

/// Neither many rows nor many rows of one text take more than a moment.
#[test]
fn a_hundred_thousand_rows_are_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let rows = |of: &dyn Fn(usize) -> usize| -> String {
        (0..100_000).map(|n| format!("\"some text, number {}\",l{}\n", of(n), n % 500)).collect()
    };
    write(root, "a.csv", format!("text,label\n{}", rows(&|n| n)));
    write(root, "b.csv", format!("text,label\n{}", rows(&|n| n % 7)));
    let data = load(root, "a.csv").expect("it loads");
    assert_eq!((sizes(&data), data.findings.len()), ([60_000, 20_000, 20_000], 0));
    let data = load(root, "b.csv").expect("it loads");
    assert_eq!(sizes(&data).iter().sum::<usize>(), 100_000);
    assert!(data.findings.iter().all(|finding| finding.ids.len() <= 10));
}
