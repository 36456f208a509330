//! Remembers calls into harnesses for repeated evaluations: `verify` first evaluates all iterations of a run at once, and
//! then repeats the search step by step. Trials and evaluations of one harness share what it has learned.
//!
//! A call that is not remembered is made. So the room is bounded, and the call of an example, which the search makes once, is
//! forgotten when the search has taken it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mmh_engine::{
    runner::Trained,
    sandbox::{LabelledExample, Report},
};
use mmh_record::{digest::Digest, grade::Grade};

/// Most bytes that are kept.
const MAX_BYTES: usize = 64 << 20;

/// What identifies a call.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    component: Digest,
    /// The evaluation that the call's replies are taken from. Empty for a call that made no requests.
    folder: String,
    /// The example or batch.
    id: String,
    /// For `learn`: the state before. For `score`: the answer.
    state: Option<Digest>,
    /// For `learn`: the examples. Folds have other ones under the same ids, and attempts of the harness depend on replies.
    lessons: Option<Digest>,
}

impl Key {
    /// A call of `predict`.
    pub fn example(harness: &Trained, folder: &str, id: &str) -> Self {
        let component = harness.built.component.digest;
        Self { component, folder: folder.to_owned(), id: id.to_owned(), state: None, lessons: None }
    }

    /// A call of `learn` with these examples, and with the state that the harness has.
    pub fn batch(harness: &Trained, folder: &str, id: &str, lessons: &[LabelledExample]) -> Self {
        let state = Some(harness.state.digest());
        let lessons = Some(Digest::of(serde_json::to_vec(lessons).unwrap_or_default()));
        Self { state, lessons, ..Self::example(harness, folder, id) }
    }

    /// A call of `score` for this answer.
    pub fn grading(scorer: Digest, folder: &str, id: &str, answer: &str) -> Self {
        let state = Some(Digest::of(answer));
        Self { component: scorer, folder: folder.to_owned(), id: id.to_owned(), state, lessons: None }
    }

    /// The same call, independent of where its replies come from.
    fn anywhere(&self) -> Self {
        Self { folder: String::new(), ..self.clone() }
    }
}

/// A finished call.
pub struct Kept<T> {
    /// How it ended.
    pub report: Report<T>,
    /// The prompts that had no reply in the record.
    pub lost: Vec<String>,
}

/// The remembered calls. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub struct Memo(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    examples: HashMap<Key, Kept<String>>,
    gradings: HashMap<Key, Kept<Grade>>,
    batches: HashMap<Key, Arc<Kept<Vec<u8>>>>,
    bytes: usize,
    /// Whether a call did not fit.
    is_full: bool,
}

impl Memo {
    /// Takes a remembered call of `predict`.
    pub fn take_example(&self, key: &Key) -> Option<Kept<String>> {
        let mut memory = self.memory();
        let kept = memory.examples.remove(key)?;
        memory.bytes -= size(&kept.report);
        Some(kept)
    }

    /// Takes a remembered call of `score`.
    pub fn take_grading(&self, key: &Key) -> Option<Kept<Grade>> {
        let mut memory = self.memory();
        let kept = memory.gradings.remove(key)?;
        memory.bytes -= size(&kept.report);
        Some(kept)
    }

    /// A remembered call of `learn`.
    pub fn batch(&self, key: &Key) -> Option<Arc<Kept<Vec<u8>>>> {
        let memory = self.memory();
        memory.batches.get(key).or_else(|| memory.batches.get(&key.anywhere())).cloned()
    }

    /// Whether a call did not fit any more.
    pub fn is_full(&self) -> bool {
        self.memory().is_full
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a call of `predict`, if there is room.
    pub fn keep_example(&self, key: Key, kept: Kept<String>) {
        let mut memory = self.memory();
        let (bytes, is_new) = (size(&kept.report), !memory.examples.contains_key(&key));
        if is_new && memory.has_room(bytes) {
            memory.examples.insert(key, kept);
        }
    }

    /// Remembers a call of `score`, if there is room.
    pub fn keep_grading(&self, key: Key, kept: Kept<Grade>) {
        let mut memory = self.memory();
        let (bytes, is_new) = (size(&kept.report), !memory.gradings.contains_key(&key));
        if is_new && memory.has_room(bytes) {
            memory.gradings.insert(key, kept);
        }
    }

    /// Remembers a call of `learn`, if there is room.
    pub fn keep_batch(&self, key: Key, kept: Kept<Vec<u8>>) {
        let mut memory = self.memory();
        let state = kept.report.result.as_ref().map_or(0, Vec::len);
        // A call without requests does not depend on replies.
        let key = if kept.report.calls.is_empty() { key.anywhere() } else { key };
        let is_new = !memory.batches.contains_key(&key);
        if is_new && memory.has_room(size(&kept.report) + state) {
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

/// The approximate bytes of a report.
fn size<T>(report: &Report<T>) -> usize {
    let calls = report.calls.iter().map(|call| {
        let reply = call.answer.result.as_ref().map_or(0, |reply| reply.raw.as_ref().map_or(64, String::len));
        call.request.messages.iter().map(|it| it.plain_text().len()).sum::<usize>() + 2 * reply + 512
    });
    let logs = report.logs.iter().map(|line| line.message.len() + 64);
    calls.sum::<usize>() + logs.sum::<usize>() + report.stdout.len() + report.stderr.len() + 1024
}
