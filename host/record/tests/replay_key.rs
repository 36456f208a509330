//! The bytes by which a recorded reply is found again. Whoever renames a field of these types must not change them: a
//! recorded run would not be replayed any more.

use mmh_record::{
    chat::{Block, ChatMessage, ChatReply, ChatRequest, ChatRole, StopReason, ToolSpec, Usage},
    digest::Digest,
};
use serde_json::json;

#[test]
fn a_request_has_the_key_that_it_always_had() {
    let small = ChatRequest {
        messages: vec![ChatMessage::text(ChatRole::User, "Which label?")],
        max_tokens: 64,
        ..ChatRequest::default()
    };
    let large = ChatRequest {
        system: Some("Be brief.".into()),
        messages: vec![
            ChatMessage::text(ChatRole::User, "Look."),
            ChatMessage {
                role: ChatRole::Assistant,
                content: vec![Block::ToolUse {
                    id: "t1".into(),
                    name: "look".into(),
                    input: json!({ "at": 1 }),
                }],
                raw: Some("[]".into()),
            },
            ChatMessage::user(vec![Block::ToolResult {
                tool_use_id: "t1".into(),
                content: "seen".into(),
                is_error: false,
            }]),
        ],
        tools: vec![ToolSpec { name: "look".into(), description: "Looks.".into(), input_schema: json!({}) }],
        max_tokens: 100,
        temperature: Some(0.5),
        stop: vec!["\n".into()],
        continues: true,
        must_call_tool: true,
        sample: 2,
    };
    // name, request, its bytes
    let table = [
        (
            "small",
            small,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Which label?"}]}],"max_tokens":64}"#,
        ),
        (
            "large",
            large,
            r#"{"system":"Be brief.","messages":[{"role":"user","content":[{"type":"text","text":"Look."}]},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"at":1}}],"raw":"[]"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"seen","is_error":false}]}],"tools":[{"name":"look","description":"Looks.","input_schema":{}}],"max_tokens":100,"temperature":0.5,"stop":["\n"],"continues":true,"must_call_tool":true,"sample":2}"#,
        ),
    ];
    for (name, request, bytes) in table {
        let found = serde_json::to_string(&request).expect("it is plain data");
        assert_eq!(found, bytes, "{name}");
        assert_eq!(Digest::of(found), Digest::of(bytes), "{name}");
        assert_eq!(serde_json::from_str::<ChatRequest>(bytes).expect("it is read back"), request, "{name}");
    }
}

#[test]
fn a_reply_is_read_as_it_was_written() {
    let reply = ChatReply {
        content: vec![Block::Text { text: "dengue".into() }],
        stop_reason: StopReason::EndTurn,
        usage: Usage { input_tokens: 10, output_tokens: 2, ..Usage::default() },
        ..ChatReply::default()
    };
    let bytes = r#"{"content":[{"type":"text","text":"dengue"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":2,"cache_read_tokens":0,"cache_write_tokens":0}}"#;
    assert_eq!(serde_json::to_string(&reply).expect("it is plain data"), bytes);
    assert_eq!(serde_json::from_str::<ChatReply>(bytes).expect("it is read back"), reply);
}
