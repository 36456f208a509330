//! What a proposer reads does not grow with the run: pages have one size however many iterations there are, are always
//! JSON, and together they are the whole.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::{Arc, LazyLock},
};

use cap_std::{ambient_authority, fs::Dir};
use mmh_record::{clock::Clock, format::Summary, layout, reader::RunReader, writer::RunWriter};
use mmh_search::propose::history::{Answer, History, Order, Page, RunIndex};
use mmh_tests::{cache_dir, copy_folder, environment, root};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// The sizes of a run, in iterations.
const ITERATIONS: [u32; 3] = [10, 200, 1000];

/// How much more may be read of a large run than of a small one.
const MOST: f64 = 1.2;

static EXAMPLE: LazyLock<Summary> = LazyLock::new(|| {
    RunReader::open(&root().join("runs/example")).and_then(|run| run.summary()).expect("it is there")
});

/// A summary of so many iterations besides the baseline, some of them without a score.
fn summary(iterations: u32) -> Summary {
    let template = &EXAMPLE.iterations;
    let mut made = Summary { iterations: Vec::new(), ..EXAMPLE.clone() };
    for index in 0..=iterations {
        let mut row = template[index as usize % template.len()].clone();
        (row.index, row.score.accuracy) = (index, f64::from(index * 37 % 101) / 101.0);
        made.iterations.push(row);
    }
    made
}

/// What a proposer may see of a run with this summary.
fn history(folder: &Path, summary: &Summary) -> History {
    fs::write(folder.join(layout::CONFIG), "{}").expect("a file");
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).expect("it opens");
    let notes = RunWriter::resume(folder).and_then(|run| run.iteration(0)).expect("a folder");
    let index = Arc::new(RunIndex::new(summary, &[], &[]));
    History::resume(RunReader::new(dir), index, &notes, 0, Clock::System).expect("nothing is read yet")
}

fn page_of(answer: Result<Answer, mmh_record::RecordError>) -> (Value, usize) {
    let text = answer.expect("it is read").expect("a page");
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), text.len())
}

/// The list and the board have one size, at each size of results; and their pages together are all iterations.
#[test]
fn lists_of_iterations_have_one_size() {
    for max_bytes in [1 << 10, 4 << 10, 64 << 10] {
        let mut sizes = Vec::new();
        for iterations in ITERATIONS {
            let folder = tempfile::tempdir().expect("a folder");
            let mut history = history(folder.path(), &summary(iterations));
            let page = |offset| Page { offset, limit: 20, max_bytes };
            let (board, bytes) = page_of(history.scoreboard(Order::Best, page(0)));
            let (list, more) = page_of(history.list(Order::Newest, page(0)));
            assert!(bytes <= max_bytes && more <= max_bytes);
            assert_eq!(list["iterations"][0]["iteration"], json!(iterations), "the newest first");
            let accuracies = |page: &Value| -> Vec<f64> {
                let rows = page["iterations"].as_array().expect("rows").iter();
                rows.map(|row| row["accuracy"].as_f64().expect("an accuracy")).collect()
            };
            let best = accuracies(&board);
            assert!(best.is_sorted_by(|a, b| a >= b) && !best.is_empty(), "the best first: {best:?}");
            sizes.push((bytes + more) as f64);
            for order in [Order::Best, Order::Newest] {
                let (mut seen, mut offset) = (Vec::new(), 0);
                loop {
                    let (found, _) = page_of(history.scoreboard(order, page(offset)));
                    let rows = found["iterations"].as_array().expect("rows");
                    seen.extend(rows.iter().map(|row| row["iteration"].as_u64().expect("an index")));
                    match found["next_offset"].as_u64() {
                        Some(next) => offset = next as usize,
                        None => break,
                    }
                }
                seen.sort_unstable();
                assert_eq!(seen, (0..=u64::from(iterations)).collect::<Vec<_>>(), "{order:?}");
            }
        }
        // 11 rows are less than a page.
        assert!(sizes[2] <= 1.05 * sizes[1], "{max_bytes}: {sizes:?}");
    }
}

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).output().expect("the program starts")
}

/// Makes a run of a baseline and one iteration one of so many: copies of that iteration, under other indices.
fn repeat(run: &Path, iterations: u32) {
    let read = |file: &str| -> Value {
        serde_json::from_slice(&fs::read(run.join(file)).expect("read")).expect("JSON")
    };
    let (mut config, mut summary, mut cost) = (read("config.json"), read("summary.json"), read("cost.json"));
    for index in 2..=iterations {
        copy_folder(&run.join(layout::iteration(1)), &run.join(layout::iteration(index)));
        for list in [&mut summary["iterations"], &mut cost["iterations"]] {
            let mut row = list[1].clone();
            row["index"] = json!(index);
            list.as_array_mut().expect("a list").push(row);
        }
    }
    config["iterations"] = json!(iterations);
    summary["config"]["iterations"] = json!(iterations);
    for (file, value) in [("config.json", config), ("summary.json", summary), ("cost.json", cost)] {
        fs::write(run.join(file), format!("{value:#}\n")).expect("written");
    }
}

/// The next iteration of a run with many is told as much as that of a run with few: all tokens that the proposer was sent.
#[test]
fn the_context_of_an_iteration_does_not_grow() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["run", "--mock", "--iterations", "1", "--eval-size", "40", "--no-test", "--run-id", "a"];
    assert!(mmh(folder.path(), &args).status.success());
    let mut sent = Vec::new();
    for iterations in ITERATIONS {
        let name = format!("runs/of-{iterations}");
        let run = folder.path().join(&name);
        copy_folder(&folder.path().join("runs/a"), &run);
        repeat(&run, iterations);
        let next = (iterations + 1).to_string();
        let output = mmh(folder.path(), &["run", "--resume", &name, "--iterations", &next]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let cost: Value =
            serde_json::from_slice(&fs::read(run.join("cost.json")).expect("read")).expect("JSON");
        let last = cost["iterations"].as_array().and_then(|rows| rows.last()).expect("costs");
        assert_eq!(last["index"], json!(iterations + 1));
        sent.push(last["proposer_input_tokens"].as_f64().expect("a number"));
    }
    println!("tokens to the proposer after {ITERATIONS:?} iterations: {sent:?}");
    assert!(sent[1] <= MOST * sent[0] && sent[2] <= MOST * sent[0], "{sent:?}");
}
