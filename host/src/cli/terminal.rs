//! Shows progress on standard error: a bar in a terminal, plain lines elsewhere.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::environment;
use crate::{
    progress::{Event, Observer, Standing, ToolCall},
    text,
};

/// Without a terminal, an evaluation that goes on says so this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows progress. Says on every line of an evaluation where the models are simulated.
pub struct Terminal {
    simulated: bool,
    bar: Option<ProgressBar>,
    evaluation: Mutex<Option<Started>>,
}

/// An evaluation that is being shown.
struct Started {
    at: Instant,
    said: Instant,
}

impl Terminal {
    pub fn new(simulated: bool) -> Self {
        let bar = environment::draws().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            bar
        });
        Self { simulated, bar, evaluation: Mutex::new(None) }
    }

    fn line(&self, line: &str) {
        let line = text::plain(line);
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    fn evaluated(&self, standing: &Standing) {
        let mut evaluation = self.evaluation.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let started = evaluation.get_or_insert(Started { at: now, said: now });
        let finished = standing.done == standing.total;
        if let Some(bar) = &self.bar {
            bar.set_length(standing.total as u64);
            bar.set_position(standing.done as u64);
            bar.set_prefix(prefix(standing));
            bar.set_message(self.message(standing, started.at.elapsed()));
        }
        let due = self.bar.is_none() && started.said.elapsed() >= LINE_EVERY;
        if finished || due {
            started.said = now;
            let message = self.message(standing, started.at.elapsed());
            if let (true, Some(bar)) = (finished, &self.bar) {
                bar.finish_and_clear();
                bar.reset();
            }
            self.line(&format!("{} {}/{} {message}", prefix(standing), standing.done, standing.total));
        }
        if finished {
            *evaluation = None;
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
            Event::Stage { iteration: Some(iteration), stage } => {
                self.line(&format!("{iteration:03} {stage}"))
            }
            Event::Stage { iteration: None, stage } => self.line(&stage),
            Event::ToolsCalled { iteration, step, tools } => {
                self.line(&format!("{iteration:03} turn {step}: {}", listed(&tools)));
            }
            Event::Evaluated(standing) => self.evaluated(&standing),
        }
    }
}
