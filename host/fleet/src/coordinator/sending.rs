//! Puts a call into the queue and waits for its result, whatever happens to the server and to workers meanwhile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::jetstream::{message::PublishMessage, stream::RawMessageErrorKind};
use bytes::Bytes;
use mmh_record::{digest::Digest, limits::Limits, text};
use tokio::sync::mpsc;

use super::{Came, Pending, Shared, desk::Desk, id};
use crate::{
    FleetError, bus,
    wire::{Answer, Done, Job, Work, unframed},
};

/// How often it is looked what became of a call that nobody has ended.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Most bytes of a result besides a state and output.
const MOST_BESIDES: u64 = 64 << 20;

/// Where a call stands that has no result yet.
enum Found {
    /// In the queue, or with a worker.
    Queued,
    /// Its result was stored, and did not come.
    Result(Bytes),
    /// Nowhere.
    Gone,
}

/// What became of a call that was put into the queue.
enum Waited {
    /// Its result is there.
    Came(Box<(Done, Bytes)>),
    /// It is to be made here.
    Here,
    /// Nobody has it any more.
    Lost,
}

/// Takes a call out of the calls under way, however its task ends.
struct Registered<'a>(&'a Shared, String);

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.0.pending().remove(&self.1);
    }
}

/// A call on its way.
struct Sending<'a> {
    shared: &'a Shared,
    subject: String,
    call: Digest,
    message: Bytes,
    /// Most bytes of its result.
    most: u64,
    /// How often it was put into the queue.
    times: u32,
    /// Since when nobody could have made it.
    alone_since: Option<Instant>,
}

impl Shared {
    /// The result of a call by a worker. `None` if it is to be made here.
    pub(super) async fn call(
        &self,
        work: Work,
        blobs: [Option<(Digest, &[u8])>; 2],
        desk: &Arc<Desk>,
        limits: &Limits,
    ) -> Option<Came> {
        let job = Job {
            number: self.number(),
            limits: Arc::new(limits.clone()),
            record_bytes: desk.record_bytes(),
            work,
        };
        let bytes = serde_json::to_vec(&job).ok()?;
        let call = Digest::of([self.run.as_bytes(), &bytes].concat());
        let (results, mut came) = mpsc::unbounded_channel();
        let registered = Registered(self, id(call));
        self.pending().insert(id(call), Pending { desk: desk.clone(), results });
        let most = MOST_BESIDES + limits.state_bytes + 16 * limits.log_bytes;
        let made = self.made((call, most), &bytes, blobs, &mut came).await;
        drop(registered);
        match made {
            Ok(Some((done, tail))) => Some(Came { call, done, tail }),
            Ok(None) => None,
            Err(error) => {
                self.tell_once(format!("a call is made here: {error}"));
                None
            }
        }
    }

    async fn made(
        &self,
        (call, most): (Digest, u64),
        job: &[u8],
        blobs: [Option<(Digest, &[u8])>; 2],
        came: &mut mpsc::UnboundedReceiver<Bytes>,
    ) -> Result<Option<(Done, Bytes)>, FleetError> {
        let subject = bus::call(&self.version, &self.run, &id(call));
        let mut sending =
            Sending { shared: self, subject, call, message: Bytes::new(), most, times: 0, alone_since: None };
        loop {
            let put = sending.put(job, blobs).await;
            match put {
                Ok(sequence) => match sending.wait(sequence, came).await {
                    Waited::Came(came) => return Ok(Some(*came)),
                    Waited::Here => return Ok(None),
                    Waited::Lost => {}
                },
                Err(error) if sending.is_alone(true) => return Err(error),
                Err(error) => {
                    tracing::debug!("a call is put again: {error}");
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    let _ = self.bus.ensure().await;
                }
            }
        }
    }
}

impl Sending<'_> {
    /// Whether nobody could have made the call for so long that it is made here.
    fn is_alone(&mut self, is_alone: bool) -> bool {
        let since = *self.alone_since.get_or_insert_with(Instant::now);
        if !is_alone {
            self.alone_since = None;
        }
        is_alone && since.elapsed() >= self.shared.settings.patience
    }

    /// Puts the call into the queue, with all that a worker needs for it. Gives its number there.
    async fn put(&mut self, job: &[u8], blobs: [Option<(Digest, &[u8])>; 2]) -> Result<u64, FleetError> {
        let bus = &self.shared.bus;
        for (digest, bytes) in blobs.into_iter().flatten() {
            if self.times > 0 {
                bus.objects.forget(digest);
            }
            bus.objects.put(digest, bytes).await?;
        }
        if self.message.is_empty() || self.times > 0 {
            self.message = bus.objects.pack(job).await?;
        }
        // The same number: what was put, but not confirmed, is not put twice.
        let name = format!("{}-{}", self.call, self.times);
        let message = PublishMessage::build().payload(self.message.clone()).message_id(name);
        let problem = |error: String| FleetError::Server { does: "takes no call", problem: error };
        let put = bus.streams.send_publish(self.subject.clone(), message).await;
        let put = put.map_err(|error| problem(error.to_string()))?.await;
        let put = put.map_err(|error| problem(error.to_string()))?;
        self.alone_since = None;
        Ok(put.sequence)
    }

    /// Waits until it is known what became of the call.
    async fn wait(&mut self, sequence: u64, came: &mut mpsc::UnboundedReceiver<Bytes>) -> Waited {
        loop {
            let payload = tokio::select! {
                payload = came.recv() => payload,
                () = tokio::time::sleep(LOOK_EVERY) => match self.look(sequence).await {
                    Ok(Found::Result(payload)) => Some(payload),
                    Ok(Found::Queued) if self.is_alone(self.shared.standing().workers == 0) => {
                        self.withdraw(sequence).await;
                        let remark = "no worker is there: calls are made here until one comes";
                        self.shared.tell_once(remark.into());
                        return Waited::Here;
                    }
                    Ok(Found::Queued) => None,
                    Ok(Found::Gone) => {
                        self.times += 1;
                        return Waited::Lost;
                    }
                    Err(error) if self.is_alone(true) => {
                        self.shared.tell_once(format!("calls are made here until the server is back: {error}"));
                        return Waited::Here;
                    }
                    Err(_) => None,
                },
            };
            if let Some(payload) = payload
                && let Some(waited) = self.take(payload).await
            {
                return waited;
            }
        }
    }

    /// A result, unless it is one that is not taken.
    async fn take(&self, payload: Bytes) -> Option<Waited> {
        let objects = &self.shared.bus.objects;
        let content = objects.unpack(payload.clone(), self.most).await.ok()?;
        objects.discard(&payload).await;
        objects.discard(&self.message).await;
        // Whoever sends what cannot be read says not even who it is.
        let Some((done, tail)) = unframed::<Done>(content) else { return Some(Waited::Here) };
        if self.shared.is_distrusted(&done.worker) {
            return Some(Waited::Here);
        }
        if let Answer::Refused(why) = &done.answer {
            let (name, why) = (text::name(&done.name), text::name(why));
            self.shared.tell_once(format!("the worker {name} refuses calls, which are made here: {why}"));
            return Some(Waited::Here);
        }
        Some(Waited::Came(Box::new((done, tail))))
    }

    async fn look(&self, sequence: u64) -> Result<Found, FleetError> {
        let bus = &self.shared.bus;
        let problem = |error: String| FleetError::Server { does: "does not answer", problem: error };
        match bus.calls().await?.get_raw_message(sequence).await {
            Ok(message) if message.subject.as_str() == self.subject => return Ok(Found::Queued),
            // The queue was lost, and begun anew.
            Ok(_) => {}
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
            Err(error) => return Err(problem(error.to_string())),
        }
        let subject = bus::result(&self.shared.run, &id(self.call));
        match bus.results().await?.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => Ok(Found::Result(message.payload)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(Found::Gone),
            Err(error) => Err(problem(error.to_string())),
        }
    }

    /// Takes the call out of the queue: it is made here.
    async fn withdraw(&self, sequence: u64) {
        if let Ok(calls) = self.shared.bus.calls().await
            && let Err(error) = calls.delete_message(sequence).await
        {
            tracing::debug!("a call stays in the queue: {error}");
        }
    }
}
