//! How the work of the proposer's tools grows: each figure at three sizes, with the exponent of its growth. `cargo bench -p
//! mmh --bench growth`.
//!
//! An exponent is the slope of the figure against the size, both by their logarithms: 1 is linear, 0 does not grow. The run is
//! made up of rows of `runs/example`, so that no search has to be made.

#![allow(clippy::expect_used, reason = "it stops at what cannot be measured")]

mod shared;

use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use mmh_record::{
    clock::Clock,
    format::{CallRow, IterationSummary, Summary, TraceRow},
    layout,
    reader::RunReader,
    writer::RunWriter,
};
use mmh_search::{
    dataset::Example,
    propose::history::{Answer, History, Order, Page, RunIndex},
};

use shared::{Figure, LINEAR};

/// Examples of an evaluation and of train.
const EXAMPLES: [usize; 3] = [1_000, 10_000, 50_000];

/// Iterations of a run.
const ITERATIONS: [usize; 3] = [100, 1_000, 10_000];

/// The largest exponent of what gives one page.
const CONSTANT: f64 = 0.15;

/// Most milliseconds of a page, at any size.
const MAX_PAGE_MS: f64 = 10.0;

/// The page of a default call.
const PAGE: Page = Page { offset: 0, limit: 20, max_bytes: 64 << 10 };

/// A page: it takes as long at any size.
fn page(what: &'static str, sizes: [usize; 3], measured: [f64; 3]) -> Figure {
    Figure { what, unit: "ms", sizes, measured, most: MAX_PAGE_MS, exponent: CONSTANT }
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = Template::read();
    let mut figures = Vec::new();
    figures.extend(traces(folder.path(), &template));
    figures.extend(boards(folder.path(), &template));
    figures.push(train(folder.path(), &template));
    shared::print(&figures);
}

/// Rows of the recorded example run, which all others are made of.
struct Template {
    summary: Summary,
    traces: Vec<TraceRow>,
    calls: Vec<CallRow>,
}

impl Template {
    fn read() -> Self {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runs/example");
        let reader = RunReader::open(&run).expect("it is there");
        let rows = |file| RunReader::iteration_file(1, file);
        Self {
            summary: reader.summary().expect("a summary"),
            traces: reader.lines(&rows(layout::TRACES)).expect("traces"),
            calls: reader.lines(&rows(layout::CALLS)).expect("calls"),
        }
    }

    /// A run with one evaluated iteration of so many examples.
    fn evaluated(&self, folder: PathBuf, examples: usize) -> (PathBuf, Summary) {
        let iteration = folder.join(layout::iteration(0));
        fs::create_dir_all(&iteration).expect("a folder");
        fs::write(folder.join(layout::CONFIG), "{}").expect("a file");
        let lines = |file: &str| BufWriter::new(fs::File::create(iteration.join(file)).expect("a file"));
        let (mut traces, mut calls) = (lines(layout::TRACES), lines(layout::CALLS));
        let of_examples: Vec<&CallRow> = self
            .calls
            .iter()
            .filter(|row| self.traces.iter().any(|it| it.example_id == row.example_id))
            .collect();
        for at in 0..examples {
            let trace = &self.traces[at % self.traces.len()];
            let id = format!("val-{at:06}");
            let row = TraceRow { example_id: id.clone(), correct: at % 3 == 0, ..trace.clone() };
            writeln!(traces, "{}", serde_json::to_string(&row).expect("JSON")).expect("written");
            for call in of_examples.iter().filter(|call| call.example_id == trace.example_id) {
                let row = CallRow { example_id: id.clone(), ..(*call).clone() };
                writeln!(calls, "{}", serde_json::to_string(&row).expect("JSON")).expect("written");
            }
        }
        (folder, Summary::new(self.summary.config.clone()))
    }

    /// A summary of so many iterations.
    fn summary(&self, iterations: usize) -> Summary {
        let templates = &self.summary.iterations;
        let iterations = (0..iterations).map(|index| {
            let mut row: IterationSummary = templates[index % templates.len()].clone();
            row.index = index as u32;
            row.score.accuracy = (index * 7 % 100) as f64 / 100.0;
            row
        });
        Summary { iterations: iterations.collect(), ..self.summary.clone() }
    }
}

/// What a proposer reads of a run in this folder.
fn history(run: &Path, index: Arc<RunIndex>, notes: &RunWriter) -> History {
    let reader = RunReader::open_folder(run).expect("it opens");
    let notes = notes.iteration(9).expect("a folder");
    History::resume(reader, index, &notes, 0, Clock::System).expect("nothing is read yet")
}

/// Milliseconds of a call: the median of several.
fn took(mut call: impl FnMut() -> Answer) -> f64 {
    let mut took: Vec<f64> = (0..15)
        .map(|_| {
            let begun = Instant::now();
            call().expect("a page");
            1e3 * begun.elapsed().as_secs_f64()
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}

/// `read_eval_trace`: the first call, which makes the index, then a page at the beginning, at the end, and of failures.
fn traces(folder: &Path, template: &Template) -> Vec<Figure> {
    let (mut first, mut begin, mut end, mut failures) = ([0.0; 3], [0.0; 3], [0.0; 3], [0.0; 3]);
    for (at, examples) in EXAMPLES.into_iter().enumerate() {
        let (run, summary) = template.evaluated(folder.join(format!("traces-{examples}")), examples);
        let notes = RunWriter::resume(&run).expect("it is a run");
        let index = Arc::new(RunIndex::new(&summary, &[], &[]));
        let mut history = history(&run, index, &notes);
        let begun = Instant::now();
        history.trace(0, false, PAGE).expect("it is read").expect("a page");
        first[at] = 1e3 * begun.elapsed().as_secs_f64();
        begin[at] = took(|| history.trace(0, false, PAGE).expect("it is read"));
        let last = Page { offset: examples - 20, ..PAGE };
        end[at] = took(|| history.trace(0, false, last).expect("it is read"));
        failures[at] = took(|| history.trace(0, true, PAGE).expect("it is read"));
    }
    let once = Figure {
        what: "read_eval_trace, the first page of a file",
        unit: "ms",
        sizes: EXAMPLES,
        measured: first,
        most: f64::INFINITY,
        exponent: LINEAR,
    };
    vec![
        once,
        page("read_eval_trace, a page", EXAMPLES, begin),
        page("read_eval_trace, the last page", EXAMPLES, end),
        page("read_eval_trace, failures only", EXAMPLES, failures),
    ]
}

/// `scoreboard` and `list_iterations`: time and bytes.
fn boards(folder: &Path, template: &Template) -> Vec<Figure> {
    let (mut made, mut best, mut newest, mut far) = ([0.0; 3], [0.0; 3], [0.0; 3], [0.0; 3]);
    let mut bytes = [0.0; 3];
    for (at, iterations) in ITERATIONS.into_iter().enumerate() {
        let run = folder.join(format!("board-{iterations}"));
        fs::create_dir_all(&run).expect("a folder");
        fs::write(run.join(layout::CONFIG), "{}").expect("a file");
        let notes = RunWriter::resume(&run).expect("it is a run");
        let summary = template.summary(iterations);
        made[at] = took(|| {
            RunIndex::new(&summary, &[], &[]);
            Ok(String::new())
        });
        let index = Arc::new(RunIndex::new(&summary, &[], &[]));
        let mut history = history(&run, index, &notes);
        best[at] = took(|| history.scoreboard(Order::Best, PAGE).expect("it is read"));
        newest[at] = took(|| history.list(Order::Newest, PAGE).expect("it is read"));
        let last = Page { offset: iterations - 20, ..PAGE };
        far[at] = took(|| history.scoreboard(Order::Best, last).expect("it is read"));
        let pages = [history.scoreboard(Order::Best, PAGE), history.list(Order::Newest, PAGE)];
        bytes[at] = pages.map(|page| page.expect("it is read").expect("a page").len() as f64).iter().sum();
    }
    let once = Figure {
        what: "the board of a run that goes on",
        unit: "ms",
        sizes: ITERATIONS,
        measured: made,
        most: f64::INFINITY,
        exponent: LINEAR,
    };
    let size = Figure {
        what: "scoreboard and list_iterations, size",
        unit: "bytes",
        sizes: ITERATIONS,
        measured: bytes,
        most: (64 << 10) as f64,
        exponent: 0.05,
    };
    vec![
        once,
        page("scoreboard, a page", ITERATIONS, best),
        page("scoreboard, the last page", ITERATIONS, far),
        page("list_iterations, a page", ITERATIONS, newest),
        size,
    ]
}

/// `read_train` of one label, whose examples are spread over all.
fn train(folder: &Path, template: &Template) -> Figure {
    let mut measured = [0.0; 3];
    for (at, count) in EXAMPLES.into_iter().enumerate() {
        let run = folder.join(format!("train-{count}"));
        fs::create_dir_all(&run).expect("a folder");
        fs::write(run.join(layout::CONFIG), "{}").expect("a file");
        let notes = RunWriter::resume(&run).expect("it is a run");
        let example = |at: usize| {
            let input = template.traces[at % template.traces.len()].input.as_str();
            Example::new(format!("train-{at}"), input, format!("label {}", at % 50))
        };
        let examples: Vec<Example> = (0..count).map(example).collect();
        let summary = Summary::new(template.summary.config.clone());
        let index = Arc::new(RunIndex::new(&summary, &examples, &[]));
        let mut history = history(&run, index, &notes);
        let page = Page { offset: count / 100, limit: 10, ..PAGE };
        measured[at] = took(|| history.train(&examples, Some("label 7"), page).expect("it is read"));
    }
    page("read_train, a page of a label", EXAMPLES, measured)
}
