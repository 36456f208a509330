//! Compiles all sources of a run, one on each processor at a time. The search is then repeated step by step, and finds the
//! components in the cache.

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Verifier, VerifyError};
use crate::{noted::Missing, progress::Event};
use mmh_record::{
    RecordError,
    digest::Digest,
    layout::{self, Place},
    reader::RunReader,
};

/// The fields of a transcript's line that hold sources.
#[derive(Deserialize)]
struct Turn {
    #[serde(default)]
    reply: Option<Reply>,
    #[serde(default)]
    input: Option<Box<RawValue>>,
}

mmh_record::recorded!(Turn);

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    content: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(default)]
    input: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    code: Option<String>,
}

/// The source among a tool call's arguments, which may be anything.
fn code(input: Option<Box<RawValue>>) -> Option<String> {
    serde_json::from_str::<Input>(input?.get()).ok()?.code
}

/// Compiles a run's sources. If other tools are installed here, the run's components stand in for the results.
pub async fn up(verifier: &Verifier, folders: &[String], missing: Missing) -> Result<(), VerifyError> {
    let homes = folders.iter().filter(|folder| Place::of(folder) == Some(Place::Iteration));
    let mut sources: HashMap<Digest, String> = HashMap::new();
    for folder in homes {
        let (source, component) =
            (layout::file(folder, verifier.reader.source_name()), layout::file(folder, layout::COMPONENT));
        let recorded =
            verifier.reader.has(&source).then(|| verifier.reader.text(&source)).and_then(Result::ok);
        if missing.tools {
            let component = verifier.reader.has(&component).then(|| verifier.reader.bytes(&component));
            if let (Some(source), Some(Ok(component))) = (recorded, component) {
                let verdict = verifier.builder.load(component).await?;
                verifier.builder.remember(&source, verdict);
            }
            continue;
        }
        let tried = tried(&verifier.reader, folder).unwrap_or_default();
        sources.extend(recorded.into_iter().chain(tried).map(|source| (Digest::of(&source), source)));
    }
    let (builder, count) = (&verifier.builder, sources.len());
    verifier.observer.on(Event::Working(format!("compiling {count} sources")));
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let builds = sources.into_values().map(|source| async move {
        let verdict = builder.build(&source).await?;
        builder.remember(&source, verdict);
        Ok::<(), VerifyError>(())
    });
    let mut building = stream::iter(builds).buffer_unordered(at_once);
    while let Some(built) = building.next().await {
        built?;
    }
    Ok(())
}

/// The sources that a proposer called the tools with.
fn tried(reader: &RunReader, folder: &str) -> Result<Vec<String>, RecordError> {
    let path = layout::file(folder, layout::TRANSCRIPT);
    let mut found = Vec::new();
    if reader.has(&path) {
        for turn in reader.rows::<Turn>(&path)? {
            let Turn { reply, input } = turn?;
            found.extend(code(input));
            let blocks = reply.into_iter().flat_map(|reply| reply.content);
            found.extend(blocks.filter_map(|block| code(block.input)));
        }
    }
    Ok(found)
}
