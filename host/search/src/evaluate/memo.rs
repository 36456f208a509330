//! Calls into harnesses that were made a moment ago, for an evaluation that is made again: `verify` evaluates
//! all iterations of a run at once, and then makes the search again step by step.
//!
//! A memory, and nothing more: what is not in it is run.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mmh_engine::sandbox::{Prepared, Report};
use mmh_record::digest::Digest;

/// Most text that is kept.
const MAX_BYTES: usize = 256 << 20;

/// A harness, known by where it is in memory: it stays there as long as this does.
#[derive(Clone)]
struct Harness(Arc<Prepared>);

impl PartialEq for Harness {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Harness {}

impl Hash for Harness {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// What a call was about.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    harness: Harness,
    /// The evaluation that the call's replies are taken from. Empty for a call that asked nothing.
    folder: String,
    /// The example or batch.
    id: String,
    /// What `learn` had before.
    state: Option<Digest>,
}

impl Key {
    pub fn example(harness: &Arc<Prepared>, folder: &str, id: &str) -> Self {
        let harness = Harness(harness.clone());
        Self { harness, folder: folder.to_owned(), id: id.to_owned(), state: None }
    }

    pub fn batch(harness: &Arc<Prepared>, folder: &str, id: &str, state: Digest) -> Self {
        Self { state: Some(state), ..Self::example(harness, folder, id) }
    }

    /// The same call wherever its replies would come from.
    fn anywhere(&self) -> Self {
        Self { folder: String::new(), ..self.clone() }
    }
}

/// A call as it ended, and the requests that had no reply in the record.
pub struct Kept<T> {
    pub report: Report<T>,
    pub lost: Vec<String>,
}

type Entries<T> = HashMap<Key, Arc<Kept<T>>>;

/// What is remembered. Cheap to clone.
#[derive(Clone, Default)]
pub struct Memo(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    examples: Entries<String>,
    batches: Entries<Vec<u8>>,
    bytes: usize,
    /// Something did not fit any more.
    is_full: bool,
}

impl Memo {
    pub fn example(&self, key: &Key) -> Option<Arc<Kept<String>>> {
        self.memory().examples.get(key).cloned()
    }

    pub fn batch(&self, key: &Key) -> Option<Arc<Kept<Vec<u8>>>> {
        let memory = self.memory();
        memory.batches.get(key).or_else(|| memory.batches.get(&key.anywhere())).cloned()
    }

    /// Whether nothing more can be remembered.
    pub fn is_full(&self) -> bool {
        self.memory().is_full
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn keep_example(&self, key: Key, kept: Kept<String>) {
        let mut memory = self.memory();
        if memory.has_room(size(&kept.report)) {
            memory.examples.insert(key, Arc::new(kept));
        }
    }

    pub fn keep_batch(&self, key: Key, kept: Kept<Vec<u8>>) {
        let mut memory = self.memory();
        let state = kept.report.result.as_ref().map_or(0, Vec::len);
        if memory.has_room(size(&kept.report) + state) {
            // What asked nothing does not depend on what would have been answered.
            let key = if kept.report.calls.is_empty() { key.anywhere() } else { key };
            memory.batches.insert(key, Arc::new(kept));
        }
    }
}

impl Memory {
    fn has_room(&mut self, bytes: usize) -> bool {
        let fits = self.bytes + bytes <= MAX_BYTES;
        self.bytes += if fits { bytes } else { 0 };
        self.is_full |= !fits;
        fits
    }
}

/// About how much a report holds.
fn size<T>(report: &Report<T>) -> usize {
    let calls = report.calls.iter().map(|call| {
        let reply = call.answer.result.as_ref().map_or(0, |reply| reply.raw.as_ref().map_or(64, String::len));
        call.request.messages.iter().map(|it| it.plain_text().len()).sum::<usize>() + 2 * reply + 512
    });
    let logs = report.logs.iter().map(|line| line.message.len() + 64);
    calls.sum::<usize>() + logs.sum::<usize>() + report.stdout.len() + report.stderr.len() + 1024
}
