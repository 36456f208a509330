//! What is answered: the page, the data of a run, a list of runs, and a note whenever one of them has changed.
//!
//! | path | answer |
//! |---|---|
//! | `/` | the list of runs, or the only run |
//! | `/run/ID`, `/compare/ID/ID...` | the page |
//! | `/data` | the list, as JSON |
//! | `/data/ID/run`, `/data/ID/val-NNN`, `/data/ID/test-NNN` | the same blocks that a report holds, as JSON |
//! | `/data/ID/val-NNN/N`, `/data/ID/test-NNN/N` | the texts of one example, by its place in the evaluation |
//! | `/notes/ID` | what people have written on a run; `PUT` changes it |
//! | `/events`, `/events/ID` | server-sent events: `changed`; and `workers`, with how they stand, where they are shown |

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{self, Frame, Incoming, SizeHint},
    header::{CONTENT_TYPE, HeaderValue, LOCATION},
};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{changes::Changes, folder::Folder, guard, notes, workers::News};
use crate::html::{
    BLOCK_BYTES,
    collect::Collector,
    details::{Details, Source},
    page,
    read::{Places, Stamp, stamp},
};
use mmh_record::{layout, reader::RunReader, user_notes::UserNotes};

/// Most runs that are shown side by side.
const COMPARED: usize = 16;

/// Most answers that are made of files, or held until they are sent. Each may be as large as a run.
const READINGS: usize = 8;

pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer that takes one of the places for large ones until it is sent.
struct Held {
    body: Body,
    _turn: Option<OwnedSemaphorePermit>,
}

impl body::Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What the server shows, and what it has read of it.
pub struct Shown {
    folder: Arc<Folder>,
    changes: Changes,
    readings: Arc<Semaphore>,
    collectors: Mutex<HashMap<String, Arc<Mutex<Collector>>>>,
    places: Mutex<Vec<Kept>>,
}

/// Where the texts of an evaluation stand, and of which state of its files that is.
struct Kept {
    run: String,
    folder: String,
    stamp: Vec<Stamp>,
    places: Arc<Places>,
}

/// Most evaluations of which it is kept where their texts stand: those that were asked for last.
const KEPT: usize = 8;

impl Shown {
    pub fn new(folder: Folder, workers: Option<News>) -> Self {
        let folder = Arc::new(folder);
        let changes = Changes::of(folder.clone(), workers);
        let readings = Arc::new(Semaphore::new(READINGS));
        Self { folder, changes, readings, collectors: Mutex::default(), places: Mutex::default() }
    }

    /// What streams of events are fed from.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }
}

/// Answers a request, if who asks may.
pub async fn answer(shown: Arc<Shown>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut response = match guard::check(&request) {
        Ok(()) if request.method() == Method::PUT => note(shown, request).await,
        Ok(()) => route(shown, request.uri().path()).await,
        Err(refusal) => text(refusal.status, refusal.why),
    };
    guard::secure(response.headers_mut(), &page::policy("'self'"));
    Ok(response)
}

async fn route(shown: Arc<Shown>, path: &str) -> Response<Body> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts[..] {
        [""] => match shown.folder.only() {
            Some(only) => elsewhere(&format!("/run/{only}")),
            None => html("runs"),
        },
        ["run", id] if shown.folder.run(id).is_some() => html(id),
        ["compare", ref ids @ ..]
            if (2..=COMPARED).contains(&ids.len()) && ids.iter().all(|id| shown.folder.run(id).is_some()) =>
        {
            html("runs side by side")
        }
        ["data"] => {
            let folder = shown.folder.clone();
            shown.reading(move || json(&folder.list())).await
        }
        ["data", id, block] => {
            let (id, block, this) = (id.to_owned(), block.to_owned(), shown.clone());
            shown.reading(move || this.block(&id, &block)).await
        }
        ["data", id, block, at] => {
            let (id, block, at, this) = (id.to_owned(), block.to_owned(), at.parse(), shown.clone());
            shown.reading(move || at.map_or_else(|_| nothing(), |at| this.example(&id, &block, at))).await
        }
        ["notes", id] => {
            let (id, folder) = (id.to_owned(), shown.folder.clone());
            shown.reading(move || told(notes::read(&folder, &id))).await
        }
        ["events"] => events(&shown, None).await,
        ["events", id] if shown.folder.run(id).is_some() => events(&shown, Some(id)).await,
        _ => nothing(),
    }
}

/// Keeps a note on a run.
async fn note(shown: Arc<Shown>, request: Request<Incoming>) -> Response<Body> {
    let Some(id) = request.uri().path().strip_prefix("/notes/").map(str::to_owned) else { return nothing() };
    match notes::asked(request).await {
        Ok(change) => {
            let folder = shown.folder.clone();
            shown.reading(move || told(notes::keep(&folder, &id, change))).await
        }
        Err((status, why)) => text(status, &why),
    }
}

/// Notes, or why there are none.
fn told(notes: Result<UserNotes, notes::Refused>) -> Response<Body> {
    notes.map_or_else(|(status, why)| text(status, &why), |notes| json(&notes))
}

/// A note at once, and one after every change; or that there are streams enough.
async fn events(shown: &Shown, id: Option<&str>) -> Response<Body> {
    let known = shown.changes.look(&id.map(str::to_owned)).await;
    match shown.changes.stream(id, known) {
        Some(events) => {
            respond(StatusCode::OK, "text/event-stream", BodyExt::boxed_unsync(StreamBody::new(events)))
        }
        None => text(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many pages of this server are open: close some, and reload this one",
        ),
    }
}

impl Shown {
    /// Reads files beside everything else that goes on. So few answers are there at once, however many are
    /// asked for and not taken.
    async fn reading(&self, read: impl FnOnce() -> Response<Body> + Send + 'static) -> Response<Body> {
        // A semaphore that nobody closes always gives.
        let turn = self.readings.clone().acquire_owned().await.ok();
        let read = tokio::task::spawn_blocking(read).await;
        let read =
            read.unwrap_or_else(|_| text(StatusCode::INTERNAL_SERVER_ERROR, "reading the run has failed"));
        read.map(|body| Held { body, _turn: turn }.boxed_unsync())
    }

    fn block(&self, id: &str, block: &str) -> Response<Body> {
        let Some(run) = self.folder.run(id) else { return nothing() };
        if block == "run" {
            let collector = locked(&self.collectors).entry(id.to_owned()).or_default().clone();
            let collected = locked(&collector).run(&run);
            return collected.map_or_else(
                |problem| text(StatusCode::INTERNAL_SERVER_ERROR, &problem.to_string()),
                |run| json(&run),
            );
        }
        let Some((folder, places)) = self.places(&run, id, block) else { return nothing() };
        let source = Source { reader: &run, folder: &folder, places: &places, room: BLOCK_BYTES };
        json(&Details::alone(&source))
    }

    /// The texts of the example at this place of an evaluation.
    fn example(&self, id: &str, block: &str, at: usize) -> Response<Body> {
        let Some(run) = self.folder.run(id) else { return nothing() };
        let Some((_, places)) = self.places(&run, id, block) else { return nothing() };
        places.order.get(at).map_or_else(nothing, |example| json(&Details::of_example(&places, example)))
    }

    /// The folder of an evaluation, and where its texts stand. Read again only if the files have changed.
    fn places(&self, run: &RunReader, id: &str, block: &str) -> Option<(String, Arc<Places>)> {
        let folder = evaluation(block).filter(|folder| run.dir().is_dir(folder))?;
        let now = stamp(run, &folder);
        let is_it = |kept: &Kept| kept.run == id && kept.folder == folder;
        let known = locked(&self.places)
            .iter()
            .find(|kept| is_it(kept) && kept.stamp == now)
            .map(|kept| kept.places.clone());
        if let Some(places) = known {
            return Some((folder, places));
        }
        let places = Arc::new(Places::find(run, &folder));
        let mut kept = locked(&self.places);
        kept.retain(|kept| !is_it(kept));
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(Kept { run: id.to_owned(), folder: folder.clone(), stamp: now, places: places.clone() });
        Some((folder, places))
    }
}

/// What holds after a panic elsewhere still holds here: nothing is left half-changed in these maps.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder of a block: `val-003` is `iterations/003`.
fn evaluation(block: &str) -> Option<String> {
    let (kind, index) = block.split_once('-')?;
    let index = layout::index_of(index)?;
    match kind {
        "val" => Some(layout::iteration(index)),
        "test" => Some(layout::held_out(index)),
        _ => None,
    }
}

fn respond(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

fn html(title: &str) -> Response<Body> {
    respond(StatusCode::OK, "text/html; charset=utf-8", whole(page::live(title)))
}

fn json(value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => respond(StatusCode::OK, "application/json", whole(bytes)),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn text(status: StatusCode, why: &str) -> Response<Body> {
    respond(status, "text/plain; charset=utf-8", whole(why.to_owned()))
}

fn nothing() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "there is nothing here")
}

fn elsewhere(place: &str) -> Response<Body> {
    let mut response = text(StatusCode::SEE_OTHER, place);
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}
