//! Tags and notes of people, which are kept beside a run: read, and changed one at a time.
//!
//! The only thing that this server writes. It stands outside of the run's folder, and only the server's own pages may ask
//! for it, as `guard` sees to.

use std::sync::{Mutex, PoisonError};

use http_body_util::{BodyExt, Limited};
use hyper::{Request, StatusCode, body::Incoming};
use serde::Deserialize;

use super::folder::Folder;
use mmh_record::user_notes::{UserNote, UserNotes};

/// The longest request.
const MAX_BODY_BYTES: usize = 64 << 10;

/// One change at a time: each reads the file and writes it again.
static CHANGING: Mutex<()> = Mutex::new(());

/// What cannot be answered: a status, and why.
pub type Refused = (StatusCode, String);

/// What a page asks to be kept.
#[derive(Deserialize)]
pub struct Change {
    of: String,
    #[serde(flatten)]
    note: UserNote,
}

/// What a request asks to be kept.
pub async fn asked(request: Request<Incoming>) -> Result<Change, Refused> {
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|_| {
        (StatusCode::PAYLOAD_TOO_LARGE, format!("a note takes {MAX_BODY_BYTES} bytes at most"))
    })?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// The notes on a run.
pub fn read(shown: &Folder, id: &str) -> Result<UserNotes, Refused> {
    let runs = shown.beside(id).ok_or_else(nowhere)?;
    UserNotes::read(&runs, id).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// Keeps a note, and gives all notes of its run.
pub fn keep(shown: &Folder, id: &str, change: Change) -> Result<UserNotes, Refused> {
    let _turn = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let runs = shown.beside(id).ok_or_else(nowhere)?;
    let mut notes = read(shown, id)?;
    notes.enter(&change.of, change.note).map_err(|why| (StatusCode::BAD_REQUEST, why))?;
    let written = notes.write(&runs, id);
    written.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(notes)
}

fn nowhere() -> Refused {
    (StatusCode::NOT_FOUND, "there is no place for notes on this run".into())
}
