//! `mmh verify`: whether a run's files, binaries and scores are what they are said to be.

mod claimed;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use serde_json::json;

use crate::commands::{export::command, signatures};
use crate::{
    environment,
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    fleet_args::FleetArgs,
    global::Global,
    limits::LimitArgs,
    output,
    terminal::Terminal,
    whose::{self, For, Whose},
    workbench,
};
use mmh_record::{
    digest::Digest,
    format::Config,
    layout,
    manifest::{self, Finding},
    reader::RunReader,
    text,
};
use mmh_search::{
    dataset::{self, Dataset, Source},
    inspect,
    inspect::export::{Exported, Package},
    progress::Observer,
    verify::{self, Checked, Rebuilt, Verdict, Verifier, export},
};

/// Findings that are shown one by one.
const MAX_SHOWN: usize = 100;

#[derive(Args)]
pub struct VerifyArgs {
    /// The run's folder, or an exported harness's
    #[arg(value_name = "RUN|EXPORT")]
    run: PathBuf,
    /// Show this iteration only; the whole run is checked all the same
    #[arg(long, value_name = "N")]
    iteration: Option<u32>,
    /// The run's data set, where it is not built in
    #[arg(long, value_name = "PATH")]
    dataset: Option<String>,
    /// Accept that rows, gold labels and what was learned are not proved
    #[arg(long, conflicts_with = "dataset")]
    without_dataset: bool,
    /// Also check the signatures: every statement has to be signed by this public key; can be given several times
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    fleet: FleetArgs,
}

pub async fn main(global: &Global, args: VerifyArgs) -> CliResult {
    let reader = RunReader::open_folder(&args.run)?;
    if export::is_export(&reader) {
        return of_export(global, &args, &reader).await;
    }
    let reader = RunReader::open(&args.run)?;
    let config = reader.config()?;
    let signed = signatures::of_run(&args.run, &reader, &config, &args.key)?;
    let observer = Arc::new(Terminal::new(global, false));
    if reader.is_being_written() {
        observer.note(
            "another mmh writes to the run: what it writes meanwhile may look like a difference".into(),
        );
    }
    let folders = verify::folders(&reader)?;
    if let Some(iteration) = args.iteration
        && !folders.iter().any(|folder| is_wanted(folder, Some(iteration)))
    {
        return Err(CliError::input(format!("the run has no iteration {iteration}")));
    }
    let dataset = if args.without_dataset { None } else { dataset(args.dataset.as_deref(), &config)? };
    let limits = whose::limits(Whose::of(global, &reader)?, &config, &args.limits, For::Search)?;
    let builder =
        workbench::open(global, config.harness_language, &limits, &args.limits.machine, &*observer).await?;
    let builder = args.fleet.join(builder, &observer).await?;
    let scratch = environment::cache(global)?.scratch().map_err(CliError::host)?;
    let digest = reader.bytes(manifest::NAME).ok().map(Digest::of);
    let verifier = Verifier {
        reader,
        config: config.clone(),
        builder,
        dataset,
        scratch: scratch.path().to_owned(),
        observer: observer.clone(),
        simulated: mmh_simulated::models,
    };
    let verdict = verifier.check().await?;
    observer.done();
    let unproved = (verdict.missing.dataset && !args.without_dataset).then(|| without_dataset(&config));
    let holds = verdict.holds() && unproved.is_none() && signed.holds();
    if args.json {
        let mut shown = json!({ "holds": holds, "run_id": config.run_id, "manifest_sha256": digest });
        shown["checked"] = json!(shown_folders(&verdict, args.iteration));
        shown["differs"] = json!(verdict.differs);
        shown["claimed"] = json!(verdict.claimed);
        shown["not_proved"] = json!(not_proved(&verdict));
        shown["unproved"] = json!(unproved);
        signed.enter(&mut shown);
        output::json(&shown);
    } else {
        print(&config, digest, &verdict, args.iteration, unproved.as_ref());
        signed.print(finding);
        outln!("\n{}", ending(&verdict, holds));
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(EXAMINED_NOT_OK) })
}

/// Checks an exported harness.
async fn of_export(global: &Global, args: &VerifyArgs, reader: &RunReader) -> CliResult {
    let exported: Exported = reader.json(inspect::export::RUN)?;
    let config = &exported.config;
    let observer = Terminal::new(global, false);
    let limits = whose::limits(Whose::of_config(global, config)?, config, &args.limits, For::Evaluation)?;
    let builder =
        workbench::open(global, config.harness_language, &limits, &args.limits.machine, &observer).await?;
    let readme =
        |package: &Package, config: &Config| inspect::export::readme(package, config, &command(config));
    let checked = export::check(reader, &exported, &builder, readme).await?;
    observer.done();
    let signed = signatures::of_export(reader, config, &args.key)?;
    let holds = checked.holds() && signed.holds();
    let unproved = "scores, and which examples were answered right: the evaluation and the data set are not part of an export";
    if args.json {
        let mut shown = json!({
            "holds": holds, "run_id": config.run_id, "findings": checked.findings,
            "differs": checked.differs, "not_proved": [unproved],
        });
        signed.enter(&mut shown);
        output::json(&shown);
    } else {
        outln!("iteration {:03} of run {}, exported", exported.index, text::name(&config.run_id));
        checked.findings.iter().for_each(finding);
        checked.differs.iter().for_each(other_tool);
        signed.print(finding);
        outln!("\nnot proved: {unproved}");
        let ending = if holds { "it holds, as far as an export can be checked" } else { "it does not hold" };
        outln!("\n{ending}");
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(EXAMINED_NOT_OK) })
}

fn finding(finding: &Finding) {
    outln!("\n{}", text::name(&finding.file));
    outln!("  expected {}", text::name(&finding.expected));
    outln!("  found    {}", text::name(&finding.found));
}

fn other_tool(tool: &Finding) {
    outln!("\nnot compiled again, because {} differs", text::name(&tool.file));
    outln!("  the run's {}", text::name(&tool.expected));
    outln!("  here      {}", text::name(&tool.found));
}

fn is_wanted(folder: &str, iteration: Option<u32>) -> bool {
    iteration.is_none_or(|iteration| layout::place(folder).is_some_and(|(_, index)| index == iteration))
}

fn shown_folders(verdict: &Verdict, iteration: Option<u32>) -> Vec<&Checked> {
    let is_shown = |it: &&Checked| it.folder.is_empty() || is_wanted(&it.folder, iteration);
    verdict.checked.iter().filter(is_shown).collect()
}

/// The run's data set, where it is built in or named. A stranger's run says nothing of where to read.
pub fn dataset(named: Option<&str>, config: &Config) -> Result<Option<Dataset>, CliError> {
    // A file may be called like the built-in data set.
    let is_built_in = config.dataset == dataset::BUILTIN && config.dataset_path.is_none();
    match named {
        None if !is_built_in => Ok(None),
        // That it is the run's is one of the things that are checked.
        None => Ok(Some(dataset::load(dataset::BUILTIN, config.seed)?)),
        Some(name) => {
            let dataset = Source { name, columns: &config.dataset_columns }.load(config.seed)?;
            workbench::of_run(name, dataset, config).map(Some)
        }
    }
}

fn without_dataset(config: &Config) -> Finding {
    let hint = config
        .dataset_path
        .as_ref()
        .map_or_else(String::new, |path| format!(" (the run had it at {})", text::name(path)));
    Finding::new(
        "rows, gold labels and scores",
        format!("the data set {}, named with --dataset{hint}", config.dataset),
        "no data set, so they are not proved; --without-dataset accepts that",
    )
}

/// The lines of the table that are not proved.
fn not_proved(verdict: &Verdict) -> Vec<&'static str> {
    let mut lines = Vec::new();
    if verdict.missing.dataset {
        lines.push("rows, gold labels, leaks, what was learned, what was tried: the data set is not here");
    }
    if verdict.missing.tools {
        lines.push("that the sources compile to the components: other tools are here");
    }
    lines
}

fn ending(verdict: &Verdict, holds: bool) -> &'static str {
    match (holds, verdict.missing.dataset) {
        (true, false) => "all of it holds",
        (true, true) => "it holds, as far as it can be checked without the data set",
        (false, _) => "it does not hold",
    }
}

fn print(
    config: &Config,
    digest: Option<Digest>,
    verdict: &Verdict,
    iteration: Option<u32>,
    unproved: Option<&Finding>,
) {
    let digest = digest.map_or_else(|| "no manifest".into(), |digest| format!("manifest sha256 {digest}"));
    outln!("run {}: {digest}\n", text::name(&config.run_id));
    let width = rebuilt_width(verdict);
    outln!("{:<16} {:<11} {:<width$} run again", "folder", "files", "rebuilt");
    let folders = shown_folders(verdict, iteration);
    folders.iter().for_each(|folder| outln!("{}", line(folder, width)));
    let findings: Vec<&Finding> =
        folders.iter().flat_map(|folder| &folder.findings).chain(unproved).collect();
    findings.iter().take(MAX_SHOWN).for_each(|it| finding(it));
    if findings.len() > MAX_SHOWN {
        outln!("\n{} more findings: --json has them all", findings.len() - MAX_SHOWN);
    }
    verdict.differs.iter().for_each(other_tool);
    if !verdict.holds() && config.host_version != env!("CARGO_PKG_VERSION") {
        let version = text::name(&config.host_version);
        outln!(
            "\nthe run was made by mmh {version}, this is mmh {}: differences may come from that",
            env!("CARGO_PKG_VERSION")
        );
    }
    outln!("\n{}", claimed::line(config, verdict));
    not_proved(verdict).iter().for_each(|line| outln!("not proved: {line}"));
}

/// The width of the column that says whether the component was rebuilt.
fn rebuilt_width(verdict: &Verdict) -> usize {
    if verdict.checked.iter().any(|it| it.rebuilt == Rebuilt::Given) { 17 } else { 15 }
}

fn line(folder: &Checked, width: usize) -> String {
    let files = match (folder.sealed, folder.findings.len()) {
        (false, 0) => "unfinished".into(),
        (_, 0) => "ok".into(),
        (_, 1) => "1 finding".into(),
        (_, count) => format!("{count} findings"),
    };
    let rebuilt = match folder.rebuilt {
        Rebuilt::NotThere => "-",
        Rebuilt::Same => "same",
        Rebuilt::OtherTools => "other tools",
        Rebuilt::Different => "DIFFERENT",
        Rebuilt::Given => "not compiled here",
    };
    let name = if folder.folder.is_empty() { "(the run)".into() } else { text::name(&folder.folder) };
    format!("{name:<16} {files:<11} {rebuilt:<width$} {}", replayed(folder))
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
