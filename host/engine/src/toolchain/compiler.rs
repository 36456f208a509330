//! Digests of the compiler: the program, the libraries that do its work, and the standard library that it links
//! harnesses with. Its version alone is not enough, because any program can print one.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use mmh_record::built::Tool;

use super::{TARGET, Toolchain};
use crate::cache::Cache;
use mmh_record::digest::{Digest, KeyBuilder};

/// Names of the compiler's own libraries begin so. All others belong to the system.
const OWN_LIBRARIES: [&str; 3] = ["librustc", "libLLVM", "libstd-"];

/// The compiler, its own libraries and its standard library, with digests. The cache keeps the digests, by paths, sizes
/// and times of change. A file that cannot be read is left out: rustc needs it too, and says more.
pub async fn identify(toolchain: &Toolchain, cache: &Cache) -> Vec<Tool> {
    let version = toolchain.summary().to_owned();
    let name =
        |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_own = |path: &PathBuf| OWN_LIBRARIES.iter().any(|start| name(path).starts_with(start));
    // The loader may find one library by several paths.
    let found =
        toolchain.read.iter().filter(|path| path.is_file()).filter_map(|path| path.canonicalize().ok());
    let libraries: BTreeSet<PathBuf> = found.filter(is_own).collect();
    let mut parts: Vec<(String, Vec<PathBuf>)> = vec![("rustc".into(), vec![toolchain.rustc.clone()])];
    parts.extend(libraries.into_iter().map(|path| (name(&path), vec![path])));
    let standard = toolchain.sysroot.join("lib/rustlib").join(TARGET).join("lib");
    parts.push((format!("standard library of {TARGET}"), files_in(&standard)));
    let hashing = parts.into_iter().map(|(name, paths)| {
        let (cache, version) = (cache.clone(), version.clone());
        tokio::task::spawn_blocking(move || Some(Tool { sha256: digest(&paths, &cache)?, name, version }))
    });
    let mut tools = Vec::new();
    for tool in hashing.collect::<Vec<_>>() {
        tools.extend(tool.await.ok().flatten());
    }
    tools
}

/// The plain files of a folder, sorted.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The digest of one file, or of several files with their names.
fn digest(paths: &[PathBuf], cache: &Cache) -> Option<Digest> {
    let mut key = KeyBuilder::new("compiler-part");
    for path in paths {
        let found = path.metadata().ok()?;
        let changed = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        key = key
            .part("path", path.as_os_str().as_encoded_bytes())
            .part("bytes", found.len().to_le_bytes())
            .part("changed", changed.as_nanos().to_le_bytes());
    }
    let key = key.finish();
    let kept = cache.get("tools", key, ".json").ok().flatten();
    if let Some(digest) = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Some(digest);
    }
    let digest = match paths {
        [] => return None,
        [one] => Digest::of(fs::read(one).ok()?),
        many => {
            let mut sum = KeyBuilder::new("files");
            for path in many {
                let name = path.file_name()?.as_encoded_bytes().to_vec();
                sum = sum.part("name", name).part("sha256", Digest::of(fs::read(path).ok()?).bytes());
            }
            sum.finish()
        }
    };
    // A digest that cannot be kept is computed again next time.
    let _ = cache.put("tools", key, ".json", &serde_json::to_vec(&digest).ok()?);
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_byte_is_another_compiler() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().join("cache"));
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let write = |path: &Path, text: &str| fs::write(path, text).expect("written");
        write(&one, "1");
        write(&two, "2");
        let both = [one.clone(), two.clone()];
        assert_eq!(digest(&both[..1], &cache), Some(Digest::of("1")), "the digest of the file itself");
        let before = digest(&both, &cache);
        assert_eq!(digest(&both, &cache), before, "from the cache");
        write(&two, "22");
        assert_ne!(digest(&both, &cache), before);
        fs::remove_file(&one).expect("removed");
        assert_eq!((digest(&both, &cache), digest(&[], &cache)), (None, None));
    }
}
