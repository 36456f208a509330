//! A model that echoes, or fails as the prompt wants it to.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mmh_engine::sandbox::{CallIndex, ModelPort};
use mmh_record::chat::{
    Block, CallError, CallOutcome, ChatReply, ChatRequest, ModelError, StopReason, Usage,
};

/// Echoes a prompt, but for those that say how to fail: `never`, `unavailable`, `refused`, `budget`.
pub struct Echo;

#[async_trait]
impl ModelPort for Echo {
    async fn complete(&self, request: &Arc<ChatRequest>, _: CallIndex, _: Duration) -> CallOutcome {
        let prompt = request.prompt_text();
        if prompt == "never" {
            std::future::pending::<()>().await;
        }
        let result = match prompt.as_str() {
            "unavailable" => Err(CallError::Model(ModelError::Unavailable("it is asleep".into()))),
            "refused" => Err(CallError::Model(ModelError::Refused("not this".into()))),
            "budget" => Err(CallError::BudgetSpent),
            _ => Ok(ChatReply {
                content: vec![Block::Text {
                    text: if prompt.starts_with("echo") { prompt } else { format!("echo {prompt}") },
                }],
                stop_reason: StopReason::EndTurn,
                usage: Usage { input_tokens: 3, output_tokens: 2, ..Usage::default() },
                ..ChatReply::default()
            }),
        };
        CallOutcome::unasked(result)
    }

    fn record_bytes(&self) -> u64 {
        16 << 20
    }
}
