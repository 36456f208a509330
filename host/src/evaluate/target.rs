//! The target model, as harnesses reach it: every call is timed and priced.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    clock::Clock,
    model::{ChatModel, ChatRequest},
    pricing::Price,
    sandbox::{Answer, CallError, ModelPort},
};

/// The fixed model of a run.
pub struct Target {
    model: Arc<dyn ChatModel>,
    price: Price,
    clock: Clock,
}

impl Target {
    /// The model's id.
    pub fn id(&self) -> &str {
        self.model.id()
    }

    pub fn new(model: Arc<dyn ChatModel>, price: Price, clock: Clock) -> Self {
        Self { model, price, clock }
    }
}

#[async_trait]
impl ModelPort for Target {
    async fn complete(&self, request: &ChatRequest) -> Answer {
        let stopwatch = self.clock.start();
        let result = self.model.chat(request).await;
        let cost_usd = result.as_ref().map_or(0.0, |reply| self.price.of(reply.usage));
        Answer {
            result: result.map_err(CallError::Model),
            latency_ms: stopwatch.elapsed_ms(),
            cost_usd,
            attempts: 1,
        }
    }
}
