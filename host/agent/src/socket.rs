//! The host's end of the socket: passes tool calls on, one JSON object a line, and answers each with one.
//!
//! ```text
//! {"tool": "scoreboard", "input": {}}   ->   {"ok": true, "content": "..."}
//! ```

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use mmh_record::text;
use mmh_search::propose::{external::Asked, history::Answer};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
};

use super::past::Past;

/// Connections that are served at the same time. Further ones wait.
const MAX_CONNECTIONS: usize = 16;

/// The longest line.
const MAX_LINE_BYTES: u64 = 4 << 20;

/// The most that the calls of one candidate may take, so that its transcript stays readable.
const MAX_CALLS_BYTES: u64 = 64 << 20;

/// After so many lines that are no calls nobody believes that a call will come.
const MAX_BAD_LINES: u32 = 100;

/// The pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

const ENDED: &str = "the candidate has ended, so no further call is made";

/// What all connections of a candidate share.
pub struct Desk {
    asked: mpsc::Sender<Asked>,
    past: Past,
    bad_lines: AtomicU32,
    bytes: AtomicU64,
}

impl Desk {
    /// Passes calls on to `asked`, unless `past` has their results.
    pub fn new(asked: mpsc::Sender<Asked>, past: Past) -> Self {
        Self { asked, past, bad_lines: AtomicU32::new(0), bytes: AtomicU64::new(0) }
    }

    /// Ends the proposal without a harness. Nothing happens if it has ended.
    pub async fn give_up(&self, reason: String) {
        let _ = self.asked.send(Asked::GiveUp { reason }).await;
    }

    /// The result of the call on a line.
    async fn answer(&self, line: &[u8]) -> Answer {
        let (tool, input) = match call(line) {
            Ok(call) => call,
            Err(problem) => return Err(self.bad_line(problem).await),
        };
        if let Some(result) = self.past.take(&tool, &input) {
            return result;
        }
        let bytes = self.bytes.fetch_add(line.len() as u64, Ordering::Relaxed) + line.len() as u64;
        if bytes > MAX_CALLS_BYTES {
            let limit = text::bytes(MAX_CALLS_BYTES);
            let reason = format!("the arguments of its tool calls take more than {limit} together");
            self.give_up(reason.clone()).await;
            return Err(reason);
        }
        let (answer, result) = oneshot::channel();
        match self.asked.send(Asked::Call { tool, input, answer }).await {
            Ok(()) => result.await.unwrap_or_else(|_| Err(ENDED.into())),
            Err(_) => Err(ENDED.into()),
        }
    }

    /// Counts a line that is no call. Returns what is said to it.
    async fn bad_line(&self, problem: String) -> String {
        if self.bad_lines.fetch_add(1, Ordering::Relaxed) + 1 == MAX_BAD_LINES {
            self.give_up(format!("it sent {MAX_BAD_LINES} lines to its socket that are no tool calls")).await;
        }
        problem
    }

    async fn serve(&self, stream: UnixStream) -> io::Result<()> {
        let (from, mut to) = stream.into_split();
        let mut from = BufReader::new(from);
        loop {
            let mut line = Vec::new();
            (&mut from).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Ok(());
            }
            let is_whole = line.len() as u64 <= MAX_LINE_BYTES;
            let answer = match is_whole {
                true => self.answer(&line).await,
                false => {
                    let limit = text::bytes(MAX_LINE_BYTES);
                    Err(self.bad_line(format!("the line has more than {limit}")).await)
                }
            };
            let content = answer.as_ref().unwrap_or_else(|problem| problem);
            let said = format!("{}\n", json!({ "ok": answer.is_ok(), "content": content }));
            to.write_all(said.as_bytes()).await?;
            if !is_whole {
                return Ok(());
            }
        }
    }
}

/// The tool and its arguments by a line.
fn call(line: &[u8]) -> Result<(String, Value), String> {
    let mut said: Value =
        serde_json::from_slice(line).map_err(|error| format!("the line is no JSON: {error}"))?;
    let input = said.get_mut("input").map_or_else(|| json!({}), Value::take);
    match said.get("tool").and_then(Value::as_str) {
        Some(tool) => Ok((tool.to_owned(), input)),
        None => {
            Err("the line is no call; one looks like this: {\"tool\": \"scoreboard\", \"input\": {}}".into())
        }
    }
}

/// Opens the socket at this path. A path of a socket is short, so that of its folder is reached by a handle.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    let (_folder, short) = short(path)?;
    UnixListener::bind(short)
}

/// A short path of a socket, which holds as long as the handle of its folder.
pub fn short(path: &Path) -> io::Result<(File, PathBuf)> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path of the socket has no folder"));
    };
    let folder = File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    Ok((folder, short))
}

/// Serves connections until it is dropped.
pub async fn serve(listener: UnixListener, desk: Arc<Desk>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    // The semaphore is never closed.
    while let Ok(slot) = slots.clone().acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = desk.clone();
                connections.spawn(async move {
                    // A client that goes away ends its connection and nothing else.
                    let _ = desk.serve(stream).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::debug!("a connection of an agent is not accepted: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_call_or_says_what_is_wrong() {
        type Expected = Result<(&'static str, Value), &'static str>;
        let table: [(&str, Expected); 7] = [
            (r#"{"tool":"a","input":{"x":1}}"#, Ok(("a", json!({ "x": 1 })))),
            (r#"{"tool":"a"}"#, Ok(("a", json!({})))),
            (r#"{"tool":"a","input":"text"}"#, Ok(("a", json!("text")))),
            (r#"{"tool":1}"#, Err("the line is no call")),
            ("[]", Err("the line is no call")),
            ("GET / HTTP/1.1", Err("the line is no JSON")),
            ("", Err("the line is no JSON")),
        ];
        for (line, expected) in table {
            match (call(line.as_bytes()), expected) {
                (Ok((tool, input)), Ok(expected)) => assert_eq!((tool.as_str(), input), expected, "{line}"),
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{line}: {found}"),
                (found, _) => panic!("{line}: {found:?}"),
            }
        }
    }
}
