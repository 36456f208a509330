//! `mmh try`, `mmh submit`, `mmh note` and `mmh call`, and `mmh check` in a work folder: tool calls of an agent that proposes. They go to
//! the search that has started the agent, through the socket of its work folder.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::{Value, json};

use crate::{
    environment,
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    files,
};
use mmh_agent::{SOCKET, SOCKET_VARIABLE, client::Client};

/// The largest file that is sent. The search has smaller limits, and says which.
const MAX_FILE_BYTES: u64 = 2 << 20;

#[derive(Args)]
pub struct TryArgs {
    /// The source of the harness
    #[arg(value_name = "HARNESS.rs")]
    harness: PathBuf,
    /// The validation examples to run it on; such trials are counted and limited
    #[arg(long, value_name = "ID", required_unless_present = "train", conflicts_with = "train", num_args = 1..)]
    example: Vec<String>,
    /// Measure it by cross-validation on train examples instead, which is not limited
    #[arg(long)]
    train: bool,
    /// Into how many parts the train examples are divided
    #[arg(long, value_name = "N", requires = "train")]
    folds: Option<u32>,
    /// How many train examples are used
    #[arg(long, value_name = "N", requires = "train")]
    rows: Option<u32>,
    /// Show inputs, prompts, replies, tokens and fuel of up to 10 examples, and what learn did
    #[arg(long)]
    full: bool,
}

#[derive(Args)]
pub struct NoteArgs {
    /// What was learned of the task, the target or the tools
    #[arg(value_name = "TEXT")]
    text: String,
}

#[derive(Args)]
pub struct SubmitArgs {
    /// The source of the harness
    #[arg(value_name = "HARNESS.rs")]
    harness: PathBuf,
    /// Why it is written so, in Markdown
    #[arg(long, value_name = "FILE")]
    reasoning: PathBuf,
}

#[derive(Args)]
pub struct CallArgs {
    /// The tool's name, such as scoreboard; a wrong one is answered with all names
    #[arg(value_name = "TOOL")]
    tool: String,
    /// Its arguments, as a JSON object
    #[arg(value_name = "JSON", default_value = "{}")]
    input: String,
}

pub fn try_out(args: &TryArgs) -> CliResult {
    let mut input = json!({ "code": source(&args.harness)? });
    match args.train {
        true => input["split"] = json!("train"),
        false => input["example_ids"] = json!(args.example),
    }
    for (name, number) in [("folds", args.folds), ("rows", args.rows)] {
        if let Some(number) = number {
            input[name] = json!(number);
        }
    }
    if args.full {
        input["verbose"] = json!(true);
    }
    call("try_harness", &input)
}

pub fn note(args: &NoteArgs) -> CliResult {
    call("add_note", &json!({ "text": args.text }))
}

pub fn submit(args: &SubmitArgs) -> CliResult {
    let reasoning = files::text(&args.reasoning, MAX_FILE_BYTES, None)?;
    call("write_harness", &json!({ "code": source(&args.harness)?, "reasoning": reasoning }))
}

pub fn any(args: &CallArgs) -> CliResult {
    let input: Value = serde_json::from_str(&args.input)
        .map_err(|error| CliError::input(format!("the arguments are no JSON: {error}")))?;
    call(&args.tool, &input)
}

/// Checks a harness where there is a search that does it.
pub fn check(harness: &Path) -> Option<CliResult> {
    let socket = socket_if_there()?;
    Some(source(harness).and_then(|code| call_at(&socket, "check_harness", &json!({ "code": code }))))
}

fn source(path: &Path) -> Result<String, CliError> {
    files::text(path, MAX_FILE_BYTES, None)
}

/// The socket of the work folder: the environment names it, or it lies here.
fn socket_if_there() -> Option<PathBuf> {
    let named = environment::path_of(SOCKET_VARIABLE);
    named.or_else(|| Path::new(SOCKET).exists().then(|| PathBuf::from(SOCKET)))
}

/// The same, or what is missing.
pub fn socket() -> Result<PathBuf, CliError> {
    socket_if_there().ok_or_else(|| {
        CliError::input(format!(
            "there is no search to ask: this command is for work folders of `mmh run --proposer-command`, where {SOCKET_VARIABLE} names a socket"
        ))
    })
}

fn call(tool: &str, input: &Value) -> CliResult {
    call_at(&socket()?, tool, input)
}

fn call_at(socket: &Path, tool: &str, input: &Value) -> CliResult {
    let called = Client::connect(socket).and_then(|mut client| client.call(tool, input));
    let answer = called.map_err(|error| CliError::host(format!("cannot ask the search: {error}")))?;
    let (content, ok) = match answer {
        Ok(content) => {
            let said: Value = serde_json::from_str(&content).unwrap_or_default();
            let refused = said["ok"] == false;
            (content, !refused)
        }
        Err(content) => (content, false),
    };
    outln!("{content}");
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(EXAMINED_NOT_OK) })
}
