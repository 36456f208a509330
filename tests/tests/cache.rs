//! The cache folder is its owner's alone, whatever the umask says, and is not used where others can write in it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use mmh_tests::{cache_dir, copy_folder, guest};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Runs the program under this umask.
fn mmh(umask: &str, args: &[&str], folder: &Path, cache: &Path) -> Output {
    Command::new("sh")
        .args(["-c", "umask $0; exec \"$@\"", umask, PROGRAM])
        .args(args)
        .current_dir(folder)
        .env("MMH_CACHE_DIR", cache)
        .env_remove("MMH_RUSTC")
        .output()
        .expect("it starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Folders at and below this one in which others than the owner can write, or look.
fn open_folders(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        if folder.metadata().expect("it is there").permissions().mode() & 0o077 != 0 {
            found.push(folder.clone());
        }
        let entries = fs::read_dir(&folder).expect("a folder").flatten();
        folders.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    found
}

#[test]
fn it_is_made_for_its_owner_alone() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("good.rs"), guest("run/ok.rs")).expect("a file");
    let cache = home.path().join("new/cache");
    for umask in ["000", "022", "077"] {
        let output = mmh(umask, &["doctor"], home.path(), &cache);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(open_folders(&home.path().join("new")), Vec::<PathBuf>::new(), "umask {umask}");
        fs::remove_dir_all(home.path().join("new")).expect("it is removed");
    }
}

#[test]
fn it_is_refused_where_others_can_write() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("good.rs"), guest("run/ok.rs")).expect("a file");
    let above = home.path().join("above");
    let cache = above.join("cache");
    // The shared cache has an SDK from here on.
    let shared = mmh("022", &["check", "good.rs"], home.path(), &cache_dir());
    assert_eq!(shared.status.code(), Some(0), "{}", said(&shared));
    copy_folder(&cache_dir().join("sdk"), &cache.join("sdk"));
    let check = |expected: i32, says: &str| {
        let output = mmh("022", &["check", "good.rs"], home.path(), &cache);
        assert_eq!(output.status.code(), Some(expected), "{}", said(&output));
        assert!(said(&output).contains(says), "{says:?} is not in {}", said(&output));
    };
    let chmod = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is changed");
    };
    check(0, "ok: component");
    for path in [&cache, &cache.join("native"), &cache.join("components"), &above] {
        let mode = path.metadata().expect("it is there").permissions().mode();
        chmod(path, 0o777);
        // What the message says to do, and where else one can go.
        let words = format!(
            "{} has mode 0777, so that everybody can write in it; `chmod go-w {0}` changes that; --cache-dir or MMH_CACHE_DIR",
            path.canonicalize().expect("it is there").display()
        );
        check(3, &words);
        chmod(path, mode);
    }
    let native = fs::read_dir(cache.join("native")).expect("a folder").flatten();
    let native: Vec<PathBuf> = native.map(|entry| entry.path()).collect();
    assert!(!native.is_empty());
    native.iter().for_each(|path| chmod(path, 0o666));
    check(3, ".cwasm has mode 0666");
    native.iter().for_each(|path| chmod(path, 0o600));
    check(0, "ok: component");
}
