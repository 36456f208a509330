//! The signatures of a run or an export, as `mmh verify` shows them and `mmh export` carries them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{error::CliError, files};
use mmh_exports::signing::{
    bundle,
    check::{self, Folder, Signed},
    key::{MAX_KEY_BYTES, PublicKey},
    stated,
};
use mmh_record::{format::Config, manifest::Finding, reader::RunReader, text};
use mmh_search::inspect::export::{self, Package};

/// What is said of signatures.
pub enum Signatures {
    /// There are none, and nobody asked for them.
    None,
    /// There are some, and no key to check them with.
    Unchecked(usize),
    /// They were checked with keys.
    Checked(Box<Signed>),
}

/// Those of a run, which lie beside it.
pub fn of_run(
    run: &Path,
    reader: &RunReader,
    config: &Config,
    keys: &[PathBuf],
) -> Result<Signatures, CliError> {
    let keys = read(keys)?;
    let there = bundle::read(&bundle::beside(run)?)?;
    if keys.is_empty() {
        return Ok(unchecked(there));
    }
    let stated = stated::of_run(reader, config)?;
    let folder = Folder { run_id: &config.run_id, stated: &stated, is_export: false };
    Ok(Signatures::Checked(Box::new(check::check(there.as_deref(), &folder, &keys))))
}

/// Those of an export, which are among its files.
pub fn of_export(reader: &RunReader, config: &Config, keys: &[PathBuf]) -> Result<Signatures, CliError> {
    let keys = read(keys)?;
    let there = match reader.has(export::SIGNATURES) {
        true => Some(reader.bytes(export::SIGNATURES)?),
        false => None,
    };
    if keys.is_empty() {
        return Ok(unchecked(there));
    }
    let stated = stated::of_export(reader, export::names())?;
    let folder = Folder { run_id: &config.run_id, stated: &stated, is_export: true };
    Ok(Signatures::Checked(Box::new(check::check(there.as_deref(), &folder, &keys))))
}

/// Adds to an export the signatures of what it states, and those of the whole run.
pub fn carry(run: &Path, reader: &RunReader, config: &Config, package: &mut Package) -> Result<(), CliError> {
    let Some(there) = bundle::read(&bundle::beside(run)?)? else { return Ok(()) };
    let is_carried = |it: &stated::Stated| {
        it.file == mmh_record::layout::MANIFEST || package.files.iter().any(|(_, bytes)| *bytes == it.bytes)
    };
    let mut stated = stated::of_run(reader, config)?;
    stated.retain(is_carried);
    package.files.extend(bundle::about(&there, &stated).map(|bytes| (export::SIGNATURES, bytes)));
    Ok(())
}

fn unchecked(there: Option<Vec<u8>>) -> Signatures {
    match there {
        None => Signatures::None,
        Some(bytes) => Signatures::Unchecked(bundle::lines(&bytes).count()),
    }
}

fn read(keys: &[PathBuf]) -> Result<Vec<PublicKey>, CliError> {
    let read =
        |path: &PathBuf| Ok(PublicKey::parse(&files::text(path, MAX_KEY_BYTES, None)?, &text::path(path))?);
    keys.iter().map(read).collect()
}

impl Signatures {
    /// Whether nothing speaks against them. Without a key, nothing does.
    pub fn holds(&self) -> bool {
        match self {
            Self::Checked(signed) => signed.holds(),
            Self::None | Self::Unchecked(_) => true,
        }
    }

    /// Enters them into what is printed as JSON.
    pub fn enter(&self, shown: &mut Value) {
        match self {
            Self::None => {}
            Self::Unchecked(count) => shown["signatures"] = json!({ "unchecked": count }),
            Self::Checked(signed) => shown["signatures"] = json!(signed),
        }
    }

    /// Prints who signed what, what is not signed, and what is wrong.
    pub fn print(&self, finding: impl Fn(&Finding)) {
        let signed = match self {
            Self::None => return,
            Self::Unchecked(count) => {
                outln!("not checked: {count} signatures; name the signer's public key with --key");
                return;
            }
            Self::Checked(signed) => signed,
        };
        signed.findings.iter().for_each(finding);
        outln!("\n{:<44} signed by", "statement");
        for (file, keys) in &signed.signed {
            let keys = keys.iter().map(|key| key.0.as_str()).collect::<Vec<_>>().join(", ");
            outln!("{:<44} {keys}", text::name(file));
        }
        signed
            .unsigned
            .iter()
            .for_each(|file| outln!("{:<44} NOT SIGNED by a key of --key", text::name(file)));
        for (key, count) in &signed.other_keys {
            outln!("not checked: {count} signatures by {}, which no --key names", text::name(key));
        }
    }
}
