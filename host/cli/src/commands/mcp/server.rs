//! The Model Context Protocol: what `rmcp` needs to know of the tools, the guide and the instructions.

use std::sync::Arc;

use async_trait::async_trait;
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams,
        GetPromptResponse, GetPromptResult, Implementation, ListPromptsResult, ListResourcesResult,
        ListToolsResult, PaginatedRequestParams, Prompt, PromptMessage, ReadResourceRequestParams,
        ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, Role, ServerCapabilities,
        ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
    transport::async_rw::AsyncRwTransport,
};
use serde_json::Value;

use super::paced::{Load, Paced};
use crate::output;
use mmh_engine::toolchain::guide;
use mmh_record::{chat::ToolSpec, language::HarnessLanguage};
use mmh_search::propose::{external::Answer, instructions};

/// Largest message of a client. Tools bound their arguments further.
const MAX_MESSAGE_BYTES: usize = 32 << 20;

/// The guide to the SDK, as a resource.
const GUIDE_URI: &str = "mmh://sdk";

/// The prompt that a person can choose in a client.
const PROMPT: &str = "search";

/// The tools that a client is offered.
#[async_trait]
pub trait Tools: Send + Sync + 'static {
    /// How to use them, in a few sentences.
    fn instructions(&self) -> String;

    /// The language that harnesses are written in.
    fn language(&self) -> HarnessLanguage;

    /// Which there are.
    fn specs(&self) -> Vec<ToolSpec>;

    /// Calls one, which need not exist.
    async fn call(&self, tool: &str, input: Value) -> Answer;

    /// Nothing more comes from the client.
    fn client_gone(&self) {}
}

/// Called once, when the client is gone.
type AtEnd = Box<dyn FnOnce() + Send>;

/// Serves the client at standard input and output until it is gone, and tells `at_end` at once when that is so.
///
/// No type parameters: the protocol's SDK is large, and would be compiled once for each kind of tools.
pub async fn serve(tools: Arc<dyn Tools>, at_end: AtEnd) {
    let load = Arc::new(Load::default());
    let told = tools.clone();
    let at_end: AtEnd = Box::new(move || {
        told.client_gone();
        at_end();
    });
    let input = Paced { inner: tokio::io::stdin(), load: load.clone(), at_end: Some(at_end) };
    let transport =
        AsyncRwTransport::new_server(input, output::protocol()).with_max_line_length(MAX_MESSAGE_BYTES);
    match (Server { tools, load }).serve(transport).await {
        Ok(running) => drop(running.waiting().await),
        Err(error) => errln!("the client does not speak the protocol: {error}"),
    }
}

struct Server {
    tools: Arc<dyn Tools>,
    load: Arc<Load>,
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_prompts().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("mmh", env!("CARGO_PKG_VERSION")))
            .with_instructions(self.tools.instructions())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.tools.specs().into_iter().map(offered).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let _under_way = self.load.begin();
        let input = Value::Object(request.arguments.unwrap_or_default());
        let said = self.tools.call(&request.name, input).await;
        Ok(match said {
            Ok(content) => CallToolResult::success(vec![ContentBlock::text(content)]),
            Err(content) => CallToolResult::error(vec![ContentBlock::text(content)]),
        }
        .into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let about = "Search for a better harness, candidate by candidate, until the search is over";
        Ok(ListPromptsResult::with_all_items(vec![Prompt::new(PROMPT, Some(about), None)]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name != PROMPT {
            let why = format!("there is no prompt {:?}; the only one is {PROMPT}", request.name);
            return Err(ErrorData::invalid_params(why, None));
        }
        let text =
            format!("{}\n\n{}", self.tools.instructions(), instructions::how_to_work(self.tools.language()));
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = Resource::new(GUIDE_URI, "SDK guide")
            .with_description(match self.tools.language() {
                HarnessLanguage::Rust => "The guide to the SDK that harnesses are written with",
                HarnessLanguage::Python => "The guide to harnesses in Python",
            })
            .with_mime_type("text/markdown")
            .with_size(guide(self.tools.language()).len() as u64);
        Ok(ListResourcesResult::with_all_items(vec![resource]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if request.uri != GUIDE_URI {
            let why = format!("there is no resource {:?}; the only one is {GUIDE_URI}", request.uri);
            return Err(ErrorData::invalid_params(why, None));
        }
        Ok(ReadResourceResult::new(vec![ResourceContents::text(guide(self.tools.language()), GUIDE_URI)])
            .into())
    }
}

/// A tool as a client sees it. All of them work inside of the run, and none of them removes anything.
fn offered(spec: ToolSpec) -> Tool {
    let reads = ["read_", "list_", "diff_", "compare_", "scoreboard", "check_"];
    let reads = reads.iter().any(|beginning| spec.name.starts_with(beginning));
    let schema = match spec.input_schema {
        Value::Object(schema) => schema,
        _ => serde_json::Map::new(),
    };
    Tool::new(spec.name, spec.description, Arc::new(schema))
        .annotate(ToolAnnotations::new().read_only(reads).destructive(false).open_world(false))
}
