//! Brings the client and the candidates together. A search opens candidates, the client begins the first open one, and its
//! tool calls go to that one until it has ended.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    time::timeout,
};

use super::server::Tools;
use mmh_record::{chat::ToolSpec, language::HarnessLanguage};
use mmh_search::propose::{
    Assignment, DirectCall,
    external::{Answer, Asked, Service, Session},
    instructions, specs_in,
};

/// How long the client waits for the next candidate in one call. Many clients give a call a minute.
const WAIT: Duration = Duration::from_secs(40);

const BEGIN: &str = "begin_candidate";
const GIVE_UP: &str = "give_up";

/// The tool that submits a harness, and ends the candidate when that is accepted.
const SUBMIT: &str = "write_harness";

const NOT_BEGUN: &str = "no candidate is begun: call begin_candidate";
const HAS_ENDED: &str = "the call was not made, because the candidate has ended: its tool calls are used up, or the run is \
                         being stopped. Call begin_candidate";

/// What the client is told when it connects.
const INSTRUCTIONS: &str = "\
You write the harnesses of a search. A harness is one Rust file around a fixed language model, the target; it is compiled, \
sandboxed, and scored on labelled examples by this server. Candidate by candidate:
1. begin_candidate waits until the last harness is evaluated and the next candidate is open, and says what is to be done. If \
it says that the search is not ready, call it again.
2. Read the scoreboard, the best harness, its failure traces and read_sdk; check_harness and try_harness test a source.
3. write_harness submits the harness. Once it is accepted, the candidate has ended: go back to 1. give_up ends a candidate \
without a harness.
Go on until begin_candidate says that the search is over. Everything is recorded; when you disconnect, the search stops, and \
it goes on when the server is started again.";

/// The candidates that are open, and what the client does with them.
pub struct Hub {
    state: watch::Sender<State>,
    /// Held by the call that is being made. Others wait in the order in which they came.
    turn: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The language that harnesses are written in.
    language: HarnessLanguage,
    open: BTreeMap<u32, Candidate>,
    /// The one that the client has begun.
    begun: Option<u32>,
    /// What the client is told, if the search is over.
    over: Option<String>,
    /// Whether the client was told how to work.
    introduced: bool,
    is_client_gone: bool,
}

struct Candidate {
    opening: String,
    /// How many of its calls are on record from before.
    calls: usize,
    asked: mpsc::Sender<Asked>,
}

impl Hub {
    /// A hub of a search whose harnesses are in this language.
    pub fn new(language: HarnessLanguage) -> Self {
        let state = State { language, ..State::default() };
        Self { state: watch::Sender::new(state), turn: Mutex::default() }
    }

    /// The search is over, which the client is told in these words.
    pub fn close(&self, told: String) {
        self.state.send_modify(|state| state.over = Some(told));
    }

    /// Whether the client has disconnected.
    pub fn is_client_gone(&self) -> bool {
        self.state.borrow().is_client_gone
    }

    async fn begin(&self) -> Answer {
        let mut states = self.state.subscribe();
        let is_ready = |state: &State| state.over.is_some() || !state.open.is_empty();
        if timeout(WAIT, states.wait_for(is_ready)).await.is_err() {
            return Ok("The search is not ready: it is being set up, or it evaluates harnesses. Call begin_candidate again, \
                       which waits."
                .to_owned());
        }
        let mut told = Ok(String::new());
        self.state.send_modify(|state| told = state.begin());
        told
    }

    fn begun(&self) -> Result<(u32, mpsc::Sender<Asked>), String> {
        let state = self.state.borrow();
        if let Some(over) = &state.over {
            return Err(over.clone());
        }
        let index = state.begun.ok_or(NOT_BEGUN)?;
        let candidate = state.open.get(&index).ok_or(NOT_BEGUN)?;
        Ok((index, candidate.asked.clone()))
    }

    /// Takes the candidate away. It may be gone already.
    fn end(&self, index: u32) {
        self.state.send_modify(|state| {
            state.open.remove(&index);
            state.begun.take_if(|begun| *begun == index);
        });
    }

    async fn pass_on(&self, tool: &str, input: Value) -> Answer {
        let (index, asked) = self.begun()?;
        let (answer, answered) = oneshot::channel();
        let call = Asked::Call { tool: tool.to_owned(), input, answer };
        let said = match asked.send(call).await {
            Ok(()) => answered.await.ok(),
            Err(_) => None,
        };
        let is_over = said.as_ref().is_none_or(|said| tool == SUBMIT && said.is_ok());
        if is_over {
            self.end(index);
        }
        said.unwrap_or_else(|| Err(HAS_ENDED.to_owned()))
    }

    async fn give_up(&self, input: &Value) -> Answer {
        let Some(reason) = input["reason"].as_str().map(str::to_owned) else {
            return Err("bad arguments for give_up: reason, a text, is missing".to_owned());
        };
        let (index, asked) = self.begun()?;
        let ended = asked.send(Asked::GiveUp { reason }).await;
        self.end(index);
        ended
            .map(|()| "The candidate has ended without a harness.".to_owned())
            .map_err(|_| HAS_ENDED.to_owned())
    }
}

impl State {
    /// The client begins with the first open candidate, or is told again what to do with it.
    fn begin(&mut self) -> Answer {
        if let Some(over) = &self.over {
            return Ok(over.clone());
        }
        // The one that is begun, if it is open still: candidates of one generation open in any order.
        let begun = self.begun.filter(|index| self.open.contains_key(index));
        let index = begun.or_else(|| self.open.keys().next().copied());
        let Some((index, candidate)) = index.and_then(|index| Some((index, self.open.get(&index)?))) else {
            return Err(NOT_BEGUN.to_owned());
        };
        self.begun = Some(index);
        let mut told = candidate.opening.clone();
        if candidate.calls > 0 {
            told += &format!(
                "\n\nThis candidate was begun before. The record has {} tool calls of it, which count.",
                candidate.calls
            );
        }
        if !std::mem::replace(&mut self.introduced, true) {
            told += "\n\n";
            told += &instructions::how_to_work(self.language);
        }
        Ok(told)
    }
}

#[async_trait]
impl Tools for Hub {
    fn instructions(&self) -> String {
        instructions::in_language(INSTRUCTIONS, self.language())
    }

    fn language(&self) -> HarnessLanguage {
        self.state.borrow().language
    }

    fn specs(&self) -> Vec<ToolSpec> {
        let tool = |name: &str, description: &str, properties: Value, required: &[&str]| ToolSpec {
            name: name.to_owned(),
            description: description.to_owned(),
            input_schema: json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            }),
        };
        let begin = tool(
            BEGIN,
            "Begins the next candidate, once the last one is evaluated, and says what is to be done; or says that the search \
             is over. While a candidate is begun, says again what is to be done.",
            json!({}),
            &[],
        );
        let give_up = tool(
            GIVE_UP,
            "Ends the candidate without a harness. Several candidates without a harness in a row end the search.",
            json!({ "reason": { "type": "string" } }),
            &["reason"],
        );
        [vec![begin], specs_in(self.language()), vec![give_up]].concat()
    }

    async fn call(&self, tool: &str, input: Value) -> Answer {
        if tool == BEGIN {
            return self.begin().await;
        }
        let _turn = self.turn.lock().await;
        match tool {
            GIVE_UP => self.give_up(&input).await,
            _ => self.pass_on(tool, input).await,
        }
    }

    fn client_gone(&self) {
        self.state.send_modify(|state| state.is_client_gone = true);
    }
}

/// The proposers of a search: one client, which writes the candidates one after the other.
pub struct Clients(pub Arc<Hub>);

#[async_trait]
impl Service for Clients {
    async fn open(&self, assignment: &Assignment<'_>, calls: &[DirectCall]) -> Result<Session, String> {
        let (sender, asked) = mpsc::channel(1);
        let index = assignment.candidate.index;
        let candidate = Candidate { opening: assignment.opening.clone(), calls: calls.len(), asked: sender };
        self.0.state.send_modify(|state| drop(state.open.insert(index, candidate)));
        Ok(Session { asked, serving: Box::new(Open { hub: self.0.clone(), index }) })
    }
}

/// A candidate that is open until this is dropped.
struct Open {
    hub: Arc<Hub>,
    index: u32,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.hub.end(self.index);
    }
}
