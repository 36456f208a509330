//! What the tools look up, so that no call reads more than its page: the board of all iterations, the places of traces and
//! calls in their files, train examples by label, validation examples by id. It is kept while the run is open.

mod board;
mod traces;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

pub use board::{Board, Order};
pub use traces::TraceIndex;

use crate::{dataset::Example, evaluate::trials, leaks::phrases::Phrases};
use mmh_record::{RecordError, format::Summary, reader::RunReader};

/// Most places of traces and calls that are kept, over all iterations. Each takes 16 bytes.
const MAX_PLACES: usize = 4_000_000;

/// The index of a run; the default is of one without iterations and examples.
#[derive(Default)]
pub struct RunIndex {
    board: Mutex<Board>,
    traces: Mutex<Kept>,
    /// Places of train examples by label.
    train: HashMap<String, Vec<usize>>,
    /// Places of validation examples by id, and how many trials each has.
    val: HashMap<String, usize>,
    trials: u32,
    /// Phrases of validation texts, once they were asked for.
    phrases: OnceLock<Phrases>,
}

/// Indices of files, the one that was used last at the end.
#[derive(Default)]
struct Kept {
    indices: Vec<(u32, Arc<TraceIndex>)>,
    places: usize,
}

impl RunIndex {
    /// The index of a run with this summary so far, and these examples.
    pub fn new(summary: &Summary, train: &[Example], val: &[Example]) -> Self {
        let mut by_label: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, example) in train.iter().enumerate() {
            by_label.entry(example.gold.clone()).or_default().push(at);
        }
        let mut by_id = HashMap::new();
        for (at, example) in val.iter().enumerate() {
            by_id.entry(example.id.clone()).or_insert(at);
        }
        let (board, traces) = (Mutex::new(Board::of(summary)), Mutex::default());
        let trials = summary.config.protocol.trials;
        Self { board, traces, train: by_label, val: by_id, trials, phrases: OnceLock::new() }
    }

    /// All iterations that are done.
    pub fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The places of the train examples with this label.
    pub fn train(&self, label: &str) -> &[usize] {
        self.train.get(label).map_or(&[], Vec::as_slice)
    }

    /// The validation example with this id, or the trial of one, among those that the index was made of.
    pub fn val(&self, id: &str, val: &[Example]) -> Option<Example> {
        trials::named(id, self.trials, |id| self.val.get(id).and_then(|at| val.get(*at)))
    }

    /// The phrases of validation texts alone. They are looked for once.
    pub fn phrases(&self, train: &[Example], val: &[Example]) -> &Phrases {
        self.phrases.get_or_init(|| Phrases::new(train, val))
    }

    /// The places of an iteration's traces and calls. They are looked for once, and kept.
    pub fn traces(&self, reader: &RunReader, iteration: u32) -> Result<Arc<TraceIndex>, RecordError> {
        if let Some(found) = self.kept().take(iteration) {
            return Ok(found);
        }
        let made = Arc::new(TraceIndex::of(reader, iteration)?);
        self.kept().keep(iteration, made.clone());
        Ok(made)
    }

    /// Looks for them now, so that no later call waits for it. What is wrong with the files, that call says.
    pub fn prepare(&self, reader: &RunReader, iteration: u32) {
        drop(self.traces(reader, iteration));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn take(&mut self, iteration: u32) -> Option<Arc<TraceIndex>> {
        let at = self.indices.iter().position(|(index, _)| *index == iteration)?;
        let found = self.indices.remove(at);
        let index = found.1.clone();
        self.indices.push(found);
        Some(index)
    }

    fn keep(&mut self, iteration: u32, index: Arc<TraceIndex>) {
        self.places += index.places();
        self.indices.push((iteration, index));
        while self.places > MAX_PLACES && self.indices.len() > 1 {
            self.places -= self.indices.remove(0).1.places();
        }
    }
}
