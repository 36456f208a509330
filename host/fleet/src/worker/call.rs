//! One call on a worker: from the message to its stored result. The message is acknowledged last, so that another worker
//! gets it if this one dies.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::{
    client::{Request, RequestErrorKind},
    jetstream::{
        AckKind, Message,
        message::{Acker, PublishMessage},
    },
};
use mmh_engine::{
    runner::{HarnessCall, Runner, Trained},
    sandbox::Report,
};
use mmh_record::digest::Digest;
use tokio::sync::Notify;

use super::{Worker, model::RemoteModel, shelf::Missing, slots::Begun};
use crate::{
    FleetError, bus,
    wire::{Account, Answer, Done, Job, Slip, Work, framed},
};

/// A call that has ended this many workers is left to its coordinator.
const MOST_TRIED: i64 = 5;

/// Most bytes of a call's description: a batch of examples may be large.
const MOST_JOB: u64 = 4 << 30;

/// How long it is known that a coordinator is there.
const KNOWN: Duration = Duration::from_secs(2);

/// How long a coordinator has to say that it is there.
const SAY_WITHIN: Duration = Duration::from_secs(2);

/// A call whose coordinator is not there is offered again after this time.
const OFFER_AGAIN: Duration = Duration::from_secs(1);

/// How long it is tried to store a result.
const STORE_WITHIN: Duration = Duration::from_secs(60);

/// How a call ends for its message.
enum End {
    /// Its result is stored.
    Stored,
    /// Another worker may take it, after this time.
    Left(Duration),
    /// Nobody waits for it.
    Over,
}

/// Makes the call of a message, and settles the message.
pub(super) async fn make(worker: Arc<Worker>, message: Message, begun: Begun) {
    let tried = message.info().map_or(1, |info| info.delivered);
    let (message, acker) = message.split();
    let mut parts = message.subject.rsplit('.');
    let (Some(call), Some(run)) = (parts.next(), parts.next()) else { return };
    let (call, run) = (call.to_owned(), run.to_owned());
    let over = Arc::new(Notify::new());
    let end = tokio::select! {
        end = worker.made((&run, &call, tried), message.payload, &begun, &over) => end,
        () = over.notified() => End::Over,
        () = keep(&worker, &acker, &run) => End::Over,
    };
    let kind = match end {
        End::Stored => {
            worker.tally.ended();
            AckKind::Ack
        }
        End::Left(after) => AckKind::Nak(Some(after)),
        End::Over => AckKind::Term,
    };
    if let Err(error) = acker.ack_with(kind).await {
        tracing::debug!("a message is not settled, and comes again: {error}");
    }
}

/// Says that the call is worked on, until nobody waits for it any more.
async fn keep(worker: &Worker, acker: &Acker, run: &str) {
    let mut absent = 0;
    loop {
        tokio::time::sleep(bus::PROGRESS_EVERY).await;
        let _ = acker.ack_with(AckKind::Progress).await;
        absent = if worker.is_wanted(run).await { 0 } else { absent + 1 };
        // A coordinator that was cut off comes back within a few seconds.
        if absent > 8 {
            return;
        }
    }
}

impl Worker {
    /// Whether a run's coordinator is there, as far as it is known.
    async fn is_wanted(&self, run: &str) -> bool {
        let known = self.wanted().get(run).copied();
        if let Some((at, wanted)) = known
            && at.elapsed() < KNOWN
        {
            return wanted;
        }
        let request = Request::new().timeout(Some(SAY_WITHIN));
        let wanted = match self.bus.client.send_request(bus::alive(run), request).await {
            Ok(_) => true,
            // Nobody can tell while the server is away.
            Err(error) => error.kind() != RequestErrorKind::NoResponders,
        };
        let mut all = self.wanted();
        all.retain(|_, (at, _)| at.elapsed() < 100 * KNOWN);
        all.insert(run.to_owned(), (Instant::now(), wanted));
        wanted
    }

    async fn made(
        &self,
        (run, call, tried): (&str, &str, i64),
        payload: bytes::Bytes,
        begun: &Begun,
        over: &Arc<Notify>,
    ) -> End {
        if self.has_left(run) {
            return End::Left(OFFER_AGAIN);
        }
        if !self.is_wanted(run).await {
            return if tried > MOST_TRIED { End::Over } else { End::Left(OFFER_AGAIN) };
        }
        let done = if tried > MOST_TRIED {
            Ok((
                Answer::Refused(format!("{} workers have begun the call, and none has ended it", tried - 1)),
                Vec::new(),
            ))
        } else {
            self.answer((run, call), payload, begun, over).await
        };
        let (answer, state) = match done {
            Ok(done) => done,
            Err(Missing::Refused(why)) => (Answer::Refused(why), Vec::new()),
            Err(Missing::Fleet(error)) => {
                tracing::debug!("a call is left to others: {error}");
                return End::Left(OFFER_AGAIN);
            }
        };
        let done = Done { worker: self.id.clone(), name: self.name.clone(), answer };
        match framed(&done, &state) {
            Ok(bytes) => self.store((run, call), &bytes).await,
            Err(_) => End::Over,
        }
    }

    /// Stores a result, under the name of its call.
    async fn store(&self, (run, call): (&str, &str), bytes: &[u8]) -> End {
        let (begun, subject) = (Instant::now(), bus::result(run, call));
        loop {
            match self.try_store(&subject, call, bytes).await {
                Ok(()) => return End::Stored,
                Err(error) if begun.elapsed() > STORE_WITHIN => {
                    tracing::warn!("a result is lost, and its call is made again: {error}");
                    return End::Left(OFFER_AGAIN);
                }
                Err(error) => {
                    tracing::debug!("a result is stored again: {error}");
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    let _ = self.bus.ensure().await;
                }
            }
        }
    }

    async fn try_store(&self, subject: &str, call: &str, bytes: &[u8]) -> Result<(), FleetError> {
        let problem = |error: String| FleetError::Server { does: "stores no result", problem: error };
        let payload = self.bus.objects.pack(bytes).await?;
        let message = PublishMessage::build().payload(payload).message_id(call);
        let stored = self.bus.streams.send_publish(subject.to_owned(), message).await;
        let stored = stored.map_err(|error| problem(error.to_string()))?.await;
        stored.map(drop).map_err(|error| problem(error.to_string()))
    }

    /// Makes the call: what came of it, and the new state, which is empty for other calls.
    async fn answer(
        &self,
        (run, call): (&str, &str),
        payload: bytes::Bytes,
        begun: &Begun,
        over: &Arc<Notify>,
    ) -> Result<(Answer, Vec<u8>), Missing> {
        let bytes = self.bus.objects.unpack(payload, MOST_JOB).await?;
        if Digest::of([run.as_bytes(), &bytes].concat()).to_string() != call {
            return Err(Missing::Refused("the call is another one than its name says".into()));
        }
        let job: Job = serde_json::from_slice(&bytes)
            .map_err(|error| Missing::Refused(format!("the call cannot be read: {error}")))?;
        let (limits, loader) = self.shelf.loader(&job.limits)?;
        let model = Arc::new(RemoteModel {
            bus: self.bus.clone(),
            subject: bus::model(run, call),
            worker: self.id.clone(),
            record_bytes: job.record_bytes,
            waits: begun.waits(),
            over: over.clone(),
            answered: std::sync::Mutex::default(),
        });
        let with = (limits, &*loader);
        let answer = match &job.work {
            Work::Predict(call) => {
                let harness = self.harness(with, call).await?;
                let report = Runner::predict(&*loader.sandbox, &harness, call, model.clone()).await;
                Answer::Text(account(report, &model))
            }
            Work::Learn(call) => {
                let harness = self.harness(with, call).await?;
                let mut report = Runner::learn(&*loader.sandbox, &harness, call, model.clone()).await;
                let state = report.result.as_mut().map(std::mem::take).unwrap_or_default();
                return Ok((Answer::State(account(report, &model).map(drop)), state));
            }
            Work::Score(call) => {
                let scorer = self.shelf.scorer(&self.bus, with, call.component).await?;
                let report = Runner::score(&*loader.sandbox, &scorer, call, model.clone()).await;
                Answer::Grade(account(report, &model))
            }
        };
        Ok((answer, Vec::new()))
    }

    async fn harness<I>(
        &self,
        (limits, loader): (Digest, &mmh_engine::load::Loader),
        call: &HarnessCall<I>,
    ) -> Result<Trained, Missing> {
        let built = self.shelf.harness(&self.bus, (limits, loader), call.component).await?;
        let state = self.shelf.state(&self.bus, call.state, loader.sandbox.limits().state_bytes).await?;
        Ok(Trained { built, state })
    }
}

fn account<T>(report: Report<T>, model: &RemoteModel) -> Account<T> {
    let answered = model.answered().clone();
    let slip = |at: usize| match answered.contains(&(at as u32)) {
        true => Slip::Answered,
        false => Slip::Unanswered,
    };
    Account {
        result: report.result,
        fuel: report.fuel,
        own_time: report.own_time,
        peak_memory_bytes: report.peak_memory_bytes,
        calls: (0..report.calls.len()).map(slip).collect(),
        logs: report.logs,
        stdout: report.stdout,
        stderr: report.stderr,
    }
}
