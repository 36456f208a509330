//! One model call as a run sees it: money is reserved, the model is asked, asked again where that helps,
//! and what it really cost takes the place of the reservation.
//!
//! Both models of a run go through here, over one budget. Not in here: what a provider's answer means
//! (`model::remote`), and replies that are there already (`evaluate::replies`).

pub mod budget;
pub mod throttle;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use budget::{Bill, Budget, Refused, Reservation};
use throttle::Throttle;

use crate::{
    cancel::{Cancel, Stop},
    clock::Clock,
    model::{Billing, CallError, ChatError, ChatModel, ChatReply, ChatRequest, ModelError, Retry},
    pricing::{Price, Usd},
};

/// How long a call may take, and how often it is made.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub attempts: u32,
    /// One attempt, until its last byte.
    pub attempt: Duration,
    /// All attempts and the waiting between them.
    pub total: Duration,
}

impl Patience {
    /// For models that answer at once or not at all.
    pub const ONCE: Self = Self { attempts: 1, attempt: Duration::MAX, total: Duration::MAX };
}

/// The first waiting time, which doubles, and the longest one. What a provider asks for is waited for.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(16);

/// So many calls given up one after another mean that the model is not there at all. Going on would score
/// harnesses by what their model is not.
const GIVEN_UP_IN_A_ROW: u32 = 10;

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct Called {
    pub result: Result<ChatReply, CallError>,
    pub cost: Usd,
    /// The size above which the request's rate begins, see `pricing`.
    pub price_tier: u64,
    /// How often the provider was asked.
    pub attempts: u32,
    pub latency_ms: f64,
    /// The reply was there already: nobody was asked, and it cost nothing.
    pub cached: bool,
}

impl Called {
    /// A call that nobody was asked for.
    pub fn unasked(result: Result<ChatReply, CallError>) -> Self {
        Self { result, cost: Usd::ZERO, price_tier: 0, attempts: 0, latency_ms: 0.0, cached: false }
    }
}

/// Calls one model on behalf of a run.
pub struct Caller {
    pub model: Arc<dyn ChatModel>,
    pub price: Price,
    pub budget: Arc<Budget>,
    pub throttle: Throttle,
    pub patience: Patience,
    pub clock: Clock,
    pub cancel: Cancel,
    /// Calls in a row that got no reply.
    silence: AtomicU32,
}

impl Caller {
    pub fn new(
        model: Arc<dyn ChatModel>,
        price: Price,
        budget: Arc<Budget>,
        throttle: Throttle,
        patience: Patience,
        clock: Clock,
        cancel: Cancel,
    ) -> Self {
        Self { model, price, budget, throttle, patience, clock, cancel, silence: AtomicU32::new(0) }
    }

    /// A model that costs nothing and never has to be asked twice, such as a simulated one.
    pub fn free(model: Arc<dyn ChatModel>, clock: Clock, cancel: Cancel) -> Self {
        let budget = Arc::new(Budget::unlimited());
        Self::new(model, Price::default(), budget, Throttle::unlimited(), Patience::ONCE, clock, cancel)
    }

    /// Calls, within `time_left` where the caller has less patience than usual.
    pub async fn call(&self, request: &ChatRequest, time_left: Option<Duration>) -> Called {
        let stopwatch = self.clock.start();
        let total = time_left.map_or(self.patience.total, |left| left.min(self.patience.total));
        let deadline = Deadline { begun: Instant::now(), total };
        let mut called = Called::unasked(Err(CallError::BudgetSpent));
        called.result = self.until_answered(request, deadline, &mut called).await;
        called.latency_ms = stopwatch.elapsed_ms();
        self.stop_if_hopeless(&called.result);
        called
    }

    /// Ends the run where no further call can succeed.
    fn stop_if_hopeless(&self, result: &Result<ChatReply, CallError>) {
        match result {
            Err(CallError::BudgetSpent) => {
                self.cancel.stop(Stop::BudgetSpent(self.budget.standing().to_string()))
            }
            Err(CallError::Model(ModelError::Unusable(why))) => {
                self.cancel.stop(Stop::ModelUnusable(why.clone()));
            }
            Err(CallError::Model(ModelError::Unavailable(why))) if !self.model.is_simulated() => {
                let silence = 1 + self.silence.fetch_add(1, Ordering::Relaxed);
                if silence >= GIVEN_UP_IN_A_ROW {
                    let why = format!("{silence} calls in a row got no reply, the last one because {why}");
                    self.cancel.stop(Stop::ModelUnusable(why));
                }
            }
            _ => self.silence.store(0, Ordering::Relaxed),
        }
    }

    async fn until_answered(
        &self,
        request: &ChatRequest,
        deadline: Deadline,
        called: &mut Called,
    ) -> Result<ChatReply, CallError> {
        let at_most = self.price.at_most(self.model.max_input_tokens(request), request.max_tokens.into());
        let mut last: Option<ModelError> = None;
        loop {
            let waiting = async { (self.throttle.acquire().await, self.budget.reserve(at_most).await) };
            let (permit, reservation) = match deadline.within(waiting).await {
                Some((permit, reservation)) => (permit, reservation.map_err(refused)?),
                None => return Err(out_of_time(last, deadline).into()),
            };
            called.attempts += 1;
            let failed = match self.attempt(request, reservation, deadline, called).await {
                Ok(reply) => {
                    permit.succeeded();
                    return Ok(reply);
                }
                Err(failed) => failed,
            };
            let wait = match failed.retry {
                Retry::Never => return Err(failed.error.into()),
                Retry::Later(wait) => wait,
                Retry::Overloaded(wait) => {
                    permit.overloaded();
                    wait
                }
            };
            drop(permit);
            if called.attempts >= self.patience.attempts {
                return Err(given_up(failed.error, &format!("after {} attempts", called.attempts)).into());
            }
            let wait = wait.map_or_else(|| backoff(called.attempts), jittered);
            if wait >= deadline.left() {
                let why = format!(
                    "after {} attempts: the next one would be in {:.1} s, and the call may take {:.0} s in all",
                    called.attempts,
                    wait.as_secs_f64(),
                    deadline.total.as_secs_f64()
                );
                return Err(given_up(failed.error, &why).into());
            }
            tokio::time::sleep(wait).await;
            last = Some(failed.error);
        }
    }

    /// Asks once, and settles the reservation.
    async fn attempt(
        &self,
        request: &ChatRequest,
        reservation: Reservation,
        deadline: Deadline,
        called: &mut Called,
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
                let message =
                    format!("{} did not answer within {:.1} s", self.model.id(), limit.as_secs_f64());
                tracing::warn!("{message}");
                Err(ChatError {
                    error: ModelError::Unavailable(message),
                    retry: Retry::Later(None),
                    billing: Billing::Unknown,
                })
            }
        }
    }
}

/// What a reply costs: what the provider says goes before what the tokens would cost. And the size above which
/// its rate begins.
pub fn bill(price: &Price, reply: &ChatReply) -> (Usd, u64) {
    let reported = reply.reported_cost_usd.map(Usd::from_f64);
    (reported.unwrap_or_else(|| price.of(reply.usage)), price.tier(reply.usage))
}

/// When a call has to be over.
#[derive(Clone, Copy)]
struct Deadline {
    begun: Instant,
    total: Duration,
}

impl Deadline {
    fn left(self) -> Duration {
        self.total.saturating_sub(self.begun.elapsed())
    }

    async fn within<T>(self, work: impl Future<Output = T>) -> Option<T> {
        if self.total == Duration::MAX {
            return Some(work.await);
        }
        tokio::time::timeout(self.left(), work).await.ok()
    }
}

fn refused(refused: Refused) -> CallError {
    match refused {
        Refused::Spent => CallError::BudgetSpent,
        // Without a record of it, no money is spent.
        Refused::Ledger(why) => ModelError::Unusable(why).into(),
    }
}

fn out_of_time(last: Option<ModelError>, deadline: Deadline) -> ModelError {
    let why = format!("after {:.1} s", deadline.begun.elapsed().as_secs_f64());
    match last {
        Some(error) => given_up(error, &why),
        None => ModelError::Unavailable(format!(
            "the model was not asked: all {} it could take went by waiting for other calls",
            format_args!("{:.1} s", deadline.total.as_secs_f64())
        )),
    }
}

/// An error that asking again has not removed.
fn given_up(error: ModelError, why: &str) -> ModelError {
    match error {
        ModelError::Unavailable(words) => ModelError::Unavailable(format!("{words}; given up {why}")),
        other => other,
    }
}

/// Twice as long every time, and never the same for two calls.
fn backoff(attempts: u32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << (attempts - 1).min(16));
    doubled.min(LONGEST_WAIT).mul_f64(0.5 + 0.5 * fastrand::f64())
}

/// A provider's waiting time and up to a tenth more, so that not all come back at once.
fn jittered(wait: Duration) -> Duration {
    wait.saturating_add(Duration::from_millis(50)).mul_f64(1.0 + 0.1 * fastrand::f64())
}
