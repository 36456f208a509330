//! What the library tells about its progress. How it is shown is the caller's business.

use mmh_engine::notice::Notice;

/// Something worth showing while work goes on.
#[derive(Clone, Debug)]
pub enum Event {
    /// A one-off remark, such as that a target is being installed.
    Note(String),
    /// What is being done right now, for a line that the next one replaces.
    Working(String),
    /// An iteration has come to this stage, such as `proposing`, `compiling`.
    Stage { iteration: u32, stage: String },
    /// An evaluation has got this far.
    Evaluated(EvalProgress),
    /// An iteration is over: its accuracy, of 0 to 1, or none if it was not scored.
    Concluded { iteration: u32, accuracy: Option<f64> },
    /// The proposer has called tools, in one of its turns.
    ToolsCalled { iteration: u32, step: u32, tools: Vec<ToolCall> },
}

/// A tool call of the proposer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub tool: String,
    /// Whether the tool said no, such as to a harness that does not compile.
    pub refused: bool,
}

/// How an evaluation stands.
#[derive(Clone, Debug, Default)]
pub struct EvalProgress {
    pub iteration: Option<u32>,
    pub split: String,
    pub done: usize,
    pub total: usize,
    pub correct: usize,
    pub errors: usize,
    /// Money that this evaluation has cost so far.
    pub cost_usd: f64,
}

/// Receives events, from any thread.
pub trait Observer: Send + Sync {
    fn on(&self, event: Event);

    /// Passes on what the engine tells.
    fn notice(&self, notice: Notice) {
        self.on(match notice {
            Notice::Note(text) => Event::Note(text),
            Notice::Working(text) => Event::Working(text),
        });
    }

    /// Passes on a remark.
    fn note(&self, text: String) {
        self.on(Event::Note(text));
    }
}

/// Shows nothing.
pub struct Silent;

impl Observer for Silent {
    fn on(&self, _: Event) {}
}
