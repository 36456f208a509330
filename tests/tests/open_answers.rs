//! Right answers of an open task that stand in a harness: reported and recorded in a run, refused where that is asked for,
//! and found again when the run is verified.

use std::{fs, path::Path, process::Command};

use mmh_search::baselines::ZERO_SHOT;
use mmh_tests::cache_dir;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// The right answers of val: none is in train, and all but one are long enough to be no accident.
const ANSWERS: [&str; 6] = [
    "Clockmaker's Bridge",
    "Saint Olga of the Reeds",
    "Upper Marsh Railway",
    "Wilhelmina Tansy",
    "Ferry of the Nine Oaks",
    "yes",
];

fn mmh(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    let output = command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).output();
    let output = output.expect("the program starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// A folder with an open task, and with harnesses that carry so many of its answers along.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    fs::create_dir(root.join("open")).expect("a folder");
    fs::write(root.join("open/task.toml"), "labels = \"open\"\nmetric = \"normalised\"\n").expect("a file");
    let rows = |answers: &[&str]| -> String {
        let row = |(at, answer): (usize, &&str)| {
            format!("{{\"text\":\"which is it, {at}?\",\"label\":\"{answer}\"}}\n")
        };
        answers.iter().enumerate().map(row).collect()
    };
    fs::write(root.join("open/train.jsonl"), rows(&["Red Bridge of Tolland", "no"])).expect("a file");
    fs::write(root.join("open/val.jsonl"), rows(&ANSWERS)).expect("a file");
    for (name, answers) in [("five", &ANSWERS[..]), ("four", &ANSWERS[..4])] {
        let source = format!("{}\nconst KNOWN: &[&str] = &{answers:?};\n", ZERO_SHOT.source);
        fs::write(root.join(format!("{name}.rs")), source).expect("a file");
    }
    folder
}

#[test]
fn answers_of_an_open_task_are_no_part_of_a_harness() {
    let folder = folder();
    let root = folder.path();
    let asked = ["--mock", "--dataset", "open"];
    // name, command, exit code, what is said, how many leaks are shown
    let eval = |harness: &'static str, more: &[&'static str]| [&["eval", harness], &asked[..], more].concat();
    let run = |more: &[&'static str]| [&["run", "--iterations", "0", "--no-test"], &asked[..], more].concat();
    let table: [(&str, Vec<&str>, i32, &str, usize); 5] = [
        ("reported", eval("five.rs", &[]), 0, "LEAK: 5 validation or test examples stand in the harness", 5),
        ("refused", eval("five.rs", &["--deny-leaks"]), 1, "leak: the harness was not evaluated", 5),
        ("too few", eval("four.rs", &["--deny-leaks"]), 0, "open val: accuracy", 0),
        (
            "no baseline",
            run(&["--baseline", "five.rs", "--deny-leaks"]),
            1,
            "the harness carries 5 validation or test examples",
            0,
        ),
        (
            "in a run",
            run(&["--baseline", "five.rs", "--run-id", "a"]),
            0,
            "LEAK: 000 carries 5 validation or test examples",
            0,
        ),
    ];
    for (name, args, code, expected, shown) in table {
        let (found, said) = mmh(root, &args);
        assert!(found == Some(code) && said.contains(expected), "{name}: {found:?} {said}");
        assert_eq!(said.matches(" in its source: right answer: ").count(), shown, "{name}: {said}");
    }
    let path = root.join("runs/a/iterations/000/leaks.json");
    let leaks = fs::read_to_string(&path).expect("leaks");
    let recorded: Value = serde_json::from_str(&leaks).expect("JSON");
    assert_eq!(recorded.as_array().map(Vec::len), Some(5), "{leaks}");
    // Whoever has the data set finds them again, and finds a changed record.
    let verify = ["verify", "runs/a", "--dataset", "open"];
    let (code, said) = mmh(root, &verify);
    assert_eq!(code, Some(0), "{said}");
    fs::write(&path, leaks.replacen("Clockmaker", "Clockmakes", 1)).expect("a file");
    let (code, said) = mmh(root, &verify);
    assert!(code == Some(1) && said.contains("leaks.json"), "{said}");
}
