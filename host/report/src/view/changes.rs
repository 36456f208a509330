//! Streams of events: what is shown is looked at by one task, however many browsers follow it. Each of them
//! is told that something has changed, not what: one that is slow misses nothing but repetitions.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::stream::{self, Stream};
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    folder::{Folder, Look},
    workers::News,
};

/// How often a folder is looked at for changes.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A sign of life for browsers, when nothing has changed for so long.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// Most streams at once: fewer than there are connections, so that pages can be answered besides.
pub const STREAMS: usize = 32;

/// What can be followed: the list of runs, or a run.
pub(super) type Topic = Option<String>;

/// Who follows what.
pub struct Changes {
    folder: Arc<Folder>,
    followed: Mutex<HashMap<Topic, Followed>>,
    room: Arc<Semaphore>,
    workers: Option<News>,
}

/// How something stood when it was looked at last. Whoever follows it is told when that changes.
struct Followed {
    known: Option<Look>,
    changes: watch::Sender<()>,
}

/// One stream.
struct Follower {
    changes: watch::Receiver<()>,
    workers: Option<News>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// What it is told next. None when nobody looks any more.
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            changed = tokio::time::timeout(ALIVE_EVERY, self.changes.changed()) => match changed {
                Ok(Ok(())) => Some(Bytes::from_static(b"event: changed\ndata: \n\n")),
                Ok(Err(_)) => None,
                Err(_) => Some(Bytes::from_static(b": alive\n\n")),
            },
            // JSON of one line.
            workers = of_workers(&mut self.workers) => Some(format!("event: workers\ndata: {workers}\n\n").into()),
        }
    }
}

/// The next state of the workers. Never comes where there are none to show.
async fn of_workers(workers: &mut Option<News>) -> String {
    match workers {
        Some(news) => news.next().await,
        None => std::future::pending().await,
    }
}

impl Changes {
    pub fn of(folder: Arc<Folder>, workers: Option<News>) -> Self {
        Self { folder, followed: Mutex::default(), room: Arc::new(Semaphore::new(STREAMS)), workers }
    }

    /// A note at once, and one after every change, and how the workers stand; None where there are streams enough.
    ///
    /// `known` is how it stood before: what has changed since then is told, also if it changes before the next look.
    pub(super) fn stream(
        &self,
        id: Option<&str>,
        known: Option<Look>,
    ) -> Option<impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + use<>> {
        let place = self.room.clone().try_acquire_owned().ok()?;
        let mut changes = {
            let mut followed = self.followed();
            let new = || Followed { known, changes: watch::Sender::new(()) };
            followed.entry(id.map(str::to_owned)).or_insert_with(new).changes.subscribe()
        };
        changes.mark_changed();
        let workers = self.workers.as_ref().map(News::anew);
        let follower = Follower { changes, workers, _place: place };
        Some(stream::unfold(follower, |mut follower| async {
            let event = follower.next().await?;
            Some((Ok(Frame::data(event)), follower))
        }))
    }

    /// Looks at what is followed, until this is dropped.
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            for topic in self.topics() {
                // What cannot be looked at now is looked at the next time.
                if let Some(now) = self.look(&topic).await {
                    self.seen(&topic, now);
                }
            }
        }
    }

    /// How something stands now.
    pub(super) async fn look(&self, topic: &Topic) -> Option<Look> {
        let (folder, looked) = (self.folder.clone(), topic.clone());
        let look = move || looked.map_or_else(|| folder.look(), |id| folder.look_at(&id));
        tokio::task::spawn_blocking(look).await.ok()
    }

    /// What somebody follows. What nobody follows any more is forgotten.
    fn topics(&self) -> Vec<Topic> {
        let mut followed = self.followed();
        followed.retain(|_, followed| followed.changes.receiver_count() > 0);
        followed.keys().cloned().collect()
    }

    fn seen(&self, topic: &Topic, now: Look) {
        let mut all = self.followed();
        let Some(followed) = all.get_mut(topic) else { return };
        // Those who follow were told to look when they began.
        if followed.known.as_ref().is_some_and(|known| *known != now) {
            followed.changes.send_replace(());
        }
        followed.known = Some(now);
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<Topic, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
