//! The tools of one turn: all calls of a reply, in their order, within the turn's limits.

use super::ModelLoop;
use crate::{
    progress,
    propose::{NOT_MADE, OUT_OF_TIME, ProposeError, Toolbox, tools::ToolCall},
};
use mmh_record::{
    chat::{Block, ChatReply},
    limits::Limits,
};

/// What a proposer is told about the tool call in which its reply was cut.
const CUT_CALL: &str = "Your reply was cut off at its limit of tokens in the middle of this call, so it was not made. \
     Send it again, whole and smaller.";

/// All results of a turn together may be this many times as large as one result.
const MAX_RESULTS_PER_TURN: u64 = 4;

impl ModelLoop {
    /// Runs all tools of one turn, in their order. With `cut`, the reply was cut in the last call, even if its arguments
    /// look complete.
    pub(super) async fn use_tools(
        &self,
        step: u32,
        calls: Vec<ToolCall>,
        cut: bool,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Vec<Block>, ProposeError> {
        let (mut results, mut tools) = (Vec::with_capacity(calls.len()), Vec::with_capacity(calls.len()));
        toolbox.begin_turn(step);
        let (last, mut bytes) = (calls.len() - 1, 0);
        for (at, call) in calls.into_iter().enumerate() {
            let (id, name) = (call.id.clone(), call.name.clone());
            toolbox.begin_call(at);
            let result = match self.not_made(at, bytes, toolbox) {
                _ if cut && at == last => Err(CUT_CALL.to_owned()),
                Some(why) => Err(why),
                None => toolbox.call(call).await?,
            };
            let (content, is_error) = match result {
                Ok(content) => (content, false),
                Err(content) => (content, true),
            };
            bytes += content.len() as u64;
            tools.push(progress::ToolCall { tool: name, refused: is_error });
            results.push(Block::ToolResult { tool_use_id: id, content, is_error });
        }
        toolbox.tell(tools);
        Ok(results)
    }

    /// Why a turn's next call is not made, if there are too many calls, if their results are too large, or if their time
    /// is over. Each call needs a result, so each gets this reason.
    fn not_made(&self, at: usize, bytes: u64, toolbox: &Toolbox<'_>) -> Option<String> {
        let Limits { turn_tool_calls, turn_tools_ms, tool_result_bytes, .. } = self.limits;
        let why = if at as u64 >= turn_tool_calls.into() {
            format!("one turn may have {turn_tool_calls} tool calls (--turn-tool-calls)")
        } else if let Some(recorded) = toolbox.was_out_of_time() {
            return Some(recorded);
        } else if toolbox.time_left().is_zero() {
            let seconds = turn_tools_ms / 1000;
            format!("{OUT_OF_TIME}{seconds} s together (--turn-tools-timeout-s)")
        } else if bytes > MAX_RESULTS_PER_TURN * tool_result_bytes {
            "the other results of this turn are too large to add another".to_owned()
        } else {
            return None;
        };
        Some(format!("{NOT_MADE}{why}. Call the tool again in your next turn."))
    }
}

/// Repeats the changes that the tools of a turn have made, from their recorded results.
pub(super) async fn recall(
    calls: Vec<ToolCall>,
    answer: &[Block],
    toolbox: &mut Toolbox<'_>,
) -> Result<(), ProposeError> {
    // One result for each call, in their order.
    for (call, block) in calls.into_iter().zip(answer) {
        if let Block::ToolResult { content, is_error, .. } = block {
            let result = if *is_error { Err(content.clone()) } else { Ok(content.clone()) };
            toolbox.recall(call, &result).await?;
        }
    }
    Ok(())
}

/// The tool calls that a reply carries.
pub(super) fn tool_calls(reply: &ChatReply) -> Vec<ToolCall> {
    let calls = reply.content.iter().filter_map(|block| match block {
        Block::ToolUse { id, name, input } => {
            Some(ToolCall { id: id.clone(), name: name.clone(), input: input.clone() })
        }
        _ => None,
    });
    calls.collect()
}
