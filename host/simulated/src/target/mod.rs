//! A simulated target model, for runs without a provider.
//!
//! It plays a mediocre language model that classifies texts, and it sees nothing but the request: it
//! reads the prompt (`prompt`), knows a little about diseases (`lexicon`), weighs what speaks for each
//! offered answer (`evidence`) and words a reply (`answer`). No label, score or outcome is known to it,
//! so a harness does better with it only by asking better. It is not a language model, and its numbers
//! say nothing about one.

mod answer;
mod clues;
mod evidence;
mod form;
mod layout;
mod lexicon;
mod prompt;
mod rules;
pub(crate) mod text;

use async_trait::async_trait;

use mmh_models::{ChatError, ChatModel};
use mmh_record::chat::{Block, ChatReply, ChatRequest, ModelError, StopReason, Usage};

/// Fewer reply tokens than this leave no room to think.
const ROOM_TO_REASON: u32 = 48;

/// The temperature of a request that says none.
const USUAL_TEMPERATURE: f32 = 1.0;

/// The simulated target model. Deterministic by seed and request.
#[derive(Clone, Debug)]
pub struct SimulatedTarget {
    seed: u64,
}

impl SimulatedTarget {
    /// A model that errs in its own way for every seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Answers a request. What [`ChatModel::chat`] does, without the waiting.
    pub fn reply(&self, request: &ChatRequest) -> Result<ChatReply, ModelError> {
        if request.messages.is_empty() {
            return Err(ModelError::Invalid("the conversation has no messages".into()));
        }
        if request.max_tokens == 0 {
            return Err(ModelError::Invalid("max_tokens is 0".into()));
        }
        let reading = prompt::read(request);
        let with_reasons = reading.form.reasons && request.max_tokens >= ROOM_TO_REASON;
        let mood = evidence::Mood { seed: self.seed, sampling: sampling(request) };
        let findings = evidence::weigh(&reading, mood, with_reasons);
        let text = answer::word(&reading, &findings, self.seed);
        let (text, stop_reason) = limited(&text, request);
        let usage = Usage {
            input_tokens: input_tokens(request),
            output_tokens: text::tokens(text),
            ..Usage::default()
        };
        let content = vec![Block::Text { text: text.to_owned() }];
        Ok(ChatReply { content, stop_reason, usage, ..ChatReply::default() })
    }
}

#[async_trait]
impl ChatModel for SimulatedTarget {
    fn id(&self) -> &str {
        "simulated-target"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        Ok(self.reply(request)?)
    }
}

/// How much chance a request asks for, and which of several replies it is. The first reply is the one that the model gives
/// without chance, so that one trial is like a run without trials.
fn sampling(request: &ChatRequest) -> Option<(u32, f32)> {
    let temperature = request.temperature.unwrap_or(USUAL_TEMPERATURE);
    (request.sample > 0 && temperature > 0.0).then_some((request.sample, temperature))
}

/// Ends a reply at the first stop sequence or at the limit, whichever comes first.
fn limited<'a>(text: &'a str, request: &ChatRequest) -> (&'a str, StopReason) {
    let stops = request.stop.iter().filter(|stop| !stop.is_empty());
    let stopped = stops.filter_map(|stop| text.find(stop.as_str())).min();
    let (text, was_cut) = text::cut(&text[..stopped.unwrap_or(text.len())], u64::from(request.max_tokens));
    match (was_cut, stopped) {
        (true, _) => (text, StopReason::MaxTokens),
        (false, Some(_)) => (text, StopReason::StopSequence),
        (false, None) => (text, StopReason::EndTurn),
    }
}

/// Every text block's tokens, and a few for each message's frame.
pub(crate) fn input_tokens(request: &ChatRequest) -> u64 {
    const FRAME: u64 = 4;
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    let in_blocks: u64 = blocks
        .map(|block| match block {
            Block::Text { text } => text::tokens(text),
            Block::ToolUse { name, input, .. } => text::tokens(name) + text::tokens(&input.to_string()),
            Block::ToolResult { content, .. } => text::tokens(content),
            Block::Thinking { text } => text::tokens(text),
            Block::Other { .. } => 0,
        })
        .sum();
    let system = request.system.as_deref().map_or(0, text::tokens);
    in_blocks + system + FRAME * request.messages.len() as u64
}

#[cfg(test)]
mod tests;
