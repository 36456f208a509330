//! `mmh workers`: who is at a NATS server, and what waits for them.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use clap::Args;
use serde_json::json;

use crate::{error::CliResult, fleet_args::NatsArgs, output};
use mmh_fleet::{
    Bus, Queue, Role, ask_who,
    wire::{Hello, Version},
};
use mmh_record::text;

/// How long workers have to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct WorkersArgs {
    /// The NATS server that has the calls, such as nats://host:4222
    #[arg(long, value_name = "URL", env = "MMH_NATS")]
    nats: String,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: NatsArgs,
}

pub async fn main(args: WorkersArgs) -> CliResult {
    let bus = Bus::open(&args.access.access(&args.nats), Role::Coordinator).await?;
    let workers = ask_who(&bus, ANSWER_WITHIN).await?;
    let own = Version::own();
    let queue = bus.queue(&own).await?;
    if args.json {
        output::json(&json!({ "workers": workers, "queue": queue, "version": own }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut versions: BTreeMap<&Version, Vec<&Hello>> = BTreeMap::new();
    versions.entry(&own).or_default();
    workers.iter().for_each(|it| versions.entry(&it.version).or_default().push(it));
    for (version, workers) in versions {
        outln!(
            "{}{}",
            text::name(&version.to_string()),
            if *version == own { "" } else { ", which takes no calls of this one" }
        );
        for it in &workers {
            outln!(
                "  {:<24}  {:>3} processors  {:>4} calls under way, {:>4} of them wait for a model  {:>8.1} calls/s  {:>9} done",
                it.name,
                it.processors,
                it.under_way,
                it.waiting,
                it.calls_per_s,
                text::grouped(it.done)
            );
        }
        if workers.is_empty() {
            outln!("  no worker");
        }
    }
    let Queue { waiting, taken, taken_again } = queue;
    outln!(
        "queue: {waiting} calls wait, {taken} are under way, {taken_again} of them not for the first time"
    );
    Ok(ExitCode::SUCCESS)
}
