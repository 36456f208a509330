//! A finished run that tests copy, and what one does to a run folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use cap_std::{ambient_authority, fs::Dir};
use mmh::record::manifest::{self, Manifest};

use crate::cache_dir;

/// A small finished run, made once by this program.
pub fn honest(program: &str) -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, run) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let output = Command::new(program)
            .args(["run", "--mock", "--iterations", "3", "--eval-size", "6", "--run-id", "a"])
            .current_dir(folder.path())
            .env("MMH_CACHE_DIR", cache_dir())
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let run = folder.path().join("runs/a");
        (folder, run)
    });
    run
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// A copy of the honest run, in a folder of its own.
pub fn copied(program: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("elsewhere");
    copy(honest(program), &run);
    (folder, run)
}

/// Writes new manifests, as somebody would who wants to hide a change.
pub fn reseal(run: &Path) {
    let open = |path: &Path| Dir::open_ambient_dir(path, ambient_authority()).expect("it opens");
    let dir = open(run);
    let folders = manifest::folders_of(&dir).expect("listed");
    for folder in &folders {
        let inner = dir.open_dir(folder).expect("it opens");
        let sealed = Manifest::of(&inner, &manifest::files_of(&inner).expect("listed")).expect("read");
        inner.write(manifest::NAME, sealed.bytes()).expect("written");
    }
    let mut paths = manifest::files_of(&dir).expect("listed");
    paths.extend(folders.iter().map(|folder| format!("{folder}/{}", manifest::NAME)));
    dir.write(manifest::NAME, Manifest::of(&dir, &paths).expect("read").bytes()).expect("written");
}
