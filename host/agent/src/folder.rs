//! The work folder of one candidate: its task, how to work, the SDK, train examples, and the history of the search.
//!
//! It holds nothing but what the tools show as well: no held-out example, no path of the run or of the data set, no key.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use mmh_engine::toolchain::{self, sdk};
use mmh_record::{RecordError, language::HarnessLanguage, layout, text};
use mmh_search::propose::{Assignment, DirectCall, Material, material::SHOWN};
use serde_json::{Value, json};

use super::confined::{Confinement, PROGRAM, PROGRAMS};

/// How to work, for every agent.
const GUIDE: &str = include_str!("../assets/agents.txt");

/// The folder with the guide and the interface. In a search in Rust it also has the SDK's sources.
const LIBRARY: &str = "sdk";

/// The files by which some agents look for it.
const POINTERS: [&str; 2] = ["CLAUDE.md", "GEMINI.md"];

/// Most bytes of one file of the history, and of all of it. The newest iterations come first.
const MAX_FILE_BYTES: u64 = 32 << 20;
const MAX_HISTORY_BYTES: u64 = 512 << 20;

/// The work folder could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The run could not be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A file could not be written.
    #[error("cannot lay out the work folder: {0}")]
    Io(#[from] io::Error),
}

/// Lays out the work folder of a candidate. `calls` are on record from before an interruption.
pub fn lay_out(
    folder: &Path,
    assignment: &Assignment<'_>,
    calls: &[DirectCall],
    (confinement, time_limit): (&Confinement, Duration),
) -> Result<(), FolderError> {
    let seconds = time_limit.as_secs();
    let time = format!("Your command is ended after {seconds} s (--proposer-command-timeout-s).");
    fs::write(folder.join("TASK.md"), format!("# Task\n\n{}\n\n{time}\n", assignment.opening))?;
    let language = assignment.material.language();
    fs::write(folder.join("AGENTS.md"), guide(language))?;
    for name in POINTERS {
        fs::write(folder.join(name), "@AGENTS.md\n@TASK.md\n")?;
    }
    let server = json!({ "mcpServers": { "mmh": { "command": PROGRAM, "args": ["mcp"] } } });
    fs::write(folder.join(".mcp.json"), format!("{server:#}\n"))?;
    programs(folder, confinement)?;
    library(&folder.join(LIBRARY), language)?;
    lines(&folder.join("train.jsonl"), assignment.material.train())?;
    if !calls.is_empty() {
        lines(&folder.join("calls.jsonl"), calls.iter().map(on_record))?;
    }
    history(&folder.join("history"), &assignment.material)
}

/// This program, where the command finds it. Bubblewrap puts it there for a confined one.
fn programs(folder: &Path, confinement: &Confinement) -> io::Result<()> {
    let programs = folder.join(PROGRAMS);
    fs::create_dir_all(&programs)?;
    if confinement.bubblewrap.is_none() {
        fs::create_dir_all(folder.join(".mmh/home"))?;
        symlink(&confinement.program, programs.join(PROGRAM))?;
    }
    Ok(())
}

/// How to work in a search of this language.
fn guide(language: HarnessLanguage) -> String {
    match language {
        HarnessLanguage::Rust => GUIDE.to_owned(),
        HarnessLanguage::Python => GUIDE
            .replace("one Rust file against the SDK in", "one Python file, as told in")
            .replace(
                "the SDK's guide, its sources, and the interface",
                "the guide to harnesses, and the interface",
            )
            .replace(HarnessLanguage::Rust.source(), language.source()),
    }
}

/// The language that the harness of a work folder is to be written in.
pub fn language(folder: &Path) -> HarnessLanguage {
    let library = folder.join(LIBRARY);
    match library.is_dir() && !library.join("src").is_dir() {
        true => HarnessLanguage::Python,
        false => HarnessLanguage::Rust,
    }
}

fn library(folder: &Path, language: HarnessLanguage) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("SDK.md"), toolchain::guide(language))?;
    fs::write(folder.join("harness.wit"), sdk::WIT)?;
    if !language.is_rust() {
        return Ok(());
    }
    fs::create_dir(folder.join("src"))?;
    sdk::SOURCES.iter().try_for_each(|(name, source)| fs::write(folder.join("src").join(name), source))
}

fn on_record(call: &DirectCall) -> Value {
    let content = call.result.as_ref().unwrap_or_else(|content| content);
    json!({ "tool": call.tool, "input": call.input, "ok": call.result.is_ok(), "content": content })
}

fn lines(path: &Path, rows: impl Iterator<Item = Value>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for row in rows {
        writeln!(file, "{row}")?;
    }
    file.flush()
}

/// The earlier iterations, the newest first, as far as there is room.
fn history(folder: &Path, material: &Material<'_>) -> Result<(), FolderError> {
    fs::create_dir(folder)?;
    fs::write(folder.join("scoreboard.json"), format!("{:#}\n", material.scoreboard()))?;
    let mut room = MAX_HISTORY_BYTES;
    for iteration in material.iterations() {
        let folder = folder.join(layout::folder_name(iteration));
        fs::create_dir(&folder)?;
        for name in SHOWN {
            if let Some(bytes) = material.file(iteration, name, room.min(MAX_FILE_BYTES))? {
                room -= bytes.len() as u64;
                fs::write(folder.join(name), bytes)?;
            }
        }
        room -= traces(&folder.join(layout::TRACES), material, iteration, room.min(MAX_FILE_BYTES))?;
    }
    Ok(())
}

/// Writes the traces of an iteration into a file of at most so many bytes. Returns how many it has.
fn traces(path: &Path, material: &Material<'_>, iteration: u32, most: u64) -> Result<u64, FolderError> {
    let (mut file, mut written, mut failed): (Option<BufWriter<File>>, u64, _) = (None, 0, Ok(()));
    let path = PathBuf::from(path);
    material.traces(iteration, |row| {
        let line = format!("{row}\n");
        let fits = written + line.len() as u64 <= most;
        let line = if fits { line } else { cut(most) };
        let wrote = match &mut file {
            Some(file) => file.write_all(line.as_bytes()),
            None => File::create(&path)
                .and_then(|created| file.insert(BufWriter::new(created)).write_all(line.as_bytes())),
        };
        failed = wrote;
        written += if fits { line.len() as u64 } else { 0 };
        fits && failed.is_ok()
    })?;
    failed?;
    file.map_or(Ok(()), |mut file| file.flush())?;
    Ok(written)
}

/// The last line of a file that is cut.
fn cut(most: u64) -> String {
    let why = format!(
        "there is no room for more than {}; the tool read_eval_trace shows the rest",
        text::bytes(most)
    );
    format!("{}\n", json!({ "cut": why }))
}
