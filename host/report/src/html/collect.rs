//! From a run folder to what the page shows. A run that is under way, was cut off or is damaged gives what is
//! there, and says what is not: only a folder without a readable `config.json` is an error.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    data::{ExampleText, HeldOut, Iteration, PageObjective, Read, Results, Run, Tool, Turn},
    details::thinking,
    diff::{self, Change},
    usage::{self, Most},
};
use crate::lineage;
use mmh_record::{
    RecordError,
    chat::Block,
    digest::Digest,
    format::{
        CallRow, CostFile, IterationSummary, LearnRow, ReadRow, Score, Summary, TraceRow, TranscriptRow,
        Unscored,
    },
    layout::{self, Place},
    objective::Objective,
    outcome::OutcomeKind,
    reader::RunReader,
    text,
};

/// All kinds of outcome. `Results` counts them in this order.
const OUTCOMES: [OutcomeKind; 17] = [
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
];

/// Files of an evaluation's folder that the page is made of.
const FILES: [&str; 10] = [
    layout::SOURCE,
    layout::COMPONENT,
    layout::REASONING,
    layout::PROVENANCE,
    layout::TEST_RESULT,
    layout::TRACES,
    layout::CALLS,
    layout::BATCHES,
    layout::TRANSCRIPT,
    layout::READS,
];

/// Longest brief text: what a tool said, what a turn thought.
const BRIEF_CHARS: usize = 280;

/// Everything that an evaluation's folder holds.
#[derive(Default)]
pub struct Folder {
    pub rows: Vec<TraceRow>,
    pub calls: Vec<CallRow>,
    pub learn: Vec<LearnRow>,
    pub transcript: Vec<TranscriptRow>,
    pub reads: Vec<ReadRow>,
    pub source: Option<String>,
    pub reasoning: String,
    pub component_bytes: Option<u64>,
    pub provenance: Option<Value>,
    pub test_result: Option<Value>,
    pub score: Option<Score>,
    /// What is there and cannot be read.
    pub problems: Vec<String>,
}

impl Folder {
    /// Reads `iterations/NNN` or `test/NNN`.
    pub fn read(reader: &RunReader, folder: &str) -> Self {
        let mut problems = Vec::new();
        let mut from = From { reader, folder, problems: &mut problems };
        Self {
            rows: from.lines(layout::TRACES),
            calls: from.lines(layout::CALLS),
            learn: from.lines(layout::BATCHES),
            transcript: from.lines(layout::TRANSCRIPT),
            reads: from.lines(layout::READS),
            source: from.text(layout::SOURCE),
            reasoning: from.text(layout::REASONING).unwrap_or_default(),
            component_bytes: reader.size(&layout::file(folder, layout::COMPONENT)),
            provenance: from.json(layout::PROVENANCE),
            test_result: from.json(layout::TEST_RESULT),
            score: from.json(layout::SCORE),
            problems,
        }
    }
}

/// Reads files of one folder and notes what cannot be read.
struct From<'a> {
    reader: &'a RunReader,
    folder: &'a str,
    problems: &'a mut Vec<String>,
}

impl From<'_> {
    fn read<T>(
        &mut self,
        file: &str,
        read: impl Fn(&RunReader, &str) -> Result<T, RecordError>,
    ) -> Option<T> {
        let path = format!("{}/{file}", self.folder);
        if !self.reader.has(&path) {
            return None;
        }
        read(self.reader, &path).map_err(|problem| self.problems.push(problem.to_string())).ok()
    }

    fn lines<T: DeserializeOwned>(&mut self, file: &str) -> Vec<T> {
        self.read(file, RunReader::lines).unwrap_or_default()
    }

    fn json<T: DeserializeOwned>(&mut self, file: &str) -> Option<T> {
        self.read(file, RunReader::json)
    }

    fn text(&mut self, file: &str) -> Option<String> {
        self.read(file, RunReader::text)
    }
}

/// What is kept of a folder between two looks at it: everything but the long texts.
struct Part {
    /// Name, size and time of every file.
    stamp: Vec<Stamp>,
    rows: Vec<TraceRow>,
    turns: Vec<Turn>,
    reads: Vec<ReadRow>,
    source: Option<String>,
    /// The last source that was submitted and not accepted.
    refused: Option<String>,
    /// How the proposer's part ended, if it has.
    ended: bool,
    learning: bool,
    reasoning: String,
    component_bytes: Option<u64>,
    provenance: Option<Value>,
    test_result: Option<Value>,
    score: Option<Score>,
    most: Most,
    problems: Vec<String>,
}

/// Size and time of a file, where there is one.
pub type Stamp = Option<(u64, Option<std::time::SystemTime>)>;

/// Reads runs. Kept between two looks at the same run, it reads again only what has changed.
#[derive(Default)]
pub struct Collector {
    parts: HashMap<String, Arc<Part>>,
    changes: HashMap<(Digest, Digest), Vec<Change>>,
}

impl Collector {
    /// The run as it stands now.
    pub fn run(&mut self, reader: &RunReader) -> Result<Run, RecordError> {
        self.run_with(reader, &mut |_| {})
    }

    /// The same; what is read of each evaluation is shown once, in the order of `Run::evaluations`.
    pub fn run_with(
        &mut self,
        reader: &RunReader,
        seen: &mut dyn FnMut(&Folder),
    ) -> Result<Run, RecordError> {
        let config = reader.config()?;
        let mut problems = Vec::new();
        let summary = top::<Summary>(reader, layout::SUMMARY, &mut problems);
        let costs = top::<CostFile>(reader, layout::COST, &mut problems);
        let indices = indices(reader, summary.as_ref());
        let tests = indices_in(reader, Place::HeldOut);
        let parts: BTreeMap<u32, Arc<Part>> = indices
            .iter()
            .map(|&index| (index, self.part(reader, &layout::iteration(index), seen)))
            .collect();
        let test_parts: BTreeMap<u32, Arc<Part>> =
            tests.iter().map(|&index| (index, self.part(reader, &layout::held_out(index), seen))).collect();
        for part in parts.values().chain(test_parts.values()) {
            problems.extend(part.problems.iter().cloned());
        }

        let mut labels = Labels::new(&config.task.labels);
        let (val, val_results) = examples(parts.values(), &mut labels);
        let (test, test_results) = examples(test_parts.values(), &mut labels);
        let mut iterations: Vec<Iteration> = Vec::new();
        for ((&index, part), results) in parts.iter().zip(val_results) {
            missing(index, part, summary.as_ref(), &mut problems);
            let iteration = self.iteration(index, part, results, summary.as_ref(), &iterations);
            iterations.push(iteration);
        }
        let held_out = test_parts.iter().zip(test_results).map(|((&index, part), results)| {
            let known = summary.iter().flat_map(|summary| &summary.test).find(|test| test.index == index);
            let score = known.map(|test| test.score.clone()).or_else(|| part.score.clone());
            HeldOut { index, score, results }
        });
        let untested = summary.iter().flat_map(|summary| &summary.untested);
        problems.extend(untested.map(|it| format!("no held-out score of {:03}: {}", it.index, it.reason)));
        let mut run = Run {
            objective: PageObjective::of(Objective::of(&config)),
            total_cost: summary.as_ref().map(|summary| summary.total_cost).unwrap_or_default(),
            costs,
            best: summary.as_ref().and_then(|summary| summary.best_iteration_index),
            finished_at: summary.as_ref().and_then(|summary| summary.finished_at),
            stopped: summary.as_ref().and_then(|summary| summary.stopped.clone()),
            labels: labels.names,
            outcomes: OUTCOMES.iter().map(|kind| kind.name()).collect(),
            val,
            test,
            held_out: held_out.collect(),
            iterations,
            limits: Vec::new(),
            problems,
            config,
        };
        let most = parts.values().chain(test_parts.values()).map(|part| part.most.clone());
        run.limits = usage::against(&run.config.limits, &run, most);
        Ok(run)
    }

    fn part(&mut self, reader: &RunReader, folder: &str, seen: &mut dyn FnMut(&Folder)) -> Arc<Part> {
        let stamp = stamp(reader, folder);
        if let Some(part) = self.parts.get(folder).filter(|part| part.stamp == stamp) {
            return part.clone();
        }
        let read = Folder::read(reader, folder);
        seen(&read);
        let part = Arc::new(Part::of(read, stamp));
        self.parts.insert(folder.to_owned(), part.clone());
        part
    }

    fn iteration(
        &mut self,
        index: u32,
        part: &Part,
        results: Results,
        summary: Option<&Summary>,
        earlier: &[Iteration],
    ) -> Iteration {
        let scored = summary.and_then(|it| it.iterations.iter().find(|it| it.index == index));
        let unscored = summary.and_then(|it| it.unscored.iter().find(|it| it.index == index));
        let (source, source_note) = source(part, scored, unscored);
        let parent = scored.and_then(|it| it.parent).or_else(|| {
            lineage::parent(&source, earlier.iter().map(|it| (it.index, it.source.as_str())))
                .filter(|_| scored.is_none() && !source.is_empty())
        });
        let old = parent.and_then(|parent| earlier.iter().find(|it| it.index == parent));
        let changes = old.map(|old| self.changes(&old.source, &source)).unwrap_or_default();
        let (status, reason) = status(part, scored, unscored);
        Iteration {
            index,
            status,
            reason,
            leaks: scored.map_or(0, |it| it.leaks.len()),
            parent,
            reasoning: scored.map_or_else(|| part.reasoning.clone(), |it| it.reasoning.clone()),
            changes,
            source_note,
            score: scored.map(|it| it.score.clone()),
            cost: scored.map(|it| it.cost).or_else(|| unscored.map(|it| it.cost)),
            started_at: scored.map(|it| it.started_at).or_else(|| unscored.map(|it| it.started_at)),
            finished_at: scored.map(|it| it.finished_at).or_else(|| unscored.map(|it| it.finished_at)),
            source_digest: (!source.is_empty()).then(|| Digest::of(&source).to_string()),
            source,
            component_digest: scored.map(|it| it.component_digest.to_string()),
            component_bytes: part.component_bytes,
            turns: part.turns.clone(),
            reads: part.reads.iter().map(read).collect(),
            results,
            provenance: part.provenance.clone(),
            test_result: part.test_result.clone(),
        }
    }

    fn changes(&mut self, old: &str, new: &str) -> Vec<Change> {
        let key = (Digest::of(old), Digest::of(new));
        self.changes.entry(key).or_insert_with(|| diff::changes(old, new)).clone()
    }
}

impl Part {
    fn of(read: Folder, stamp: Vec<Stamp>) -> Self {
        Self {
            stamp,
            turns: turns(&read.transcript),
            refused: refused(&read.transcript),
            ended: read.transcript.iter().any(|row| matches!(row, TranscriptRow::End { .. })),
            learning: !read.learn.is_empty(),
            most: Most::of(&read),
            rows: read.rows,
            reads: read.reads,
            source: read.source,
            reasoning: read.reasoning,
            component_bytes: read.component_bytes,
            provenance: read.provenance,
            test_result: read.test_result,
            score: read.score,
            problems: read.problems,
        }
    }
}

/// Sizes and times of an evaluation's files. Equal ones mean that nothing was written meanwhile.
pub fn stamp(reader: &RunReader, folder: &str) -> Vec<Stamp> {
    let of = |file: &&str| stamp_of(reader, &format!("{folder}/{file}"));
    FILES.iter().chain(&[layout::SCORE]).map(of).collect()
}

/// The same of one file.
pub fn stamp_of(reader: &RunReader, file: &str) -> Stamp {
    reader.stamp(file)
}

/// The candidates that have a folder in such a place.
pub fn indices_in(reader: &RunReader, place: Place) -> BTreeSet<u32> {
    let entries = reader.folder(place.parent()).and_then(|dir| dir.entries().ok());
    let Some(entries) = entries else { return BTreeSet::new() };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    names.filter_map(|name| layout::index_of(&name)).collect()
}

/// All iterations that the folder or the summary knows.
fn indices(reader: &RunReader, summary: Option<&Summary>) -> BTreeSet<u32> {
    let mut found = indices_in(reader, Place::Iteration);
    if let Some(summary) = summary {
        found.extend(summary.iterations.iter().map(|it| it.index));
        found.extend(summary.unscored.iter().map(|it| it.index));
    }
    found
}

/// A file of the run itself.
fn top<T: DeserializeOwned>(reader: &RunReader, file: &str, problems: &mut Vec<String>) -> Option<T> {
    match reader.json(file) {
        Ok(value) => Some(value),
        Err(problem) => {
            problems.push(problem.to_string());
            None
        }
    }
}

/// Notes which files of a scored iteration are not there.
fn missing(index: u32, part: &Part, summary: Option<&Summary>, problems: &mut Vec<String>) {
    if summary.is_some_and(|summary| summary.iterations.iter().any(|it| it.index == index)) {
        for (file, stamp) in FILES.iter().zip(&part.stamp) {
            let needed = match *file {
                layout::TRANSCRIPT | layout::READS => index > 0,
                layout::BATCHES | layout::CALLS => false,
                _ => true,
            };
            if needed && stamp.is_none() {
                problems.push(format!("{} is missing", RunReader::iteration_file(index, file)));
            }
        }
    }
}

fn source(
    part: &Part,
    scored: Option<&IterationSummary>,
    unscored: Option<&Unscored>,
) -> (String, Option<&'static str>) {
    match (scored, &part.source, &part.refused) {
        (Some(scored), _, _) => (scored.harness_code.clone(), None),
        (None, Some(source), _) if unscored.is_some() => (source.clone(), Some("never scored")),
        (None, Some(source), _) => (source.clone(), Some("not scored yet")),
        (None, None, Some(refused)) => (refused.clone(), Some("the last submission, which was refused")),
        (None, None, None) => (String::new(), None),
    }
}

fn status(
    part: &Part,
    scored: Option<&IterationSummary>,
    unscored: Option<&Unscored>,
) -> (String, Option<String>) {
    match (scored, unscored) {
        (Some(_), _) => ("scored".into(), None),
        (None, Some(unscored)) => (unscored.status.clone(), Some(unscored.reason.clone())),
        (None, None) => {
            let stage = match part {
                Part { rows, .. } if !rows.is_empty() => {
                    format!("evaluating: {} examples so far", rows.len())
                }
                Part { source: Some(_), learning: true, .. } => "learning".to_owned(),
                Part { source: Some(_), .. } => "compiled, about to be evaluated".to_owned(),
                Part { ended: true, .. } => "the proposer has ended".to_owned(),
                Part { turns, .. } if !turns.is_empty() => format!("proposing: turn {}", turns.len()),
                _ => "begun".to_owned(),
            };
            ("under way".into(), Some(stage))
        }
    }
}

/// The labels by number: those of the task, then whatever else was said.
struct Labels {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Labels {
    fn new(names: &[String]) -> Self {
        let numbers = names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect();
        Self { names: names.to_vec(), numbers }
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let name = text::capped(name, 1024);
        self.names.push(name.clone());
        self.numbers.insert(name, self.names.len() - 1);
        self.names.len() - 1
    }
}

/// The examples of some evaluations, each once, and what came of them, evaluation by evaluation.
fn examples<'a>(
    parts: impl Iterator<Item = &'a Arc<Part>>,
    labels: &mut Labels,
) -> (Vec<ExampleText>, Vec<Results>) {
    let mut examples: Vec<ExampleText> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut all = Vec::new();
    for part in parts {
        let mut results = Results::default();
        for row in &part.rows {
            let example = *known.entry(&row.example_id).or_insert_with(|| {
                let input = text::middle_cut(&row.input, 64 << 10);
                examples.push(ExampleText {
                    id: row.example_id.clone(),
                    input,
                    gold: labels.number(&row.gold_label),
                });
                examples.len() - 1
            });
            let predicted = row.predicted_label.as_ref().map_or(-1, |label| labels.number(label) as i64);
            results.push(row, example, predicted);
        }
        all.push(results);
    }
    (examples, all)
}

impl Results {
    fn push(&mut self, row: &TraceRow, example: usize, predicted: i64) {
        self.example.push(example);
        self.predicted.push(predicted);
        self.correct.push(row.grade().correct.into());
        self.outcome.push(OUTCOMES.iter().position(|kind| *kind == row.error_kind).unwrap_or_default());
        self.fuel.push(row.fuel);
        self.memory.push(row.peak_memory_bytes);
        self.calls.push(row.model_calls);
        self.cached.push(row.cached_calls);
        self.prompt_bytes.push(row.prompt_bytes);
        self.input_tokens.push(row.input_tokens);
        self.output_tokens.push(row.output_tokens);
        self.latency_ms.push(row.latency_ms);
    }
}

fn read(row: &ReadRow) -> Read {
    Read { path: row.path.clone(), bytes: row.bytes_read, step: row.step, at: row.at }
}

/// The proposer's turns, in brief.
fn turns(transcript: &[TranscriptRow]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut trimmed = 0;
    for row in transcript {
        match row {
            TranscriptRow::Trimmed { tool_use_ids, .. } => trimmed += tool_use_ids.len(),
            TranscriptRow::Reply { step, at, reply, cost_usd, latency_ms, .. } => turns.push(Turn {
                step: *step,
                at: *at,
                text: brief(&reply.text()),
                thinking: brief(&thinking(&reply.content)),
                tools: reply.content.iter().filter_map(tool).collect(),
                trimmed: std::mem::take(&mut trimmed),
                input_tokens: reply.usage.total_input_tokens(),
                output_tokens: reply.usage.output_tokens,
                cost_usd: *cost_usd,
                latency_ms: *latency_ms,
            }),
            TranscriptRow::Answer { content, .. } => {
                if let Some(turn) = turns.last_mut() {
                    content.iter().for_each(|block| answer(&mut turn.tools, block));
                }
            }
            TranscriptRow::ToolCall { step, at, tool, input, result, is_error } => {
                let (says, bytes) = (Some(says(result)), result.len());
                let call = Tool { says, is_error: *is_error, bytes, ..called("", tool, input) };
                turns.push(Turn { tools: vec![call], ..Turn::without_reply(*step, *at) });
            }
            TranscriptRow::Start { .. } | TranscriptRow::Control { .. } | TranscriptRow::End { .. } => {}
        }
    }
    turns
}

fn tool(block: &Block) -> Option<Tool> {
    let Block::ToolUse { id, name, input } = block else { return None };
    Some(called(id, name, input))
}

/// A tool call without its result.
fn called(id: &str, name: &str, input: &Value) -> Tool {
    let arguments = input.as_object().map(|fields| {
        let short = |(name, value): (&String, &Value)| match value.as_str() {
            Some(text) if text.len() > 60 => format!("{name}: {}", text::bytes(text.len() as u64)),
            Some(text) => format!("{name}: {text}"),
            None => format!("{name}: {}", text::ellipsis(&value.to_string(), 80)),
        };
        fields.iter().map(short).collect::<Vec<_>>().join(", ")
    });
    let arguments = arguments.unwrap_or_else(|| text::ellipsis(&input.to_string(), 80));
    let (id, name) = (id.to_owned(), name.to_owned());
    Tool { id, name, arguments, says: None, is_error: false, bytes: 0 }
}

/// Enters a result into the call that it belongs to.
fn answer(tools: &mut [Tool], block: &Block) {
    let Block::ToolResult { tool_use_id, content, is_error } = block else { return };
    for tool in tools.iter_mut().filter(|tool| tool.id == *tool_use_id) {
        tool.says = Some(says(content));
        tool.is_error = *is_error;
        tool.bytes = content.len();
    }
}

/// A result in brief: of a refusal, why.
fn says(content: &str) -> String {
    let refusal: Option<Value> = serde_json::from_str(content).ok().filter(|it: &Value| it["ok"] == false);
    let told = |refusal: &Value| {
        Some(format!("{}: {}", refusal["reason"].as_str()?, refusal["diagnostics"].as_str()?))
    };
    brief(&refusal.as_ref().and_then(told).unwrap_or_else(|| content.to_owned()))
}

fn brief(text: &str) -> String {
    // The rest of a long text need not be looked at.
    text::ellipsis(&text::capped(text, 8 * BRIEF_CHARS), BRIEF_CHARS)
}

/// The last source that was submitted.
fn refused(transcript: &[TranscriptRow]) -> Option<String> {
    let code = |name: &str, input: &Value| {
        (name == "write_harness").then(|| input["code"].as_str().map(str::to_owned)).flatten()
    };
    transcript.iter().rev().find_map(|row| match row {
        TranscriptRow::Reply { reply, .. } => reply.content.iter().rev().find_map(|block| match block {
            Block::ToolUse { name, input, .. } => code(name, input),
            _ => None,
        }),
        TranscriptRow::ToolCall { tool, input, .. } => code(tool, input),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_that_no_reply_carries_are_turns() {
        let call = |step, tool: &str, input: Value, is_error| {
            let (tool, result, at) = (tool.to_owned(), "what it said".to_owned(), Timestamp::UNIX_EPOCH);
            TranscriptRow::ToolCall { step, at, tool, input, result, is_error }
        };
        let rows = [
            call(1, "write_harness", json!({ "code": "fn main() {}" }), true),
            call(2, "scoreboard", json!("no object"), false),
        ];
        let turns = turns(&rows);
        let told: Vec<_> = turns.iter().map(|turn| (turn.step, turn.tools.len(), &turn.tools[0])).collect();
        let brief: Vec<_> = told
            .iter()
            .map(|(step, count, tool)| (*step, *count, tool.name.as_str(), tool.is_error))
            .collect();
        assert_eq!(brief, [(1, 1, "write_harness", true), (2, 1, "scoreboard", false)]);
        assert!(
            told.iter().all(|(_, _, tool)| tool.bytes == 12 && tool.says.as_deref() == Some("what it said"))
        );
        assert_eq!(refused(&rows).as_deref(), Some("fn main() {}"));
    }
}
