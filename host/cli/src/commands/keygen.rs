//! `mmh keygen`: a pair of keys to sign runs with.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    output_file::refuse_runs,
};
use mmh_exports::signing::key::{self, SigningKey};
use mmh_record::text;

/// Who may read a private key: its owner.
const PRIVATE: u32 = 0o600;
/// Who may read a public key: everybody.
const PUBLIC: u32 = 0o644;

#[derive(Args)]
pub struct KeygenArgs {
    /// The file of the private key, which must not be there yet; the public key is written beside it, with .pub at its end
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

pub fn main(args: &KeygenArgs) -> CliResult {
    refuse_runs(&args.out).map_err(CliError::input)?;
    let private = key::generate()?;
    let key = SigningKey::parse(&private, "the new key")?;
    let mut public = args.out.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    if public.exists() {
        return Err(exists(&public));
    }
    write(&args.out, &private, PRIVATE)?;
    write(&public, &key.public().pem(), PUBLIC)?;
    outln!("private key {}: keep it to yourself", text::path(&args.out));
    outln!("public key  {}: publish it", text::path(&public));
    outln!("key id      {}", key.public().id());
    Ok(ExitCode::SUCCESS)
}

fn exists(path: &Path) -> CliError {
    CliError::input(format!("{} exists already: no key is written over", text::path(path)))
}

fn write(path: &Path, pem: &str, mode: u32) -> Result<(), CliError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => CliError::host(format!("cannot write {}: {error}", text::path(path))),
    })
}
