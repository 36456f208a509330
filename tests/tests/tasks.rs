//! Tasks with a file of their own: what `mmh new-task` drafts, what `mmh task` shows, and a search on an open task from
//! its first example to its proof.

use std::{fs, path::Path, process::Command};

use mmh_record::metric::{MetricKind, MetricSpec, Step};
use mmh_search::dataset::{self, Dataset};
use mmh_tests::{cache_dir, guest, pages::Page};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// What the program prints, and whether it succeeds.
fn mmh(folder: &Path, args: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(PROGRAM);
    let output = command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).output();
    let output = output.expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn done(folder: &Path, args: &[&str]) -> String {
    let (ok, out, err) = mmh(folder, args);
    assert!(ok, "mmh {}: {out}{err}", args.join(" "));
    out
}

fn json_of(folder: &Path, args: &[&str]) -> Value {
    let out = done(folder, args);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("mmh {}: {error}: {out}", args.join(" ")))
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn load(folder: &Path, name: &str) -> Result<Dataset, String> {
    dataset::load(&folder.join(name).display().to_string(), 0).map_err(|error| error.to_string())
}

const COLOURS: [&str; 6] = ["amber", "teal", "mauve", "ochre", "coral", "navy"];
const THINGS: [&str; 6] = ["kite", "drum", "lamp", "boat", "vase", "harp"];

/// An open task: name what a picture shows, in any order. Each answer stands there once.
fn open_task(folder: &Path) {
    let row = |n: usize| {
        let (colour, thing, other) = (COLOURS[n % 6], THINGS[n / 6 % 6], THINGS[(n / 6 + 1 + n / 36) % 6]);
        json!({
            "told": "Name the things of this picture, and their colour.",
            "facts": format!("picture {n}: a {thing} beside a {other}, all of it painted in {colour}"),
            "frame": { "number": n },
            "things": [colour, thing, other],
        })
    };
    let rows = |range: std::ops::Range<usize>| range.map(|n| row(n).to_string() + "\n").collect::<String>();
    write(folder, "open/rows/train.jsonl", &rows(0..60));
    write(folder, "open/rows/val.jsonl", &rows(60..80));
    write(folder, "open/rows/held.jsonl", &rows(80..100));
    write(
        folder,
        "open/task.toml",
        "name = \"pictures\"\ninstructions-field = \"told\"\ntext = \"facts\"\nfields = [\"frame\"]\nanswer = \"things\"\n\
         data = \"rows\"\nsplits = { train = \"train.jsonl\", val = \"val.jsonl\", test = \"held.jsonl\" }\n\n\
         [metric]\nkind = \"set\"\nnormalise = [\"trim\", \"lowercase\"]\nscore = \"f1\"\n",
    );
}

#[test]
fn a_task_is_what_its_file_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    open_task(root);
    let data = load(root, "open").expect("it loads");
    assert_eq!((data.train.len(), data.val.len(), data.test.len()), (60, 20, 20));
    assert_eq!(data.task.instructions, "Name the things of this picture, and their colour.");
    assert!(data.is_open() && data.findings.is_empty(), "{:?}", data.findings);
    let first = &data.train[0];
    assert_eq!(
        (first.gold.as_str(), first.input.field("frame")),
        ("[\"amber\",\"kite\",\"drum\"]", Some("{\"number\":0}"))
    );
    let info = data.info();
    assert_eq!((info.fields, info.labels), (vec!["frame".to_owned()], Vec::<String>::new()));
    assert_eq!(info.metric.map(|metric| metric.kind), Some(MetricKind::Set));
    let told = data.kind.describe(&data);
    for part in ["has these fields: frame.", "compared by their mean score", "Answers are open"] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    assert!(!told.contains("Labels"), "an open task has none: {told}");
    // The file itself may be named, and every part of it is a part of the data set.
    assert_eq!(load(root, "open/task.toml").expect("it loads").digest, data.digest);
    let file = fs::read_to_string(root.join("open/task.toml")).expect("the file");
    let changes = [
        ("name = \"pictures\"", "name = \"others\""),
        ("score = \"f1\"", "score = \"recall\""),
        ("fields = [\"frame\"]\n", ""),
        ("data = \"rows\"\n", "data = \"rows\"\nlabels = \"open\"\n"),
    ];
    for (from, to) in changes {
        write(root, "open/task.toml", &file.replace(from, to));
        let changed = load(root, "open").expect("it loads");
        assert_ne!(changed.digest, data.digest, "{to}");
    }
}

/// Labels are those of train, or those that are listed: never those of other splits.
#[test]
fn labels_come_from_train_or_from_the_task() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    for (name, rows) in [("train", "a,x\nb,y\nc,x\nd,y\n"), ("val", "e,x\nf,w\n"), ("test", "g,z\n")] {
        write(root, &format!("t/{name}.csv"), &format!("text,label\n{rows}"));
    }
    let untrained = [
        "1 example of val has a label that no example of train has: val-0001",
        "1 example of test has a label that no example of train has: test-0000",
    ];
    let unlisted = ["1 example of test has a label that the task does not list: test-0000"];
    // what task.toml says, the labels, the findings
    let table: [(&str, &[&str], &[&str]); 5] = [
        ("", &["x", "y"], &untrained),
        ("labels = \"train\"", &["x", "y"], &untrained),
        ("labels = [\"y\", \"x\", \"w\"]", &["w", "x", "y"], &unlisted),
        ("labels = \"open\"", &[], &[]),
        ("metric = \"normalised\"", &[], &[]),
    ];
    for (file, labels, findings) in table {
        write(root, "t/task.toml", file);
        let data = load(root, "t").expect(file);
        assert_eq!(data.task.labels, labels, "{file}");
        let found: Vec<String> = data.findings.iter().map(|finding| finding.line()).collect();
        assert_eq!(found, findings, "{file}");
    }
}

#[test]
fn instructions_in_rows_are_the_same_in_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let rows = |told: &[&str]| {
        let rows = told.iter().enumerate();
        rows.map(|(at, told)| {
            json!({ "told": told, "text": format!("t{at}"), "label": format!("l{}", at % 2) }).to_string()
                + "\n"
        })
        .collect::<String>()
    };
    write(root, "t/task.toml", "instructions-field = \"told\"");
    // told in train, told in val, what is said
    let table: [(&[&str], &[&str], &str); 4] = [
        (&["do this", " do this\n"], &["do this"], ""),
        (
            &["do this", "do that"],
            &["do this"],
            "train.jsonl, line 2: its instructions differ from those of the first row",
        ),
        (&["do this", "do this"], &["do that"], "val.jsonl, line 1: its instructions differ"),
        (&["", ""], &[""], "train.jsonl, line 1: the instructions are empty"),
    ];
    for (train, val, expected) in table {
        write(root, "t/train.jsonl", &rows(train));
        write(root, "t/val.jsonl", &rows(val));
        let found = load(root, "t").err().unwrap_or_default();
        assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{train:?}: {found}");
    }
}

#[test]
fn a_task_is_drafted_and_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let tickets: String =
        (0..40).map(|n| format!("\"ticket {n}, please\",{}\n", ["billing", "technical"][n % 2])).collect();
    write(root, "tickets.csv", &format!("text,label\n{tickets}"));
    let out = done(root, &["new-task", "tickets", "--from", "tickets.csv"]);
    for part in [
        "wrote tickets/task.toml",
        "train  24 rows, 2 different answers",
        "labels: 2",
        "most frequent answer of train",
    ] {
        assert!(out.contains(part), "{part:?} is not in {out}");
    }
    assert!(root.join("tickets/tickets.csv").is_file(), "the data is copied");
    let shown = json_of(root, &["task", "tickets", "--json"]);
    assert_eq!(
        (&shown["open"], &shown["metric"]["kind"], &shown["objective"]),
        (&json!(false), &json!("exact"), &json!("accuracy"))
    );
    assert_eq!(shown["splits"][1]["rows"], 8);
    let constant = &shown["constants"][1]["scores"]["val"]["value"];
    assert!(constant.as_f64().is_some_and(|value| value >= 0.5), "{constant}");
    // It is data of a search as it is.
    let score = json_of(root, &["eval", "--mock", "--dataset", "tickets", "--json", &harness(root)]);
    assert_eq!((&score["ok"], &score["dataset"]), (&json!(true), &json!("tickets")));
    // A second time nothing is written over.
    let (ok, _, err) = mmh(root, &["new-task", "tickets", "--from", "tickets.csv"]);
    assert!(!ok && err.contains("tickets/task.toml is there already"), "{err}");
    open_task(root);
    fs::rename(root.join("open/rows/held.jsonl"), root.join("open/rows/test.jsonl")).expect("renamed");
    let out = done(root, &["new-task", "pictures", "--from", "open/rows", "--reference"]);
    for part in
        ["labels: none, the task is open", "instructions: Name the things of this picture", "(accuracy)"]
    {
        assert!(out.contains(part), "{part:?} is not in {out}");
    }
    assert!(!root.join("pictures/train.jsonl").exists(), "the data stays where it is");
    let written = fs::read_to_string(root.join("pictures/task.toml")).expect("the file");
    assert!(written.contains("kind = \"set\"") && written.contains("# fields = [\"frame\"]"), "{written}");
    for (args, expected) in [
        (&["new-task", "x", "--from", "nowhere.csv"][..], "cannot read the data set nowhere.csv"),
        (&["new-task", "x", "--from", "tickets/task.toml"], "is no data set"),
        (&["task", "nowhere"], "is no data set"),
        (&["task", "tickets", "--text-column", "text"], "leave the options out"),
    ] {
        let (ok, out, err) = mmh(root, args);
        assert!(!ok && err.contains(expected), "{args:?}: {out}{err}");
    }
}

/// The guide has every kind, step and setting once, and its examples are metrics.
#[test]
fn the_guide_knows_every_metric() {
    let page = Page::named("docs/tasks.md");
    let column = |head: &str| -> Vec<String> {
        page.table(head)
            .iter()
            .flat_map(|row| row[0].split(", ").map(|it| it.trim_matches('`').to_owned()).collect::<Vec<_>>())
            .collect()
    };
    let kinds: Vec<&str> = MetricKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(column("| kind | what is compared | parts | usual score | correct if |"), kinds);
    let steps: Vec<&str> = Step::ALL.iter().map(|step| step.name()).collect();
    assert_eq!(column("| step | what it does |"), steps);
    for row in page.table("| kind | steps, if none are listed |") {
        for kind in row[0].split(", ").map(|kind| kind.trim_matches('`')) {
            let kind = MetricKind::ALL.into_iter().find(|it| it.name() == kind).expect(kind);
            let usual: Vec<String> =
                kind.usual_steps().iter().map(|step| format!("`{}`", step.name())).collect();
            let usual = if usual.is_empty() { "none".to_owned() } else { usual.join(", ") };
            assert!(row[1].starts_with(&usual), "{}: {}", kind.name(), row[1]);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut tried = 0;
    for block in page.blocks().into_iter().filter(|block| block.language == "toml") {
        let gold = match block.text.as_str() {
            text if text.contains("several") => "[\"5\", \"6\"]",
            _ => "\"5\"",
        };
        let row = |n: usize| format!("{{\"text\": \"t{n}\", \"answer\": {gold}}}\n");
        write(folder.path(), "t/train.jsonl", &row(1));
        write(folder.path(), "t/val.jsonl", &row(2));
        write(folder.path(), "t/task.toml", &format!("text = \"text\"\n{}", block.text));
        let data = load(folder.path(), "t").unwrap_or_else(|error| panic!("{error}: {}", block.text));
        assert!(
            data.kind.grade(&data.val[0], "it is 5").score > 0.0
                || data.kind.metric().spec().kind == MetricKind::Set
        );
        tried += 1;
    }
    assert_eq!(tried, 3);
}

/// A harness that answers what the model says.
fn harness(folder: &Path) -> String {
    write(folder, "says.rs", &guest("run/ok.rs"));
    folder.join("says.rs").display().to_string()
}

/// A search on an open task: what is recorded can be verified, replayed, gone on with, and is told as a score.
#[test]
fn an_open_task_is_searched_and_proved() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    open_task(root);
    let run = ["run", "--mock", "--dataset", "open", "--run-id", "a", "--json"];
    done(root, &[&run[..], &["--iterations", "2"]].concat());
    let longer =
        json_of(root, &["run", "--resume", "runs/a", "--iterations", "4", "--dataset", "open", "--json"]);
    let read = |path: &str| -> Value {
        let text = fs::read_to_string(root.join("runs/a").join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(text.lines().next().unwrap_or_default())
            .or_else(|_| serde_json::from_str(&text))
            .expect(path)
    };
    let task = &read("config.json")["task"];
    assert_eq!(
        (&task["labels"], &task["fields"], &task["metric"]["score"]),
        (&json!([]), &json!(["frame"]), &json!("f1"))
    );
    let spec: MetricSpec = serde_json::from_value(task["metric"].clone()).expect("a metric");
    assert!(spec.has_partial_credit());
    // A harness that shows near examples has partial credit; one that knows nothing has none.
    let iterations = longer["iterations"].as_array().expect("iterations");
    let scores: Vec<f64> = iterations.iter().filter_map(|it| it["score"]["mean_score"].as_f64()).collect();
    assert!(scores.len() >= 4 && scores[0] < 0.1 && scores.iter().any(|score| *score > 0.3), "{scores:?}");
    let best = longer["best_iteration_index"].as_u64().expect("a best one");
    let score = read(&format!("iterations/{best:03}/score.json"));
    for part in ["f1", "jaccard", "precision", "recall"] {
        assert!(score["mean_parts"][part].as_f64().is_some_and(|part| part > 0.1), "{part}: {score}");
    }
    let (mean, low) = (score["mean_score"].as_f64(), score["score_interval"]["low"].as_f64());
    assert!(low < mean && mean > score["accuracy"].as_f64(), "{score}");
    let row = read(&format!("iterations/{best:03}/eval_trace.jsonl"));
    assert_eq!(row["fields"], json!([{ "name": "frame", "value": "{\"number\":60}" }]));
    assert!(row["parts"]["f1"].is_f64(), "{row}");
    // The fields reach the baseline and the harnesses that are made of it, and no prompt has an empty list of labels.
    for index in [0, best] {
        let call = read(&format!("iterations/{index:03}/model_calls.jsonl"));
        let prompt = call["request"]["messages"][0]["content"][0]["text"].as_str().expect("a prompt");
        assert!(
            prompt.contains("\n\nframe: {\"number\":") && !prompt.contains("Labels"),
            "{index}: {prompt}"
        );
    }
    // No right answer of val or test stands in a harness.
    for index in 0..iterations.len() {
        let source = fs::read_to_string(root.join(format!("runs/a/iterations/{index:03}/harness.rs")))
            .expect("a source");
        for example in load(root, "open").expect("it loads").val {
            assert!(!source.contains(&example.gold) && !source.contains(&example.input.text), "{index}");
        }
    }
    let board = json_of(root, &["summary", "runs/a", "--json"]);
    assert_eq!(
        board["scoreboard"]["test"],
        "paired permutation of scores, two-sided, over the same examples"
    );
    assert_eq!(board["scoreboard"]["best"]["score"].as_f64(), mean);
    let shown = done(root, &["summary", "runs/a"]);
    assert!(shown.contains("score [95 % int.]") && shown.contains("paired permutation"), "{shown}");
    let verified = json_of(root, &["verify", "runs/a", "--dataset", "open", "--json"]);
    assert_eq!(verified["holds"], json!(true), "{verified}");
    let without = json_of(root, &["verify", "runs/a", "--without-dataset", "--json"]);
    assert_eq!(without["holds"], json!(true), "{without}");
    let replayed = done(root, &["replay", "runs/a", "--iteration", &best.to_string()]);
    assert!(replayed.contains("20"), "{replayed}");
    done(root, &["diff", "runs/a", "0", &best.to_string()]);
    // One flipped grade is found.
    let path = root.join(format!("runs/a/iterations/{best:03}/eval_trace.jsonl"));
    let text = fs::read_to_string(&path).expect("traces");
    let mut row: Value = serde_json::from_str(text.lines().next().expect("a row")).expect("a row");
    row["parts"]["recall"] = json!(0.123);
    let rest: Vec<&str> = text.lines().skip(1).collect();
    fs::write(&path, format!("{row}\n{}\n", rest.join("\n"))).expect("written");
    let (ok, out, _) = mmh(root, &["verify", "runs/a", "--dataset", "open"]);
    assert!(!ok && out.contains("parts"), "{out}");
    // A metric that cannot be used, as a stranger's run may have one, is named, and nothing is graded by it.
    let config = root.join("runs/a/config.json");
    let text = fs::read_to_string(&config).expect("the configuration");
    let changed = text.replace("\"score\": \"f1\"", "\"score\": \"f1\", \"extract\": [\"(\"]");
    assert_ne!(text, changed);
    fs::write(&config, changed).expect("written");
    for args in [&["verify", "runs/a", "--without-dataset"][..], &["replay", "runs/a", "--iteration", "0"]] {
        let (ok, out, err) = mmh(root, args);
        assert!(!ok && format!("{out}{err}").contains("unclosed group"), "{args:?}: {out}{err}");
    }
}
