//! `mmh cost`: what a run cost, by iteration.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;

use crate::{error::CliResult, output, scoreboard::proposals::claim};
use mmh_record::{
    format::{Cost, CostFile, ProposerKind},
    reader::RunReader,
    text,
};
use mmh_report::proposals::{self, Claimed};

#[derive(Args)]
pub struct CostArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Print the costs as JSON
    #[arg(long)]
    json: bool,
}

/// The costs as JSON.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    cost: CostFile,
    /// By iteration. Absent where no agent says anything.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    claimed_by_agent: BTreeMap<u32, Claimed>,
}

pub fn main(args: CostArgs) -> CliResult {
    let reader = RunReader::open(&args.run)?;
    let cost = reader.cost()?;
    let claims: Vec<(u32, Claimed)> = cost
        .iterations
        .iter()
        .filter_map(|row| Some((row.index, proposals::claimed(&reader, row.index)?)))
        .collect();
    if args.json {
        output::json(&Shown { cost, claimed_by_agent: claims.into_iter().collect() });
        return Ok(ExitCode::SUCCESS);
    }
    if cost.mock {
        outln!("SIMULATED models: tokens are counted from the text, and cost nothing");
    }
    outln!("{:>9}  {:^46}  {:^46}", "", "proposer", "target");
    let columns = format!("{:>11}  {:>11}  {:>9}  {:>9}", "tokens in", "cached", "out", "USD");
    outln!("{:>9}  {columns}  {columns}  {:>9}", "", "USD");
    let config = reader.config()?;
    let kind = config.proposer_kind;
    for row in &cost.iterations {
        line(&format!("{:03}", row.index), &row.cost, kind);
    }
    line("held-out", &cost.test, kind);
    line("total", &cost.total, kind);
    if !kind.is_conversation() {
        outln!(
            "\nthe proposer is {}, which is no model of this program: what it spends is not known to this program, and not in the sums",
            text::name(&config.proposer_model)
        );
    }
    for (index, claimed) in &claims {
        outln!(
            "{index:03}: the agent's own output says that it spent {}: claimed, and in no sum",
            claim(claimed)
        );
    }
    if cost.total.unknown_usd > 0.0 {
        outln!(
            "\ncalls that were not answered may have cost up to {:.4} USD besides",
            cost.total.unknown_usd
        );
    }
    if let Some(budget) = cost.budget_usd {
        outln!("\nof a budget of {budget:.2} USD");
    }
    Ok(ExitCode::SUCCESS)
}

fn line(name: &str, cost: &Cost, kind: ProposerKind) {
    let part = |input: u64, cached: u64, output: u64, usd: f64| {
        let [input, cached, output] = [input, cached, output].map(text::grouped);
        format!("{input:>11}  {cached:>11}  {output:>9}  {usd:>9.4}")
    };
    let proposer = match kind {
        ProposerKind::Tools => format!("{0:>11}  {0:>11}  {0:>9}  {0:>9}", "unknown"),
        ProposerKind::Conversation => part(
            cost.proposer_input_tokens,
            cost.proposer_cache_read_tokens,
            cost.proposer_output_tokens,
            cost.proposer_usd,
        ),
    };
    let target = part(
        cost.target_input_tokens,
        cost.target_cache_read_tokens,
        cost.target_output_tokens,
        cost.target_usd,
    );
    outln!("{name:>9}  {proposer}  {target}  {:>9.4}", cost.estimated_usd);
}
