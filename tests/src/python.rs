//! A Python with packages from PyPI, for what is read by others' programs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use crate::root;

/// Runs a command that has to succeed: what it says.
pub fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// A Python with the packages of a requirements file, installed once below `target/`.
pub fn python(requirements: &Path) -> PathBuf {
    // Tests run at once, and one of them installs for all.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let text = fs::read(requirements).expect("the requirements");
    let name = format!("python-{}", mmh_record::digest::Digest::of(&text).short());
    let (folder, complete) = (root().join("target").join(&name), root().join("target").join(name + ".ok"));
    let python = folder.join("bin/python");
    if !complete.is_file() {
        done(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        done(Command::new(&python).args(pip).arg(requirements));
        fs::write(complete, "").expect("written");
    }
    python
}
