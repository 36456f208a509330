//! Reads the folder of an evaluation, line by line: what the page always shows of it, and where its long texts stand.

use serde_json::Value;

use super::{
    brief::Brief,
    data::{Results, Turn},
    known::{Examples, Labels},
    sketch::{CallSketch, TraceSketch},
    turns::Conversation,
    usage::Most,
};
use crate::proposals::{Claimed, Trials};
use mmh_record::{
    RecordError,
    format::{CallRow, LearnRow, NoteRow, ReadRow, Score, TraceRow, TranscriptRow},
    layout,
    outcome::OutcomeKind,
    reader::RunReader,
    recorded::Recorded,
    stored::Stored,
};

/// All kinds of outcome. `Results` counts them in this order.
pub const OUTCOMES: [OutcomeKind; 18] = [
    OutcomeKind::Ok,
    OutcomeKind::HarnessError,
    OutcomeKind::Panic,
    OutcomeKind::Trap,
    OutcomeKind::Exit,
    OutcomeKind::StackOverflow,
    OutcomeKind::OutOfFuel,
    OutcomeKind::MemoryLimit,
    OutcomeKind::Timeout,
    OutcomeKind::CallLimit,
    OutcomeKind::PromptLimit,
    OutcomeKind::OutputLimit,
    OutcomeKind::RecordLimit,
    OutcomeKind::BadComponent,
    OutcomeKind::ModelError,
    OutcomeKind::BudgetSpent,
    OutcomeKind::BadGrade,
    OutcomeKind::ScorerError,
];

/// Files of an evaluation's folder that the page is made of.
pub const FILES: [&str; 15] = [
    layout::SOURCE,
    layout::PYTHON_SOURCE,
    layout::COMPONENT,
    layout::REASONING,
    layout::PROVENANCE,
    layout::TEST_RESULT,
    layout::TRACES,
    layout::CALLS,
    layout::BATCHES,
    layout::TRANSCRIPT,
    layout::READS,
    layout::NOTES,
    layout::AGENT_LOG,
    layout::STATE,
    layout::PREDICTIONS,
];

/// Size and time of a file, where there is one.
pub type Stamp = Option<(u64, Option<std::time::SystemTime>)>;

/// Sizes and times of an evaluation's files. Equal ones mean that nothing was written meanwhile.
pub fn stamp(reader: &RunReader, folder: &str) -> Vec<Stamp> {
    let of = |file: &&str| reader.stamp(&layout::file(folder, file));
    FILES.iter().chain(&[layout::SCORE]).map(of).collect()
}

/// What the page always shows of an evaluation.
pub struct Part {
    /// Size and time of every file.
    pub stamp: Vec<Stamp>,
    /// What came of the examples. Numbers of examples and labels are those of [`Examples`] and [`Labels`].
    pub results: Results,
    pub turns: Vec<Turn>,
    pub reads: Vec<ReadRow>,
    pub trials: Trials,
    pub notes: Vec<String>,
    /// What the agent that proposed says that it spent.
    pub claimed: Option<Claimed>,
    pub source: Option<String>,
    /// The last source that was submitted and not accepted.
    pub refused: Option<String>,
    /// Whether the proposer's part has ended.
    pub ended: bool,
    pub learning: bool,
    pub reasoning: String,
    pub component_bytes: Option<u64>,
    pub provenance: Option<Value>,
    pub test_result: Option<Value>,
    pub score: Option<Score>,
    pub most: Most,
    /// What is there and cannot be read.
    pub problems: Vec<String>,
}

impl Part {
    /// Reads `iterations/NNN` or `test/NNN`.
    pub fn read(
        reader: &RunReader,
        folder: &str,
        examples: &mut Examples,
        labels: &mut Labels,
    ) -> (Self, Places) {
        let stamp = stamp(reader, folder);
        let mut from = Folder { reader, folder, problems: Vec::new() };
        let (mut results, mut most, mut learning) = (Results::default(), Most::default(), false);
        let mut conversation = Conversation::default();
        let places = from.places(&mut |line| match line {
            Line::Trace(row) => {
                most.trace(row);
                let example = examples.number(row, labels);
                let predicted = row.predicted_label.as_ref().map(|label| labels.number(label));
                results.push(row, example, predicted);
            }
            Line::Call(call) => most.call(call),
        });
        results.drop_plain_scores();
        from.each(layout::BATCHES, |row: LearnRow| {
            learning = true;
            most.learn(&row);
        });
        from.each(layout::TRANSCRIPT, |row: TranscriptRow| conversation.push(&row, &mut most));
        let part = Self {
            stamp,
            results,
            turns: conversation.turns,
            refused: conversation.submitted,
            ended: conversation.ended,
            learning,
            trials: conversation.counter.trials,
            notes: from
                .read(layout::NOTES, RunReader::lines)
                .unwrap_or_default()
                .into_iter()
                .map(text_of)
                .collect(),
            claimed: from.read(layout::AGENT_LOG, RunReader::text).and_then(|log| Claimed::in_log(&log)),
            reads: from.read(layout::READS, RunReader::lines).unwrap_or_default(),
            source: from.read(reader.source_name(), RunReader::text),
            reasoning: from.read(layout::REASONING, RunReader::text).unwrap_or_default(),
            component_bytes: reader.size(&layout::file(folder, layout::COMPONENT)),
            provenance: from.read(layout::PROVENANCE, RunReader::json).map(|Brief(value)| value),
            test_result: from.read(layout::TEST_RESULT, RunReader::json).map(|Brief(value)| value),
            score: from.read(layout::SCORE, RunReader::json),
            most,
            problems: from.problems,
        };
        (part, places)
    }
}

fn text_of(note: NoteRow) -> String {
    note.text
}

impl Results {
    fn push(&mut self, row: &mut TraceSketch, example: u32, predicted: Option<u32>) {
        let outcome = OUTCOMES.iter().position(|kind| *kind == row.error_kind);
        self.example.push(example);
        self.predicted.push(predicted.map_or(-1, i64::from));
        let grade = row.grade();
        self.correct.push(grade.correct.into());
        self.score.push(grade.score);
        self.outcome.push(outcome.unwrap_or_default() as u8);
        self.fuel.push(row.fuel);
        self.memory.push(row.peak_memory_bytes);
        self.calls.push(row.model_calls);
        self.cached.push(row.cached_calls);
        self.prompt_bytes.push(row.prompt_bytes);
        self.input_tokens.push(row.input_tokens);
        self.output_tokens.push(row.output_tokens);
        self.latency_ms.push(row.latency_ms);
    }

    /// Keeps no scores that say the same as right and wrong.
    fn drop_plain_scores(&mut self) {
        if self.score.iter().zip(&self.correct).all(|(score, correct)| *score == f64::from(*correct)) {
            self.score = Vec::new();
        }
    }
}

/// Where the traces and the calls of an evaluation stand in their files.
#[derive(Default)]
pub struct Places {
    /// The examples in the order of their traces.
    pub order: Vec<String>,
    pub traces: Stored<TraceRow>,
    pub calls: Stored<CallRow>,
    pub scorer_calls: Stored<CallRow>,
}

impl Places {
    /// Those of `iterations/NNN` or `test/NNN`.
    pub fn find(reader: &RunReader, folder: &str) -> Self {
        Folder { reader, folder, problems: Vec::new() }.places(&mut |_| {})
    }
}

/// A line that was read on the way to its place.
enum Line<'a> {
    Trace(&'a mut TraceSketch),
    Call(&'a CallSketch),
}

/// Reads files of one folder and notes what cannot be read.
struct Folder<'a> {
    reader: &'a RunReader,
    folder: &'a str,
    problems: Vec<String>,
}

impl Folder<'_> {
    /// Reads a file, if it is there.
    fn read<T>(
        &mut self,
        file: &str,
        read: impl FnOnce(&RunReader, &str) -> Result<T, RecordError>,
    ) -> Option<T> {
        let path = layout::file(self.folder, file);
        if !self.reader.has(&path) {
            return None;
        }
        read(self.reader, &path).map_err(|problem| self.problems.push(problem.to_string())).ok()
    }

    /// The rows of a file, one at a time, up to one that is damaged.
    fn each<T: Recorded>(&mut self, file: &str, mut each: impl FnMut(T)) {
        self.read(file, |reader, path| {
            reader.rows(path)?.try_for_each(|row| {
                each(row?);
                Ok(())
            })
        });
    }

    fn places(&mut self, each: &mut dyn FnMut(Line<'_>)) -> Places {
        let mut order = Vec::new();
        let traces = self.read(layout::TRACES, |reader, path| {
            Stored::index_by(reader.dir(), path, path, |mut row: TraceSketch| {
                each(Line::Trace(&mut row));
                order.push(row.example_id.clone());
                row.example_id
            })
        });
        let calls = self.read(layout::CALLS, |reader, path| {
            Stored::index_by(reader.dir(), path, path, |call: CallSketch| {
                each(Line::Call(&call));
                call.example_id
            })
        });
        let scorer_calls =
            self.read(layout::SCORER_CALLS, |reader, path| Stored::index(reader.dir(), path, |_| {}));
        Places {
            order,
            traces: traces.unwrap_or_default(),
            calls: calls.unwrap_or_default(),
            scorer_calls: scorer_calls.unwrap_or_default(),
        }
    }
}
