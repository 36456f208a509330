//! Answers of model providers in both wire formats, successes and failures, with their headers: read,
//! priced, recorded, and sent back as the next turn's conversation.

#![no_main]

use std::{
    str::from_utf8,
    sync::{Arc, LazyLock},
    time::Duration,
};

use libfuzzer_sys::fuzz_target;
use mmh_models::{Billing, ChatError, ChatModel, api_error::ApiError, cancel::Cancel, catalog::{Catalog, Overrides, Resolved}, metering::{MeteredModel, RetryPolicy, RunContext, budget::Budget, throttle::Throttle}, read::{Scrubber, readable}, refusal::{Hints, refusal}, wire::{Dialect, NoAnswer, WireFormat}};
use mmh_record::{chat::{Api, ChatMessage, ChatReply, ChatRequest, ChatRole, Usage}, clock::Clock, pricing::{Price, Usd}};
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};

/// One model for each wire format, with tiers of prices where there are some.
static MODELS: LazyLock<Vec<Resolved>> = LazyLock::new(|| {
    let catalog = Catalog::builtin().expect("well-formed");
    let model = |id: &str, api| {
        let over = Overrides {
            base_url: Some("http://localhost:1/v1".into()),
            api: Some(api),
            ..Overrides::default()
        };
        catalog.resolve(id, &over, "--model").expect("known")
    };
    vec![model("claude-haiku-4-5", Api::Anthropic), model("kimi-k2.6", Api::Openai)]
});

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

// An answer as it stands on the wire: the status, a header a line, an empty line, the body.
fuzz_target!(|data: &[u8]| {
    let end = data.windows(2).position(|window| window == b"\n\n");
    let (head, body) = end.map_or((&data[..0], data), |end| (&data[..end], &data[end + 2..]));
    let body = readable(body, &Scrubber::new(Some(&"sk-0123456789".into())));
    let mut lines = head.split(|&byte| byte == b'\n');
    let status = lines.next().and_then(|line| from_utf8(line).ok()?.trim().parse().ok());
    let status = status.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK);
    let failed = failure(status, &headers(lines), ApiError::of(&body));
    for model in MODELS.iter() {
        let answer = match model.api.reply(&body, &["\n".to_owned()]) {
            Ok(reply) => {
                replayed(model, &reply);
                recorded(&reply);
                Ok(reply)
            }
            Err(NoAnswer::Malformed(problem)) => {
                assert!(!problem.is_empty());
                Err(failed.clone())
            }
            Err(NoAnswer::Failed { complaint, .. }) => Err(failure(status, &HeaderMap::new(), complaint)),
        };
        paid(model, answer);
    }
});

fn headers<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let pairs = lines.filter_map(|line| {
        let at = line.iter().position(|&byte| byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        Some((name, HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?))
    });
    pairs.collect()
}

/// What a failure means, as the client takes it.
fn failure(status: StatusCode, headers: &HeaderMap, complaint: ApiError) -> ChatError {
    let (fault, _) = refusal(status, &Hints::of(headers), &complaint);
    ChatError { words: complaint.message, fault, billing: Billing::Free }
}

/// What the model said can go back.
fn replayed(model: &Resolved, reply: &ChatReply) {
    let request = ChatRequest {
        messages: vec![ChatMessage::text(ChatRole::User, "a"), ChatMessage::assistant(reply)],
        max_tokens: 9,
        ..ChatRequest::default()
    };
    let dialect = Dialect { model: model.wire_model.clone(), profile: model.profile.clone(), thinks: false };
    let body = model.api.body(&request, &dialect).expect("what was JSON is JSON");
    assert!(reply.raw.is_some(), "a reply that was read has it");
    serde_json::from_str::<serde_json::Value>(&body).expect("the whole is JSON");
}

/// A reply that was kept or recorded is the same when it is read back.
fn recorded(reply: &ChatReply) {
    let text = serde_json::to_string(reply).expect("it can be written");
    let back: ChatReply = serde_json::from_str(&text).expect("it can be read back");
    assert_eq!(back, *reply);
}

/// A call is over soon and costs no more than there is to count, whatever the answer says.
fn paid(model: &Resolved, answer: Result<ChatReply, ChatError>) {
    let mut usage = Usage::default();
    if let Ok(reply) = &answer {
        usage += reply.usage;
        usage += reply.usage;
        assert!(usage.total_input_tokens() >= reply.usage.input_tokens);
    }
    let wait = Duration::from_millis(1);
    let caller = MeteredModel::new(
        Arc::new(Says(answer)),
        model.price.clone().unwrap_or_else(Price::default),
        Throttle::new(1),
        RetryPolicy { attempts: 1, attempt: wait, total: wait, ..RetryPolicy::ONCE },
        RunContext { budget: Arc::new(Budget::new(Usd::from_f64(1e6))), clock: Clock::System, cancel: Cancel::default() },
    );
    let called = RUNTIME.block_on(caller.call(&ChatRequest::default(), None));
    assert!(called.attempts <= 2 && caller.budget.status().spent >= called.cost);
}

/// A model that answers once and for all.
struct Says(Result<ChatReply, ChatError>);

#[async_trait::async_trait]
impl ChatModel for Says {
    fn id(&self) -> &str {
        "says"
    }

    async fn chat(&self, _: &ChatRequest) -> Result<ChatReply, ChatError> {
        self.0.clone()
    }
}
