//! The provider client against a real HTTP server: what goes over the wire, what answers and failures mean, and
//! what a call of a run makes of them.

mod calls;
mod failures;
mod reading;
mod wire;

use mmh_models::{
    ChatError, ChatModel,
    catalog::{Catalog, Overrides},
    remote::{Remote, Role},
};
use mmh_record::chat::{ChatMessage, ChatReply, ChatRequest, ChatRole};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const KEY: &str = "sk-test-5f2c91";

/// An answer of 1,000 tokens in and 100 out.
const GOOD: &str = r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":1000,"output_tokens":100}}"#;

/// A model of the catalog, at this server.
fn remote(url: &str, id: &str, thinks: bool) -> Remote {
    let catalog = Catalog::builtin().expect("the catalog is well-formed");
    let over = Overrides {
        base_url: Some(url.to_owned()),
        key_env: Some("MOONSHOT_API_KEY".into()),
        ..Overrides::default()
    };
    let model = catalog.resolve(id, &over, "--target-base-url").expect("it is known");
    Remote::new(model, Role::Target, Some(KEY.into()), thinks).expect("a client")
}

fn asking(text: &str) -> ChatRequest {
    let messages = vec![ChatMessage::text(ChatRole::User, text)];
    ChatRequest { messages, max_tokens: 100, ..ChatRequest::default() }
}

/// One answer of a server, and what a caller makes of it.
async fn answer(id: &str, response: ResponseTemplate) -> Result<ChatReply, ChatError> {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    remote(&server.uri(), id, false).chat(&asking("Hi")).await
}
