//! `mmh dev`: at each save of a harness it is compiled and evaluated on a few examples, and what changed is shown.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;

use crate::commands::eval::{
    Harness, alone,
    bench::Ran,
    build,
    examples::Examples,
    leaked,
    record::Scratch,
    setting::{BenchArgs, Setting, connect},
    shown::{failures, of_harness},
};
use crate::{
    error::{CliError, CliResult},
    global::Global,
    output, project,
    session::Signals,
};
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::budget::Budget,
};
use mmh_record::{format::TraceRow, text};
use mmh_search::{evaluate::Outcome, leaks::Lint, score::score};

/// Examples that are evaluated at each save, unless another number is asked for.
const EXAMPLES: u32 = 8;

/// After a save an editor may still be writing: files have to stay as they are for so long.
const SETTLED: Duration = Duration::from_millis(20);

/// How long what is under way may take to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(2);

/// Examples whose change is named.
const NAMED: usize = 12;

#[derive(Args)]
pub struct DevArgs {
    /// Failures that are shown with prompts and replies at each save
    #[arg(long, default_value_t = 1, value_name = "N")]
    failures: usize,
    // Last, since its headings would hold for what follows.
    #[command(flatten)]
    on: BenchArgs,
}

/// Which examples were right, by their ids.
type Standing = BTreeMap<String, bool>;

/// What all saves have in common.
struct Watch<'a> {
    global: &'a Global,
    args: &'a DevArgs,
    setting: Setting,
    lint: Lint,
    budget: Arc<Budget>,
    cancel: Cancel,
}

pub async fn main(global: &Global, mut args: DevArgs) -> CliResult {
    args.on.eval_size.get_or_insert(EXAMPLES);
    let mut signals = Signals::listen().map_err(CliError::host)?;
    let setting = tokio::select! {
        setting = Setting::open(global, &args.on, None, None) => setting?,
        () = signals.next() => return Ok(ended()),
    };
    if setting.targets.len() > 1 {
        return Err(CliError::input("dev asks one target: name one --target-model"));
    }
    let lint = Lint::of(&setting.dataset);
    let (budget, cancel) = (args.on.money.budget(), Cancel::default());
    let watch = Watch { global, args: &args, setting, lint, budget, cancel };
    let (mut seen, mut before, mut saves) = (project::Stamps::new(), None, 0);
    loop {
        let stamps = project::stamps(&args.on.harness);
        if stamps == seen || stamps.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(project::LOOK_EVERY) => continue,
                () = signals.next() => return Ok(ended()),
            }
        }
        tokio::time::sleep(SETTLED).await;
        seen = project::stamps(&args.on.harness);
        if seen != stamps {
            // It is looked at once more.
            seen.clear();
            continue;
        }
        saves += 1;
        let begun = Instant::now();
        let mut round = Box::pin(watch.saved(saves, before.take()));
        before = tokio::select! {
            standing = &mut round => standing,
            () = signals.next() => {
                watch.cancel.stop(Stop::Asked);
                let _ = tokio::time::timeout(PATIENCE, round).await;
                return Ok(ended());
            }
        };
        outln!("\n{:.2} s; waiting for the next save, Ctrl-C ends", begun.elapsed().as_secs_f64());
    }
}

fn ended() -> ExitCode {
    outln!("\nended");
    ExitCode::SUCCESS
}

impl Watch<'_> {
    /// What is to be said after a save. Returns how the examples stand now; as before, if there is nothing new of them.
    async fn saved(&self, number: u32, before: Option<Standing>) -> Option<Standing> {
        let what = if number == 1 { "first look".to_owned() } else { format!("save {}", number - 1) };
        outln!("\n== {what}: {}", text::path(&self.args.on.harness));
        match self.evaluated(before.as_ref()).await {
            Ok(Some(standing)) => Some(standing),
            Ok(None) => before,
            Err(error) => {
                self.setting.terminal.done();
                errln!("error: {error}");
                before
            }
        }
    }

    async fn evaluated(&self, before: Option<&Standing>) -> Result<Option<Standing>, CliError> {
        let (on, setting) = (&self.args.on, &self.setting);
        let (given, built) = match build(on, None, &setting.builder, &setting.limits).await? {
            Ok(built) => built,
            Err(rejected) => {
                setting.terminal.done();
                rejected.told(false);
                return Ok(None);
            }
        };
        let leaks = self.lint.check(&given.source, &built.component.bytes);
        let harness = Harness { digest: built.component.digest, leaks, given };
        let mut bench = setting.bench_with(on, None, self.cancel.clone())?;
        bench.budget = self.budget.clone();
        let target = connect(self.global, on, None, &setting.observer)?;
        let Some(target) = target.into_iter().next() else { return Ok(None) };
        let scratch = Scratch::begin(&bench, &target.model, &harness, &built)?;
        let (budget, cancel) = (bench.budget.clone(), bench.cancel.clone());
        let ran = bench.evaluate(target, budget, cancel, built.clone(), Some(&scratch)).await?;
        setting.terminal.done();
        let recorded = scratch.finish(&bench, &ran)?;
        let examples = Examples { bench: &bench, harness: &harness, built: &built, model: &ran.model };
        let Some((state, rows)) = told(&examples, &ran) else { return Ok(None) };
        let standing: Standing = rows.iter().map(|row| (row.example_id.clone(), row.correct)).collect();
        if let Some(before) = before {
            output::text(&changed(before, &standing));
        }
        let shown = failures(rows, self.args.failures);
        let calls = recorded.calls(|id| shown.iter().any(|row| row.example_id == id))?;
        for (at, row) in shown.into_iter().enumerate() {
            let calls = of_harness(&calls, &row.example_id);
            output::text(&examples.example((row, &calls), state, at == 0).await?);
        }
        Ok(Some(standing))
    }
}

/// Prints the score, or why there is none. Returns the state and the outcomes.
fn told<'a>(examples: &Examples<'_>, ran: &'a Ran) -> Option<(&'a [u8], &'a [TraceRow])> {
    let (bench, author) = (examples.bench, examples.author());
    if let Some(stop) = ran.stop.as_ref().filter(|stop| **stop != Stop::Asked) {
        outln!("not scored: {}: {}", stop.status(), text::plain(stop.reason()));
        return None;
    }
    match &ran.came {
        Ok((learned, done)) => {
            let outcomes: Vec<Outcome> = done.rows.iter().map(Outcome::of).collect();
            let score = score(&outcomes, bench.dataset.kind.objective(), learned, bench.mock);
            let made = examples.harness.given.made_outside();
            let made = made.map(|made| format!("{}\n", made.words())).unwrap_or_default();
            let shown = author.places(&alone::shown(bench, ran, &score, &done.rows));
            output::text(&(made + &shown + &leaked(&examples.harness.leaks)));
            Some((learned.state(), &done.rows))
        }
        Err((kind, problem)) => {
            outln!("{kind}: {}", author.places(&text::plain(problem)));
            None
        }
    }
}

/// What is another than at the save before.
fn changed(before: &Standing, now: &Standing) -> String {
    let of = |from: bool| {
        let ids = now.iter().filter(|(id, right)| before.get(*id) == Some(&from) && **right != from);
        let ids: Vec<&str> = ids.map(|(id, _)| id.as_str()).collect();
        match ids.len() {
            0 => "none".to_owned(),
            many if many > NAMED => format!("{} and {} more", ids[..NAMED].join(", "), many - NAMED),
            _ => ids.join(", "),
        }
    };
    format!("since the last save: fixed {}; broken {}\n", of(false), of(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_named() {
        let standing =
            |rows: &[(&str, bool)]| rows.iter().map(|(id, right)| ((*id).to_owned(), *right)).collect();
        let before: Standing = standing(&[("a", true), ("b", false), ("c", true), ("d", false)]);
        let many: Standing = (0..20).map(|at| (format!("x{at:02}"), false)).collect();
        let all: Standing = many.keys().map(|id| (id.clone(), true)).collect();
        // before, now, what is said
        let table = [
            (&before, before.clone(), "fixed none; broken none"),
            (
                &before,
                standing(&[("a", false), ("b", true), ("c", true), ("new", true)]),
                "fixed b; broken a",
            ),
            (&many, all, "x10, x11 and 8 more; broken none"),
        ];
        for (before, now, said) in table {
            let found = changed(before, &now);
            assert!(found.contains(said), "{found}");
        }
    }
}
