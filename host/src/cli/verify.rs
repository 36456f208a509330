//! `mmh verify`: whether a run's files, binaries and scores are what they are said to be.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;

use super::{
    CliResult, Global,
    error::{CliError, EXAMINED_NOT_OK},
    limits::LimitArgs,
    output,
    terminal::Terminal,
    whose::{self, Whose},
    workbench,
};
use crate::{
    dataset::{self, Dataset, Source},
    digest::Digest,
    progress::{Event, Observer},
    record::{format::Config, manifest, reader::RunReader},
    text,
    verify::{Checked, Rebuilt, Verifier},
};

#[derive(Args)]
pub struct VerifyArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Check this iteration only
    #[arg(long, value_name = "N")]
    iteration: Option<u32>,
    /// The run's data set, where it is not built in: without it, what was learned is not learned again
    #[arg(long, value_name = "PATH")]
    dataset: Option<String>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn main(global: &Global, args: VerifyArgs) -> CliResult {
    let reader = RunReader::open(&args.run)?;
    let config = reader.config()?;
    let observer = Terminal::new(global, false);
    let dataset = train(args.dataset.as_deref(), &config, &observer)?;
    let limits = whose::limits(Whose::of(global, &reader)?, &config, &args.limits)?;
    let builder = workbench::open(global, &limits, &observer).await?;
    let digest = reader.bytes(manifest::NAME).ok().map(Digest::of);
    let verifier = Verifier::new(reader, config, builder, dataset);
    let folders = verifier.folders()?;
    let wanted: Vec<&String> = folders.iter().filter(|folder| is_wanted(folder, args.iteration)).collect();
    if let (Some(iteration), true) = (args.iteration, wanted.is_empty()) {
        return Err(CliError::input(format!("the run has no iteration {iteration}")));
    }
    let mut checked = vec![verifier.run(&folders)];
    let (verifier, observer) = (Arc::new(verifier), Arc::new(observer));
    let checks = wanted.into_iter().cloned().map(|folder| {
        let (verifier, observer) = (verifier.clone(), observer.clone());
        let check = tokio::spawn(async move {
            observer.on(Event::Working(format!("checking {folder}")));
            verifier.folder(&folder).await
        });
        async move { check.await.map_err(CliError::host)?.map_err(CliError::from) }
    });
    // As many at once as there are processors.
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    checked.extend(stream::iter(checks).buffered(at_once).try_collect::<Vec<_>>().await?);
    observer.done();
    let holds = checked.iter().all(Checked::holds);
    if args.json {
        output::json(
            &json!({ "holds": holds, "run_id": verifier.config.run_id, "manifest_sha256": digest, "checked": checked }),
        );
    } else {
        print(&verifier.config, digest, &checked, holds);
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(EXAMINED_NOT_OK) })
}

fn is_wanted(folder: &str, iteration: Option<u32>) -> bool {
    iteration.is_none_or(|iteration| folder.ends_with(&format!("/{iteration:03}")))
}

/// The run's data set, if it is here and the same.
pub fn train(
    named: Option<&str>,
    config: &Config,
    observer: &dyn Observer,
) -> Result<Option<Dataset>, CliError> {
    let name = named.unwrap_or(&config.dataset);
    // A file may be called like the built-in data set.
    let is_built_in = config.dataset == dataset::BUILTIN && config.dataset_path.is_none();
    if named.is_none() && !is_built_in {
        observer
            .note(format!("what was learned from {name} is not learned again: --dataset names its place"));
        return Ok(None);
    }
    let dataset = Source { name, columns: &config.dataset_columns }.load(config.seed)?;
    workbench::of_run(name, dataset, config).map(Some)
}

fn print(config: &Config, digest: Option<Digest>, checked: &[Checked], holds: bool) {
    let digest = digest.map_or_else(|| "no manifest".into(), |digest| format!("manifest sha256 {digest}"));
    outln!("run {}: {digest}\n", text::name(&config.run_id));
    outln!("{:<16} {:<11} {:<15} replayed", "folder", "files", "rebuilt");
    for folder in checked {
        let files = match (folder.sealed, folder.findings.is_empty()) {
            (false, true) => "unfinished".into(),
            (_, true) => "ok".into(),
            (_, false) => format!("{} findings", folder.findings.len()),
        };
        let rebuilt = match &folder.rebuilt {
            Rebuilt::NotThere => "-",
            Rebuilt::Same => "same",
            Rebuilt::OtherTools { .. } => "other tools",
            Rebuilt::Different => "DIFFERENT",
        };
        let name = if folder.folder.is_empty() { "(the run)".into() } else { text::name(&folder.folder) };
        outln!("{name:<16} {files:<11} {rebuilt:<15} {}", replayed(folder));
    }
    for folder in checked {
        for finding in &folder.findings {
            outln!("\n{}", text::name(&finding.file));
            outln!("  expected {}", text::name(&finding.expected));
            outln!("  found    {}", text::name(&finding.found));
        }
    }
    let others = checked.iter().find_map(|folder| match &folder.rebuilt {
        Rebuilt::OtherTools { differs } => Some(differs),
        _ => None,
    });
    for tool in others.into_iter().flatten() {
        outln!("\nnot rebuilt, because {} differs", tool.file);
        outln!("  the run's {}", text::one_line(&tool.expected));
        outln!("  here      {}", text::one_line(&tool.found));
    }
    outln!("\n{}", if holds { "all of it holds" } else { "it does not hold" });
}

fn replayed(folder: &Checked) -> String {
    let Some(replayed) = folder.replayed else { return "-".into() };
    let mut shown = format!("{}/{}", replayed.same, replayed.examples);
    if replayed.not_replayable > 0 {
        shown += &format!(", {} ended by the wall clock", replayed.not_replayable);
    }
    match replayed.learned {
        Some(true) => shown += ", learned the same",
        Some(false) => shown += ", learned something else",
        None => {}
    }
    shown
}
