//! Digests of the compiler: the program, the libraries that do its work, and the standard library that it links
//! harnesses with. Its version alone is not enough, because any program can print one.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use futures::future::join_all;
use mmh_record::built::Tool;

use super::{TARGET, Toolchain, stamps};
use crate::cache::Cache;
use mmh_record::digest::{Digest, KeyBuilder};

/// Names of the compiler's own libraries begin so. All others belong to the system.
const OWN_LIBRARIES: [&str; 3] = ["librustc", "libLLVM", "libstd-"];

/// The compiler, its own libraries and its standard library, with digests. The cache keeps the digests while
/// the files do not change. A file that cannot be read is left out: rustc needs it too, and says more.
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
        let version = version.clone();
        async move { Some(Tool { sha256: digest(paths, cache).await?, name, version }) }
    });
    join_all(hashing).await.into_iter().flatten().collect()
}

/// The plain files of a folder, sorted.
pub(super) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The digest of one file, or of several files with their names.
pub(super) async fn digest(paths: Vec<PathBuf>, cache: &Cache) -> Option<Digest> {
    let key = KeyBuilder::new("compiler-part");
    let key = paths.iter().try_fold(key, |key, path| stamps::enter(key, path))?.finish();
    let kept = cache.get("tools", key, ".json").ok().flatten();
    if let Some(digest) = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Some(digest);
    }
    let digest = tokio::task::spawn_blocking(move || computed(&paths)).await.ok()??;
    // A digest that cannot be kept is computed again next time.
    let _ = cache.put("tools", key, ".json", &serde_json::to_vec(&digest).ok()?);
    Some(digest)
}

fn computed(paths: &[PathBuf]) -> Option<Digest> {
    match paths {
        [] => None,
        [one] => stamps::digest(one),
        many => {
            let mut sum = KeyBuilder::new("files");
            for path in many {
                let name = path.file_name()?.as_encoded_bytes().to_vec();
                sum = sum.part("name", name).part("sha256", stamps::digest(path)?.bytes());
            }
            Some(sum.finish())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn any_changed_byte_is_another_compiler() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().join("cache"));
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let write = |path: &Path, text: &str| fs::write(path, text).expect("written");
        write(&one, "1");
        write(&two, "2");
        let both = [one.clone(), two.clone()];
        let of = |paths: &[PathBuf]| digest(paths.to_vec(), &cache);
        assert_eq!(of(&both[..1]).await, Some(Digest::of("1")), "the digest of the file itself");
        let before = of(&both).await;
        assert_eq!(of(&both).await, before, "from the cache");
        write(&two, "22");
        assert_ne!(of(&both).await, before);
        fs::remove_file(&one).expect("removed");
        assert_eq!((of(&both).await, of(&[]).await), (None, None));
    }
}
