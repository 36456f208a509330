//! Shows progress on standard error: a bar in a terminal, plain lines elsewhere.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Global, environment};
use crate::{
    progress::{Event, Observer, Standing, ToolCall},
    text,
};

/// Without a terminal, an evaluation that goes on says so this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows progress. Says first, and on every line of an evaluation where the models are simulated.
pub struct Terminal {
    simulated: bool,
    /// Whether standard error is a terminal that can be drawn on.
    draws: bool,
    shown: Mutex<Shown>,
}

/// What is being shown.
#[derive(Default)]
struct Shown {
    /// The line at the bottom that changes, where one is wanted.
    bar: Option<(&'static str, ProgressBar)>,
    /// When the evaluation that goes on was begun, and when it was last mentioned.
    evaluation: Option<(Instant, Instant)>,
}

impl Terminal {
    pub fn new(global: &Global, simulated: bool) -> Self {
        let this = Self { simulated, draws: environment::draws(global), shown: Mutex::default() };
        if simulated {
            this.line("simulated models: nothing below says how a real model does");
        }
        this
    }

    /// Takes away what changes at the bottom: results follow.
    pub fn done(&self) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn line(&self, line: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.clear();
        eprintln!("{}", text::plain(line));
    }

    fn working(&self, what: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.draws {
            shown.bar("{msg}", 0).set_message(text::one_line(what));
        }
    }

    fn evaluated(&self, standing: &Standing) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (begun, mentioned) = *shown.evaluation.get_or_insert((now, now));
        let message = self.message(standing, begun.elapsed());
        let finished = standing.done == standing.total;
        if self.draws && !finished {
            let bar = shown.bar("{prefix} [{bar:24}] {pos}/{len} {msg}", standing.total as u64);
            bar.set_position(standing.done as u64);
            bar.set_prefix(prefix(standing));
            bar.set_message(message.clone());
        }
        if finished || (!self.draws && mentioned.elapsed() >= LINE_EVERY) {
            shown.clear();
            eprintln!("{} {}/{} {message}", prefix(standing), standing.done, standing.total);
            shown.evaluation = Some((begun, now)).filter(|_| !finished);
        }
    }

    fn message(&self, standing: &Standing, elapsed: Duration) -> String {
        let accuracy = 100.0 * standing.correct as f64 / standing.done.max(1) as f64;
        let mut message = format!("accuracy {accuracy:.1} %");
        if standing.errors > 0 {
            message.push_str(&format!(", {} without an answer", standing.errors));
        }
        let left = standing.total - standing.done;
        if left > 0 {
            let eta = elapsed.as_secs_f64() / standing.done.max(1) as f64 * left as f64;
            message.push_str(&format!(", about {eta:.0} s left"));
        }
        let cost =
            if self.simulated { ", simulated".into() } else { format!(", {:.4} USD", standing.cost_usd) };
        message + &cost
    }
}

impl Shown {
    /// The line at the bottom, made when it is first wanted.
    fn bar(&mut self, template: &'static str, total: u64) -> &ProgressBar {
        if self.bar.as_ref().is_some_and(|(shown, _)| *shown != template) {
            self.clear();
        }
        let (_, bar) = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template(template);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
            (template, ProgressBar::new(total).with_style(style))
        });
        bar
    }

    /// Takes the line at the bottom away.
    fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.clear();
    }
}

fn prefix(standing: &Standing) -> String {
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
            Event::Stage { iteration, stage } => self.line(&format!("{iteration:03} {stage}")),
            Event::ToolsCalled { iteration, step, tools } => {
                self.line(&format!("{iteration:03} turn {step}: {}", listed(&tools)));
            }
            Event::Evaluated(standing) => self.evaluated(&standing),
        }
    }
}
