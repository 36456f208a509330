//! `mmh worker`: takes calls into harnesses from a NATS server and runs them here.

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use clap::Args;
use tokio::net::TcpListener;

use crate::{
    environment,
    error::{CliError, CliResult},
    fleet_args::{self, NatsArgs},
    global::Global,
    limits::MachineArgs,
    machine,
    session::Signals,
    terminal::Terminal,
    workbench,
};
use mmh_engine::load::Loaders;
use mmh_fleet::worker::{self, Settings};
use mmh_record::limits::Limits;

#[derive(Args)]
pub struct WorkerArgs {
    /// The NATS server that has the calls, such as nats://host:4222; several of one cluster with commas
    #[arg(long, value_name = "URL", env = "MMH_NATS")]
    nats: String,
    /// The worker's name in lists and messages [default: the host's name and the process's number]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Run at most two calls at once for each of so many processors; those that wait for a model do not count [default: the
    /// processors that this process may use]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    processors: Option<u16>,
    /// Offer figures for Prometheus at this address, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    access: NatsArgs,
    #[command(flatten)]
    machine: MachineArgs,
}

pub async fn main(global: &Global, args: WorkerArgs) -> CliResult {
    let terminal = Arc::new(Terminal::new(global, false));
    let (cache, jail) = (environment::cache(global)?, workbench::jail(global, &*terminal)?);
    let memory = args.machine.memory(&Limits::default())?;
    let memory_bytes = memory.total_bytes();
    let loaders = Loaders::new(jail, cache, memory);
    let loaders =
        loaders.map_err(|error| CliError::host(format!("cannot start the WebAssembly engine: {error:#}")))?;
    let metrics = match args.metrics {
        None => None,
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.map_err(|error| CliError::input(format!("--metrics {address}: {error}")))?)
        }
    };
    let here = || std::thread::available_parallelism().map_or(1, usize::from);
    let settings = Settings {
        name: args.name.unwrap_or_else(|| format!("{}-{}", machine::name(), std::process::id())),
        processors: args.processors.map_or_else(here, usize::from),
        loaders,
        memory_bytes,
        metrics,
    };
    let mut signals = Signals::listen().map_err(CliError::host)?;
    let stop = Box::pin(async move {
        signals.next().await;
        // The second one ends the program.
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(crate::error::INTERRUPTED.into());
        });
    });
    worker::serve(&args.access.access(&args.nats), settings, fleet_args::tell(&terminal), stop).await?;
    Ok(ExitCode::SUCCESS)
}
