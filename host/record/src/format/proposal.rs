//! What a proposer leaves of an iteration: what it read, and its whole conversation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evaluation::ControlRow;
use crate::chat::{Block, ChatReply, ChatRequest};

/// A line of `filesystem_reads.jsonl`: what the proposer read of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRow {
    /// A file's path in the run folder, or what is no file there: `sdk`, `dataset/train`, `dataset/val (trial)`,
    /// `dataset/train (trial)`, `notes`.
    pub path: String,
    /// The size of a text; of a summary, a trace or the data set, the size of what the proposer was given of it.
    pub bytes_read: u64,
    /// When it was read.
    pub at: Timestamp,
    /// The proposer's turn, as in `proposer.jsonl`.
    #[serde(default)]
    pub step: u32,
}

/// A line of `notes.jsonl`: what a proposer leaves for later iterations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRow {
    /// The note.
    pub text: String,
}

/// A line of `proposer.jsonl`: the proposer's transcript, complete enough to replay it. In the order of what
/// happened: `start`, then for each turn `trimmed` where results made room, `control` where one was sent, `reply`
/// and `answer`, and `end` last. Turns are numbered from 1. A proposer that is no conversation with a model calls the
/// tools directly: each of its turns is one `tool_call`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TranscriptRow {
    /// What does not change within an iteration.
    Start {
        /// The proposer model's id.
        model: String,
        /// Whether the model is simulated.
        mock: bool,
        /// When the conversation began.
        at: Timestamp,
        /// The first request: instructions, tools, limits of a reply, and the first message.
        request: ChatRequest,
    },
    /// What the model said.
    Reply {
        /// The turn.
        step: u32,
        /// When the reply was there.
        at: Timestamp,
        /// The reply, with the tools that the model calls.
        reply: ChatReply,
        /// What the turn's call cost, in US dollars.
        cost_usd: f64,
        /// As in [`CallRow`](super::CallRow).
        #[serde(default)]
        price_tier: u64,
        /// How often the provider was asked. 0 in runs that are older than this field.
        #[serde(default)]
        attempts: u32,
        /// Wall clock of the call in milliseconds, all attempts included.
        latency_ms: f64,
    },
    /// A control request that was sent after a call in this turn had got no reply.
    Control {
        /// The turn.
        step: u32,
        /// When it had ended.
        at: Timestamp,
        /// What came of it. Its fields stand beside the others.
        #[serde(flatten)]
        control: ControlRow,
    },
    /// What it was told next: tool results, or a nudge.
    Answer {
        /// The turn whose reply is answered.
        step: u32,
        /// When the tools had ended.
        at: Timestamp,
        /// A tool result for each call of the reply, or a text.
        content: Vec<Block>,
    },
    /// A call of a tool that no reply of a model carries, with its result.
    ToolCall {
        /// The turn, which is this call alone.
        step: u32,
        /// When the tool had ended.
        at: Timestamp,
        /// The tool's name, which need not exist.
        tool: String,
        /// The arguments, as they were given.
        input: Value,
        /// What the tool said.
        result: String,
        /// Whether that is an error.
        is_error: bool,
    },
    /// Results of earlier turns were taken out of the conversation, to make room for what follows.
    Trimmed {
        /// The turn before whose call they were taken out.
        step: u32,
        /// The ids of the tool calls whose results the model does not see any more.
        tool_use_ids: Vec<String>,
    },
    /// How it ended.
    End {
        /// When it ended.
        at: Timestamp,
        /// `submitted`, or the status and the reason of [`Unscored`](super::Unscored) with `: ` between them.
        outcome: String,
    },
}
