//! A run in formats that other programs read: logs of Inspect, tables, a bill of materials.

use std::{fs::File, io::BufWriter, path::Path, process::ExitCode};

use serde_json::Value;

use super::ExportArgs;
use crate::{
    error::{CliError, CliResult},
    output_file::{self, OutputFile, has_ending},
};
use mmh_engine::toolchain::sdk;
use mmh_exports::{
    evaluations::{self, Evaluation},
    frames::{self, Written},
    inspect_log::{Form, Log},
    sbom,
};
use mmh_record::{
    data::Split, digest::Digest, format::Summary, language::HarnessLanguage, layout, reader::RunReader, text,
};
use mmh_search::inspect::{Place, export::ExportError};

/// The tables of `--format csv`.
const TABLES: [&str; 2] = ["examples.csv", "calls.csv"];

/// Writes one log, or a folder with a log for each evaluation that has a score.
pub fn inspect(args: &ExportArgs) -> CliResult {
    let reader = RunReader::open(&args.run)?;
    let summary = reader.summary()?;
    let form = match (has_ending(&args.output, &[".eval"]), has_ending(&args.output, &[".json"])) {
        (true, _) => Form::Eval,
        (_, true) => Form::Json,
        _ => return folder_of_logs(args, &reader, &summary),
    };
    let index = wanted(args, &summary)?;
    let split = if args.held_out { Split::Test } else { Split::Val };
    let evaluation = Evaluation::of(index, split);
    if !reader.has(&evaluation.file(layout::SCORE)) {
        let which = if args.held_out { "held-out score" } else { "score" };
        return Err(CliError::input(format!("iteration {index} has no {which}")));
    }
    let output = OutputFile::check(&args.output, &[&args.run], &[".eval", ".json"])?;
    output.fill(|file| Ok(Log::open(&reader, &summary, &evaluation)?.write(form, BufWriter::new(file))?))?;
    outln!("{} of iteration {index:03} is in {}", split.name(), text::path(&args.output));
    Ok(ExitCode::SUCCESS)
}

fn folder_of_logs(args: &ExportArgs, reader: &RunReader, summary: &Summary) -> CliResult {
    if args.held_out {
        return Err(CliError::input("--held-out is for one log, FILE.eval or FILE.json: a folder has all"));
    }
    let scored = evaluations(args, reader)?.into_iter().filter(|it| reader.has(&it.file(layout::SCORE)));
    let scored: Vec<Evaluation> = scored.collect();
    if scored.is_empty() {
        return Err(CliError::input("no iteration has a score"));
    }
    output_file::folder(&args.output, |folder| {
        scored.iter().try_for_each(|evaluation| {
            let name = format!("{}-{}.eval", layout::folder_name(evaluation.index), evaluation.split.name());
            let file = created(&folder.join(name))?;
            Ok(Log::open(reader, summary, evaluation)?.write(Form::Eval, BufWriter::new(file))?)
        })
    })?;
    outln!("{} logs are in {}", scored.len(), text::path(&args.output));
    Ok(ExitCode::SUCCESS)
}

/// Writes the tables of examples and of calls.
pub fn csv(args: &ExportArgs) -> CliResult {
    let reader = RunReader::open(&args.run)?;
    let evaluations = evaluations(args, &reader)?;
    if evaluations.is_empty() {
        return Err(CliError::input("no iteration was evaluated"));
    }
    let mut written = [Written::default(); 2];
    output_file::folder(&args.output, |folder| {
        let exact = args.exact_cells;
        let file = |name: &str| created(&folder.join(name)).map(BufWriter::new);
        written[0] = frames::examples(&reader, &evaluations, exact, file(TABLES[0])?)?;
        written[1] = frames::calls(&reader, &evaluations, exact, file(TABLES[1])?)?;
        Ok(())
    })?;
    for (name, table) in TABLES.iter().zip(written) {
        outln!("{}: {} rows", text::path(&args.output.join(name)), table.rows);
    }
    let guarded = written[0].guarded + written[1].guarded;
    match (guarded, args.exact_cells) {
        (0, _) => {}
        (_, true) => outln!("{guarded} texts begin like a formula: open the tables in no spreadsheet"),
        (_, false) => {
            outln!("{guarded} texts begin like a formula and got a ' in front; --exact-cells leaves them")
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the bill of materials of a component.
pub fn cyclonedx(args: &ExportArgs) -> CliResult {
    let reader = RunReader::open(&args.run)?;
    let summary = reader.summary()?;
    let index = wanted(args, &summary)?;
    let Some(candidate) = summary.iterations.iter().find(|it| it.index == index) else {
        let file = layout::file(&layout::iteration(index), layout::SCORE);
        return Err(ExportError::Unscored { index, file }.into());
    };
    let place = Place::find(&reader, index, Split::Val)?;
    let component = Digest::of(place.component(&reader)?);
    if component != candidate.component_digest {
        return Err(CliError::examined(format!(
            "the component of iteration {index} is not the one that was recorded; `mmh verify` checks the whole run"
        )));
    }
    let lock = match summary.config.harness_language {
        _ if summary.config.given(index).is_some() => "",
        HarnessLanguage::Rust => lock_of(&reader, &place.home)?,
        HarnessLanguage::Python => "",
    };
    let about = sbom::Component {
        index,
        component,
        source: candidate.source_digest,
        made_at: candidate.finished_at.to_string(),
        lock,
    };
    let bill = sbom::cyclonedx(&about, &summary.config).map_err(CliError::host)?;
    let output = OutputFile::check(&args.output, &[&args.run], &[".json"])?;
    output.write(format!("{bill:#}\n").as_bytes())?;
    outln!("the bill of materials of iteration {index:03} is in {}", text::path(&args.output));
    Ok(ExitCode::SUCCESS)
}

/// The lock file of the SDK with which a component was made. This program has one, and a run of another version may have
/// another one.
fn lock_of(reader: &RunReader, home: &str) -> Result<&'static str, CliError> {
    let provenance: Value = reader.json(&layout::file(home, layout::PROVENANCE))?;
    let parts =
        provenance.pointer("/predicate/buildDefinition/resolvedDependencies").and_then(Value::as_array);
    let lock = parts.into_iter().flatten().find(|it| it["name"] == "sdk.lock");
    let recorded = lock.and_then(|it| it["digest"]["sha256"].as_str()).unwrap_or_default();
    if recorded != Digest::of(sdk::LOCK).to_string() {
        return Err(CliError::input(
            "the component was made with another lock file of the SDK than that of this mmh: use the version that made the run",
        ));
    }
    Ok(sdk::LOCK)
}

/// The iteration that was asked for, or the best one.
fn wanted(args: &ExportArgs, summary: &Summary) -> Result<u32, CliError> {
    args.iteration.or(summary.best_iteration_index).ok_or_else(|| ExportError::NothingScored.into())
}

/// All evaluations, or those of the iteration that was asked for.
fn evaluations(args: &ExportArgs, reader: &RunReader) -> Result<Vec<Evaluation>, CliError> {
    let mut all = evaluations::all(reader)?;
    if let Some(index) = args.iteration {
        all.retain(|it| it.index == index);
        if all.is_empty() {
            return Err(CliError::input(format!("iteration {index} was not evaluated")));
        }
    }
    Ok(all)
}

fn created(path: &Path) -> Result<File, CliError> {
    File::create_new(path)
        .map_err(|error| CliError::host(format!("cannot write {}: {error}", text::path(path))))
}
