//! One model call as a run sees it: money is reserved, the model is asked, and asked again if that can help. In the
//! end the real cost replaces the reservation.
//!
//! Both models of a run are called through here, with one budget. Not in here: what a provider's answer means (see
//! [`remote`](crate::remote)), and kept replies, which are the caller's.

pub mod budget;
mod evidence;
mod retry_policy;
pub mod throttle;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use budget::{Bill, Budget, BudgetStatus, Refused, Reservation};
use evidence::Evidence;
use futures::future::BoxFuture;
use retry_policy::Deadline;
pub use retry_policy::RetryPolicy;
use throttle::{Overload, Throttle};

use crate::{
    Billing, ChatError, ChatModel, Fault,
    cancel::{Cancel, Stop},
};
use mmh_record::{
    chat::{CallError, CallOutcome, ChatReply, ChatRequest, ModelError},
    clock::Clock,
    pricing::{Price, Usd},
};

/// A call that waited this long for its turn, while fewer calls are allowed than at first, counts as overload.
const LONG_WAIT: Duration = Duration::from_secs(10);

/// Why a call got no reply, before it is clear whose fault that is.
enum Missed {
    /// No call will get one: the money is spent, or the ledger cannot be written.
    Call(CallError),
    /// Its time was over before its turn came.
    Turn,
    /// An attempt failed, and when it did.
    Reply { error: ChatError, at: Instant },
    /// There are too many calls at once. With fewer, this one may be answered.
    Crowd { error: ChatError, wait: Duration },
}

/// Calls one model on behalf of a run. Cheap to clone.
#[derive(Clone)]
pub struct MeteredModel {
    /// Makes the attempts.
    pub model: Arc<dyn ChatModel>,
    /// What its calls cost.
    pub price: Price,
    /// Limits how many calls go to it at once.
    pub throttle: Arc<Throttle>,
    /// How often and how long it is asked.
    pub retry_policy: RetryPolicy,
    /// Where its calls are reserved and billed.
    pub budget: Arc<Budget>,
    /// Measures how long calls take.
    pub clock: Clock,
    /// Stopped when no further call can succeed.
    pub cancel: Cancel,
    /// The account that `budget` is. `None`: what it does not allow stops the run.
    account: Option<Account>,
    evidence: Arc<Evidence>,
}

/// What a part of a run is billed to, and what stops that part alone.
#[derive(Clone)]
pub struct Account {
    /// An account of the run's budget.
    pub budget: Arc<Budget>,
    /// Stopped with the run, or when the account's share is spent.
    pub cancel: Cancel,
    /// What is said of that.
    pub spent: String,
}

/// What all models of a run share.
#[derive(Clone)]
pub struct RunContext {
    /// The run's money.
    pub budget: Arc<Budget>,
    /// The host's clock.
    pub clock: Clock,
    /// Stops the run.
    pub cancel: Cancel,
}

impl MeteredModel {
    /// A model with its price, its limit of calls at once and its retry policy, on behalf of `run`.
    pub fn new(
        model: Arc<dyn ChatModel>,
        price: Price,
        throttle: Throttle,
        retry_policy: RetryPolicy,
        run: RunContext,
    ) -> Self {
        let (throttle, evidence) = (Arc::new(throttle), Arc::new(Evidence::default()));
        let RunContext { budget, clock, cancel } = run;
        Self { model, price, throttle, retry_policy, budget, clock, cancel, account: None, evidence }
    }

    /// A model that costs nothing and is asked once, such as a simulated one.
    pub fn free(model: Arc<dyn ChatModel>, clock: Clock, cancel: Cancel) -> Self {
        let run = RunContext { budget: Arc::new(Budget::unlimited()), clock, cancel };
        Self::new(model, Price::default(), Throttle::unlimited(), RetryPolicy::ONCE, run)
    }

    /// The same model, whose calls are billed to this account of the run's budget.
    pub fn billed_to(&self, account: &Account) -> Self {
        Self { budget: account.budget.clone(), account: Some(account.clone()), ..self.clone() }
    }

    /// Makes a call. With `time_left` it takes no longer than that. A failure of the provider or the account stops the
    /// run; every other error concerns this request only.
    pub fn call<'a>(
        &'a self,
        request: &'a ChatRequest,
        time_left: Option<Duration>,
    ) -> BoxFuture<'a, CallOutcome> {
        Box::pin(self.answered(request, time_left))
    }

    async fn answered(&self, request: &ChatRequest, time_left: Option<Duration>) -> CallOutcome {
        if let Some(error) = self.evidence.end() {
            return CallOutcome::unasked(Err(error));
        }
        let stopwatch = self.clock.start();
        let deadline = self.retry_policy.deadline(time_left);
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

    /// Stops the run if no further call can succeed.
    fn stop_for(&self, error: &CallError) {
        if let CallError::Model(ModelError::Unusable(why)) = error {
            self.evidence.is_over(error);
            self.cancel.stop(Stop::ModelUnusable(why.clone()));
        }
    }

    /// What a call means for which nothing could be reserved. Without money the run stops, or the part whose share is spent.
    fn unpaid(&self, refused: Refused) -> CallError {
        let stop_run = |standing: BudgetStatus| self.cancel.stop(Stop::BudgetSpent(standing.to_string()));
        match (refused, &self.account) {
            (Refused::ShareSpent, Some(part)) => part.cancel.stop(Stop::ShareSpent(part.spent.clone())),
            (Refused::ShareSpent, None) => stop_run(self.budget.status()),
            (Refused::Spent, _) => stop_run(self.budget.status_of_run()),
            // No money is spent that is not on record.
            (Refused::Ledger(why), _) => return ModelError::Unusable(why).into(),
        }
        CallError::BudgetSpent
    }

    /// Decides whose fault it is that there was no reply. If the model answers another request afterwards, this request
    /// is tried once more. If it then fails again, the fault is its own.
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
            Missed::Crowd { error, .. } => (error, Instant::now()),
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
            Err(Missed::Reply { error, .. } | Missed::Crowd { error, .. }) => Err(self.outcome(error)),
        }
    }

    /// What an error means once it is decided whose fault it is.
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

    /// Makes attempts until there is a reply, or further attempts cannot help or are not allowed.
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
                // The attempt before is the reason.
                Err(Missed::Turn) => return Err(last.unwrap_or(Missed::Turn)),
                Err(missed) => return Err(missed),
            };
            match self.retry_policy.wait_after(&error, deadline, called.attempts) {
                Ok(wait) => tokio::time::sleep(wait).await,
                Err(why) => {
                    let words = format!("{}{why}", error.words);
                    return Err(Missed::Reply { error: ChatError { words, ..error }, at });
                }
            }
            last = Some(Missed::Reply { error, at });
        }
    }

    /// Asks once, and again as long as the provider only complains of too many calls at once.
    async fn ask(
        &self,
        request: &ChatRequest,
        deadline: Deadline,
        called: &mut CallOutcome,
    ) -> Result<ChatReply, Missed> {
        let mut crowded: Option<ChatError> = None;
        loop {
            let (error, wait) = match (self.ask_once(request, deadline, called).await, crowded.take()) {
                (Err(Missed::Crowd { error, wait }), _) => (error, wait),
                // The complaint before is the reason.
                (Err(Missed::Turn), Some(error)) => return Err(Missed::Reply { error, at: Instant::now() }),
                (ended, _) => return ended,
            };
            if let Err(why) = self.retry_policy.in_time(wait, deadline, called.attempts) {
                let words = format!("{}{why}", error.words);
                return Err(Missed::Reply { error: ChatError { words, ..error }, at: Instant::now() });
            }
            crowded = Some(error);
        }
    }

    /// The most that a request can cost. To know its size it is written out, which takes as long as to send it.
    fn at_most(&self, request: &ChatRequest) -> Usd {
        match self.price.is_free() {
            true => Usd::ZERO,
            false => self.price.at_most(self.model.max_input_tokens(request), request.max_tokens.into()),
        }
    }

    /// Waits for a turn and for money, and asks once.
    async fn ask_once(
        &self,
        request: &ChatRequest,
        deadline: Deadline,
        called: &mut CallOutcome,
    ) -> Result<ChatReply, Missed> {
        if deadline.left().is_zero() {
            return Err(Missed::Turn);
        }
        let at_most = self.at_most(request);
        let began = deadline.begun;
        let waiting = async {
            let permit = self.throttle.acquire(began).await;
            // It may have become known meanwhile that no call is answered any more.
            let reserved = match self.evidence.end() {
                Some(error) => Err(error),
                None => self.budget.reserve(at_most).await.map_err(|refused| self.unpaid(refused)),
            };
            reserved.map(|reservation| (permit, reservation))
        };
        let turn = deadline.within(waiting).await.ok_or(Missed::Turn)?;
        let (permit, reservation) = turn.map_err(Missed::Call)?;
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
        if let Fault::Overload(wait) = error.fault
            && permit.overloaded(wait, self.retry_policy.attempts) == Overload::AskAgain
        {
            return Err(Missed::Crowd { error, wait: wait.unwrap_or_default() });
        }
        Err(Missed::Reply { error, at: Instant::now() })
    }

    /// A call that did not get its turn. It says nothing about the model, unless the model asked for fewer calls at once.
    fn no_turn(&self, deadline: Deadline) -> ChatError {
        // A call that came with little time left did not wait because of the provider.
        let waited = deadline.begun.elapsed() >= LONG_WAIT && self.throttle.is_lowered();
        let fault = if waited { Fault::Overload(None) } else { Fault::Passing(None) };
        let words = format!(
            "{} was not asked: the call waited for other calls for all its {:.1} s ({})",
            self.model.name(),
            deadline.total.as_secs_f64(),
            self.retry_policy.options[1],
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
        let limit = self.retry_policy.attempt.min(deadline.left());
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
            // The provider may still answer, and bill for it.
            Err(_) => {
                reservation.settle(Bill::Unknown);
                let error = self.retry_policy.timed_out(&self.model.name(), limit);
                tracing::warn!("{error}");
                Err(error)
            }
        }
    }
}

/// What a reply costs, and above how many input tokens its rate applies. The cost is the larger one of what the
/// provider reports and what the tokens cost.
pub fn bill(price: &Price, reply: &ChatReply) -> (Usd, u64) {
    let reported = reply.reported_cost_usd.map(Usd::from_f64).unwrap_or_default();
    (price.of(reply.usage).max(reported), price.tier(reply.usage))
}

/// The same for a reply that was recorded with a cost. A run's prices can change when it is resumed, so the latest of
/// `prices` that gives the recorded cost counts. They are in order, the latest one first. If none gives it, the latest
/// one counts.
pub fn bill_again(prices: &[Price], reply: &ChatReply, recorded: Usd) -> (Usd, u64) {
    let mut bills = prices.iter().map(|price| bill(price, reply));
    let latest = bills.next().unwrap_or_else(|| bill(&Price::default(), reply));
    std::iter::once(latest).chain(bills).find(|(cost, _)| *cost == recorded).unwrap_or(latest)
}
