//! `mmh sign`: signatures of what a run states, beside the run.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    files,
    output_file::OutputFile,
};
use mmh_exports::signing::{bundle, key, key::SigningKey, stated};
use mmh_record::{reader::RunReader, text};

#[derive(Args)]
pub struct SignArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The private key, as `mmh keygen` writes it: Ed25519, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub fn main(args: &SignArgs) -> CliResult {
    let pem = files::text(&args.key, key::MAX_KEY_BYTES, None)?;
    let key = SigningKey::parse(&pem, &text::path(&args.key))?;
    let reader = RunReader::open(&args.run)?;
    let config = reader.config()?;
    if reader.is_being_written() {
        return Err(CliError::input("the run is being written by another mmh: sign it when it has ended"));
    }
    let stated = stated::of_run(&reader, &config)?;
    if let Some(finding) = stated::not_as_recorded(&reader) {
        return Err(CliError::examined(format!(
            "{} is not as it was recorded, so nothing is signed: {} expected, {} found; `mmh verify` checks the whole run",
            text::name(&finding.file),
            text::name(&finding.expected),
            text::name(&finding.found),
        )));
    }
    let place = bundle::beside(&args.run)?;
    let old = bundle::read(&place)?;
    let bytes = bundle::signed(old.as_deref(), &stated, &key)?;
    OutputFile::check(&place, &[&args.key], &[".jsonl"])?.write(&bytes)?;
    outln!(
        "{} statements of run {} are signed in {}",
        stated.len(),
        text::name(&config.run_id),
        text::path(&place)
    );
    outln!("key id {}", key.public().id());
    outln!(
        "`mmh sign` checked only that no file has changed since it was recorded; `mmh verify` makes the run again"
    );
    Ok(ExitCode::SUCCESS)
}
