//! `mmh completions`: a completion script for a shell.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::CliResult;

#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub fn main(args: CompletionsArgs, mut command: Command) -> CliResult {
    clap_complete::generate(args.shell, &mut command, "mmh", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
