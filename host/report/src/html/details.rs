//! The long texts of one evaluation: prompts, replies, logs, and what the proposer said. The page opens them
//! only when they are asked for. Where they are more than fits into the page, the first ones are kept.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use serde::Serialize;

use super::{
    learned::{Prediction, State},
    pieces::{Numbered, Pieces, Table, Text},
    read::Places,
    scoring::Scoring,
};
use mmh_record::{
    chat::{Block, ChatRequest, ChatRole},
    format::{CallRow, LearnRow, LogRow, TraceRow, TranscriptRow},
    layout,
    reader::{Rows, RunReader},
    recorded::Recorded,
};

/// Everything of one evaluation that is long.
#[derive(Debug, Default, Serialize)]
pub struct Details {
    /// What texts are made of, behind the pieces that all evaluations share.
    pieces: Table,
    rows: Vec<Row>,
    learn: Vec<Batch>,
    /// The train examples that were predicted while learning.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    predictions: Vec<Prediction>,
    /// What was learned, if it was anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    transcript: Vec<Said>,
    left_out: LeftOut,
    /// How many bytes of texts are kept.
    #[serde(skip)]
    kept_bytes: u64,
}

/// How many rows have no texts in here.
#[derive(Debug, Default, Serialize)]
pub struct LeftOut {
    pub traces: usize,
    pub batches: usize,
    pub predictions: usize,
    pub transcript: usize,
}

/// Where texts are read from, and how much of them is kept.
pub struct Source<'a> {
    pub reader: &'a RunReader,
    pub folder: &'a str,
    pub places: &'a Places,
    /// How many bytes of texts are kept. The texts of an example are kept together.
    pub room: u64,
}

/// An example's trace.
#[derive(Debug, Serialize)]
struct Row {
    example: String,
    /// What the example asks besides its text.
    fields: Vec<(String, Text)>,
    /// What the answer is worth, where that is more or less than right or wrong says.
    score: Option<f64>,
    parts: BTreeMap<String, f64>,
    error: Text,
    logs: Vec<(String, Text)>,
    stdout: Text,
    stderr: Text,
    calls: Vec<Call>,
    /// How the task's own scorer graded the answer, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    scorer: Option<Scoring>,
}

/// A call to the target model.
#[derive(Debug, Serialize)]
pub(super) struct Call {
    /// Roles with their texts: `system`, `user`, `assistant`.
    messages: Vec<(&'static str, Text)>,
    reply: Text,
    thinking: Text,
    stop_reason: Option<serde_json::Value>,
    error: Text,
    digest: String,
    max_tokens: u32,
    temperature: Option<f32>,
    input_tokens: u64,
    output_tokens: u64,
    cost_usd: f64,
    cached: bool,
    attempts: u32,
    latency_ms: f64,
}

/// What the harness learned from one batch.
#[derive(Debug, Serialize)]
struct Batch {
    batch: usize,
    examples: usize,
    outcome: &'static str,
    error: Text,
    fuel: u64,
    memory: u64,
    state_bytes: u64,
    state_digest: Option<String>,
    logs: Vec<(String, Text)>,
    calls: Vec<Call>,
}

/// A piece of the conversation with the proposer.
#[derive(Debug, Serialize)]
struct Said {
    step: u32,
    /// `told`, `thinking`, `text`, `call`, `result`, `error`, `trimmed` or `end`.
    kind: &'static str,
    /// The tool's name, where there is one.
    name: String,
    text: Text,
}

impl Details {
    /// The texts of one evaluation, entered into these pieces, and not numbered yet. A row that cannot be read ends its file:
    /// whoever has read the evaluation before has told so.
    pub fn of(source: &Source<'_>, pieces: &mut Pieces) -> Self {
        let mut details = Self::default();
        // The conversation and what was learned leave half of the room to the examples.
        let mut room = Room { left: source.room / 4 };
        details.transcript(source, &mut room, pieces);
        room.left += source.room / 4;
        details.learn(source, &mut room, pieces);
        details.state = State::of(source, &mut room);
        room.left += source.room - 2 * (source.room / 4);
        for id in &source.places.order {
            let rows = if room.left > 0 { example(source.places, id, &mut room, pieces) } else { None };
            details.left_out.traces += usize::from(rows.is_none());
            details.rows.extend(rows.into_iter().flatten());
        }
        details.kept_bytes = source.room - room.left;
        details
    }

    /// How many bytes of texts are kept.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// The texts of one evaluation by itself.
    pub fn alone(source: &Source<'_>) -> Self {
        Self::numbered(|pieces| Self::of(source, pieces))
    }

    /// The texts of one example by itself.
    pub fn of_example(places: &Places, id: &str) -> Self {
        let mut room = Room { left: u64::MAX };
        Self::numbered(|pieces| Self {
            rows: example(places, id, &mut room, pieces).unwrap_or_default(),
            ..Self::default()
        })
    }

    fn numbered(of: impl FnOnce(&mut Pieces) -> Self) -> Self {
        let mut pieces = Pieces::default();
        let mut details = of(&mut pieces);
        details.number(&mut pieces.numbered(), 0);
        details
    }

    /// How many examples have no texts in here.
    pub fn traces_left_out(&self) -> usize {
        self.left_out.traces
    }

    fn transcript(&mut self, source: &Source<'_>, room: &mut Room, pieces: &mut Pieces) {
        let mut tools = HashMap::new();
        self.left_out.transcript = each(source, layout::TRANSCRIPT, room, |row: TranscriptRow, room| {
            room.spend(pieces, |pieces| transcript_row(&mut self.transcript, &mut tools, pieces, row));
        });
    }

    fn learn(&mut self, source: &Source<'_>, room: &mut Room, pieces: &mut Pieces) {
        self.left_out.batches = each(source, layout::BATCHES, room, |row: LearnRow, room| {
            let calls = calls(source.places, &format!("learn-{:04}", row.batch)).unwrap_or_default();
            self.learn.push(room.spend(pieces, |pieces| batch(pieces, &row, &calls)));
        });
        self.left_out.predictions = each(source, layout::PREDICTIONS, room, |row: TraceRow, room| {
            self.predictions.push(room.spend(pieces, |pieces| Prediction::of(pieces, &row)));
        });
    }

    /// Puts numbers in the place of pieces, and takes over those that are this block's own.
    pub fn number(&mut self, numbered: &mut Numbered, block: usize) {
        for text in self.texts() {
            *text = numbered.runs(text);
        }
        self.pieces = std::mem::take(&mut numbered.own[block]);
    }

    fn texts(&mut self) -> impl Iterator<Item = &mut Text> {
        let rows = self.rows.iter_mut().flat_map(|row| {
            let own = [&mut row.error, &mut row.stdout, &mut row.stderr].into_iter();
            let own = own.chain(row.fields.iter_mut().map(|field| &mut field.1));
            let own = own.chain(row.logs.iter_mut().map(|log| &mut log.1)).chain(texts_of(&mut row.calls));
            own.chain(row.scorer.iter_mut().flat_map(Scoring::texts))
        });
        let learn = self.learn.iter_mut().flat_map(|row| {
            let own = std::iter::once(&mut row.error);
            own.chain(row.logs.iter_mut().map(|log| &mut log.1)).chain(texts_of(&mut row.calls))
        });
        let predictions = self.predictions.iter_mut().map(|it| &mut it.input);
        rows.chain(learn).chain(predictions).chain(self.transcript.iter_mut().map(|said| &mut said.text))
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.learn.is_empty() && self.transcript.is_empty() && self.state.is_none()
    }
}

pub(super) fn texts_of(calls: &mut [Call]) -> impl Iterator<Item = &mut Text> {
    calls.iter_mut().flat_map(|call| {
        let own = [&mut call.reply, &mut call.thinking, &mut call.error].into_iter();
        own.chain(call.messages.iter_mut().map(|message| &mut message.1))
    })
}

/// How many bytes of texts may still be kept. What is entered last may take more.
pub(super) struct Room {
    pub left: u64,
}

/// What a row takes besides its texts: numbers, names, references.
const ROW_BYTES: u64 = 512;

impl Room {
    /// Enters the texts of a row and takes the room for them.
    fn spend<T>(&mut self, pieces: &mut Pieces, enter: impl FnOnce(&mut Pieces) -> T) -> T {
        let before = pieces.bytes();
        let entered = enter(pieces);
        self.left = self.left.saturating_sub(pieces.bytes() - before + ROW_BYTES);
        entered
    }
}

/// Enters the rows of a file as long as there is room. How many rows are left out.
fn each<T: Recorded>(
    source: &Source<'_>,
    file: &str,
    room: &mut Room,
    mut enter: impl FnMut(T, &mut Room),
) -> usize {
    let path = layout::file(source.folder, file);
    let Ok(mut rows) = Rows::<T>::open(source.reader.dir(), &path, path.clone()) else { return 0 };
    while room.left > 0 {
        match rows.next() {
            Some(Ok(row)) => enter(row, room),
            _ => return 0,
        }
    }
    rows.count()
}

/// The most bytes that the rows of one example may take in their files: one that has more is a stranger's.
const EXAMPLE_BYTES: u64 = 2 * layout::MAX_LINE_BYTES;

/// The calls of an example or batch. None if they are too many.
fn calls<'a>(places: &'a Places, id: &str) -> Option<Cow<'a, [CallRow]>> {
    if places.calls.bytes(id) > EXAMPLE_BYTES {
        return None;
    }
    places.calls.get(id).ok()
}

/// The texts of an example. None if they cannot be read, or are too many.
fn example(places: &Places, id: &str, room: &mut Room, pieces: &mut Pieces) -> Option<Vec<Row>> {
    if places.traces.bytes(id) > EXAMPLE_BYTES {
        return None;
    }
    let of_scorer = &places.scorer_calls;
    if of_scorer.bytes(id) > EXAMPLE_BYTES {
        return None;
    }
    let (rows, calls) = (places.traces.get(id).ok()?, calls(places, id)?);
    let of_scorer = of_scorer.get(id).ok()?;
    let enter = |it| room.spend(pieces, |pieces| row(pieces, it, &calls, &of_scorer));
    Some(rows.iter().map(enter).collect())
}

fn row(pieces: &mut Pieces, row: &TraceRow, calls: &[CallRow], of_scorer: &[CallRow]) -> Row {
    Row {
        example: row.example_id.clone(),
        fields: row.fields.iter().map(|it| (it.name.clone(), pieces.add(&it.value))).collect(),
        score: row.score,
        parts: row.parts.clone(),
        error: pieces.add(row.error.as_deref().unwrap_or_default()),
        logs: logs(pieces, &row.logs),
        stdout: pieces.add(&row.stdout),
        stderr: pieces.add(&row.stderr),
        calls: calls.iter().map(|it| call(pieces, it)).collect(),
        scorer: row.scorer.as_ref().map(|trace| Scoring::of(pieces, row, trace, of_scorer)),
    }
}

fn batch(pieces: &mut Pieces, row: &LearnRow, calls: &[CallRow]) -> Batch {
    Batch {
        batch: row.batch,
        examples: row.n_examples,
        outcome: row.error_kind.name(),
        error: pieces.add(row.error.as_deref().unwrap_or_default()),
        fuel: row.fuel,
        memory: row.peak_memory_bytes,
        state_bytes: row.state_bytes,
        state_digest: row.state_digest.map(|digest| digest.to_string()),
        logs: logs(pieces, &row.logs),
        calls: calls.iter().map(|it| call(pieces, it)).collect(),
    }
}

pub(super) fn logs(pieces: &mut Pieces, logs: &[LogRow]) -> Vec<(String, Text)> {
    logs.iter().map(|log| (log.level.clone(), pieces.add(&log.message))).collect()
}

pub(super) fn call(pieces: &mut Pieces, row: &CallRow) -> Call {
    let reply = row.reply.as_ref();
    let thoughts = reply.map(|reply| thinking(&reply.content)).unwrap_or_default();
    Call {
        messages: messages(pieces, &row.request),
        reply: pieces.add(&reply.map(|reply| reply.text()).unwrap_or_default()),
        thinking: pieces.add(&thoughts),
        stop_reason: reply.and_then(|reply| serde_json::to_value(&reply.stop_reason).ok()),
        error: pieces.add(row.error.as_deref().unwrap_or_default()),
        digest: row.request_digest.to_string(),
        max_tokens: row.request.max_tokens,
        temperature: row.request.temperature,
        input_tokens: row.usage.total_input_tokens(),
        output_tokens: row.usage.output_tokens,
        cost_usd: row.cost_usd,
        cached: row.cached,
        attempts: row.attempts,
        latency_ms: row.latency_ms,
    }
}

fn messages(pieces: &mut Pieces, request: &ChatRequest) -> Vec<(&'static str, Text)> {
    let system = request.system.iter().map(|text| ("system", text.clone()));
    let messages = request.messages.iter().map(|message| match message.role {
        ChatRole::User => ("user", message.plain_text()),
        ChatRole::Assistant => ("assistant", message.plain_text()),
    });
    system.chain(messages).map(|(role, text)| (role, pieces.add(&text))).collect()
}

/// All thoughts, joined.
pub fn thinking(blocks: &[Block]) -> String {
    let thoughts = blocks.iter().filter_map(|block| match block {
        Block::Thinking { text } => Some(text.as_str()),
        _ => None,
    });
    thoughts.collect::<Vec<_>>().join("\n")
}

fn transcript_row(
    said: &mut Vec<Said>,
    tools: &mut HashMap<String, String>,
    pieces: &mut Pieces,
    row: TranscriptRow,
) {
    match row {
        TranscriptRow::Start { request, .. } => {
            for (role, text) in messages(pieces, &request) {
                said.push(Said { step: 0, kind: "told", name: role.to_owned(), text });
            }
        }
        TranscriptRow::Reply { step, reply, .. } => {
            for block in &reply.content {
                if let Block::ToolUse { id, name, .. } = block {
                    tools.insert(id.clone(), name.clone());
                }
                said.extend(piece(pieces, step, block, tools));
            }
        }
        TranscriptRow::Answer { step, content, .. } => {
            said.extend(content.iter().filter_map(|block| piece(pieces, step, block, tools)).map(|it| {
                match it.kind {
                    "text" => Said { kind: "told", name: "user".into(), ..it },
                    _ => it,
                }
            }));
        }
        TranscriptRow::ToolCall { step, tool, input, result, is_error, .. } => {
            let kinds = [("call", arguments(&input)), (result_kind(is_error), result)];
            said.extend(kinds.map(|(kind, text)| {
                let text = pieces.add(&text);
                Said { step, kind, name: tool.clone(), text }
            }));
        }
        TranscriptRow::Trimmed { step, tool_use_ids } => {
            let count = tool_use_ids.len();
            let text =
                pieces.add(&format!("{count} results of earlier turns were taken out of the conversation"));
            said.push(Said { step, kind: "trimmed", name: String::new(), text });
        }
        TranscriptRow::Control { step, control, .. } => {
            let end = if control.answered { "was answered" } else { "was not answered either" };
            let text = pieces.add(&format!("a call got no reply; a control request {end}"));
            said.push(Said { step, kind: "control", name: String::new(), text });
        }
        TranscriptRow::End { outcome, .. } => {
            said.push(Said { step: 0, kind: "end", name: String::new(), text: pieces.add(&outcome) });
        }
    }
}

fn piece(pieces: &mut Pieces, step: u32, block: &Block, tools: &HashMap<String, String>) -> Option<Said> {
    let (kind, name, text) = match block {
        Block::Text { text } => ("text", "", text.clone()),
        Block::Thinking { text } => ("thinking", "", text.clone()),
        Block::ToolUse { name, input, .. } => ("call", name.as_str(), arguments(input)),
        Block::ToolResult { tool_use_id, content, is_error } => {
            let name = tools.get(tool_use_id).map_or("", String::as_str);
            (result_kind(*is_error), name, content.clone())
        }
        Block::Other { .. } => return None,
    };
    Some(Said { step, kind, name: name.to_owned(), text: pieces.add(&text) })
}

fn result_kind(is_error: bool) -> &'static str {
    if is_error { "error" } else { "result" }
}

/// A tool's arguments, with texts of several lines as such.
fn arguments(input: &serde_json::Value) -> String {
    let Some(fields) = input.as_object() else { return input.to_string() };
    let field = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(text) if text.contains('\n') => format!("{name}:\n{text}"),
        _ => format!("{name}: {value}"),
    };
    fields.iter().map(field).collect::<Vec<_>>().join("\n")
}
