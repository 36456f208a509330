//! Shows progress on standard error. In a terminal: one line a stage, which changes until the stage is
//! over, and below it how the search stands. Elsewhere: plain lines.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    environment,
    global::Global,
    progress_line::{self, Course},
};
use mmh_fleet::coordinator::Fleet;
use mmh_models::metering::budget::Budget;
use mmh_record::{format::Summary, text};
use mmh_search::progress::{EvalProgress, Event, Observer, ToolCall};

/// Without a terminal, an evaluation that goes on says so this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How often the elapsed time at the bottom is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Most of what a turn's tool calls are shown with.
const MAX_TOOLS_CHARS: usize = 300;

/// Columns in front of what changes: the sign of life and the elapsed time.
const BEFORE: usize = 8;

/// Shows progress. Says first, and on every line of an evaluation where the models are simulated.
pub struct Terminal {
    simulated: bool,
    /// Whether standard error is a terminal that can be drawn on.
    draws: bool,
    /// Whether the command itself prints the score, and that models are simulated: then neither is said here.
    is_told_later: bool,
    shown: Mutex<Shown>,
}

/// What is being shown.
#[derive(Default)]
struct Shown {
    /// What changes at the bottom, where something does.
    bar: Option<ProgressBar>,
    /// The proposer's work that goes on: which iteration's, since when, and its turns.
    proposing: Option<(u32, Instant, u32)>,
    /// The evaluations that go on, by name: when each was begun, and when it was last mentioned.
    evaluations: BTreeMap<String, (Instant, Instant)>,
    /// How the search stands, and since when.
    course: Option<(Course, Instant)>,
    /// The workers that run harnesses, if there are any.
    fleet: Option<Arc<Fleet>>,
}

impl Terminal {
    pub fn new(global: &Global, simulated: bool) -> Self {
        Self::begin(global, simulated, false)
    }

    /// Progress of a command that prints the score itself, and that models are simulated. On one terminal that stands there once.
    pub fn of_evaluation(global: &Global, simulated: bool) -> Self {
        Self::begin(global, simulated, environment::shows_output())
    }

    fn begin(global: &Global, simulated: bool, is_told_later: bool) -> Self {
        let this =
            Self { simulated, draws: environment::draws(global), is_told_later, shown: Mutex::default() };
        if simulated && !is_told_later {
            this.line("simulated models: nothing below says how a real model does");
        }
        this
    }

    /// From now on, what is shown belongs to this search, and money is that of its budget.
    pub fn follow(&self, summary: &Summary, budget: Arc<Budget>) {
        self.shown().course = Some((Course::new(summary, budget), Instant::now()));
    }

    /// From now on, lines of progress say how these workers stand.
    pub fn run_by(&self, fleet: Arc<Fleet>) {
        self.shown().fleet = Some(fleet);
    }

    /// Takes away what changes at the bottom: results follow.
    pub fn done(&self) {
        self.shown().clear();
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, line: &str) {
        self.shown().print(line);
    }

    fn working(&self, what: &str) {
        if self.draws {
            self.shown().draw(text::fitted(&text::one_line(what), room()));
        }
    }

    fn stage(&self, iteration: u32, stage: &str) {
        let name = format!("{iteration:03} {stage}");
        let mut shown = self.shown();
        shown.proposed();
        if !self.draws {
            return shown.print(&name);
        }
        shown.clear();
        if stage == PROPOSING {
            shown.proposing = Some((iteration, Instant::now(), 0));
        }
        shown.draw(text::fitted(&text::one_line(&name), room()));
    }

    fn tools(&self, iteration: u32, step: u32, tools: &[ToolCall]) {
        let mut shown = self.shown();
        // Which tools there are, a model says.
        let listed = text::ellipsis(&text::one_line(&listed(tools)), MAX_TOOLS_CHARS);
        if !self.draws {
            return shown.print(&format!("{iteration:03} turn {step}: {listed}"));
        }
        if let Some((_, _, turns)) = &mut shown.proposing {
            *turns = step;
        }
        let line = format!("{iteration:03} {PROPOSING}, turn {step}: {listed}");
        shown.draw(text::fitted(&line, room()));
    }

    fn evaluated(&self, standing: &EvalProgress) {
        let mut shown = self.shown();
        let now = Instant::now();
        let name = name(standing);
        let (begun, mentioned) = *shown.evaluations.entry(name.clone()).or_insert((now, now));
        let mut message = progress_line::standing(standing, begun.elapsed());
        if let Some(fleet) = &shown.fleet {
            message += &progress_line::of_fleet(fleet.standing());
        }
        let finished = standing.done == standing.total;
        if self.draws && !finished {
            shown.draw(progress_line::line(&name, standing, &message, room()));
        }
        if finished {
            shown.clear();
        }
        if (finished && !self.is_told_later)
            || (!finished && !self.draws && mentioned.elapsed() >= LINE_EVERY)
        {
            let money = self.money(&shown, standing);
            shown.print(&format!("{name} {}/{} {message}, {money}", standing.done, standing.total));
            shown.evaluations.insert(name.clone(), (begun, now));
        }
        if finished {
            shown.evaluations.remove(&name);
        }
    }

    fn money(&self, shown: &Shown, standing: &EvalProgress) -> String {
        match &shown.course {
            _ if self.simulated => "simulated".into(),
            Some((course, _)) => course.money(),
            None => format!("{:.4} USD", standing.cost_usd),
        }
    }

    fn concluded(&self, iteration: u32, value: Option<f64>) {
        let mut shown = self.shown();
        shown.proposed();
        // An evaluation that was cut off is over as well.
        shown.evaluations.clear();
        if let Some((course, begun)) = &mut shown.course {
            course.conclude(iteration, value, begun.elapsed());
            let line = course.line(begun.elapsed());
            if !self.draws {
                shown.print(&line);
            }
        }
    }
}

/// The stage in which the proposer has its turns.
const PROPOSING: &str = "proposing";

/// Columns for what changes.
fn room() -> usize {
    environment::drawn_columns().saturating_sub(BEFORE + 1).max(20)
}

impl Shown {
    /// Draws what changes, with the state of the search below it.
    fn draw(&mut self, line: String) {
        let mut message = line;
        if let Some((course, begun)) = &self.course {
            let below = text::fitted(&course.line(begun.elapsed()), room());
            message = format!("{message}\n{:BEFORE$}{below}", "");
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed:>4}  {msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::new_spinner().with_style(style);
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(message);
    }

    /// Prints a line that stays.
    fn print(&mut self, line: &str) {
        let line = text::name(line);
        match &self.bar {
            Some(bar) => bar.suspend(|| errln!("{line}")),
            None => errln!("{line}"),
        }
    }

    /// What stays of the proposer's work in a terminal.
    fn proposed(&mut self) {
        if let Some((iteration, begun, turns)) = self.proposing.take() {
            let took = progress_line::duration(begun.elapsed().as_secs_f64());
            let plural = if turns == 1 { "" } else { "s" };
            self.print(&format!("{iteration:03} proposed in {turns} turn{plural}, {took}"));
        }
    }

    /// Takes away what changes.
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.clear();
    }
}

fn name(standing: &EvalProgress) -> String {
    match standing.iteration {
        Some(iteration) => format!("{iteration:03} {}", standing.split),
        None => standing.split.clone(),
    }
}

/// `read_train x8, write_harness (refused)`.
fn listed(tools: &[ToolCall]) -> String {
    let groups = tools.chunk_by(|left, right| left == right);
    let shown = groups.map(|group| {
        let count = if group.len() > 1 { format!(" x{}", group.len()) } else { String::new() };
        let refused = if group[0].refused { " (refused)" } else { "" };
        format!("{}{count}{refused}", group[0].tool)
    });
    shown.collect::<Vec<_>>().join(", ")
}

impl Observer for Terminal {
    fn on(&self, event: Event) {
        match event {
            Event::Note(note) => self.line(&note),
            Event::Working(what) => self.working(&what),
            Event::Stage { iteration, stage } => self.stage(iteration, &stage),
            Event::ToolsCalled { iteration, step, tools } => self.tools(iteration, step, &tools),
            Event::Evaluated(standing) => self.evaluated(&standing),
            Event::Concluded { iteration, value } => self.concluded(iteration, value),
        }
    }
}
