//! The agent's end of the socket.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use mmh_search::propose::history::Answer;
use serde_json::{Value, json};

use super::socket::short;

/// A connection to the search that waits for a candidate.
pub struct Client(BufReader<UnixStream>);

impl Client {
    /// Connects to the socket at this path.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        let (_folder, short) = short(socket)?;
        UnixStream::connect(short).map(|stream| Self(BufReader::new(stream)))
    }

    /// Calls a tool, and waits for its result: its content, or what is wrong with the call.
    pub fn call(&mut self, tool: &str, input: &Value) -> io::Result<Answer> {
        let line = format!("{}\n", json!({ "tool": tool, "input": input }));
        self.0.get_mut().write_all(line.as_bytes())?;
        let mut said = String::new();
        if self.0.read_line(&mut said)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the search has closed the connection"));
        }
        let said: Value = serde_json::from_str(&said)?;
        let content = said["content"].as_str().unwrap_or_default().to_owned();
        Ok(if said["ok"] == true { Ok(content) } else { Err(content) })
    }
}
