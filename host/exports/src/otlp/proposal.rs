//! How a harness was proposed, as spans: replies of the model, and tools that it called.

use std::collections::HashMap;

use mmh_record::{
    chat::{Block, ChatRequest},
    format::TranscriptRow,
};

use super::{
    calls::{self, Asked, Called, Placed, Tool},
    metrics::{Counted, Metrics},
    span::{Span, SpanId, TraceId, milliseconds, nanoseconds},
};

/// A transcript that is read row by row.
pub(super) struct Proposal<'a> {
    trace: TraceId,
    candidate: SpanId,
    index: String,
    asked: &'a Asked,
    model: &'a str,
    /// The first request, which is told with the first reply. Later ones repeat it.
    request: Option<ChatRequest>,
    /// Tool calls of the last reply, by their ids, and when that reply was there.
    called: HashMap<String, (String, serde_json::Value)>,
    replied: u64,
}

impl<'a> Proposal<'a> {
    pub(super) fn new(
        trace: TraceId,
        candidate: SpanId,
        index: u32,
        asked: &'a Asked,
        model: &'a str,
    ) -> Self {
        let (request, called, replied) = Default::default();
        Self { trace, candidate, index: index.to_string(), asked, model, request, called, replied }
    }

    pub(super) fn row(&mut self, row: &TranscriptRow, metrics: &mut Metrics, spans: &mut Vec<Span>) {
        match row {
            TranscriptRow::Start { at, request, .. } => {
                self.request = Some(request.clone());
                self.replied = nanoseconds(*at);
            }
            TranscriptRow::Reply { step, at, reply, cost_usd, latency_ms, .. } => {
                let end = nanoseconds(*at);
                let request = self.request.take();
                let call = Called {
                    model: self.model,
                    request: request.as_ref(),
                    reply: Some(reply),
                    usage: &reply.usage,
                    cost_usd: *cost_usd,
                    cached: false,
                    error: None,
                };
                let placed =
                    self.placed("reply", *step, 0, (end.saturating_sub(milliseconds(*latency_ms)), end));
                spans.push(calls::chat(self.asked, placed, &call));
                metrics.call(&Counted {
                    role: "proposer",
                    provider: &self.asked.provider,
                    model: self.model,
                    usage: &reply.usage,
                    cost_usd: *cost_usd,
                    seconds: latency_ms / 1000.0,
                    cached: false,
                });
                self.called = reply.content.iter().filter_map(called).collect();
                self.replied = end;
            }
            TranscriptRow::Answer { step, at, content } => {
                for (number, block) in content.iter().enumerate() {
                    let Block::ToolResult { tool_use_id, content, is_error } = block else { continue };
                    let Some((name, input)) = self.called.remove(tool_use_id) else { continue };
                    let tool = Tool {
                        name: &name,
                        id: tool_use_id,
                        input: &input,
                        result: content,
                        is_error: *is_error,
                    };
                    let placed = self.placed("tool", *step, number, (self.replied, nanoseconds(*at)));
                    spans.push(calls::tool(self.asked, placed, &tool));
                }
                self.replied = nanoseconds(*at);
            }
            TranscriptRow::ToolCall { step, at, tool, input, result, is_error } => {
                let id = step.to_string();
                let tool = Tool { name: tool, id: &id, input, result, is_error: *is_error };
                let placed = self.placed("tool", *step, 0, (self.replied, nanoseconds(*at)));
                spans.push(calls::tool(self.asked, placed, &tool));
                self.replied = nanoseconds(*at);
            }
            TranscriptRow::Control { .. } | TranscriptRow::Trimmed { .. } | TranscriptRow::End { .. } => {}
        }
    }

    fn placed(&self, what: &str, step: u32, number: usize, (start, end): (u64, u64)) -> Placed {
        let about = [what, &self.index, &step.to_string(), &number.to_string()];
        Placed { id: SpanId::of(&self.trace, &about), parent: self.candidate, start: start.min(end), end }
    }
}

fn called(block: &Block) -> Option<(String, (String, serde_json::Value))> {
    match block {
        Block::ToolUse { id, name, input } => Some((id.clone(), (name.clone(), input.clone()))),
        _ => None,
    }
}
