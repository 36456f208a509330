//! Two small calls to a model: what they show of it.

use std::time::{Duration, Instant};

use super::super::Remote;
use crate::{Block, ChatMessage, ChatModel, ChatReply, ChatRequest, ChatRole};

/// What is asked. A base model goes on with it, and an instruct model says something about it.
const PROMPT: &str = "1 2 3 4 5 6 7 8 9";

/// The longest reply, in tokens.
const REPLY_TOKENS: u32 = 24;

/// How long a call may take. A server may have to load the model first.
const PATIENCE: Duration = Duration::from_secs(300);

/// What two small calls showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// How long the first call took, in milliseconds. If the server had to load the model, that is part of it.
    pub millis: u64,
    /// The tokens of its prompt and of its reply, if the server counts them.
    pub tokens: Option<(u64, u64)>,
    /// Whether it thought before it answered.
    pub thinks: bool,
    /// Whether a stop sequence ends a reply.
    pub stops: Stops,
}

/// What a stop sequence does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stops {
    /// It ends the reply, and is no part of it.
    Taken,
    /// The reply goes on as if there was none.
    Ignored,
    /// The server refuses a request that has one, for this reason.
    Refused(String),
    /// The replies did not show it.
    Unclear,
}

/// Makes the calls. Fails with the server's own words.
pub async fn run(remote: &Remote) -> Result<Trial, String> {
    let begun = Instant::now();
    let first = ask(remote, Vec::new()).await?;
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let usage = first.usage;
    let counts = (usage.total_input_tokens(), usage.output_tokens);
    let tokens = (!first.usage_estimated).then_some(counts);
    let thinks = first.content.iter().any(|block| matches!(block, Block::Thinking { .. }));
    let said = first.text();
    // The same request again, which shall end before the first word.
    let stops = match said.chars().find(|it| it.is_ascii_alphanumeric()) {
        None => Stops::Unclear,
        Some(letter) => match ask(remote, vec![letter.to_string()]).await {
            Ok(second) if !second.text().contains(letter) => Stops::Taken,
            Ok(_) => Stops::Ignored,
            Err(words) => Stops::Refused(words),
        },
    };
    Ok(Trial { millis, tokens, thinks, stops })
}

async fn ask(remote: &Remote, stop: Vec<String>) -> Result<ChatReply, String> {
    let request = ChatRequest {
        messages: vec![ChatMessage::text(ChatRole::User, PROMPT)],
        max_tokens: REPLY_TOKENS,
        temperature: Some(0.0),
        stop,
        ..ChatRequest::default()
    };
    match tokio::time::timeout(PATIENCE, remote.chat(&request)).await {
        Ok(answered) => answered.map_err(|error| error.words),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
