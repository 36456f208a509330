//! `mmh export`: a harness taken out of its run, and a run in formats that other programs read.

mod formats;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};

use crate::{
    commands::signatures,
    error::{CliError, CliResult},
    limits,
    output_file::refuse_runs,
    protocol_args,
};
use mmh_record::{data::Columns, digest::Digest, format::Config, layout, reader::RunReader, text};
use mmh_search::{dataset::BUILTIN, inspect::export};

#[derive(Args)]
pub struct ExportArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The iteration [default: the best one on validation; all of them in a folder of logs or tables]
    #[arg(long, value_name = "N")]
    iteration: Option<u32>,
    /// What to write: harness and csv write a folder, inspect a log (FILE.eval or FILE.json) or a folder of logs,
    /// cyclonedx a file
    #[arg(long, value_enum, default_value_t = Format::Harness)]
    format: Format,
    /// With --format inspect and a file: the held-out evaluation, not the one on validation
    #[arg(long)]
    held_out: bool,
    /// With --format csv: leave texts as they are that a spreadsheet would take for a formula; without it they get a ' in
    /// front
    #[arg(long)]
    exact_cells: bool,
    /// The file, or the folder: not there yet, or empty
    #[arg(long, short, value_name = "DIR|FILE")]
    output: PathBuf,
}

/// What `mmh export` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The harness with all that others need to use and to verify it
    Harness,
    /// Logs of Inspect: samples, messages, scores, usage
    Inspect,
    /// Tables of examples and of model calls
    Csv,
    /// A bill of materials of the component: CycloneDX 1.6, JSON
    Cyclonedx,
}

pub fn main(args: ExportArgs) -> CliResult {
    let only =
        [(args.held_out, "--held-out", Format::Inspect), (args.exact_cells, "--exact-cells", Format::Csv)];
    if let Some((_, option, _)) = only.iter().find(|(given, _, format)| *given && args.format != *format) {
        return Err(CliError::input(format!(
            "{option} does not go with this --format: see `mmh export --help`"
        )));
    }
    match args.format {
        Format::Harness => harness(&args),
        Format::Inspect => formats::inspect(&args),
        Format::Csv => formats::csv(&args),
        Format::Cyclonedx => formats::cyclonedx(&args),
    }
}

fn harness(args: &ExportArgs) -> CliResult {
    refuse_runs(&args.output).map_err(CliError::input)?;
    let reader = RunReader::open(&args.run)?;
    let config = reader.config()?;
    let mut package = export::gather(&reader, &config, args.iteration)?;
    signatures::carry(&args.run, &reader, &config, &mut package)?;
    let readme = export::readme(&package, &config, &command(&config));
    export::write(&package, &readme, &args.output)?;
    outln!(
        "iteration {:03} of run {} is in {}: component sha256 {}",
        package.index,
        text::name(&config.run_id),
        text::path(&args.output),
        package.component,
    );
    for (name, bytes) in &package.files {
        outln!("  {name:<28} {}", Digest::of(bytes).short());
    }
    Ok(ExitCode::SUCCESS)
}

/// The command that evaluates the exported component as the run did.
pub fn command(config: &Config) -> String {
    let mut words = vec!["mmh".to_owned(), "eval".into(), layout::COMPONENT.into()];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), quoted(&value)]);
    if config.dataset != BUILTIN || config.dataset_path.is_some() {
        // Where it is on another machine is not known.
        option("--dataset", "PATH_OF_THE_DATA_SET".into());
        let Columns { text, label } = config.dataset_columns.clone();
        for (name, column) in [("--text-column", text), ("--label-column", label)] {
            column.into_iter().for_each(|column| option(name, column));
        }
    }
    option("--seed", config.seed.to_string());
    option("--eval-size", config.eval_split_size.to_string());
    for (name, value) in protocol_args::of_harness(&config.protocol) {
        option(name, value);
    }
    match config.providers.get("target") {
        _ if config.mock => words.push("--mock".into()),
        provider => {
            option("--target-model", config.target_model.clone());
            if provider.is_some_and(|it| it.thinking) {
                option("--target-thinking", "on".into());
            }
        }
    }
    words.extend(limits::options(&config.limits));
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    let word = text::one_line(word);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        let table = [
            ("kimi-k2.6", "kimi-k2.6"),
            ("a b", "'a b'"),
            ("", "''"),
            ("x'; rm -r ~ #", r"'x'\''; rm -r ~ #'"),
            ("a\nb", "'a b'"),
        ];
        for (word, expected) in table {
            assert_eq!(quoted(word), expected, "{word:?}");
        }
    }
}
