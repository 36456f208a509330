//! Finds out whether a refusal concerns one request or all of them. If the refusal does not say, a small control
//! request decides. It contains nothing of the refused request.
//!
//! One control request is in progress at a time, and all refusals that came before it was sent share its answer. The
//! answer to any other request decides as well, if that was sent after the refusal. Not in here: what a refusal means
//! by itself (`refusal`).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{MeteredModel, Missed};
use crate::cancel::Stop;
use mmh_record::chat::{
    CallError, CallOutcome, ChatMessage, ChatRequest, ChatRole, Control, ModelError, Usage,
};

/// The text of a control request.
const CONTROL: &str = "Reply with the word OK.";

/// The reply's limit of tokens is that of the refused request, within these bounds: some servers take no smaller limit,
/// and a larger one is the refused request's own.
const CONTROL_TOKENS: (u32, u32) = (16, 1024);

/// All attempts of a control request together have the time of one attempt, and at least this much.
const CONTROL_TIME: Duration = Duration::from_secs(30);

/// What is known about whether the model answers any request.
#[derive(Default)]
pub struct Evidence(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// When the latest answered request was sent.
    answered: Option<Instant>,
    /// The control request in progress. It is over when its sender is dropped.
    control: Option<watch::Receiver<()>>,
    /// Why no call will be answered any more, if that is known.
    ended: Option<CallError>,
    /// The words of a refusal for a request's content, as long as no request was answered.
    claimed: Option<String>,
}

impl Known {
    fn under_way(&self) -> Option<watch::Receiver<()>> {
        self.control.clone().filter(|over| over.has_changed().is_ok())
    }
}

/// What to do about a refusal: it is decided, a control request is in progress, or one has to be sent.
enum Next {
    Known(Result<(), CallError>),
    Wait(watch::Receiver<()>),
    Send(watch::Sender<()>, watch::Receiver<()>),
}

impl Evidence {
    /// Notes that a request was answered, and when it was sent.
    pub fn answered(&self, sent: Instant) {
        let mut known = self.known();
        known.answered = known.answered.max(Some(sent));
        known.claimed = None;
    }

    /// Notes that a request was refused for its content. The provider is believed at once; a control request checks it
    /// at the end if the model has not answered any request by then.
    pub fn claimed(&self, words: &str) {
        let mut known = self.known();
        if known.answered.is_none() {
            known.claimed.get_or_insert_with(|| words.to_owned());
        }
    }

    /// Why no call will be answered any more, if that is known.
    pub fn end(&self) -> Option<CallError> {
        self.known().ended.clone()
    }

    /// Notes that no call will be answered any more.
    pub fn is_over(&self, why: &CallError) {
        self.known().ended.get_or_insert_with(|| why.clone());
    }

    fn next(&self, refused: Instant) -> Next {
        let mut known = self.known();
        if let Some(error) = &known.ended {
            return Next::Known(Err(error.clone()));
        }
        if known.answered.is_some_and(|sent| sent >= refused) {
            return Next::Known(Ok(()));
        }
        if let Some(over) = known.under_way() {
            return Next::Wait(over);
        }
        let (sender, over) = watch::channel(());
        known.control = Some(over.clone());
        Next::Send(sender, over)
    }

    /// Notes the end of a control request: when it was sent, if it was answered.
    fn ended(&self, result: Result<Instant, CallError>) {
        let mut known = self.known();
        known.control = None;
        match result {
            Ok(sent) => {
                known.answered = known.answered.max(Some(sent));
                known.claimed = None;
            }
            Err(error) => known.ended = known.ended.take().or(Some(error)),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MeteredModel {
    /// Finds out whether the model answers other requests after a refusal at this time, with these words. The error says
    /// why no call is answered. A control request that was sent for it is noted in `called`.
    pub(super) async fn is_well(
        &self,
        refused: Instant,
        request: &ChatRequest,
        words: &str,
        called: &mut CallOutcome,
    ) -> Result<(), CallError> {
        loop {
            match self.evidence.next(refused) {
                Next::Known(result) => return result,
                Next::Wait(mut over) => drop(over.changed().await),
                Next::Send(sender, mut over) => {
                    // In a task of its own: the run has to learn of it even if the refused call is given up.
                    let (this, words, tokens) = (self.clone(), words.to_owned(), request.max_tokens);
                    let control = tokio::spawn(async move { this.control(sender, &words, tokens).await });
                    drop(over.changed().await);
                    called.control = control.await.ok();
                }
            }
        }
    }

    /// Waits until all refusals are decided, so that the last ones are as certain as all others.
    pub async fn settle(&self) {
        loop {
            let (over, claimed) = {
                let known = self.evidence.known();
                (known.under_way(), known.claimed.clone())
            };
            match (over, claimed) {
                (Some(mut over), _) => drop(over.changed().await),
                (None, Some(words)) if !self.model.is_simulated() => {
                    let mut unasked = CallOutcome::unasked(Err(CallError::BudgetSpent));
                    let request = ChatRequest { max_tokens: CONTROL_TOKENS.1, ..ChatRequest::default() };
                    let _ = self.is_well(Instant::now(), &request, &words, &mut unasked).await;
                    self.evidence.known().claimed = None;
                }
                _ => return,
            }
        }
    }

    /// Sends a control request. If it is not answered, the run ends. The reason contains the words of the refusal.
    async fn control(&self, _over: watch::Sender<()>, words: &str, max_tokens: u32) -> Control {
        let mut called = CallOutcome::unasked(Err(CallError::BudgetSpent));
        let request = ChatRequest {
            messages: vec![ChatMessage::text(ChatRole::User, CONTROL)],
            max_tokens: max_tokens.clamp(CONTROL_TOKENS.0, CONTROL_TOKENS.1),
            ..ChatRequest::default()
        };
        let sent = Instant::now();
        let deadline = self.retry_policy.deadline(Some(self.retry_policy.attempt.max(CONTROL_TIME)));
        // It is asked on behalf of all, so no share of a part ends it.
        let asking = Self { budget: Arc::new(self.budget.beyond_share()), ..self.clone() };
        let result = asking.until_answered(&request, deadline, &mut called).await;
        let (usage, answered) = match &result {
            Ok(reply) => (reply.usage, true),
            Err(_) => (Usage::default(), false),
        };
        self.evidence.ended(result.map(|_| sent).map_err(|missed| self.no_call_is(words, missed)));
        let CallOutcome { cost, price_tier, attempts, .. } = called;
        Control { answered, usage, cost, price_tier, attempts }
    }

    /// Ends the run after a control request without an answer, and says why no call is answered.
    fn no_call_is(&self, words: &str, missed: Missed) -> CallError {
        let why = match missed {
            Missed::Call(error) => {
                self.stop_for(&error);
                return error;
            }
            Missed::Turn => format!("{words}; a control request had to wait too long for other calls"),
            Missed::Reply { error, .. } if error.words == words => {
                format!(
                    "{words}; a control request, without any text of a harness, was refused in the same way"
                )
            }
            Missed::Reply { error, .. } | Missed::Crowd { error, .. } => format!(
                "{words}; a control request, without any text of a harness, was not answered either: {}",
                error.words
            ),
        };
        self.cancel.stop(Stop::ModelUnusable(why.clone()));
        ModelError::Unusable(why).into()
    }
}
