//! Bytes by digest in the server's object store: components, states, and messages that are too large for the bus. What is
//! read is checked against its digest, so that nobody can put other bytes in their place.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_nats::{
    Client,
    jetstream::{Context, object_store},
};
use bytes::Bytes;
use mmh_record::digest::Digest;
use tokio::{io::AsyncReadExt, sync::OnceCell};

use crate::FleetError;

/// The bucket of all runs: equal bytes are stored once.
const BUCKET: &str = "mmh-objects";

/// How long an object is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// An object that was put so long ago is put again before it is named.
const PUT_AGAIN_AFTER: Duration = Duration::from_secs(12 * 3600);

/// How long the server may take for one object.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of a message besides its payload, at most: subject and headers.
const BESIDES: usize = 4096;

/// The first byte of a message whose content follows.
const HERE: u8 = 0;

/// The first byte of a message whose content is in the store: its digest follows.
const STORED: u8 = 1;

/// Objects that were put, and when. A cell is empty until it is done.
type Put = HashMap<Digest, (Instant, Arc<OnceCell<()>>)>;

/// The object store.
pub(crate) struct Objects {
    client: Client,
    streams: Context,
    /// What this process has put, and when.
    put: Mutex<Put>,
}

fn problem(does: &'static str) -> impl Fn(String) -> FleetError {
    move |problem| FleetError::Server { does, problem }
}

impl Objects {
    pub fn new(client: &Client, streams: &Context) -> Self {
        Self { client: client.clone(), streams: streams.clone(), put: Mutex::default() }
    }

    /// Makes the bucket, if it is missing.
    pub async fn ensure(&self) -> Result<(), FleetError> {
        if self.streams.get_object_store(BUCKET).await.is_ok() {
            return Ok(());
        }
        // What was put before is gone.
        self.known().clear();
        let config = object_store::Config {
            bucket: BUCKET.into(),
            description: Some("components, states and large messages of mmh, by digest".into()),
            max_age: KEPT,
            ..Default::default()
        };
        let made = self.streams.create_object_store(config).await.map(drop);
        made.map_err(|error| problem("makes no object store")(error.to_string()))
    }

    fn known(&self) -> MutexGuard<'_, Put> {
        self.put.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts bytes under their digest, unless that was done.
    pub async fn put(&self, digest: Digest, bytes: &[u8]) -> Result<(), FleetError> {
        let cell = {
            let mut known = self.known();
            let fresh = || (Instant::now(), Arc::default());
            let entry = known.entry(digest).or_insert_with(fresh);
            if entry.0.elapsed() > PUT_AGAIN_AFTER {
                *entry = fresh();
            }
            entry.1.clone()
        };
        cell.get_or_try_init(|| self.send(digest, bytes)).await.copied()
    }

    /// Forgets that these bytes were put: somebody did not find them.
    pub fn forget(&self, digest: Digest) {
        self.known().remove(&digest);
    }

    async fn send(&self, digest: Digest, bytes: &[u8]) -> Result<(), FleetError> {
        let fails = problem("stores no object");
        let store = self.streams.get_object_store(BUCKET).await.map_err(|error| fails(error.to_string()))?;
        let (name, mut from) = (digest.to_string(), bytes);
        match tokio::time::timeout(PATIENCE, store.put(name.as_str(), &mut from)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(fails(error.to_string())),
            Err(_) => Err(fails(format!("no answer for {} s", PATIENCE.as_secs()))),
        }
    }

    /// The bytes with this digest, at most `most` of them.
    pub async fn get(&self, digest: Digest, most: u64) -> Result<Vec<u8>, FleetError> {
        let fails = problem("does not give an object");
        let store = self.streams.get_object_store(BUCKET).await.map_err(|error| fails(error.to_string()))?;
        let read = async {
            let object = store.get(digest.to_string()).await.map_err(|error| error.to_string())?;
            let mut bytes = Vec::new();
            let read = object.take(most.saturating_add(1)).read_to_end(&mut bytes).await;
            read.map_err(|error| error.to_string())?;
            Ok(bytes)
        };
        let bytes = match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return Err(fails(error)),
            Err(_) => return Err(fails(format!("no answer for {} s", PATIENCE.as_secs()))),
        };
        match Digest::of(&bytes) == digest {
            true => Ok(bytes),
            false => Err(fails(format!("{digest} holds other bytes than its name says, or too many"))),
        }
    }

    async fn remove(&self, digest: Digest) {
        if let Ok(store) = self.streams.get_object_store(BUCKET).await
            && let Err(error) = store.delete(digest.to_string()).await
        {
            tracing::debug!("an object stays for a day: {error}");
        }
    }

    /// A message that holds these bytes itself.
    pub fn whole(content: &[u8]) -> Bytes {
        [&[HERE], content].concat().into()
    }

    /// A message of these bytes. What is too large for the bus goes into the store.
    pub async fn pack(&self, content: &[u8]) -> Result<Bytes, FleetError> {
        if content.len() + BESIDES <= self.client.max_payload() {
            return Ok(Self::whole(content));
        }
        let digest = Digest::of(content);
        self.forget(digest);
        self.put(digest, content).await?;
        Ok([&[STORED][..], digest.bytes()].concat().into())
    }

    /// The content of a message, of at most `most` bytes.
    pub async fn unpack(&self, mut message: Bytes, most: u64) -> Result<Bytes, FleetError> {
        let kind = if message.is_empty() { None } else { Some(message.split_to(1)[0]) };
        match kind {
            Some(HERE) => Ok(message),
            Some(STORED) => {
                let digest = <[u8; 32]>::try_from(&message[..]).map(Digest::from);
                let digest =
                    digest.map_err(|_| problem("passes on nonsense")("no digest in a message".into()))?;
                Ok(self.get(digest, most).await?.into())
            }
            _ => Err(problem("passes on nonsense")("a message of no known kind".into())),
        }
    }

    /// Removes the content of a message from the store, if it lies there: nobody needs it any more.
    pub async fn discard(&self, message: &[u8]) {
        if let Some((&STORED, digest)) = message.split_first()
            && let Ok(digest) = <[u8; 32]>::try_from(digest)
        {
            self.remove(digest.into()).await;
        }
    }
}
