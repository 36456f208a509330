//! Whose trouble is it? Where a refusal does not say whether it is this request's or every request's, a small
//! control request decides, which holds nothing that whoever made the refused one has chosen.
//!
//! One is under way at a time, and all refusals that came before it was sent share its answer. A real answer
//! to a request that was sent after a refusal is as good. Not in here: what refusals mean by themselves
//! (`model::refusal`).

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{MeteredModel, Missed};
use crate::cancel::Stop;
use mmh_record::chat::{
    CallError, CallOutcome, ChatMessage, ChatRequest, ChatRole, Control, ModelError, Usage,
};

/// What a control request says.
const CONTROL: &str = "Reply with the word OK.";

/// Its reply may have as many tokens as that of the refused request, within these bounds: some servers take
/// no smaller limit, and a larger one is the requester's own choice.
const CONTROL_TOKENS: (u32, u32) = (16, 1024);

/// A control request that has ended, and what it used.
/// A control request has the time of one attempt, and at least so much, with all its attempts.
const CONTROL_TIME: Duration = Duration::from_secs(30);

/// What is known of whether the model answers at all.
#[derive(Default)]
pub struct Evidence(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// When the latest request that was answered was sent.
    answered: Option<Instant>,
    /// The control request under way. It is over when nobody can send here any more.
    control: Option<watch::Receiver<()>>,
    /// Why no call will be answered, once that is known.
    ended: Option<CallError>,
    /// A request was refused for its content, and nothing was answered so far.
    claimed: Option<String>,
}

impl Known {
    fn under_way(&self) -> Option<watch::Receiver<()>> {
        self.control.clone().filter(|over| over.has_changed().is_ok())
    }
}

/// What to do about a refusal: it is decided, or a control request has to be waited for, or to be sent.
enum Next {
    Known(Result<(), CallError>),
    Wait(watch::Receiver<()>),
    Send(watch::Sender<()>, watch::Receiver<()>),
}

impl Evidence {
    /// A request that was sent at this time was answered.
    pub fn answered(&self, sent: Instant) {
        let mut known = self.known();
        known.answered = known.answered.max(Some(sent));
        known.claimed = None;
    }

    /// A request was refused for its content. That is believed at once, and asked about at the end if the
    /// model has answered nothing else.
    pub fn claimed(&self, words: &str) {
        let mut known = self.known();
        if known.answered.is_none() {
            known.claimed.get_or_insert_with(|| words.to_owned());
        }
    }

    /// Why no call will be answered, if that is known.
    pub fn end(&self) -> Option<CallError> {
        self.known().ended.clone()
    }

    /// No call will be answered any more.
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

    /// A control request has ended.
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
    /// Whether others are answered after a refusal that came at this time, with these words; else why no call
    /// is. A control request that was sent for it is noted in `called`.
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
                    // By itself, so that the run learns of it though nobody waits for the refused call any more.
                    let (this, words, tokens) = (self.clone(), words.to_owned(), request.max_tokens);
                    let control = tokio::spawn(async move { this.control(sender, &words, tokens).await });
                    drop(over.changed().await);
                    called.control = control.await.ok();
                }
            }
        }
    }

    /// Waits until nothing is open any more: the last refusals are as good as all others.
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

    /// Sends a control request. If it is not answered, the run ends, with the words of the refusal.
    async fn control(&self, _over: watch::Sender<()>, words: &str, max_tokens: u32) -> Control {
        let mut called = CallOutcome::unasked(Err(CallError::BudgetSpent));
        let request = ChatRequest {
            messages: vec![ChatMessage::text(ChatRole::User, CONTROL)],
            max_tokens: max_tokens.clamp(CONTROL_TOKENS.0, CONTROL_TOKENS.1),
            ..ChatRequest::default()
        };
        let sent = Instant::now();
        let deadline = self.patience.deadline(Some(self.patience.attempt.max(CONTROL_TIME)));
        let result = self.until_answered(&request, deadline, &mut called).await;
        let (usage, answered) = match &result {
            Ok(reply) => (reply.usage, true),
            Err(_) => (Usage::default(), false),
        };
        self.evidence.ended(result.map(|_| sent).map_err(|missed| self.no_call_is(words, missed)));
        let CallOutcome { cost, price_tier, attempts, .. } = called;
        Control { answered, usage, cost, price_tier, attempts }
    }

    /// Why no call is answered, after a control request that was not. Ends the run.
    fn no_call_is(&self, words: &str, missed: Missed) -> CallError {
        let why = match missed {
            Missed::Call(error) => {
                self.stop_for(&error);
                return error;
            }
            Missed::Turn => format!("{words}; nor was there a turn for a control request"),
            Missed::Reply { error, .. } if error.words == words => {
                format!("{words}; a control request, which holds nothing of a harness, was answered likewise")
            }
            Missed::Reply { error, .. } => format!(
                "{words}; nor was a control request answered, which holds nothing of a harness: {}",
                error.words
            ),
        };
        self.cancel.stop(Stop::ModelUnusable(why.clone()));
        ModelError::Unusable(why).into()
    }
}
