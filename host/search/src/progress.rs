//! Events about progress. The caller decides how they are shown.

use mmh_engine::notice::Notice;
use mmh_record::objective::Objective;
use mmh_report::statistics::Tally;

/// Something worth showing while work goes on.
#[derive(Clone, Debug)]
pub enum Event {
    /// A one-off remark, such as that a target is being installed.
    Note(String),
    /// The step under way, for a status line. The next event replaces it.
    Working(String),
    /// An iteration has reached a stage.
    Stage {
        /// The iteration's index.
        iteration: u32,
        /// The stage in words, such as `proposing`.
        stage: String,
    },
    /// One more example of an evaluation is done.
    Evaluated(EvalProgress),
    /// An iteration is over.
    Concluded {
        /// The iteration's index.
        iteration: u32,
        /// What the run's objective compares; nothing if it was not scored.
        value: Option<f64>,
    },
    /// The proposer has called tools.
    ToolsCalled {
        /// The iteration's index.
        iteration: u32,
        /// The proposer's turn, from 1.
        step: u32,
        /// The calls of this turn, in their order.
        tools: Vec<ToolCall>,
    },
}

/// A tool call of the proposer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool's name, as the model wrote it.
    pub tool: String,
    /// Whether the result was an error, such as for a harness that does not compile.
    pub refused: bool,
}

/// The progress of an evaluation.
#[derive(Clone, Debug, Default)]
pub struct EvalProgress {
    /// The iteration that is evaluated; nothing outside of a search.
    pub iteration: Option<u32>,
    /// The split's name.
    pub split: String,
    /// Examples that are done.
    pub done: usize,
    /// All examples.
    pub total: usize,
    /// The grades so far.
    pub tally: Tally,
    /// What they are compared by.
    pub objective: Objective,
    /// Calls that ended without a prediction so far.
    pub errors: usize,
    /// What the evaluation cost so far, in US dollars.
    pub cost_usd: f64,
}

/// Receives events, from any thread.
pub trait Observer: Send + Sync {
    /// Receives one event.
    fn on(&self, event: Event);

    /// Passes on a notice of the engine.
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
