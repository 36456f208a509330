//! A work folder of a proposer that a search has started: calls go to that search through its socket. Each call is a
//! connection of its own, so nothing is kept where the search stops.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Mutex;

use super::server::{self, Tools};
use crate::{commands::folder, error::CliResult};
use mmh_agent::client::Client;
use mmh_record::{chat::ToolSpec, language::HarnessLanguage, text};
use mmh_search::propose::{external::Answer, specs_in};

/// What the client is told when it connects.
const INSTRUCTIONS: &str = "\
You write a harness for a search, which runs outside of this folder and compiles, tries, scores and records it. TASK.md in this \
folder says what is to be done. Read the scoreboard, the best harness and its failure traces; check_harness and try_harness \
test a source; write_harness submits it. Everything is recorded.";

pub async fn main() -> CliResult {
    let socket = folder::socket()?;
    let language = mmh_agent::folder::language(Path::new("."));
    let tools = Folder { socket, language, turn: Mutex::default() };
    server::serve(Arc::new(tools), Box::new(|| {})).await;
    Ok(ExitCode::SUCCESS)
}

struct Folder {
    socket: PathBuf,
    /// The language that the harness is to be written in.
    language: HarnessLanguage,
    /// Held by the call that is being made.
    turn: Mutex<()>,
}

#[async_trait]
impl Tools for Folder {
    fn instructions(&self) -> String {
        INSTRUCTIONS.to_owned()
    }

    fn language(&self) -> HarnessLanguage {
        self.language
    }

    fn specs(&self) -> Vec<ToolSpec> {
        specs_in(self.language)
    }

    async fn call(&self, tool: &str, input: Value) -> Answer {
        let _turn = self.turn.lock().await;
        let (socket, tool) = (self.socket.clone(), tool.to_owned());
        let asked = move || Client::connect(&socket).and_then(|mut client| client.call(&tool, &input));
        let called = tokio::task::spawn_blocking(asked).await;
        called.map_err(io::Error::other).flatten().unwrap_or_else(|error| {
            Err(format!(
                "the search does not answer at {}, so this candidate is over, or the search was stopped: {error}",
                text::path(&self.socket)
            ))
        })
    }
}
