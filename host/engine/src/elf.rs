//! Which shared libraries a program needs, so that the jail can allow exactly those.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::{ffi::OsStringExt, fs::FileExt},
    path::{Path, PathBuf},
};

use crate::programs::{Environment, tool};

/// Where systems keep shared libraries. They are allowed as a whole if the loader does not list a program's own.
const LIBRARY_FOLDERS: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// The program itself, its shared libraries, and the loader's index of them. Existing paths only.
pub async fn with_libraries(program: &Path) -> Vec<PathBuf> {
    loaded_by(program, program).await
}

/// The same of a library that this program loads while it runs.
pub async fn loaded_by(program: &Path, library: &Path) -> Vec<PathBuf> {
    let mut paths = vec![library.to_owned(), PathBuf::from("/etc/ld.so.cache")];
    // A program without a loader is static, or a script.
    if let Ok(Some(loader)) = loader(program) {
        let listing = tool(&loader, &Environment::new()).arg("--list").arg(library).output().await;
        match listing {
            Ok(output) if output.status.success() => {
                paths.extend(listed(&String::from_utf8_lossy(&output.stdout)))
            }
            _ => paths.extend(LIBRARY_FOLDERS.map(PathBuf::from)),
        }
        paths.push(loader);
    }
    paths.retain(|path| path.exists());
    paths
}

/// The loader that a program names in its header, if it is a 64-bit program that names one by an absolute path.
fn loader(program: &Path) -> io::Result<Option<PathBuf>> {
    const INTERPRETER: u32 = 3;
    const MAX_PATH: u64 = 4096;
    let file = File::open(program)?;
    let mut header = [0; 64];
    file.read_exact_at(&mut header, 0)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Ok(None);
    }
    let (table, entries) = (number(&header, 32), u64::from(header[56]) | u64::from(header[57]) << 8);
    for at in 0..entries {
        let mut entry = [0; 56];
        file.read_exact_at(&mut entry, table.saturating_add(at * 56))?;
        if entry[..4] == INTERPRETER.to_le_bytes() {
            let mut path = vec![0; number(&entry, 32).min(MAX_PATH) as usize];
            file.read_exact_at(&mut path, number(&entry, 8))?;
            let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
            path.truncate(end);
            let path = PathBuf::from(OsString::from_vec(path));
            return Ok(path.is_absolute().then_some(path));
        }
    }
    Ok(None)
}

/// The eight bytes at this place, as a number.
fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The absolute paths in a loader's listing: `libc.so.6 => /lib/libc.so.6 (0x...)` or `/lib/ld.so (0x...)`.
fn listed(listing: &str) -> Vec<PathBuf> {
    let words = listing.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_loaders_listing() {
        let listing = "\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x7f)\n\t/lib64/ld-linux.so.2 (0x7f)\n";
        assert_eq!(listed(listing), ["/lib/x/libc.so.6", "/lib64/ld-linux.so.2"].map(PathBuf::from));
        assert!(listed("\tnot a dynamic executable\n").is_empty());
    }

    #[tokio::test]
    async fn finds_libraries_of_programs() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, contents: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, contents).expect("a file");
            path
        };
        let endless = [&b"\x7fELF\x02\x01"[..], &[0xff; 80]].concat();
        for path in [file("script", b"#!/bin/sh\n"), file("nothing", b""), file("endless", &endless)] {
            let found = with_libraries(&path).await;
            assert!(found.contains(&path) && found.len() <= 2, "{found:?}");
        }
        let this = std::env::current_exe().expect("this program");
        let found = with_libraries(&this).await;
        assert!(found.iter().any(|path| path.to_string_lossy().contains("libc")), "{found:?}");
        assert!(found.iter().all(|path| path.is_absolute()), "{found:?}");
    }
}
