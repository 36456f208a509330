//! The command line: parses arguments, reads the environment, prints. One file per subcommand.
//!
//! Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 what was
//! examined does not hold (a harness or a baseline that does not compile, a proposer that gives up, a problem
//! that `doctor` found), 2 wrong arguments or input, 3 the host could not do its part, 4 the budget is spent,
//! 130 stopped by Ctrl-C or SIGTERM.

mod check;
mod compare;
mod completions;
mod cost;
mod dev;
mod diff;
mod doctor;
mod eval;
mod examples;
mod export;
mod folder;
mod gc;
mod inspect;
mod keygen;
mod mcp;
mod models;
mod new;
mod new_task;
mod plot;
mod profile;
mod replay;
mod report;
mod resume;
mod run;
mod runs;
mod self_test;
mod sign;
mod signatures;
mod summary;
mod tag;
mod task;
mod tidy;
mod toolchain;
mod verify;
mod view;
mod worker;
mod workers;

use std::{ffi::OsString, pin::Pin, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    error::{CliError, CliResult},
    global::Global,
    log, output,
};
use mmh_agent::keeper;
use mmh_engine::{compile::native, jail};

/// Searches for better harnesses around a fixed language model.
///
/// A proposer model reads earlier harnesses, their scores and raw failure traces, and writes the next
/// one as a single Rust file. mmh compiles it to a WebAssembly component in a jail, runs it over labelled
/// examples in a sandbox, and records everything.
#[derive(Parser)]
#[command(name = "mmh", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Search: propose, compile, evaluate and record, iteration by iteration
    Run(Box<run::RunArgs>),
    /// Offer a proposer's tools to an MCP client: those of a search that it drives, or of the work folder's
    Mcp(Box<mcp::McpArgs>),
    /// Evaluate one harness, from source or compiled
    Eval(Box<eval::EvalArgs>),
    /// Compile one harness and say what is wrong with it
    Check(check::CheckArgs),
    /// Begin a harness of your own: a folder with a harness, its test and a link to a task
    New(new::NewArgs),
    /// Watch a harness: at each save compile it, evaluate a few examples, and show what changed
    Dev(Box<dev::DevArgs>),
    /// Show where the fuel of an example goes, by function and line
    Profile(Box<profile::ProfileArgs>),
    /// In a proposer's work folder: run a harness on a few validation examples, or on train examples
    Try(folder::TryArgs),
    /// In a proposer's work folder: leave a note for later iterations
    Note(folder::NoteArgs),
    /// In a proposer's work folder: hand a harness in
    Submit(folder::SubmitArgs),
    /// In a proposer's work folder: call any tool of the search
    Call(folder::CallArgs),
    /// Show what is understood of a task: splits, labels, metric, examples, and what constant answers score
    Task(task::TaskArgs),
    /// Write a task.toml for data, with comments, and show what it says
    NewTask(new_task::NewTaskArgs),
    /// List the runs of a folder
    Runs(runs::RunsArgs),
    /// Move a run with what lies beside it: its signatures and notes
    Mv(tidy::MvArgs),
    /// Remove runs with what lies beside them
    Rm(tidy::RmArgs),
    /// Show or change the tags and the note on a run or an iteration
    Tag(tag::TagArgs),
    /// Show what a run found
    Summary(summary::SummaryArgs),
    /// Compare runs, over one data set or several, in one table
    Compare(compare::CompareArgs),
    /// Draw a run's accuracies, for papers and READMEs
    Plot(plot::PlotArgs),
    /// Show what a run cost
    Cost(cost::CostArgs),
    /// Put a run into one HTML file, to look at and to pass on
    Report(report::ReportArgs),
    /// Show a run, or a folder of runs, in a browser while it goes on
    View(view::ViewArgs),
    /// Check a run: its files, its binaries, its scores
    Verify(verify::VerifyArgs),
    /// Make a pair of keys to sign runs with
    Keygen(keygen::KeygenArgs),
    /// Sign what a run states: its components, its scores, and the whole run
    Sign(sign::SignArgs),
    /// Run recorded examples again, with the recorded harness or a changed one, from recorded replies
    Replay(replay::ReplayArgs),
    /// Show what a component is made of
    Inspect(inspect::InspectArgs),
    /// Compare two iterations of a run
    Diff(diff::DiffArgs),
    /// Take a harness out of its run, to use it elsewhere
    Export(export::ExportArgs),
    /// List the models that are known, with prices, and which keys are set; or ask a server what it is
    Models(models::ModelsArgs),
    /// Say what this system offers: compiler, target, jail, cache, keys
    Doctor(doctor::DoctorArgs),
    /// Set up compilers of harnesses in other languages than Rust, and list them
    Toolchain(toolchain::ToolchainArgs),
    /// Take calls into harnesses from a NATS server, and run them on this machine
    Worker(worker::WorkerArgs),
    /// Show which workers are at a NATS server, and what waits for them
    Workers(workers::WorkersArgs),
    /// Check an installation: the system, a small search, its verification, signatures, an export
    SelfTest(self_test::SelfTestArgs),
    /// Show what is in the cache folder, and clear what nobody needs
    Gc(gc::GcArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// The program.
pub fn main() -> ExitCode {
    // The confined children and their wardens start here too, before any thread exists. This program wrote their
    // arguments.
    let mut args = std::env::args_os().skip(1);
    let (first, second) = (args.next(), args.next());
    match (first.as_ref().and_then(|it| it.to_str()), second.as_ref().map(|it| it.to_str())) {
        (Some(jail::enter::COMMAND), Some(Some(spec))) => return jail::enter::main(spec),
        (Some(jail::features::PROBE_COMMAND), Some(Some(outside))) => return jail::features::probe(outside),
        (Some(native::COMMAND), mode) => return native::main(mode.flatten()),
        (Some(keeper::COMMAND), _) => {
            jail::keep_to_itself();
            return keeper::main(std::env::args_os().skip(2));
        }
        (Some(jail::warden::COMMAND), _) => {
            jail::keep_to_itself();
            return jail::warden::main();
        }
        _ => {}
    }
    // The children do not: the warden looks into them.
    jail::keep_to_itself();
    output::end(run())
}

fn run() -> ExitCode {
    let cli = match parsed(std::env::args_os()) {
        Ok(cli) => cli,
        Err(said) => return output::of_arguments(&said),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return CliError::host(format!("cannot start: {error}")).report(),
    };
    let result = runtime.block_on(dispatch(cli));
    // Work that nobody waits for any more must not keep the program from ending.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| error.report())
}

fn parsed(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let words: Vec<OsString> = words.into_iter().collect();
    let mut commands = arguments(|name| words.iter().any(|word| word == name));
    let matches = commands.try_get_matches_from_mut(words)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = commands.find_subcommand(name)
    {
        match &mut cli.command {
            Command::Run(args) => args.given = resume::Given::of(command, matches),
            Command::Mcp(args) => args.given = resume::Given::of(command, matches),
            _ => {}
        }
    }
    Ok(cli)
}

/// What can be said on the command line. In an error clap would show each option that is set, also one that
/// is set by the environment, as if it were needed: every command shows its own usage instead. To make the usage and the
/// examples of all commands takes milliseconds: only those have them whose names `is_said` knows.
fn arguments(is_said: impl Fn(&str) -> bool) -> clap::Command {
    let all = Cli::command();
    let said: Vec<clap::Command> =
        all.get_subcommands().filter(|it| is_said(it.get_name())).cloned().collect();
    said.into_iter().fold(all, |all, subcommand| {
        let name = subcommand.get_name().to_owned();
        let mut alone = clap::Command::new("mmh").args(all.get_arguments()).subcommand(subcommand);
        alone.build();
        let usage =
            alone.find_subcommand_mut(&name).map(|it| it.render_usage().to_string()).unwrap_or_default();
        let usage = usage.trim_start_matches("Usage: ").to_owned();
        let examples = examples::of(&name);
        all.mut_subcommand(name, |it| {
            let it = it.override_usage(usage);
            examples.into_iter().fold(it, clap::Command::after_help)
        })
    })
}

async fn dispatch(cli: Cli) -> CliResult {
    log::start(&cli.global)?;
    act(cli).await
}

/// Does what one command says.
async fn act(cli: Cli) -> CliResult {
    match cli.command {
        Command::Run(args) => run::main(&cli.global, *args).await,
        Command::Mcp(args) => mcp::main(&cli.global, *args).await,
        Command::Eval(args) => eval::main(&cli.global, *args).await,
        Command::Check(args) => check::main(&cli.global, args).await,
        Command::New(args) => new::main(&args),
        Command::Dev(args) => dev::main(&cli.global, *args).await,
        Command::Profile(args) => profile::main(&cli.global, *args).await,
        Command::Try(args) => folder::try_out(&args),
        Command::Note(args) => folder::note(&args),
        Command::Submit(args) => folder::submit(&args),
        Command::Call(args) => folder::any(&args),
        Command::Task(args) => task::main(&args),
        Command::NewTask(args) => new_task::main(&args),
        Command::Runs(args) => runs::main(&args),
        Command::Mv(args) => tidy::mv(&args),
        Command::Rm(args) => tidy::rm(&args),
        Command::Tag(args) => tag::main(&args),
        Command::Summary(args) => summary::main(args),
        Command::Compare(args) => compare::main(&args),
        Command::Plot(args) => plot::main(args),
        Command::Cost(args) => cost::main(args),
        Command::Report(args) => report::main(args),
        Command::View(args) => view::main(args).await,
        Command::Verify(args) => verify::main(&cli.global, args).await,
        Command::Keygen(args) => keygen::main(&args),
        Command::Sign(args) => sign::main(&args),
        Command::Replay(args) => replay::main(&cli.global, args).await,
        Command::Inspect(args) => inspect::main(args),
        Command::Diff(args) => diff::main(args),
        Command::Export(args) => export::main(args),
        Command::Models(args) => models::main(&cli.global, args).await,
        Command::Doctor(args) => doctor::main(&cli.global, args).await,
        Command::Worker(args) => worker::main(&cli.global, args).await,
        Command::Workers(args) => workers::main(args).await,
        Command::Toolchain(args) => toolchain::main(&cli.global, args).await,
        Command::SelfTest(_) => self_test::main(async |words| again(&cli.global, words).await).await,
        Command::Gc(args) => gc::main(&cli.global, args).await,
        Command::Completions(args) => completions::main(args, || arguments(|_| true)),
    }
}

/// Does what another command says, with the same options of all commands.
async fn again(global: &Global, words: Vec<OsString>) -> CliResult {
    let words = std::iter::once(OsString::from("mmh")).chain(words);
    let cli = parsed(words).map_err(|said| CliError::input(said.to_string()))?;
    let done: Pin<Box<dyn Future<Output = CliResult>>> = Box::pin(act(Cli { global: global.clone(), ..cli }));
    done.await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command shows how it is used, and every example is understood.
    #[test]
    fn every_command_has_an_example() {
        let commands = arguments(|_| true);
        let shown = commands.get_subcommands().map(clap::Command::get_name).filter(|name| *name != "help");
        for name in shown {
            let (_, lines) = examples::EXAMPLES
                .iter()
                .find(|(command, _)| *command == name)
                .unwrap_or_else(|| panic!("mmh {name} has no example in examples.rs"));
            for line in *lines {
                let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
                assert_eq!(words.get(1).and_then(|it| it.to_str()), Some(name), "{line}");
                if let Err(said) = parsed(words) {
                    panic!("{line}: {said}");
                }
            }
        }
        assert_eq!(
            examples::EXAMPLES.len(),
            commands.get_subcommands().filter(|it| it.get_name() != "help").count()
        );
    }
}
