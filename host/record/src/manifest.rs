//! `manifest.json`: the digests of all files of a folder.
//!
//! An iteration's manifest lists the iteration's files. The run's manifest lists the run's own files and the manifests
//! below. So the digest of one small file stands for the whole run. Nothing is signed: whoever can write to the folder can
//! write a new manifest, but its digest differs from the one that was published.

use std::collections::BTreeMap;

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use super::{RecordError, layout, plain};
use crate::digest::Digest;

/// The file's name.
pub const NAME: &str = layout::MANIFEST;

/// The content of `manifest.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Digest and size of each file, by its path below the folder, with `/` between names.
    pub files: BTreeMap<String, Entry>,
}

crate::recorded!(Manifest);

/// Digest and size of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The digest of all bytes of the file.
    pub sha256: Digest,
    /// The size of the file.
    pub bytes: u64,
}

impl Entry {
    /// What a file is.
    fn of(dir: &Dir, path: &str) -> std::io::Result<Self> {
        plain::digest(dir, path).map(|(sha256, bytes)| Self { sha256, bytes })
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256 {}, {} bytes", self.sha256, self.bytes)
    }
}

/// A difference between what a run says and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its path in the run folder.
    pub file: String,
    /// What should be there, in words.
    pub expected: String,
    /// What is there, in words.
    pub found: String,
}

impl Finding {
    /// A finding about this file: what should be there, and what is.
    pub fn new(file: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { file: file.into(), expected: expected.into(), found: found.into() }
    }
}

impl Manifest {
    /// The manifest of these files as they are.
    pub fn of(dir: &Dir, paths: &[String]) -> Result<Self, RecordError> {
        let mut files = BTreeMap::new();
        for path in paths {
            let problem = |source| RecordError::Io { action: "read", file: path.clone(), source };
            files.insert(path.clone(), Entry::of(dir, path).map_err(problem)?);
        }
        Ok(Self { files })
    }

    /// The exact bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Parses a manifest. Bytes that differ from [`bytes`](Self::bytes) of the result are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if manifest.bytes() != bytes { Err("not written by mmh".into()) } else { Ok(manifest) }
    }
}

/// The manifest's own name, and names of files that are being written.
fn is_bookkeeping(name: &str) -> bool {
    name == NAME || name.ends_with(".partial")
}

/// The plain files of a folder, sorted.
pub fn files_of(dir: &Dir) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in dir.entries()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type()?.is_dir() && !is_bookkeeping(&name) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The folders of iterations below the run's, such as `iterations/000`, sorted. Links are none.
pub fn folders_of(dir: &Dir) -> std::io::Result<Vec<String>> {
    let mut folders = Vec::new();
    for parent in layout::PARENTS {
        let Ok(below) = plain::folder(dir, parent) else { continue };
        for entry in below.entries()? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(format!("{parent}/{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    folders.sort();
    Ok(folders)
}

/// Compares a folder with its manifest. `prefix` is the folder's path in the run, for the findings.
pub fn check(dir: &Dir, prefix: &str) -> Vec<Finding> {
    let path = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
    let manifest =
        match plain::read(dir, NAME).map_err(|error| error.to_string()).and_then(|it| Manifest::parse(&it)) {
            Ok(manifest) => manifest,
            Err(problem) => return vec![Finding::new(path(NAME), "a manifest", problem)],
        };
    let mut findings = Vec::new();
    for (name, entry) in &manifest.files {
        // Of another size it is another file, whatever stands in it.
        let found = match plain::size(dir, name) {
            Some(bytes) if bytes != entry.bytes => format!("{bytes} bytes"),
            _ => match Entry::of(dir, name) {
                Ok(found) if found == *entry => continue,
                Ok(found) => found.to_string(),
                Err(error) => error.to_string(),
            },
        };
        findings.push(Finding::new(path(name), entry.to_string(), found));
    }
    let here = files_of(dir).unwrap_or_default();
    let strange = here.into_iter().filter(|name| !manifest.files.contains_key(name));
    findings.extend(
        strange.map(|name| Finding::new(path(&name), "no such file", "a file that is in no manifest")),
    );
    findings
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn every_change_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("it opens");
        dir.write("a.txt", "one\n").expect("written");
        dir.write("b.txt", "two\n").expect("written");
        let manifest = Manifest::of(&dir, &files_of(&dir).expect("listed")).expect("read");
        dir.write(NAME, manifest.bytes()).expect("written");
        assert_eq!(check(&dir, ""), []);
        for name in ["a.txt", "b.txt", NAME] {
            let good = dir.read(name).expect("read");
            for at in 0..good.len() {
                for flip in [1, 0x20, 0x80] {
                    let mut bad = good.clone();
                    bad[at] ^= flip;
                    dir.write(name, &bad).expect("written");
                    assert!(!check(&dir, "").is_empty(), "byte {at} of {name} with {flip}");
                }
            }
            dir.write(name, &good).expect("written");
        }
        dir.write("c.txt", "").expect("written");
        assert_eq!(
            check(&dir, "x"),
            [Finding::new("x/c.txt", "no such file", "a file that is in no manifest")]
        );
        dir.remove_file("c.txt").expect("removed");
        dir.remove_file("a.txt").expect("removed");
        assert_eq!(check(&dir, "x")[0].file, "x/a.txt");
    }
}
