//! What a coordinator hears: results, model calls of workers, workers about themselves, and whether it is there.

use std::sync::{Arc, atomic::Ordering};

use async_nats::{Message, Subscriber};
use futures::StreamExt;
use mmh_engine::sandbox::CallIndex;
use mmh_record::chat::{CallOutcome, ModelError};
use tokio::task::JoinSet;

use super::{Shared, desk::Nonsense};
use crate::{
    FleetError, bus, roster,
    wire::{Answer, Ask, Done, Told},
};

/// Most bytes of a model call.
const MOST_ASKED: u64 = 4 << 30;

/// Listens to all that concerns the run.
pub(super) async fn begin(shared: &Arc<Shared>) -> Result<JoinSet<()>, FleetError> {
    let mut listening = JoinSet::new();
    let results = subscribe(shared, bus::result(&shared.run, "*")).await?;
    let asked = subscribe(shared, bus::model(&shared.run, "*")).await?;
    let alive = subscribe(shared, bus::alive(&shared.run)).await?;
    let hellos = subscribe(shared, bus::HELLO.to_owned()).await?;
    let this = shared.clone();
    listening.spawn(results.for_each(move |message| {
        result(&this, message);
        std::future::ready(())
    }));
    listening.spawn(shared.bus.denials.clone().tell(shared.tell.clone()));
    listening.spawn(all_asked(shared.clone(), asked));
    listening.spawn(is_alive(shared.clone(), alive));
    let this = shared.clone();
    listening.spawn(hellos.for_each(move |message| {
        hello(&this, &message);
        std::future::ready(())
    }));
    Ok(listening)
}

async fn subscribe(shared: &Shared, subject: String) -> Result<Subscriber, FleetError> {
    let problem = |error: async_nats::SubscribeError| FleetError::Server {
        does: "takes no subscription",
        problem: error.to_string(),
    };
    shared.bus.client.subscribe(subject).await.map_err(problem)
}

/// The call that a subject ends with.
fn call_of(message: &Message) -> &str {
    message.subject.rsplit('.').next().unwrap_or_default()
}

fn result(shared: &Shared, message: Message) {
    let pending = shared.pending().get(call_of(&message)).cloned();
    // A second result of the same call has nobody who waits for it.
    if let Some(pending) = pending {
        let _ = pending.results.send(message.payload);
    }
}

fn hello(shared: &Shared, message: &Message) {
    let Some(hello) = roster::heard(&message.payload) else { return };
    let (name, version) = (hello.name.clone(), hello.version.clone());
    let is_new = shared.roster.note(hello);
    if !is_new || !shared.has_begun.load(Ordering::Relaxed) {
        return;
    }
    match version == shared.version {
        true => shared.tell_once(format!("the worker {name} has come: {}", shared.standing().line())),
        false => shared.tell_once(format!(
            "{name} is {}, and gets no calls: this is {}",
            roster::shown(&version),
            shared.version
        )),
    }
}

/// Says that the coordinator is there.
async fn is_alive(shared: Arc<Shared>, mut asked: Subscriber) {
    while let Some(message) = asked.next().await {
        if let Some(reply) = message.reply {
            let _ = shared.bus.client.publish(reply, "yes".into()).await;
        }
    }
}

/// Answers model calls, each in a task of its own.
async fn all_asked(shared: Arc<Shared>, mut asked: Subscriber) {
    let mut answering = JoinSet::new();
    while let Some(message) = asked.next().await {
        let shared = shared.clone();
        answering.spawn(async move {
            if let Err(error) = answer(&shared, message).await {
                tracing::debug!("a model call of a worker is not answered: {error}");
            }
        });
        while answering.try_join_next().is_some() {}
    }
}

async fn answer(shared: &Shared, message: Message) -> Result<(), FleetError> {
    let Some(reply) = message.reply.clone() else { return Ok(()) };
    let pending = shared.pending().get(call_of(&message)).cloned();
    let told = match pending {
        None => Told::Over,
        Some(pending) => {
            let payload = shared.bus.objects.unpack(message.payload, MOST_ASKED).await?;
            let Ok(Ask { worker, request, index, draw, time_left }) = serde_json::from_slice(&payload) else {
                return Ok(());
            };
            if shared.is_distrusted(&worker) {
                return Ok(());
            }
            match pending.desk.ask(request, CallIndex { index, draw }, time_left).await {
                Ok(outcome) => Told::Outcome(Box::new(outcome)),
                Err(Nonsense::Other) => {
                    // The clock may have had a part in what one of two attempts has asked. Only a third one can tell.
                    let why = "two attempts of a call asked the model for different things".into();
                    let done = Done { name: worker.clone(), worker, answer: Answer::Refused(why) };
                    pending.give_up(&done);
                    Told::Over
                }
                Err(nonsense) => {
                    let answer = Answer::Refused(String::new());
                    let done = Done { name: worker.clone(), worker, answer };
                    shared.distrust(&done, &format!("it sent {nonsense}")).await;
                    let why = ModelError::Unavailable(nonsense.to_string());
                    Told::Outcome(Box::new(CallOutcome::unasked(Err(why.into()))))
                }
            }
        }
    };
    let told = serde_json::to_vec(&told).map_err(|error| FleetError::Here(error.to_string()))?;
    let told = shared.bus.objects.pack(&told).await?;
    let sent = shared.bus.client.publish(reply, told).await;
    sent.map_err(|error| FleetError::Server { does: "takes no reply", problem: error.to_string() })
}
