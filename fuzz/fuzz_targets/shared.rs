//! What the targets share: the host's own path for components, and a folder in memory.

use std::{
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use cap_std::fs::Dir;
use mmh_record::{clock::Clock, limits::Limits, reader::RunReader, writer::RunWriter};
use mmh_engine::{compile::{Rejection, RejectionKind, Origin, admit}, sandbox::{Prepared, Sandbox, engine}};
use mmh_search::propose::{History, history::RunIndex};
use tempfile::TempDir;
use wasmtime::{Engine, component::Component};

/// Small limits, so that what runs ends soon.
pub fn limits() -> Limits {
    Limits {
        fuel: 2_000_000,
        memory_bytes: 32 << 20,
        example_wall_ms: 10_000,
        log_bytes: 4 << 10,
        answer_bytes: 4 << 10,
        state_bytes: 64 << 10,
        ..Limits::default()
    }
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| engine::new().expect("the engine starts"));
pub static SANDBOX: LazyLock<Sandbox> =
    LazyLock::new(|| Sandbox::new(ENGINE.clone(), limits()).expect("the linker is complete"));

/// Takes a component the host's way, all in this process: admitted, compiled to native code with the
/// host's engine, linked. Whatever is refused is refused with a reason that can be shown.
pub fn prepare(bytes: Vec<u8>) -> Option<Prepared> {
    let component = match admit(bytes, Origin::Given, &limits(), false) {
        Ok(component) => component,
        Err(rejection) => {
            check(&rejection);
            return None;
        }
    };
    let code = ENGINE.precompile_component(&component.bytes).ok()?;
    // SAFETY: the engine has made the code a moment ago.
    let native = unsafe { Component::deserialize(&ENGINE, &code) }.expect("what was compiled loads");
    match SANDBOX.prepare(&native, component.hands_over) {
        Ok(prepared) => Some(prepared),
        Err(failure) => {
            assert!(!failure.message.is_empty());
            None
        }
    }
}

fn check(rejection: &Rejection) {
    use RejectionKind::{BadComponent, BadImport, ComponentTooLarge};
    assert!(matches!(rejection.kind, BadComponent | BadImport | ComponentTooLarge), "{rejection:?}");
    let message = &rejection.message;
    assert!(!message.is_empty() && message.chars().count() <= 1_000, "{} bytes", message.len());
    assert!(!message.chars().any(char::is_control), "{message:?}");
}

/// A folder of this process, in memory where the system has such folders.
pub fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// Where it is noted what a proposer has read: a run of its own, so that the one that is read stays as it is.
static NOTES: LazyLock<(RunWriter, TempDir)> = LazyLock::new(|| {
    let folder = folder();
    std::fs::write(folder.path().join("config.json"), "{}").expect("a file");
    (RunWriter::resume(folder.path()).expect("it is a run"), folder)
});

/// A run as a proposer reads it.
pub fn read_history(run: &Dir) -> History {
    let reader = RunReader::new(run.try_clone().expect("a handle"));
    let notes = NOTES.0.iteration(0).expect("a folder");
    let summary = reader.summary();
    let index = summary.map_or_else(|_| RunIndex::default(), |summary| RunIndex::new(&summary, &[], &[]));
    let history = History::resume(reader, Arc::new(index), &notes, 0, Clock::System);
    let mut history = history.expect("nothing is noted yet");
    // What is read in the first turn, which is not complete, is forgotten by the next one who reads.
    history.begin_turn(1);
    history
}

/// What `prepare.sh` has made.
pub fn seeds() -> PathBuf {
    let seeds = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/seeds"));
    assert!(seeds.is_dir(), "there are no seeds: run fuzz/prepare.sh first");
    seeds
}

/// The first byte and the rest.
pub fn choice(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first), rest))
}
