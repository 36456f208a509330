//! The workers that the page shows: looked at once a second, and told to the page's server.

use std::time::Duration;

use tokio::{sync::watch, task::JoinSet};

use crate::error::CliError;
use mmh_fleet::{
    Access, Look, Watch,
    wire::{Hello, Version},
};
use mmh_record::text;
use mmh_report::view::workers::{LISTED, News, Queue, Worker, Workers};

/// How often it is looked how the fleet stands.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the page is told of the workers at a server, and what finds it out until it is dropped.
pub async fn watched(access: &Access) -> Result<(News, JoinSet<()>), CliError> {
    let watch = Watch::begin(access).await?;
    let first = shown(watch.look().await?, &access.shown());
    let (tell, news) = watch::channel(first);
    let mut watched = JoinSet::new();
    watched.spawn(keep_up(watch, tell, access.shown()));
    Ok((News::of(news), watched))
}

async fn keep_up(watch: Watch, tell: watch::Sender<Workers>, server: String) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let look = watch.look().await;
        tell.send_if_modified(|known| {
            let now = match look {
                Ok(look) => shown(look, &server),
                Err(error) => Workers { problem: Some(error.to_string()), ..known.clone() },
            };
            let is_new = *known != now;
            *known = now;
            is_new
        });
    }
}

/// A fleet as the page shows it.
fn shown(look: Look, server: &str) -> Workers {
    let own = Version::own();
    let ours = || look.workers.iter().filter(|it| it.version == own);
    Workers {
        server: server.to_owned(),
        version: own.to_string(),
        problem: None,
        count: look.workers.len(),
        processors: ours().map(|it| it.processors).sum(),
        calls_per_s: ours().map(|it| it.calls_per_s).sum(),
        queue: Queue {
            waiting: look.queue.waiting,
            taken: look.queue.taken,
            taken_again: look.queue.taken_again,
        },
        workers: look.workers.iter().take(LISTED).map(|it| worker(it, &own)).collect(),
    }
}

/// A worker as the page shows it. All of it came from the bus.
fn worker(hello: &Hello, own: &Version) -> Worker {
    Worker {
        id: text::name(&hello.id),
        name: hello.name.clone(),
        other_version: (hello.version != *own).then(|| text::name(&hello.version.to_string())),
        processors: hello.processors,
        under_way: hello.under_way,
        waiting: hello.waiting,
        done: hello.done,
        calls_per_s: hello.calls_per_s,
    }
}
