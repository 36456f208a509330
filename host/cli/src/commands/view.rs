//! `mmh view`: a run, or a folder of runs, in a browser, while it goes on.

mod fleet;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    fleet_args::NatsArgs,
    session::Signals,
};
use mmh_report::view::{ViewError, folder::Folder, server::Server};

#[derive(Args)]
pub struct ViewArgs {
    /// A run's folder, or a folder of runs
    #[arg(value_name = "RUN|RUNS_DIR", default_value = "runs")]
    folder: PathBuf,
    /// The port on 127.0.0.1 [default: one that is free]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Show the workers at this NATS server as well, such as nats://host:4222
    #[arg(long, value_name = "URL", help_heading = "Workers")]
    workers: Option<String>,
    #[command(flatten)]
    access: NatsArgs,
}

/// Ends on Ctrl-C or SIGTERM, which is how it is meant to end.
pub async fn main(args: ViewArgs) -> CliResult {
    let mut signals = Signals::listen().map_err(CliError::host)?;
    let folder = Folder::open(&args.folder)?;
    let (news, watched) = match &args.workers {
        None => (None, None),
        Some(url) => {
            let (news, watched) = fleet::watched(&args.access.access(url)).await?;
            (Some(news), Some(watched))
        }
    };
    let server = Server::bind(folder, args.port, news).await?;
    outln!("{}", server.url());
    errln!("only this machine can reach it, or a port that is forwarded to it; Ctrl-C ends it");
    tokio::select! {
        () = server.serve() => {}
        () = signals.next() => {}
    }
    // The fleet is watched for as long as there is a server to show it.
    drop(watched);
    Ok(ExitCode::SUCCESS)
}

impl From<ViewError> for CliError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::NoFolder { .. } => Self::input(error),
            ViewError::Listen { .. } => Self::host(error),
        }
    }
}
