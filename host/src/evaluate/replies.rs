//! Replies of the target model, kept between runs: what goes over the wire a second time is not paid a
//! second time.
//!
//! The key is everything that goes over the wire, and which one it is of equal requests within one call
//! of a harness: asking three times and voting stays three draws.
//!
//! They stand in one SQLite file of the cache folder. A file for each would cost more than the calls do.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    cache::{Cache, CacheError},
    digest::{Digest, KeyBuilder},
    model::ChatReply,
};

/// Another run may be writing: its turns are short.
const BUSY: Duration = Duration::from_secs(10);

/// How long replies gather before they are written together.
const GATHER: Duration = Duration::from_millis(100);

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY,
    reply TEXT NOT NULL,
    kept_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT, WITHOUT ROWID";

/// Kept replies. Writing happens behind the callers' backs, many at a time; dropping waits for it.
pub struct Replies {
    /// Says that the file is in use.
    _cache: Cache,
    reader: Mutex<Connection>,
    unwritten: Arc<Unwritten>,
    waiting: Option<Sender<Digest>>,
    writer: Option<JoinHandle<()>>,
}

/// Replies that are not in the file yet, as JSON. They are found all the same.
type Unwritten = Mutex<HashMap<Digest, String>>;

/// The file of replies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepliesError {
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(
        "cannot use the kept replies in {path}: {source}; --no-cache goes on without them, and the file may be deleted"
    )]
    Database { path: PathBuf, source: rusqlite::Error },
}

impl Replies {
    pub fn open(cache: &Cache) -> Result<Self, RepliesError> {
        let path = cache.folder("replies")?.join("replies.sqlite");
        let problem = |source| RepliesError::Database { path: path.clone(), source };
        let mut own = connect(&path).map_err(problem)?;
        let reader = Mutex::new(connect(&path).map_err(problem)?);
        let (waiting, received) = channel();
        let unwritten = Arc::new(Unwritten::default());
        let shared = unwritten.clone();
        let writer = std::thread::spawn(move || write_all(&mut own, &received, &shared));
        Ok(Self { _cache: cache.clone(), reader, unwritten, waiting: Some(waiting), writer: Some(writer) })
    }

    /// The reply to this request, if there is one. A damaged one is none.
    pub fn get(&self, wire: Digest, draw: u32) -> Option<ChatReply> {
        let key = key(wire, draw);
        if let Some(reply) = locked(&self.unwritten).get(&key) {
            return serde_json::from_str(reply).ok();
        }
        let reader = locked(&self.reader);
        let mut wanted = reader.prepare_cached("SELECT reply FROM replies WHERE key = ?1").ok()?;
        let found = wanted.query_row([key.bytes()], |row| row.get::<_, String>(0)).optional();
        serde_json::from_str(&found.ok()??).ok()
    }

    pub fn keep(&self, wire: Digest, draw: u32, reply: &ChatReply) {
        if let (Some(waiting), Ok(reply)) = (&self.waiting, serde_json::to_string(reply)) {
            let key = key(wire, draw);
            locked(&self.unwritten).insert(key, reply);
            // The writer ends after the last sender, so it is there.
            let _ = waiting.send(key);
        }
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.waiting = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // Readers do not wait for the writer. A power cut may take the newest replies, and nothing else.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_all(connection: &mut Connection, waiting: &Receiver<Digest>, unwritten: &Unwritten) {
    while let Ok(first) = waiting.recv() {
        std::thread::sleep(GATHER);
        let keys: Vec<Digest> = [first].into_iter().chain(waiting.try_iter()).collect();
        let row = |key: &Digest| Some((*key, locked(unwritten).get(key)?.clone()));
        let batch: Vec<(Digest, String)> = keys.iter().filter_map(row).collect();
        // What cannot be kept is asked again by the next run; this one has its own record.
        if let Err(error) = write(connection, &batch) {
            tracing::warn!("{} replies could not be kept: {error}", batch.len());
        }
        let mut unwritten = locked(unwritten);
        keys.iter().for_each(|key| drop(unwritten.remove(key)));
    }
}

fn write(connection: &mut Connection, batch: &[(Digest, String)]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let insert = "INSERT OR REPLACE INTO replies (key, reply) VALUES (?1, ?2)";
    for (key, reply) in batch {
        transaction.prepare_cached(insert)?.execute(params![key.bytes(), reply])?;
    }
    transaction.commit()
}

fn key(wire: Digest, draw: u32) -> Digest {
    KeyBuilder::new("kept-reply").part("wire", wire.bytes()).part("draw", draw.to_le_bytes()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Block;

    fn reply(text: &str) -> ChatReply {
        let raw = Some(format!("[{{\"type\":\"text\",\"text\":\"{text}\"}}]"));
        ChatReply { content: vec![Block::Text { text: text.into() }], raw, ..ChatReply::default() }
    }

    #[test]
    fn replies_outlive_their_run_and_draws_stay_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().to_owned());
        let wire = Digest::of("a request");
        let first = Replies::open(&cache).expect("it opens");
        assert_eq!(first.get(wire, 0), None);
        first.keep(wire, 0, &reply("one"));
        first.keep(wire, 1, &reply("two"));
        assert_eq!(first.get(wire, 1), Some(reply("two")), "at once");
        drop(first);
        let (second, third) =
            (Replies::open(&cache).expect("it opens"), Replies::open(&cache).expect("and again"));
        for replies in [&second, &third] {
            assert_eq!(replies.get(wire, 0), Some(reply("one")));
            assert_eq!(replies.get(wire, 1), Some(reply("two")));
            assert_eq!((replies.get(wire, 2), replies.get(Digest::of("another"), 0)), (None, None));
        }
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().to_owned());
        let path = cache.folder("replies").expect("a folder").join("replies.sqlite");
        std::fs::write(&path, "this is no database, however long it is ".repeat(100)).expect("a file");
        let error = Replies::open(&cache).err().expect("it is refused").to_string();
        assert!(error.contains("replies.sqlite") && error.contains("--no-cache"), "{error}");
    }
}
