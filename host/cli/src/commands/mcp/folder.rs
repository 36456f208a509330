//! A work folder of a proposer that a search has started: calls go to that search through its socket, one JSON object a
//! line, and it answers likewise. Each call is a connection of its own, so nothing is kept where the search stops.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    sync::Mutex,
};

use super::server::{self, Tools};
use crate::{environment, error::CliResult};
use mmh_record::{chat::ToolSpec, layout::MAX_REPLY_BYTES, text};
use mmh_search::propose::{external::Answer, specs};

/// Most bytes of the search's answer.
const MAX_ANSWER_BYTES: u64 = 2 * MAX_REPLY_BYTES as u64;

/// What the client is told when it connects.
const INSTRUCTIONS: &str = "\
You write a harness for a search, which runs outside of this folder and compiles, tries, scores and records it. TASK.md in this \
folder says what is to be done. Read the scoreboard, the best harness and its failure traces; check_harness and try_harness \
test a source; write_harness submits it. Everything is recorded.";

pub async fn main() -> CliResult {
    let socket = environment::search_socket()?;
    server::serve(Arc::new(Folder { socket, turn: Mutex::default() }), || {}).await;
    Ok(ExitCode::SUCCESS)
}

struct Folder {
    socket: PathBuf,
    /// Held by the call that is being made.
    turn: Mutex<()>,
}

#[derive(Serialize)]
struct Request<'a> {
    tool: &'a str,
    input: Value,
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    content: String,
}

impl Folder {
    async fn ask(&self, request: &Request<'_>) -> std::io::Result<Reply> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let (mut answer, mut read) = (Vec::new(), BufReader::new(stream.take(MAX_ANSWER_BYTES)));
        read.read_until(b'\n', &mut answer).await?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

#[async_trait]
impl Tools for Folder {
    fn instructions(&self) -> String {
        INSTRUCTIONS.to_owned()
    }

    fn specs(&self) -> Vec<ToolSpec> {
        specs()
    }

    async fn call(&self, tool: &str, input: Value) -> Answer {
        let _turn = self.turn.lock().await;
        match self.ask(&Request { tool, input }).await {
            Ok(Reply { ok: true, content }) => Ok(content),
            Ok(Reply { ok: false, content }) => Err(content),
            Err(error) => Err(format!(
                "the search does not answer at {}, so this candidate is over, or the search was stopped: {error}",
                text::path(&self.socket)
            )),
        }
    }
}
