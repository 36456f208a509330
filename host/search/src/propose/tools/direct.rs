//! Calls of a proposer that calls the tools itself. Each is a turn of its own, and is on record before its result is
//! known to the proposer.

use serde_json::Value;

use super::{ToolCall, Toolbox, specs_in};
use crate::{
    progress,
    propose::{Outcome, ProposeError, ending, history::Answer},
};
use mmh_record::{
    chat::{ChatMessage, ChatRequest, ChatRole},
    layout::MAX_REPLY_BYTES,
    text,
};

/// The beginning of what stands in the record for arguments that are too large for it.
const TOO_LARGE: &str = "the arguments have ";

/// A call that no reply of a model carries, with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectCall {
    /// The tool's name, which need not exist.
    pub tool: String,
    /// The arguments, as they were given.
    pub input: Value,
    /// What the tool said: its content, or what is wrong with the call.
    pub result: Answer,
}

impl Toolbox<'_> {
    /// The calls so far that no reply of a model carries, the first one first. After an interruption those from before are
    /// there, once [`begin`](Self::begin) was called.
    pub fn calls(&self) -> &[DirectCall] {
        &self.calls
    }

    /// Begins the work of a proposer of this name that calls the tools directly, or goes on with it. Returns how it ended,
    /// if it has ended already.
    pub async fn begin(&mut self, name: &str, opening: &str) -> Result<Option<Outcome>, ProposeError> {
        self.is_direct = true;
        let messages = vec![ChatMessage::text(ChatRole::User, opening)];
        let tools = specs_in(self.history.language());
        let request = ChatRequest { messages, tools, ..ChatRequest::default() };
        self.transcript.start(name, false, &request)?;
        let past = self.transcript.past();
        for DirectCall { tool, input, result } in &past.calls {
            let call = ToolCall { id: String::new(), name: tool.clone(), input: input.clone() };
            self.recall(call, result).await?;
        }
        self.calls.clone_from(&past.calls);
        if let Some(submission) = self.take_submission() {
            return Ok(Some(Outcome::Submitted(submission)));
        }
        let ended = past.ended.as_deref().filter(|_| past.is_ended()).map(ending::parts);
        Ok(ended.map(|(status, reason)| Outcome::unsubmitted(status, reason)))
    }

    /// Makes a call that no reply of a model carries. Its result is the last of [`calls`](Self::calls). Returns how the
    /// proposal ended, if it has ended with this call or before it.
    pub async fn call_directly(&mut self, tool: &str, input: Value) -> Result<Option<Outcome>, ProposeError> {
        if let Some(outcome) = self.ended_before_call() {
            return Ok(Some(outcome));
        }
        let step = self.calls.len() as u32 + 1;
        self.begin_turn(step);
        self.begin_call(0);
        let input = recordable(input);
        let result = match input.as_str().filter(|said| said.starts_with(TOO_LARGE)) {
            Some(problem) => Err(problem.to_owned()),
            None => {
                let call = ToolCall { id: String::new(), name: tool.to_owned(), input: input.clone() };
                self.call(call).await?
            }
        };
        // The result of a tool while the run is being stopped does not count: the call is repeated later.
        if let Some(stop) = self.context.evaluator.cancel.why() {
            return Ok(Some(Outcome::stopped(&stop)));
        }
        let call = DirectCall { tool: tool.to_owned(), input, result };
        self.transcript.tool_call(step, &call)?;
        self.tell(vec![progress::ToolCall { tool: call.tool.clone(), refused: call.result.is_err() }]);
        self.calls.push(call);
        Ok(self.take_submission().map(Outcome::Submitted))
    }

    /// The end of a proposal that makes no further call: the run is being stopped, or the limit is reached.
    fn ended_before_call(&self) -> Option<Outcome> {
        if let Some(stop) = self.context.evaluator.cancel.why() {
            return Some(Outcome::stopped(&stop));
        }
        let most = self.most_direct_calls();
        (self.calls.len() as u64 >= most).then(|| {
            self.unsubmitted(format!(
                "it used up its {most} tool calls, which are --proposer-steps times --turn-tool-calls"
            ))
        })
    }
}

/// The arguments as they can be recorded. Larger ones are replaced by the reason for which the call is refused.
fn recordable(input: Value) -> Value {
    let bytes = input.to_string().len();
    if bytes <= MAX_REPLY_BYTES {
        return input;
    }
    let [has, limit] = [bytes, MAX_REPLY_BYTES].map(|bytes| text::bytes(bytes as u64));
    Value::String(format!("{TOO_LARGE}{has}, the limit is {limit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_are_too_large_are_replaced_by_the_reason() {
        // The quotes around a text count.
        let table =
            [(10, None), (2 * MAX_REPLY_BYTES - 2, Some("the arguments have 16 MiB, the limit is 8 MiB"))];
        for (bytes, reason) in table {
            let input = Value::String("x".repeat(bytes));
            let recorded = recordable(input.clone());
            assert_eq!(recorded, reason.map_or(input, Value::from), "{bytes}");
            assert_eq!(recordable(recorded.clone()), recorded, "{bytes}: and again");
        }
    }
}
