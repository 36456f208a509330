//! Counts what a folder only claims: replies of models, and tool calls that no reply carries.

use cap_std::fs::Dir;
use serde::Deserialize;

use super::rerun::Made;
use mmh_record::{RecordError, format::ProposerKind, layout, plain};

/// The number of a folder's recorded model calls.
pub fn replies(made: &Made, folder: &str) -> Result<u64, RecordError> {
    let mut count = 0;
    for file in [layout::CALLS, layout::SCORER_CALLS, layout::TRIALS] {
        let path = layout::file(folder, file);
        if made.recorded.has(&path) {
            count += lines(made.recorded.dir(), &path)?;
        }
    }
    Ok(count)
}

/// The number of a folder's tool calls that no reply carries.
pub fn tool_calls(made: &Made, folder: &str) -> Result<u64, RecordError> {
    #[derive(Deserialize)]
    struct Kind {
        r#type: String,
    }

    mmh_record::recorded!(Kind);
    let path = layout::file(folder, layout::TRANSCRIPT);
    if made.config.proposer_kind != ProposerKind::Tools || !made.recorded.has(&path) {
        return Ok(0);
    }
    let rows = made.recorded.rows::<Kind>(&path)?;
    // A row that cannot be read is a finding of its own.
    Ok(rows.flatten().filter(|row| row.r#type == "tool_call").count() as u64)
}

/// The number of a file's lines.
pub fn lines(dir: &Dir, path: &str) -> Result<u64, RecordError> {
    let mut read = plain::Lines::open(dir, path).map_err(unreadable(path))?;
    let (mut count, mut line) = (0, Vec::new());
    while read.next(&mut line).map_err(unreadable(path))?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// The error of a file that cannot be read.
pub fn unreadable(path: &str) -> impl Fn(std::io::Error) -> RecordError {
    move |source| RecordError::Io { action: "read", file: path.to_owned(), source }
}
