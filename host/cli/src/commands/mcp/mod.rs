//! `mmh mcp`: the proposer's tools, for a client of the Model Context Protocol over standard input and output.
//!
//! With `--run` it hosts a search whose proposer is the client: see `hosted`. In the work folder of a proposer that a
//! search has started, it passes calls on to that search: see `folder`. `server` speaks the protocol for both.
//! Standard output belongs to the protocol alone, and everything that is said otherwise goes to standard error.

mod folder;
mod hosted;
mod hub;
mod paced;
mod server;

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    resume::Given,
    run::{AgainArgs, ChangeableArgs, EachTimeArgs, NewRunArgs, PlaceArgs, RunArgs},
};
use crate::{
    agent_args::AgentArgs,
    error::{CliError, CliResult},
    fleet_args::FleetArgs,
    global::Global,
    limits::LimitArgs,
    model_args::{MoneyArgs, ProposerArgs, TargetArgs},
    output,
    protocol_args::ProtocolArgs,
    workbench::ColumnArgs,
};

/// The options of a search, as of `mmh run`, without those of a proposer that is a model.
#[derive(Args)]
pub struct McpArgs {
    #[command(flatten)]
    pub host: HostArgs,
    #[command(flatten)]
    pub new: NewRunArgs,
    #[command(flatten)]
    pub change: ChangeableArgs,
    #[command(flatten)]
    pub each: EachTimeArgs,
    #[command(flatten)]
    pub columns: ColumnArgs,
    #[command(flatten)]
    pub protocol: ProtocolArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub money: MoneyArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Which of all these were given.
    #[arg(skip)]
    pub given: Given,
}

/// Which search the client drives.
#[derive(Args)]
pub struct HostArgs {
    /// Host a search in this folder: the client writes its harnesses. A run that is there already goes on, as with
    /// `mmh run --resume`. Without this option, the search is the one that the work folder belongs to
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// What the record calls the client [default: mcp-client, or the run's own]
    #[arg(long, value_name = "NAME", value_parser = proposer_name)]
    proposer_name: Option<String>,
}

/// Longest name of a client in the record.
const MAX_NAME_BYTES: usize = 100;

fn proposer_name(name: &str) -> Result<String, String> {
    let is_plain = |it: char| it.is_ascii_graphic() || it == ' ';
    let is_name = !name.trim().is_empty() && name.len() <= MAX_NAME_BYTES && name.chars().all(is_plain);
    let taken = name.starts_with("simulated-");
    match is_name && !taken {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "a name has 1 to {MAX_NAME_BYTES} ASCII characters, and does not begin with simulated-"
        )),
    }
}

pub async fn main(global: &Global, args: McpArgs) -> CliResult {
    output::leave_standard_output();
    let Some(run) = args.host.run.clone() else {
        if let Some(option) = args.given.of_search() {
            return Err(CliError::input(format!(
                "{option} is about a search that --run hosts: name its folder"
            )));
        }
        return folder::main().await;
    };
    let name = args.host.proposer_name.clone();
    hosted::main(global, of_run(args, &run)?, &run, name).await
}

/// The same as arguments of `mmh run`.
fn of_run(args: McpArgs, run: &Path) -> Result<RunArgs, CliError> {
    let McpArgs { host: _, new, change, each, columns, protocol, target, money, limits, given } = args;
    let run_id = run.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        CliError::input("--run: the last part of the folder is the run's name, and has to be one")
    })?;
    let runs_dir = run.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = PlaceArgs { run_id: Some(run_id.to_owned()), runs_dir: runs_dir.to_owned(), dry_run: false };
    let (again, proposer, agent) = (AgainArgs::default(), ProposerArgs::none(), AgentArgs::default());
    Ok(RunArgs {
        place,
        again,
        new,
        change,
        each,
        columns,
        protocol,
        proposer,
        agent,
        target,
        money,
        limits,
        fleet: FleetArgs::default(),
        given,
    })
}
