//! Which shared libraries a program needs, so that the jail can allow exactly those.

use std::path::{Path, PathBuf};

use tokio::process::Command;

/// Where a system keeps shared libraries, for when the loader cannot be asked.
const LIBRARY_FOLDERS: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// The program itself, its shared libraries, and the loader's index of them. Existing paths only.
pub async fn with_libraries(program: &Path) -> Vec<PathBuf> {
    let mut paths = vec![program.to_owned(), PathBuf::from("/etc/ld.so.cache")];
    let listing = Command::new("ldd").arg(program).output().await;
    match listing {
        Ok(output) => paths.extend(listed(&String::from_utf8_lossy(&output.stdout))),
        Err(_) => paths.extend(LIBRARY_FOLDERS.map(PathBuf::from)),
    }
    paths.retain(|path| path.exists());
    paths
}

/// The absolute paths in `ldd`'s listing: `libc.so.6 => /lib/libc.so.6 (0x...)` or `/lib/ld.so (0x...)`.
fn listed(listing: &str) -> Vec<PathBuf> {
    let words = listing.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(|word| PathBuf::from(word.trim_end_matches(':'))).collect()
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
}
