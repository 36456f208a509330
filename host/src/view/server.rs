//! What is answered: the page, the data of a run, a list of runs, and a note whenever one of them has changed.
//!
//! | path | answer |
//! |---|---|
//! | `/` | the list of runs, or the only run |
//! | `/run/ID`, `/compare/ID/ID` | the page |
//! | `/data` | the list, as JSON |
//! | `/data/ID/run`, `/data/ID/val-NNN`, `/data/ID/test-NNN` | the same blocks that a report holds, as JSON |
//! | `/events`, `/events/ID` | server-sent events: `changed` |

use std::{
    collections::HashMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{CONTENT_TYPE, HeaderValue, LOCATION},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::{net::TcpListener, sync::Semaphore, time::Instant};

use super::{
    ViewError,
    folder::{Folder, Look},
    guard,
};
use crate::report::{
    collect::{self, Collector},
    details::Details,
    page,
};

/// How often a folder is looked at for changes.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A sign of life for browsers, when nothing has changed for so long.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// How long a browser may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most connections at once.
const CONNECTIONS: usize = 64;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A server that listens already.
pub struct Server {
    listener: TcpListener,
    port: u16,
    shown: Arc<Shown>,
}

/// What the server shows, and what it has read of it.
struct Shown {
    folder: Folder,
    port: u16,
    collectors: Mutex<HashMap<String, Arc<Mutex<Collector>>>>,
}

impl Server {
    /// Listens on loopback. Port 0 is any that is free.
    pub async fn bind(folder: Folder, port: u16) -> Result<Self, ViewError> {
        let failed = |source| ViewError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let shown = Arc::new(Shown { folder, port, collectors: Mutex::default() });
        Ok(Self { listener, port, shown })
    }

    /// Where it is found.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Answers, until it is dropped.
    pub async fn serve(self) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            // A semaphore that nobody closes always gives.
            let Ok(place) = room.clone().acquire_owned().await else { return };
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            };
            let shown = self.shown.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| answer(shown.clone(), request));
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                // A connection that breaks is the browser's business.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
                drop(place);
            });
        }
    }
}

async fn answer(shown: Arc<Shown>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut response = match guard::check(&request, shown.port) {
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
        ["compare", one, other] if [one, other].iter().all(|id| shown.folder.run(id).is_some()) => {
            html("two runs")
        }
        ["data"] => reading(move || json(&shown.folder.list())).await,
        ["data", id, block] => {
            let (id, block) = (id.to_owned(), block.to_owned());
            reading(move || shown.block(&id, &block)).await
        }
        ["events"] => events(move || shown.folder.look()),
        ["events", id] if shown.folder.run(id).is_some() => {
            let id = id.to_owned();
            events(move || shown.folder.look_at(&id))
        }
        _ => nothing(),
    }
}

/// Reads files beside everything else that goes on.
async fn reading(read: impl FnOnce() -> Response<Body> + Send + 'static) -> Response<Body> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|_| text(StatusCode::INTERNAL_SERVER_ERROR, "reading the run has failed"))
}

impl Shown {
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
        let Some(folder) = evaluation(block) else { return nothing() };
        if !run.dir().is_dir(&folder) {
            return nothing();
        }
        json(&Details::alone(&collect::Folder::read(&run, &folder)))
    }
}

/// What holds after a panic elsewhere still holds here: nothing is left half-changed in these maps.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder of a block: `val-003` is `iterations/003`.
fn evaluation(block: &str) -> Option<String> {
    let (kind, index) = block.split_once('-')?;
    let kind = match kind {
        "val" => "iterations",
        "test" => "test",
        _ => return None,
    };
    let folder = crate::report::data::folder(kind, index.parse().ok()?);
    folder.ends_with(&format!("/{index}")).then_some(folder)
}

/// A note at once, and one after every change.
fn events(look: impl Fn() -> Look + Send + Sync + 'static) -> Response<Body> {
    let look = Arc::new(look);
    let events = stream::unfold((None, Instant::now()), move |(mut known, mut said)| {
        let look = look.clone();
        async move {
            loop {
                let looking = look.clone();
                let now = tokio::task::spawn_blocking(move || looking()).await.ok()?;
                if known.as_ref() != Some(&now) {
                    let event = Bytes::from_static(b"event: changed\ndata: \n\n");
                    return Some((event, (Some(now), Instant::now())));
                }
                if said.elapsed() >= ALIVE_EVERY {
                    said = Instant::now();
                    return Some((Bytes::from_static(b": alive\n\n"), (known.take(), said)));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    });
    let body = StreamBody::new(events.map(|event| Ok::<_, Infallible>(Frame::data(event))));
    respond(StatusCode::OK, "text/event-stream", BodyExt::boxed_unsync(body))
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
