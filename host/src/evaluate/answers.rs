//! Replies that are on record, found by the request that they answered.

use std::{borrow::Cow, collections::HashMap, fs::File, os::unix::fs::FileExt, sync::Arc};

use cap_std::fs::Dir;
use serde::Deserialize;

use crate::{
    call::Called,
    digest::Digest,
    model::{CallError, ChatRequest, ModelError},
    pricing::Usd,
    record::{
        RecordError,
        format::CallRow,
        plain::{self, Access},
        reader::Rows,
    },
};

/// Recorded calls by example or batch. Those of a file stay there until they are asked for: they can be more
/// than fits into memory.
#[derive(Clone, Default)]
pub struct Calls {
    source: Arc<Source>,
    /// What the ids in the file begin with, besides the example or batch.
    prefix: String,
}

enum Source {
    Memory(HashMap<String, Vec<CallRow>>),
    File { file: File, name: String, places: HashMap<String, Vec<(u64, usize)>> },
}

impl Default for Source {
    fn default() -> Self {
        Self::Memory(HashMap::new())
    }
}

/// As much of a call as says where it belongs, and whether it got a reply.
#[derive(Deserialize)]
pub struct Sketch {
    pub example_id: String,
    #[serde(default)]
    pub failure: Option<CallError>,
}

impl Calls {
    pub fn of(rows: Vec<CallRow>) -> Self {
        Self { source: Arc::new(Source::Memory(by_example(rows))), prefix: String::new() }
    }

    /// The calls of a file below this folder; none where there is no such file. `each` sees them all.
    pub fn index(dir: &Dir, file: &str, mut each: impl FnMut(&Sketch)) -> Result<Self, RecordError> {
        if plain::size(dir, file).is_none() {
            return Ok(Self::default());
        }
        let mut rows = Rows::<Sketch>::open(dir, file, file.to_owned())?;
        let mut places: HashMap<String, Vec<(u64, usize)>> = HashMap::new();
        while let Some((row, at, bytes)) = rows.next_with_place()? {
            each(&row);
            places.entry(row.example_id).or_default().push((at, bytes));
        }
        let opened = plain::open(dir, file, Access::Read);
        let opened =
            opened.map_err(|source| RecordError::Io { action: "read", file: file.into(), source })?;
        let source = Source::File { file: opened.into_std(), name: file.to_owned(), places };
        Ok(Self { source: Arc::new(source), prefix: String::new() })
    }

    /// The calls whose ids begin so, by what follows.
    pub fn below(&self, prefix: &str) -> Self {
        Self { source: self.source.clone(), prefix: format!("{}{prefix}", self.prefix) }
    }

    /// The calls of an example or batch.
    pub fn get(&self, id: &str) -> Result<Cow<'_, [CallRow]>, RecordError> {
        let id = format!("{}{id}", self.prefix);
        match &*self.source {
            Source::Memory(calls) => Ok(Cow::Borrowed(calls.get(&id).map_or(&[], Vec::as_slice))),
            Source::File { file, name, places } => {
                let places = places.get(&id).map_or(&[][..], Vec::as_slice);
                places.iter().map(|place| row(file, name, *place)).collect::<Result<_, _>>().map(Cow::Owned)
            }
        }
    }

    /// Whom the calls belong to, in the order of the names.
    pub fn ids(&self) -> Vec<String> {
        let all: Vec<&String> = match &*self.source {
            Source::Memory(calls) => calls.keys().collect(),
            Source::File { places, .. } => places.keys().collect(),
        };
        let mut ids: Vec<String> =
            all.iter().filter_map(|id| id.strip_prefix(&self.prefix)).map(str::to_owned).collect();
        ids.sort();
        ids
    }
}

fn row(file: &File, name: &str, (at, bytes): (u64, usize)) -> Result<CallRow, RecordError> {
    let mut line = vec![0; bytes];
    let read = file.read_exact_at(&mut line, at);
    read.map_err(|source| RecordError::Io { action: "read", file: name.to_owned(), source })?;
    serde_json::from_slice(&line).map_err(|error| RecordError::Damaged {
        file: name.to_owned(),
        problem: format!("the line at byte {at}: {error}"),
    })
}

/// Rows of `model_calls.jsonl`, by whom they belong to.
pub fn by_example(rows: Vec<CallRow>) -> HashMap<String, Vec<CallRow>> {
    let mut calls: HashMap<String, Vec<CallRow>> = HashMap::new();
    for row in rows {
        calls.entry(row.example_id.clone()).or_default().push(row);
    }
    calls
}

/// The recorded calls of one example or batch: the same request, as often as it was made.
#[derive(Default)]
pub struct Answers {
    rows: Vec<CallRow>,
    /// Which row answers a request that is so-and-so many calls into the example.
    by_place: HashMap<(Digest, u32), usize>,
    /// Which row answers a request that was made so-and-so often before, wherever it stands.
    by_draw: HashMap<(Digest, u32), usize>,
}

impl Answers {
    pub fn new(rows: &[CallRow]) -> Self {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.call);
        let (mut by_place, mut by_draw, mut draws) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (at, row) in rows.iter().enumerate() {
            // By the request itself: its recorded digest is one more thing that could be wrong.
            let digest = request_digest(&row.request);
            let draw = draws.entry(digest).or_insert(0);
            by_place.insert((digest, row.call), at);
            by_draw.insert((digest, *draw), at);
            *draw += 1;
        }
        Self { rows, by_place, by_draw }
    }

    /// What was answered to a request that was made so often before, if it is on record. For a harness that
    /// may ask in another order than the recorded one did.
    pub fn find(&self, request: &ChatRequest, draw: u32) -> Option<Called> {
        // Most often there is nothing on record, and then no request is digested.
        let found = (!self.rows.is_empty()).then(|| self.by_draw.get(&(request_digest(request), draw)))?;
        found.map(|at| called(&self.rows[*at]))
    }

    /// The recorded call of this request at this very place.
    pub fn at(&self, request: &ChatRequest, call: u32) -> Option<&CallRow> {
        let found = (!self.rows.is_empty()).then(|| self.by_place.get(&(request_digest(request), call)))?;
        found.map(|at| &self.rows[*at])
    }
}

/// A recorded call, as it ended.
pub fn called(row: &CallRow) -> Called {
    let result = match (&row.reply, &row.failure) {
        (Some(reply), _) => Ok(reply.clone()),
        (None, Some(failure)) => Err(failure.clone()),
        (None, None) => Err(lost("the record has neither a reply nor an error")),
    };
    Called {
        result,
        cost: Usd::from_f64(row.cost_usd),
        price_tier: row.price_tier,
        attempts: row.attempts,
        latency_ms: row.latency_ms,
        cached: row.cached,
    }
}

/// What a harness is told of a reply that is not on record.
pub fn lost(why: &str) -> CallError {
    ModelError::Unavailable(why.into()).into()
}

/// The name of a request in the record.
pub fn request_digest(request: &ChatRequest) -> Digest {
    Digest::of(serde_json::to_vec(request).unwrap_or_default())
}
