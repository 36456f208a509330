//! Keeps a conversation within the model's window: when it is nearly full, old tool results are removed.
//!
//! Many are removed at once, so that the part of the conversation that providers cache stays the same for many turns.
//! The model's own replies are never changed.

use mmh_record::chat::{Block, ChatReply, ChatRequest, ChatRole};

/// What replaces a removed result.
const TAKEN_OUT: &str =
    "[This result was taken out of the conversation to make room. Call the tool again if you need it.]";

/// How many of the newest turns keep their results.
const KEPT_TURNS: usize = 2;

/// Bytes of a token of results, as an estimate. Prose has more, so this is on the safe side.
const BYTES_PER_TOKEN: u64 = 3;

/// How full the model's window is.
pub struct Window {
    /// The size of the window in tokens: prompt and reply together.
    tokens: u64,
    /// Tokens of the conversation: the provider's last count, and an estimate of what came since.
    used: u64,
}

impl Window {
    pub fn new(tokens: u64) -> Self {
        Self { tokens, used: 0 }
    }

    /// Takes the provider's count from a reply.
    pub fn replied(&mut self, reply: &ChatReply) {
        self.used = reply.usage.total_input_tokens().saturating_add(reply.usage.output_tokens);
    }

    /// Counts what was added to the conversation.
    pub fn added(&mut self, content: &[Block]) {
        let added = content.iter().map(|block| tokens(size(block))).sum();
        self.used = self.used.saturating_add(added);
    }

    /// Notes that the model reported a full window.
    pub fn overflowed(&mut self) {
        self.used = self.tokens;
    }

    /// Removes the oldest results if the next reply might not fit. Returns the ids of their calls.
    pub fn make_room(&mut self, request: &mut ChatRequest) -> Vec<String> {
        let room = self.tokens.saturating_sub(request.max_tokens.into());
        if self.used <= room / 10 * 8 {
            return Vec::new();
        }
        let users = request.messages.iter().filter(|message| message.role == ChatRole::User).count();
        let old = request.messages.iter_mut().filter(|message| message.role == ChatRole::User);
        let old = old.take(users.saturating_sub(KEPT_TURNS)).flat_map(|message| &mut message.content);
        let mut taken = Vec::new();
        for block in old {
            if self.used <= room / 2 {
                break;
            }
            if let Block::ToolResult { tool_use_id, content, .. } = block
                && content.len() > TAKEN_OUT.len()
            {
                self.used = self.used.saturating_sub(tokens(content.len() - TAKEN_OUT.len()));
                *content = TAKEN_OUT.to_owned();
                taken.push(tool_use_id.clone());
            }
        }
        taken
    }
}

fn tokens(bytes: usize) -> u64 {
    bytes as u64 / BYTES_PER_TOKEN
}

fn size(block: &Block) -> usize {
    match block {
        Block::Text { text } => text.len(),
        Block::ToolResult { content, .. } => content.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmh_record::chat::{ChatMessage, Usage};

    /// A conversation of so many turns, each with a result of 3,000 bytes.
    fn conversation(turns: usize) -> ChatRequest {
        let result = |at| Block::ToolResult {
            tool_use_id: format!("call-{at}"),
            content: "x".repeat(3_000),
            is_error: false,
        };
        let said =
            |at| ChatMessage { raw: Some(format!("[{at}]")), ..ChatMessage::text(ChatRole::Assistant, "") };
        let turns = (0..turns).flat_map(|at| [said(at), ChatMessage::user(vec![result(at)])]);
        let opening = ChatMessage::text(ChatRole::User, "y".repeat(9_000));
        ChatRequest {
            messages: [opening].into_iter().chain(turns).collect(),
            max_tokens: 1_000,
            ..Default::default()
        }
    }

    #[test]
    fn old_results_go_when_the_window_is_nearly_full() {
        // name, turns, tokens that were counted last, results that go
        let table: [(&str, usize, u64, &[&str]); 4] = [
            ("there is room", 6, 7_000, &[]),
            (
                "nearly full: down to a half, oldest first",
                6,
                8_000,
                &["call-0", "call-1", "call-2", "call-3"],
            ),
            ("the newest stay", 3, 9_000, &["call-0"]),
            ("nothing old enough", 2, 9_900, &[]),
        ];
        for (name, turns, used, gone) in table {
            let mut request = conversation(turns);
            let before = request.clone();
            let mut window = Window::new(10_000);
            let usage = Usage { input_tokens: used - 500, output_tokens: 500, ..Usage::default() };
            window.replied(&ChatReply { usage, ..ChatReply::default() });
            assert_eq!(window.make_room(&mut request), gone, "{name}");
            assert_eq!(request.messages[0], before.messages[0], "{name}: the opening stays");
            for (was, is) in before.messages.iter().zip(&request.messages) {
                assert_eq!(was.raw, is.raw, "{name}: what the model said stays");
            }
            if !gone.is_empty() {
                assert!(
                    window.make_room(&mut request).is_empty() || turns == 3,
                    "{name}: once for many turns"
                );
            }
        }
    }
}
