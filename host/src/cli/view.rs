//! `mmh view`: a run, or a folder of runs, in a browser, while it goes on.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{CliResult, error::CliError};
use crate::view::{ViewError, folder::Folder, server::Server};

#[derive(Args)]
pub struct ViewArgs {
    /// A run's folder, or a folder of runs
    #[arg(value_name = "RUN|RUNS_DIR", default_value = "runs")]
    folder: PathBuf,
    /// The port on 127.0.0.1 [default: one that is free]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,
}

/// Ends on Ctrl-C, which is how it is meant to end.
pub async fn main(args: ViewArgs) -> CliResult {
    let server = Server::bind(Folder::open(&args.folder)?, args.port).await?;
    println!("{}", server.url());
    eprintln!("only this machine can reach it; Ctrl-C ends it");
    tokio::select! {
        () = server.serve() => Ok(ExitCode::SUCCESS),
        stopped = tokio::signal::ctrl_c() => stopped.map(|()| ExitCode::SUCCESS).map_err(CliError::host),
    }
}

impl From<ViewError> for CliError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::NoFolder { .. } => Self::input(error),
            ViewError::Listen { .. } => Self::host(error),
        }
    }
}
