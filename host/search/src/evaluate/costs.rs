//! What model calls take: tokens, money, and text in prompts.

use mmh_engine::sandbox::Call;
use mmh_record::{
    chat::{Block, CallOutcome, ChatRequest, Usage},
    format::{CallRow, Cost},
    pricing::Usd,
};

/// The tokens of a call, cached or not.
pub(super) fn usage_of(answer: &CallOutcome) -> Usage {
    answer.result.as_ref().map(|reply| reply.usage).unwrap_or_default()
}

/// The tokens of all these calls.
pub(super) fn total_usage<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Usage {
    let mut usage = Usage::default();
    calls.into_iter().for_each(|call| usage += usage_of(&call.answer));
    usage
}

/// The cost of these calls. Replies from the cache cost nothing; control requests count.
pub(super) fn cost_of(calls: &[Call]) -> Cost {
    let paid = calls.iter().filter(|call| !call.answer.cached);
    let controls = paid.clone().filter_map(|call| call.answer.control);
    let (mut usage, mut cost) = (total_usage(paid.clone()), paid.map(|call| call.answer.cost).sum());
    for control in controls {
        usage += control.usage;
        cost += control.cost;
    }
    Cost::of_target(usage, Usd::as_f64(cost))
}

/// The same for recorded calls.
pub fn recorded_cost<'a>(calls: impl IntoIterator<Item = &'a CallRow>) -> Cost {
    let (mut usage, mut cost) = (Usage::default(), Usd::ZERO);
    for call in calls.into_iter().filter(|call| !call.cached) {
        usage += call.usage;
        cost += Usd::from_f64(call.cost_usd);
        if let Some(control) = call.control {
            usage += control.usage;
            cost += Usd::from_f64(control.cost_usd);
        }
    }
    Cost::of_target(usage, cost.as_f64())
}

/// Bytes of all text in a request.
pub(super) fn prompt_bytes(request: &ChatRequest) -> u64 {
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    let text = |block: &Block| match block {
        Block::Text { text } => text.len(),
        _ => 0,
    };
    (request.system.as_ref().map_or(0, String::len) + blocks.map(text).sum::<usize>()) as u64
}
