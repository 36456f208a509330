//! The reply cache: replies of the target model are kept across runs, so that an equal request is paid for once.
//!
//! The key is everything that is sent, and the number of equal requests before it in the same harness call: a harness that
//! asks three times and votes still gets three draws. Each reply is kept with the identity of its server, so that another
//! model at the same address has its own replies.
//!
//! The replies are in one SQLite file of the cache folder. A file for each would take more processor time than the calls.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::{Connection, params};
use serde::Serialize;

use mmh_engine::cache::{Cache, CacheError};
use mmh_record::{
    chat::ChatReply,
    digest::{Digest, KeyBuilder},
};

/// How long to wait for another run that is writing, which is short.
const BUSY: Duration = Duration::from_secs(10);

/// How long replies gather before they are written together.
const GATHER: Duration = Duration::from_millis(100);

/// An earlier table is dropped: it did not distinguish servers, and kept failures too.
const SCHEMA: &str = "DROP TABLE IF EXISTS replies;
CREATE TABLE IF NOT EXISTS replies_by_server (
    key BLOB NOT NULL,
    server BLOB NOT NULL,
    reply TEXT NOT NULL,
    kept_at INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (key, server)
) STRICT, WITHOUT ROWID";

/// Most servers whose replies to one request are read.
const MAX_SERVERS: u32 = 64;

/// How many calls were answered from the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Calls that were answered from the cache.
    pub kept: u64,
    /// All calls.
    pub total: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, total } = self;
        let replies = if *total == 1 { "reply is a kept one" } else { "replies are kept ones" };
        write!(f, "{kept} of {total} {replies} of earlier runs; --no-cache asks the model again")
    }
}

/// The reply cache. Replies are written in the background, many at a time. Dropping it waits until all are written.
pub struct Replies {
    /// Marks the cache folder as in use.
    _cache: Cache,
    reader: Mutex<Connection>,
    unwritten: Arc<Unwritten>,
    waiting: Option<Sender<Key>>,
    writer: Option<JoinHandle<()>>,
}

/// A request, and the server that answered it.
type Key = (Digest, Digest);

/// Replies that are not in the file yet, as JSON, by request and server. They can be found already.
type Unwritten = Mutex<BTreeMap<Key, String>>;

/// The file of replies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepliesError {
    /// The cache folder cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The file is damaged, is no database, or cannot be written.
    #[error(
        "cannot use the kept replies in {path}: {source}; --no-cache goes on without them, and the file may be deleted"
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl Replies {
    /// Opens the file, or makes it.
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

    /// The replies to the request with this digest after `draw` equal ones, each with its server. Damaged replies are left
    /// out.
    pub fn get(&self, wire: Digest, draw: u32) -> Vec<(Digest, ChatReply)> {
        let key = key(wire, draw);
        let mut found = self.in_file(key).unwrap_or_default();
        let unwritten = locked(&self.unwritten);
        let of_key = unwritten.range((key, Digest::from([0; 32]))..).take_while(|((it, _), _)| *it == key);
        found.extend(of_key.map(|((_, server), reply)| (*server, reply.clone())));
        drop(unwritten);
        let read = |(server, reply): (Digest, String)| Some((server, serde_json::from_str(&reply).ok()?));
        found.into_iter().filter_map(read).collect()
    }

    fn in_file(&self, key: Digest) -> rusqlite::Result<Vec<(Digest, String)>> {
        let reader = locked(&self.reader);
        let mut wanted =
            reader.prepare_cached("SELECT server, reply FROM replies_by_server WHERE key = ?1 LIMIT ?2")?;
        let rows = wanted.query_map(params![key.bytes(), MAX_SERVERS], |row| {
            Ok((Digest::from(row.get::<_, [u8; 32]>(0)?), row.get::<_, String>(1)?))
        })?;
        rows.collect()
    }

    /// Keeps a reply of this server.
    pub fn keep(&self, wire: Digest, draw: u32, server: Digest, reply: &ChatReply) {
        if let (Some(waiting), Ok(reply)) = (&self.waiting, serde_json::to_string(reply)) {
            let key = (key(wire, draw), server);
            locked(&self.unwritten).insert(key, reply);
            // The writer runs until the last sender is dropped, so this does not fail.
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
    // Readers do not wait for the writer. A power cut may lose the newest replies only.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_all(connection: &mut Connection, waiting: &Receiver<Key>, unwritten: &Unwritten) {
    while let Ok(first) = waiting.recv() {
        std::thread::sleep(GATHER);
        let keys: Vec<Key> = [first].into_iter().chain(waiting.try_iter()).collect();
        let row = |key: &Key| Some((*key, locked(unwritten).get(key)?.clone()));
        let batch: Vec<(Key, String)> = keys.iter().filter_map(row).collect();
        // A reply that cannot be kept is asked for again by the next run. This run has it on record.
        if let Err(error) = write(connection, &batch) {
            tracing::warn!("{} replies could not be kept: {error}", batch.len());
        }
        let mut unwritten = locked(unwritten);
        keys.iter().for_each(|key| drop(unwritten.remove(key)));
    }
}

fn write(connection: &mut Connection, batch: &[(Key, String)]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let insert = "INSERT OR REPLACE INTO replies_by_server (key, server, reply) VALUES (?1, ?2, ?3)";
    for ((key, server), reply) in batch {
        transaction.prepare_cached(insert)?.execute(params![key.bytes(), server.bytes(), reply])?;
    }
    transaction.commit()
}

fn key(wire: Digest, draw: u32) -> Digest {
    KeyBuilder::new("kept-reply").part("wire", wire.bytes()).part("draw", draw.to_le_bytes()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmh_record::chat::Block;

    fn reply(text: &str) -> ChatReply {
        let raw = Some(format!("[{{\"type\":\"text\",\"text\":\"{text}\"}}]"));
        ChatReply { content: vec![Block::Text { text: text.into() }], raw, ..ChatReply::default() }
    }

    #[test]
    fn replies_outlive_their_run_and_draws_and_servers_stay_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().to_owned());
        let (wire, one, other) = (Digest::of("a request"), Digest::of("a server"), Digest::of("another"));
        let first = Replies::open(&cache).expect("it opens");
        assert_eq!(first.get(wire, 0), []);
        first.keep(wire, 0, one, &reply("one"));
        first.keep(wire, 1, one, &reply("two"));
        first.keep(wire, 1, other, &reply("of another server"));
        let two = |replies: &Replies| {
            let mut found = replies.get(wire, 1);
            found.sort_by_key(|(server, _)| *server != one);
            found
        };
        let expected = [(one, reply("two")), (other, reply("of another server"))];
        assert_eq!(two(&first), expected, "at once");
        drop(first);
        let (second, third) =
            (Replies::open(&cache).expect("it opens"), Replies::open(&cache).expect("and again"));
        for replies in [&second, &third] {
            assert_eq!(replies.get(wire, 0), [(one, reply("one"))]);
            assert_eq!(two(replies), expected);
            assert_eq!((replies.get(wire, 2), replies.get(Digest::of("another"), 0)), (vec![], vec![]));
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
