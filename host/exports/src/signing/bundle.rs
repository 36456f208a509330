//! The file of envelopes: a bundle of in-toto, with one envelope a line.
//!
//! It lies beside the run, as `runs/first.intoto.jsonl` beside `runs/first`, because nothing can be added to a folder that
//! is sealed.
//!
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md>

use std::{
    ffi::OsString,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};
use mmh_record::{plain, text};

use super::{SigningError, envelope::Envelope, key::SigningKey, stated::Stated};

/// How the name of such a file ends.
const ENDING: &str = ".intoto.jsonl";

/// The file that belongs to the run in this folder.
pub fn beside(run: &Path) -> Result<PathBuf, SigningError> {
    let folder = run.canonicalize().map_err(io("open", run))?;
    let mut name = OsString::from(folder.file_name().unwrap_or_default());
    name.push(ENDING);
    Ok(folder.with_file_name(name))
}

/// The bytes of a bundle. None where there is no such file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, SigningError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(io("open", folder))?;
    match plain::read(&dir, &name) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", path)(error)),
    }
}

/// The bundle with all statements signed by this key. Earlier envelopes of this key are replaced, all others stay.
pub fn signed(old: Option<&[u8]>, stated: &[Stated], key: &SigningKey) -> Result<Vec<u8>, SigningError> {
    let own = key.public().id();
    let mut bundle = Vec::new();
    for line in lines(old.unwrap_or_default()) {
        let envelope: Envelope = serde_json::from_slice(line).map_err(|error| {
            SigningError::NotSigned(format!(
                "the signatures beside the run are damaged: {error}; move the file away"
            ))
        })?;
        if !envelope.is_only_by(&own) {
            bundle.extend(line);
            bundle.push(b'\n');
        }
    }
    for it in stated {
        bundle.extend(Envelope::sign(&it.bytes, key).line().into_bytes());
        bundle.push(b'\n');
    }
    Ok(bundle)
}

/// The envelopes of these statements, as a bundle of its own. None where there are none.
pub fn about(bundle: &[u8], stated: &[Stated]) -> Option<Vec<u8>> {
    let is_about = |line: &&[u8]| {
        let envelope = serde_json::from_slice::<Envelope>(line).ok();
        let payload = envelope.and_then(|it| it.statement());
        payload.is_some_and(|payload| stated.iter().any(|it| it.bytes == payload))
    };
    let kept: Vec<u8> = lines(bundle).filter(is_about).flat_map(|line| [line, b"\n"].concat()).collect();
    (!kept.is_empty()).then_some(kept)
}

/// The lines that are not empty.
pub fn lines(bundle: &[u8]) -> impl Iterator<Item = &[u8]> {
    bundle.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SigningError {
    let path = text::path(path);
    move |source| SigningError::Io { action, path, source }
}
