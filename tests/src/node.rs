//! Scripts of `tests/browser`, which drive Chromium.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use crate::root;

/// Runs a script. Should this test be killed, it ends by itself.
pub fn node(script: &str, args: &[&str]) {
    asked(script, args, |word| panic!("{script} asks for {word}"));
}

/// Runs a script that asks for things to be done meanwhile: each line `do WORD` that it prints is given to the closure.
pub fn asked(script: &str, args: &[&str], mut act: impl FnMut(&str)) {
    let folder = root().join("tests/browser");
    assert!(
        folder.join("node_modules/playwright-core").is_dir(),
        "playwright-core is not installed: `cargo xtask setup` does it"
    );
    let mut command = Command::new("timeout");
    command.args(["180", "node", script]).args(args).current_dir(folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("node starts");
    let mut stderr = child.stderr.take().expect("piped");
    // A script says what is wrong at its end, and little before.
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
        let line = line.expect("text");
        match line.strip_prefix("do ") {
            Some(word) => act(word),
            None => said += &(line + "\n"),
        }
    }
    stderr.read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("it ends").success(), "{script}: {said}");
}
