//! The list of every kind of file that a run folder can hold: its name, its places, its largest size, and how `verify`
//! proves it. A file that is not on this list does not belong to a run.

/// The largest file that is ever taken into memory as a whole.
pub const MAX_WHOLE_BYTES: u64 = GIB;

/// The longest line of a JSON Lines file.
pub const MAX_LINE_BYTES: u64 = 64 * MIB;

/// The largest reply that is recorded. A line holds a reply twice, and escaping makes its text several times as long.
pub const MAX_REPLY_BYTES: usize = (MAX_LINE_BYTES / 8) as usize;

/// The room for the sources and reasonings of all iterations in the summary. Each iteration has an equal share.
pub const MAX_TEXTS_BYTES: u64 = 96 * MIB;

/// The most rows of a file that can be indexed.
pub const MAX_ROWS: usize = 4_000_000;

/// The largest file whose rows are all taken into memory at once.
pub const MAX_ROWS_BYTES: u64 = 256 * MIB;

/// The largest file of a kind that is on no list, such as a component outside of a run.
const MAX_OTHER_BYTES: u64 = 256 * MIB;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What the run was asked to do. A folder with this file is a run.
pub const CONFIG: &str = "config.json";
/// What the search came to.
pub const SUMMARY: &str = "summary.json";
/// Which harnesses are worth the length of their prompts.
pub const FRONTIER: &str = "frontier.json";
/// Tokens and money.
pub const COST: &str = "cost.json";
/// Money that was reserved and spent. Simulated models have none.
pub const LEDGER: &str = "ledger.jsonl";
/// The digests of the files of a folder that is finished.
pub const MANIFEST: &str = "manifest.json";
/// The harness's source, where harnesses are written in Rust.
pub const SOURCE: &str = "harness.rs";
/// The same where they are written in Python.
pub const PYTHON_SOURCE: &str = "harness.py";
/// The compiled harness.
pub const COMPONENT: &str = "harness.wasm";
/// Why the proposer wrote the harness so.
pub const REASONING: &str = "reasoning.md";
/// What the proposer read of the run.
pub const READS: &str = "filesystem_reads.jsonl";
/// The proposer's conversation.
pub const TRANSCRIPT: &str = "proposer.jsonl";
/// What the command printed that proposes, when it was started last. There is no file where no command proposes.
pub const AGENT_LOG: &str = "agent.log";
/// Calls to the target in the proposer's trials.
pub const TRIALS: &str = "trial_calls.jsonl";
/// Notes of the proposer for later iterations. There is no file where it left none.
pub const NOTES: &str = "notes.jsonl";
/// How the component was made.
pub const PROVENANCE: &str = "provenance.json";
/// Held-back examples that the harness has. There is no file where it has none.
pub const LEAKS: &str = "leaks.json";
/// What happened in `learn`, batch by batch.
pub const BATCHES: &str = "learn_trace.jsonl";
/// What happened on each train example that was predicted while learning. There is no file where learning comes first.
pub const PREDICTIONS: &str = "online_trace.jsonl";
/// What the harness learned. There is no file where that is nothing.
pub const STATE: &str = "state.bin";
/// What happened on each example.
pub const TRACES: &str = "eval_trace.jsonl";
/// Calls to the target in `learn` and on the examples.
pub const CALLS: &str = "model_calls.jsonl";
/// What the harness scored.
pub const SCORE: &str = "score.json";
/// The source of the task's own scorer.
pub const SCORER_SOURCE: &str = "scorer.rs";
/// The compiled scorer.
pub const SCORER_COMPONENT: &str = "scorer.wasm";
/// The scorer's calls to the target.
pub const SCORER_CALLS: &str = "scorer_calls.jsonl";
/// Which component had which score on what.
pub const TEST_RESULT: &str = "test-result.json";

/// The folder that holds the folders of all iterations.
const ITERATIONS: &str = "iterations";
/// The folder that holds the folders of all held-out evaluations.
const TEST: &str = "test";

/// The folders of a run that hold its candidates' folders.
pub const PARENTS: [&str; 2] = [ITERATIONS, TEST];

/// Where a file may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the run's own folder.
    Run,
    /// In `iterations/NNN`.
    Iteration,
    /// In `test/NNN`.
    HeldOut,
}

impl Place {
    /// The kind of folder that this is, by its path in the run; the empty path is the run's own.
    pub fn of(folder: &str) -> Option<Self> {
        if folder.is_empty() { Some(Self::Run) } else { place(folder).map(|(place, _)| place) }
    }

    /// The folder that holds such folders; the empty path is the run's own.
    pub fn parent(self) -> &'static str {
        match self {
            Self::Run => "",
            Self::Iteration => ITERATIONS,
            Self::HeldOut => TEST,
        }
    }
}

/// The folder of a candidate's iteration, by the candidate's index: `iterations/003`.
pub fn iteration(index: u32) -> String {
    format!("{ITERATIONS}/{}", folder_name(index))
}

/// The folder of a candidate's held-out evaluation, by the candidate's index: `test/003`.
pub fn held_out(index: u32) -> String {
    format!("{TEST}/{}", folder_name(index))
}

/// A file's path in the run, by its folder's path; the empty path is the run's own folder.
pub fn file(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// What the folder at this path belongs to: an iteration or a held-out evaluation, and the candidate's index. None for
/// every other folder.
pub fn place(folder: &str) -> Option<(Place, u32)> {
    let (parent, name) = folder.rsplit_once('/')?;
    let index = index_of(name)?;
    match parent {
        ITERATIONS => Some((Place::Iteration, index)),
        TEST => Some((Place::HeldOut, index)),
        _ => None,
    }
}

/// The index that is the name of a candidate's folder. None for every other name.
pub fn index_of(name: &str) -> Option<u32> {
    name.parse().ok().filter(|index| folder_name(*index) == name)
}

/// The name of a candidate's folders: three digits, or more where there are more candidates.
pub fn folder_name(index: u32) -> String {
    format!("{index:03}")
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON value.
    Json,
    /// A JSON value a line. A last line without its end was cut off by a crash.
    JsonLines,
    /// UTF-8 text.
    Text,
    /// Anything.
    Bytes,
}

/// How a file is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// `verify` makes it again from the inputs of the run and compares. It may also hold claims, which nothing proves: they
    /// are listed in [`claimed`](Kind::claimed) and copied into what is made again.
    Derived,
    /// It is an input of the run. `verify` compares those of its values that other files repeat.
    Input,
}

/// A kind of file.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The name of the file.
    pub name: &'static str,
    /// The folders that it may lie in.
    pub places: &'static [Place],
    /// A larger file is not read.
    pub max_bytes: u64,
    /// What it holds.
    pub format: Format,
    /// How `verify` checks it.
    pub proof: Proof,
    /// The claims of the file, in words: values that only the file itself says and that nothing proves. Empty where there
    /// are none.
    pub claimed: &'static str,
}

const RUN: &[Place] = &[Place::Run];
const ITERATION: &[Place] = &[Place::Iteration];
const EVALUATED: &[Place] = &[Place::Iteration, Place::HeldOut];

const REPLIES: &str =
    "replies and errors of the model, whether a reply was kept from before, attempts, latencies";

/// Every kind.
pub const KINDS: [Kind; 27] = [
    input(
        CONFIG,
        RUN,
        32 * MIB,
        Format::Json,
        "what was asked for: models, servers, prices, limits, seed, budget; when it began",
    ),
    derived(SUMMARY, RUN, 128 * MIB, Format::Json, "times, why the run was stopped"),
    derived(FRONTIER, RUN, 32 * MIB, Format::Json, ""),
    derived(
        COST,
        RUN,
        16 * MIB,
        Format::Json,
        "the budget, and how much of what may be owed belongs to which iteration",
    ),
    input(LEDGER, RUN, 512 * MIB, Format::JsonLines, "what was reserved, and what each attempt came to"),
    derived(SCORER_SOURCE, RUN, 64 * MIB, Format::Text, ""),
    derived(SCORER_COMPONENT, RUN, GIB, Format::Bytes, ""),
    derived(MANIFEST, &[Place::Run, Place::Iteration, Place::HeldOut], 16 * MIB, Format::Json, ""),
    derived(SOURCE, ITERATION, 64 * MIB, Format::Text, "the baseline's source, which is an input"),
    derived(PYTHON_SOURCE, ITERATION, 64 * MIB, Format::Text, "the baseline's source, which is an input"),
    derived(REASONING, ITERATION, MIB, Format::Text, ""),
    derived(READS, ITERATION, 64 * MIB, Format::JsonLines, "times"),
    derived(
        TRANSCRIPT,
        ITERATION,
        256 * MIB,
        Format::JsonLines,
        "the proposer's replies, or its tool calls where it is no model, times, attempts, latencies",
    ),
    input(AGENT_LOG, ITERATION, 16 * MIB, Format::Text, "what the command printed"),
    derived(TRIALS, ITERATION, 8 * GIB, Format::JsonLines, REPLIES),
    derived(NOTES, ITERATION, MIB, Format::JsonLines, ""),
    derived(COMPONENT, ITERATION, GIB, Format::Bytes, "a baseline that is a component, which is an input"),
    derived(PROVENANCE, ITERATION, 16 * MIB, Format::Json, ""),
    derived(LEAKS, ITERATION, MIB, Format::Json, ""),
    derived(BATCHES, EVALUATED, 8 * GIB, Format::JsonLines, "batches that ended by the wall clock"),
    derived(
        PREDICTIONS,
        ITERATION,
        8 * GIB,
        Format::JsonLines,
        "latencies, and examples that ended by the wall clock, which are wrong",
    ),
    derived(STATE, ITERATION, GIB, Format::Bytes, ""),
    derived(
        TRACES,
        EVALUATED,
        8 * GIB,
        Format::JsonLines,
        "latencies, and examples and gradings that ended by the wall clock, which are wrong",
    ),
    derived(CALLS, EVALUATED, 8 * GIB, Format::JsonLines, REPLIES),
    derived(SCORER_CALLS, EVALUATED, 8 * GIB, Format::JsonLines, REPLIES),
    derived(SCORE, EVALUATED, MIB, Format::Json, ""),
    derived(TEST_RESULT, EVALUATED, 48 * MIB, Format::Json, ""),
];

const fn derived(
    name: &'static str,
    places: &'static [Place],
    max_bytes: u64,
    format: Format,
    claimed: &'static str,
) -> Kind {
    Kind { name, places, max_bytes, format, proof: Proof::Derived, claimed }
}

const fn input(
    name: &'static str,
    places: &'static [Place],
    max_bytes: u64,
    format: Format,
    claimed: &'static str,
) -> Kind {
    Kind { name, places, max_bytes, format, proof: Proof::Input, claimed }
}

/// The kind of a file, by its name and its folder in the run. None if such a file does not belong there.
pub fn kind(folder: &str, name: &str) -> Option<&'static Kind> {
    let place = Place::of(folder)?;
    KINDS.iter().find(|kind| kind.name == name && kind.places.contains(&place))
}

/// The largest file at this path that is read, in pieces or as a whole.
pub fn max_bytes(path: &str) -> u64 {
    let name = path.rsplit('/').next().unwrap_or(path);
    KINDS.iter().find(|kind| kind.name == name).map_or(MAX_OTHER_BYTES, |kind| kind.max_bytes)
}

/// The name that a file has while it is being written.
pub fn partial(name: &str) -> String {
    format!(".{name}.partial")
}

/// Whether a name is that of a file which a crash has left half-written.
pub fn is_partial(name: &str) -> bool {
    let whole = name.strip_prefix('.').and_then(|name| name.strip_suffix(".partial"));
    whole.is_some_and(|whole| KINDS.iter().any(|kind| kind.name == whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_have_their_places() {
        // folder, file, whether it belongs there
        let table = [
            ("", "config.json", true),
            ("", "harness.rs", false),
            ("", "report.html", false),
            ("iterations/000", "config.json", false),
            ("iterations/000", "harness.rs", true),
            ("iterations/1000", "harness.rs", true),
            ("iterations/000", "harness.py", true),
            ("test/000", "harness.py", false),
            ("iterations/0001", "harness.rs", false),
            ("iterations/01", "harness.rs", false),
            ("iterations/+01", "harness.rs", false),
            ("iterations/x", "harness.rs", false),
            ("iterations", "harness.rs", false),
            ("", "scorer.wasm", true),
            ("iterations/000", "scorer.rs", false),
            ("test/002", "scorer_calls.jsonl", true),
            ("test/002", "score.json", true),
            ("test/002", "harness.wasm", false),
            ("other/000", "score.json", false),
            ("iterations/000/more", "score.json", false),
        ];
        for (folder, name, belongs) in table {
            assert_eq!(kind(folder, name).is_some(), belongs, "{folder}/{name}");
        }
    }

    #[test]
    fn half_written_files_are_known_by_their_names() {
        let table = [
            (".score.json.partial", true),
            (".other.partial", false),
            ("score.json", false),
            ("x.partial", false),
        ];
        for (name, expected) in table {
            assert_eq!(is_partial(name), expected, "{name}");
        }
        assert!(KINDS.iter().all(|kind| is_partial(&partial(kind.name))));
    }

    #[test]
    fn what_is_taken_into_memory_fits() {
        for kind in KINDS.iter().filter(|kind| kind.format != Format::JsonLines) {
            assert!(kind.max_bytes <= MAX_WHOLE_BYTES, "{}", kind.name);
        }
        const { assert!(MAX_LINE_BYTES < MAX_WHOLE_BYTES) };
    }
}
