//! `mmh toolchain`: the compilers of harnesses: which are set up, and setting up those that do not come with the system.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    environment,
    error::{CliError, CliResult},
    global::Global,
    output,
    terminal::Terminal,
};
use mmh_engine::{
    cache::Cache,
    toolchain::{
        IfMissing, Toolchain,
        python::{self, PythonError},
    },
};
use mmh_record::{language::HarnessLanguage, text};
use mmh_search::progress::Observer;

#[derive(Args)]
pub struct ToolchainArgs {
    #[command(subcommand)]
    command: Option<ToolchainCommand>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum ToolchainCommand {
    /// List the languages of harnesses, and whether their compilers are set up
    List,
    /// Set up the compiler of a language: python is fetched from PyPI once, in one exact version
    Add(LanguageArg),
    /// Remove the compiler of a language that was set up so
    Remove(LanguageArg),
}

#[derive(Args)]
struct LanguageArg {
    /// The language: python
    #[arg(value_name = "LANGUAGE")]
    language: String,
}

impl LanguageArg {
    /// The language, if it is one that is set up here.
    fn resolve(&self) -> Result<HarnessLanguage, CliError> {
        match HarnessLanguage::named(&self.language) {
            Some(HarnessLanguage::Rust) => Err(CliError::input(
                "Rust comes with rustup or your system, and mmh uses the rustc on the PATH: `mmh doctor` says which one",
            )),
            Some(language) => Ok(language),
            None => Err(CliError::input(format!(
                "mmh sets up no compiler for {}: the only one is python",
                text::name(&self.language)
            ))),
        }
    }
}

/// What is known of a language's compiler.
struct Listed {
    language: HarnessLanguage,
    /// The compiler, or what is to be done.
    found: Result<String, String>,
}

pub async fn main(global: &Global, args: ToolchainArgs) -> CliResult {
    let cache = environment::cache(global)?;
    match &args.command {
        None | Some(ToolchainCommand::List) => list(global, &cache, args.json).await,
        Some(ToolchainCommand::Add(named)) => {
            named.resolve()?;
            add(global, &cache, args.json).await
        }
        Some(ToolchainCommand::Remove(named)) => {
            named.resolve()?;
            remove(&cache, args.json)
        }
    }
}

async fn list(global: &Global, cache: &Cache, json: bool) -> CliResult {
    let listed = [rust(global).await, python(cache).await];
    if json {
        let rows: Vec<_> = listed
            .iter()
            .map(|it| {
                let detail = it.found.as_ref().unwrap_or_else(|problem| problem);
                json!({ "language": it.language, "ok": it.found.is_ok(), "detail": detail })
            })
            .collect();
        output::json(&rows);
        return Ok(ExitCode::SUCCESS);
    }
    for Listed { language, found } in listed {
        match found {
            Ok(detail) => outln!("{:<8}  ok       {detail}", language.name()),
            Err(problem) => outln!("{:<8}  missing  {problem}", language.name()),
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn rust(global: &Global) -> Listed {
    let environment = environment::for_compilers();
    let found = Toolchain::find(global.rustc.as_deref(), environment, IfMissing::Report, &|_| {}).await;
    let found = found.map(|found| found.summary().to_owned()).map_err(|error| error.to_string());
    Listed { language: HarnessLanguage::Rust, found }
}

async fn python(cache: &Cache) -> Listed {
    let found = python::find(cache, &environment::for_compilers()).await;
    let found = found.map(|tools| {
        let (version, digest) = (&tools.manifest.version, tools.manifest.digest);
        let started = tools.interpreter.version();
        format!("{} {version}, sha256 {digest}, started by Python {started}", python::COMPILER)
    });
    Listed { language: HarnessLanguage::Python, found: found.map_err(|error| error.to_string()) }
}

async fn add(global: &Global, cache: &Cache, json: bool) -> CliResult {
    let terminal = Terminal::new(global, false);
    let environment = environment::for_packages();
    let added = python::add(cache, &environment, &|notice| terminal.notice(notice)).await;
    terminal.done();
    let (manifest, was_there) = added?;
    if json {
        output::json(
            &json!({ "version": manifest.version, "digest": manifest.digest, "was_there": was_there }),
        );
        return Ok(ExitCode::SUCCESS);
    }
    let state = if was_there { "is there already" } else { "is installed; no network is needed from now on" };
    outln!("{} {} {state}: sha256 {}", python::COMPILER, manifest.version, manifest.digest);
    Ok(ExitCode::SUCCESS)
}

fn remove(cache: &Cache, json: bool) -> CliResult {
    let removed = python::remove(cache)?;
    match (json, removed) {
        (true, _) => output::json(&json!({ "removed": removed })),
        (false, true) => outln!("{} is removed; components that it made stay in the cache", python::COMPILER),
        (false, false) => outln!("{} is not installed: there is nothing to remove", python::COMPILER),
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a language is merely not set up, which is no problem of the system.
pub fn is_optional(error: &PythonError) -> bool {
    matches!(error, PythonError::NotAdded { .. } | PythonError::Unsupported)
}
