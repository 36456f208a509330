//! `mmh diff`: two iterations of a run side by side.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::commands::replay::EvaluatedSplit;
use crate::{environment, error::CliResult, example_view, output};
use mmh_record::{
    format::Config,
    objective::{Figure, Objective},
    reader::RunReader,
    text,
};
use mmh_search::inspect::diff::{self, Changed, Compared, Examples, Side, SideScore};

#[derive(Args)]
pub struct DiffArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The iteration before
    #[arg(value_name = "A")]
    before: u32,
    /// The iteration after
    #[arg(value_name = "B")]
    after: u32,
    /// The examples: validation or held-out
    #[arg(long, default_value = "val")]
    split: EvaluatedSplit,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn main(args: DiffArgs) -> CliResult {
    let reader = RunReader::open(&args.run)?;
    let config = reader.config()?;
    let objective = Objective::of(&config);
    let compared = diff::diff(&reader, args.before, args.after, args.split.into())?;
    if args.json {
        output::json(&compared);
        return Ok(ExitCode::SUCCESS);
    }
    output::raw(example_view::source_diff(&compared.source, environment::colors()).as_bytes());
    output::text(&shown(&compared, objective, &config));
    Ok(ExitCode::SUCCESS)
}

fn shown(compared: &Compared, objective: Objective, config: &Config) -> String {
    let (before, after) = (&compared.before, &compared.after);
    let mut out = String::new();
    for index in &compared.without_source {
        out += &format!("{index:03} is a component that was made elsewhere; its source is not recorded\n");
    }
    out += match (compared.without_source.is_empty(), compared.source.is_empty()) {
        (true, true) => "the sources are the same\n",
        _ => "\n",
    };
    match &compared.imports {
        None => out += "imports: not compared, there are not two components\n",
        Some(change) if change.is_empty() => out += "imports: the same\n",
        Some(change) => out += &format!("imports\n{}", example_view::imports(change, "  ")),
    }
    for side in [before, after] {
        if let Some(why) = &side.unscored {
            out += &format!("{:03} was not scored: {}\n", side.index, text::one_line(why));
        }
    }
    if let Some(examples) = &compared.examples {
        out += &self::examples(examples);
    }
    let simulated = if config.mock { ", SIMULATED models" } else { "" };
    out += &format!(
        "\n{:<28} {:>20} {:>20}\n",
        format!("{}{simulated}", compared.split),
        name(before),
        name(after)
    );
    out += &table(before, after, objective, config.proposer_kind.is_conversation());
    out
}

fn name(side: &Side) -> String {
    format!("{:03}", side.index)
}

fn examples(examples: &Examples) -> String {
    let mut out = String::new();
    for (what, changed) in [("fixed", &examples.fixed), ("broken", &examples.broken)] {
        out += &format!("\n{what}: {}\n", changed.len());
        changed.iter().for_each(|it| out += &format!("  {}\n", self::changed(it)));
    }
    out += &format!(
        "\n{} examples of both, {} still wrong with another answer; p = {} ({})\n",
        examples.shared,
        examples.otherwise_wrong,
        p_value(examples.p_value),
        examples.test,
    );
    if examples.unshared > 0 {
        out += &format!("{} examples are of one of them only\n", examples.unshared);
    }
    out
}

fn changed(it: &Changed) -> String {
    let short = |text: &str| text::ellipsis(&text::one_line(text), 60);
    format!("{:<12} gold {}: {} -> {}", short(&it.id), short(&it.gold), short(&it.before), short(&it.after))
}

/// Small enough ones by their size only.
fn p_value(p: f64) -> String {
    if p < 0.0001 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

/// `knows_proposer` says whether it is known what the proposer spent.
fn table(before: &Side, after: &Side, objective: Objective, knows_proposer: bool) -> String {
    let mut out = String::new();
    let mut row = |what: &str, cells: [String; 2]| {
        out += &format!("{what:<28} {:>20} {:>20}\n", cells[0], cells[1]);
    };
    let sides = [before, after];
    let scored =
        |shown: fn(&SideScore) -> String| sides.map(|it| it.score.as_ref().map_or_else(|| "-".into(), shown));
    let figures = |shown: fn(&Figure) -> String| {
        let figure = |it: &SideScore| Figure { objective, value: it.value.value, interval: it.interval };
        sides.map(|it| it.score.as_ref().map_or_else(|| "-".into(), |it| shown(&figure(it))))
    };
    row(objective.name(), figures(Figure::cell));
    row("95 % interval", figures(Figure::interval));
    row("right", scored(|it| format!("{}/{}", it.n_correct, it.n_answers.unwrap_or(it.n_examples))));
    row("no answer", scored(|it| it.n_errors.to_string()));
    row("prompt bytes/example", scored(|it| format!("{:.0}", it.prompt_bytes)));
    row("calls/example", scored(|it| format!("{:.2}", it.model_calls)));
    row("fuel/example", scored(|it| text::grouped(it.fuel as u64)));
    row("target tokens in", scored(|it| text::grouped(it.input_tokens)));
    row("target tokens out", scored(|it| text::grouped(it.output_tokens)));
    let cost = |shown: fn(&mmh_record::format::Cost) -> f64| {
        sides.map(|it| it.cost.as_ref().map_or_else(|| "-".into(), |cost| format!("{:.4}", shown(cost))))
    };
    row("target USD, whole iteration", cost(|cost| cost.target_usd));
    let of_proposer =
        if knows_proposer { cost(|cost| cost.proposer_usd) } else { ["unknown"; 2].map(str::to_owned) };
    row("proposer USD", of_proposer);
    row("component bytes", sides.map(|it| text::grouped(it.component_bytes)));
    row("component", sides.map(|it| it.component_sha256.map_or_else(|| "-".into(), |digest| digest.short())));
    out
}
