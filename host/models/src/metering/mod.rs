//! One model call as a run sees it: money is reserved, the model is asked, asked again where that helps,
//! and what it really cost takes the place of the reservation.
//!
//! Both models of a run go through here, over one budget. Not in here: what a provider's answer means
//! (`model::remote`), and replies that are there already (`evaluate::replies`).

pub mod budget;
mod evidence;
mod retry_policy;
pub mod throttle;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use budget::{Bill, Budget, Refused, Reservation};
use evidence::Evidence;
use retry_policy::Deadline;
pub use retry_policy::RetryPolicy;
use throttle::Throttle;

use crate::{
    Billing, ChatError, ChatModel, Fault,
    cancel::{Cancel, Stop},
};
use mmh_record::{
    chat::{CallError, CallOutcome, ChatReply, ChatRequest, ModelError},
    clock::Clock,
    pricing::{Price, Usd},
};

/// A call that did not get its turn within this time, while fewer calls go out than usual, has met overload.
const LONG_WAIT: Duration = Duration::from_secs(10);

/// Why a call got no reply, before it is clear whose trouble that is.
enum Missed {
    /// No call will: there is no money for it, or it could not be written down.
    Call(CallError),
    /// All its time went by before it could be asked.
    Turn,
    /// An attempt got none, and when that was known.
    Reply { error: ChatError, at: Instant },
}

/// Calls one model on behalf of a run. Cheap to clone.
#[derive(Clone)]
pub struct MeteredModel {
    pub model: Arc<dyn ChatModel>,
    pub price: Price,
    pub budget: Arc<Budget>,
    pub throttle: Arc<Throttle>,
    pub patience: RetryPolicy,
    pub clock: Clock,
    pub cancel: Cancel,
    evidence: Arc<Evidence>,
}

impl MeteredModel {
    pub fn new(
        model: Arc<dyn ChatModel>,
        price: Price,
        budget: Arc<Budget>,
        throttle: Throttle,
        patience: RetryPolicy,
        clock: Clock,
        cancel: Cancel,
    ) -> Self {
        let (throttle, evidence) = (Arc::new(throttle), Arc::new(Evidence::default()));
        Self { model, price, budget, throttle, patience, clock, cancel, evidence }
    }

    /// A model that costs nothing and never has to be asked twice, such as a simulated one.
    pub fn free(model: Arc<dyn ChatModel>, clock: Clock, cancel: Cancel) -> Self {
        let budget = Arc::new(Budget::unlimited());
        Self::new(model, Price::default(), budget, Throttle::unlimited(), RetryPolicy::ONCE, clock, cancel)
    }

    /// Calls, within `time_left` where the caller has less patience than usual. What is the provider's
    /// trouble ends the run; an error that comes back otherwise is this request's own.
    pub async fn call(&self, request: &ChatRequest, time_left: Option<Duration>) -> CallOutcome {
        if let Some(error) = self.evidence.end() {
            return CallOutcome::unasked(Err(error));
        }
        let stopwatch = self.clock.start();
        let deadline = self.patience.deadline(time_left);
        let mut called = CallOutcome::unasked(Err(CallError::BudgetSpent));
        called.result = match self.until_answered(request, deadline, &mut called).await {
            Ok(reply) => Ok(reply),
            Err(missed) => self.judge(request, missed, deadline, &mut called).await,
        };
        called.latency_ms = stopwatch.elapsed_ms();
        if let Err(error) = &called.result {
            self.stop_for(error);
        }
        called
    }

    /// Ends the run where no further call can succeed.
    fn stop_for(&self, error: &CallError) {
        match error {
            CallError::BudgetSpent => self.cancel.stop(Stop::BudgetSpent(self.budget.standing().to_string())),
            CallError::Model(ModelError::Unusable(why)) => {
                self.evidence.is_over(error);
                self.cancel.stop(Stop::ModelUnusable(why.clone()));
            }
            CallError::Model(_) => {}
        }
    }

    /// Whose trouble it is that there was no reply. Where the model answers others after it, the request gets
    /// one more chance; if that fails as well, it is the request's.
    async fn judge(
        &self,
        request: &ChatRequest,
        missed: Missed,
        deadline: Deadline,
        called: &mut CallOutcome,
    ) -> Result<ChatReply, CallError> {
        let (error, at) = match missed {
            Missed::Call(error) => return Err(error),
            Missed::Turn => (self.no_turn(deadline), Instant::now()),
            Missed::Reply { error, at } => (error, at),
        };
        let is_open = matches!(error.fault, Fault::Passing(_) | Fault::Unclear);
        if !is_open || self.model.is_simulated() {
            return Err(self.outcome(error));
        }
        self.is_well(at, request, &error.words, called).await?;
        match self.ask(request, deadline, called).await {
            Ok(reply) => Ok(reply),
            Err(Missed::Call(error)) => Err(error),
            Err(Missed::Turn) => Err(self.outcome(error)),
            Err(Missed::Reply { error, .. }) => Err(self.outcome(error)),
        }
    }

    /// What an error means that is not open any more.
    fn outcome(&self, error: ChatError) -> CallError {
        let words = error.words;
        let outcome = match error.fault {
            Fault::Account => ModelError::Unusable(words),
            Fault::Overload(_) => ModelError::Unusable(format!(
                "{words}; the server is overloaded: try fewer calls at once (--concurrency), try more often (--attempts), or go on later"
            )),
            Fault::Content => {
                self.evidence.claimed(&words);
                ModelError::Refused(words)
            }
            Fault::Unclear => ModelError::Refused(words),
            Fault::Passing(_) => ModelError::Unavailable(words),
        };
        outcome.into()
    }

    /// Asks until there is an answer, or asking again does not help any more.
    async fn until_answered(
        &self,
        request: &ChatRequest,
        deadline: Deadline,
        called: &mut CallOutcome,
    ) -> Result<ChatReply, Missed> {
        let mut last: Option<Missed> = None;
        loop {
            let (error, at) = match self.ask(request, deadline, called).await {
                Ok(reply) => return Ok(reply),
                Err(Missed::Reply { error, at }) => (error, at),
                // What happened before is why.
                Err(Missed::Turn) => return Err(last.unwrap_or(Missed::Turn)),
                Err(missed) => return Err(missed),
            };
            match self.patience.wait_after(&error, deadline, called.attempts) {
                Ok(wait) => tokio::time::sleep(wait).await,
                Err(why) => {
                    let words = format!("{}{why}", error.words);
                    return Err(Missed::Reply { error: ChatError { words, ..error }, at });
                }
            }
            last = Some(Missed::Reply { error, at });
        }
    }

    /// Waits for a turn and for money, and asks once.
    async fn ask(
        &self,
        request: &ChatRequest,
        deadline: Deadline,
        called: &mut CallOutcome,
    ) -> Result<ChatReply, Missed> {
        if deadline.left().is_zero() {
            return Err(Missed::Turn);
        }
        let at_most = self.price.at_most(self.model.max_input_tokens(request), request.max_tokens.into());
        let waiting = async { (self.throttle.acquire().await, self.budget.reserve(at_most).await) };
        let (permit, reservation) = deadline.within(waiting).await.ok_or(Missed::Turn)?;
        let reservation = reservation.map_err(|why| Missed::Call(refused(why)))?;
        called.attempts += 1;
        let sent = Instant::now();
        let error = match self.attempt(request, reservation, deadline, called).await {
            Ok(reply) => {
                permit.succeeded();
                self.evidence.answered(sent);
                return Ok(reply);
            }
            Err(error) => error,
        };
        if let Fault::Overload(_) = error.fault {
            permit.overloaded();
        }
        Err(Missed::Reply { error, at: Instant::now() })
    }

    /// A call that was not asked: it says nothing about the model, unless that wants fewer calls at once.
    fn no_turn(&self, deadline: Deadline) -> ChatError {
        // Who comes with hardly any time left has not waited for the provider.
        let waited = deadline.begun.elapsed() >= LONG_WAIT && self.throttle.is_lowered();
        let fault = if waited { Fault::Overload(None) } else { Fault::Passing(None) };
        let words = format!(
            "{} was not asked: all {:.1} s that the call could take ({}) went by waiting for other calls",
            self.model.name(),
            deadline.total.as_secs_f64(),
            self.patience.options[1],
        );
        ChatError { words, fault, billing: Billing::Free }
    }

    /// Asks once, and settles the reservation.
    async fn attempt(
        &self,
        request: &ChatRequest,
        reservation: Reservation,
        deadline: Deadline,
        called: &mut CallOutcome,
    ) -> Result<ChatReply, ChatError> {
        let limit = self.patience.attempt.min(deadline.left());
        let asked = if limit == Duration::MAX {
            Ok(self.model.chat(request).await)
        } else {
            tokio::time::timeout(limit, self.model.chat(request)).await
        };
        match asked {
            Ok(Ok(reply)) => {
                (called.cost, called.price_tier) = bill(&self.price, &reply);
                reservation.settle(Bill::Known { cost: called.cost, estimated: reply.usage_estimated });
                Ok(reply)
            }
            Ok(Err(failed)) => {
                reservation.settle(match failed.billing {
                    Billing::Free => Bill::Free,
                    Billing::Unknown => Bill::Unknown,
                });
                Err(failed)
            }
            // The provider may answer yet, and bill for it.
            Err(_) => {
                reservation.settle(Bill::Unknown);
                let error = self.patience.timed_out(&self.model.name(), limit);
                tracing::warn!("{error}");
                Err(error)
            }
        }
    }
}

/// What a reply costs: what the provider says that it costs or what its tokens cost, whichever is larger. And the
/// size above which its rate begins.
pub fn bill(price: &Price, reply: &ChatReply) -> (Usd, u64) {
    let reported = reply.reported_cost_usd.map(Usd::from_f64).unwrap_or_default();
    (price.of(reply.usage).max(reported), price.tier(reply.usage))
}

/// The same of a reply that is on record with a cost: by the price that gives this cost, of those that the run
/// has had, the latest first. A price can change when a run goes on.
pub fn bill_again(prices: &[Price], reply: &ChatReply, recorded: Usd) -> (Usd, u64) {
    let mut bills = prices.iter().map(|price| bill(price, reply));
    let latest = bills.next().unwrap_or_else(|| bill(&Price::default(), reply));
    std::iter::once(latest).chain(bills).find(|(cost, _)| *cost == recorded).unwrap_or(latest)
}

fn refused(refused: Refused) -> CallError {
    match refused {
        Refused::Spent => CallError::BudgetSpent,
        // Without a record of it, no money is spent.
        Refused::Ledger(why) => ModelError::Unusable(why).into(),
    }
}
