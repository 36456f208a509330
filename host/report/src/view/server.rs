//! Listens and keeps the number of connections, and what one of them may take, within bounds. What is answered
//! is in `answers`.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{body::Body as _, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    ViewError,
    answers::{self, Shown},
    folder::Folder,
    patient::Patient,
    workers::News,
};

/// Most connections at once.
const CONNECTIONS: usize = 64;

/// Most connections that wait for a place, and how long they do: longer than anybody keeps one without a
/// reason. Then, and beyond them, it is said that there is none.
const WAITING: usize = 64;
const FOR_A_PLACE: Duration = Duration::from_secs(8);

/// How long a browser may take to say what it wants.
const ASKING: Duration = Duration::from_secs(5);

/// How long a browser may take none of what it is sent.
const STANDING_STILL: Duration = Duration::from_secs(5);

/// How long an answer may take in all, unless it is a stream of events.
const ANSWERING: Duration = Duration::from_secs(60);

/// How long somebody is listened to who is told that there is no place: a connection that is closed before it
/// has said what it wants may never hear why.
const PARTING: Duration = Duration::from_secs(1);

/// What is taken of somebody who is not waited for: more than a browser's request has.
const TAKEN_BYTES: u64 = 64 << 10;

/// How long to wait where the system has no connection to give.
const PAUSE: Duration = Duration::from_millis(300);

/// What a connection is told for which there is no place.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 69\r\nretry-after: 5\r\nconnection: close\r\n\r\n\
    too many connections are open to this server: close pages, and reload";

/// A server that listens already.
pub struct Server {
    listener: TcpListener,
    port: u16,
    shown: Arc<Shown>,
}

impl Server {
    /// Listens on loopback. Port 0 is any that is free. `workers` is what is shown of a fleet, where there is one.
    pub async fn bind(folder: Folder, port: u16, workers: Option<News>) -> Result<Self, ViewError> {
        let failed = |source| ViewError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port, shown: Arc::new(Shown::new(folder, workers)) })
    }

    /// Where it is found.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Answers, until it is dropped.
    pub async fn serve(self) {
        let shown = self.shown.clone();
        tokio::join!(self.accept(), shown.changes().watch());
    }

    async fn accept(&self) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let queue = Arc::new(Semaphore::new(WAITING));
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let shown = self.shown.clone();
            if let Ok(place) = room.clone().try_acquire_owned() {
                tokio::spawn(connection(shown, stream, place));
            } else if let Ok(waiting) = queue.clone().try_acquire_owned() {
                let room = room.clone();
                tokio::spawn(async move {
                    match tokio::time::timeout(FOR_A_PLACE, room.acquire_owned()).await {
                        Ok(Ok(place)) => {
                            drop(waiting);
                            connection(shown, stream, place).await;
                        }
                        // Who does not listen is let go all the same.
                        _ => drop(tokio::time::timeout(PARTING, turn_away(stream)).await),
                    }
                });
            } else {
                let _ = stream.into_std().and_then(refuse);
            }
        }
    }
}

/// Says that there is no place, and waits until the browser has closed.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(FULL).await?;
    stream.shutdown().await?;
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

/// Says that there is no place, and waits for nothing. There is room for all that is said, since nothing was sent before.
///
/// What the browser has said so far is taken: a connection that is closed over bytes that nobody took is reset, and the
/// browser may never hear why.
fn refuse(mut stream: std::net::TcpStream) -> io::Result<()> {
    stream.write_all(FULL)?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream.take(TAKEN_BYTES), &mut io::sink()).map(drop)
}

/// Answers one request, and gives the place back. A connection that breaks is the browser's business.
async fn connection(shown: Arc<Shown>, stream: TcpStream, _place: OwnedSemaphorePermit) {
    let streams = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let (shown, streams) = (shown.clone(), streams.clone());
        async move {
            let answered = answers::answer(shown, request).await;
            // The only body whose end is not known is a stream of events.
            let endless = answered.as_ref().is_ok_and(|it| it.body().size_hint().exact().is_none());
            streams.store(endless, Ordering::Relaxed);
            answered
        }
    });
    let mut server = http1::Builder::new();
    // One request each, so that nobody keeps a place that is not used.
    server.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(ASKING);
    let io = TokioIo::new(Patient::new(stream, STANDING_STILL));
    let mut serving = pin!(server.serve_connection(io, service));
    if tokio::time::timeout(ANSWERING, &mut serving).await.is_err() && streams.load(Ordering::Relaxed) {
        let _ = serving.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_when_there_is_no_place_has_its_length() {
        let said = String::from_utf8(FULL.to_vec()).expect("text");
        let (head, body) = said.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
    }
}
