//! A place for searches whose proposer is a command: a folder with an agent, a cache and runs, and what must not be left there.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::{builder, cache_dir, copy_folder, files_below};

/// A key of the host, which no agent may see.
pub const KEY: &str = "sk-the-key-of-the-host";

/// A word in the arguments of what hostile agents leave behind.
pub const MARK: &str = "86399.25";

/// What stands in files beside the run, which no agent may see.
pub const SECRET: &str = "a secret beside the run";

/// A folder with an agent, a cache and runs.
pub struct Place {
    /// The folder, which is removed at the end.
    pub folder: tempfile::TempDir,
    program: &'static str,
}

impl Place {
    /// A place for this program under test and this agent, which is a script.
    pub async fn new(program: &'static str, script: &str) -> Self {
        builder(program, Default::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        copy_folder(&cache_dir().join("sdk"), &folder.path().join("cache/sdk"));
        fs::create_dir(folder.path().join("agent")).expect("created");
        let agent = folder.path().join("agent/scripted-agent");
        fs::write(&agent, script).expect("written");
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).expect("it can be run");
        fs::write(folder.path().join("secret"), format!("{SECRET}\n")).expect("written");
        fs::create_dir_all(folder.path().join("runs/other/iterations/000")).expect("created");
        fs::write(folder.path().join("runs/other/iterations/000/harness.rs"), format!("// {SECRET}\n"))
            .expect("written");
        Self { folder, program }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What names the agent, at the beginning and each time that the run goes on.
    pub fn agent(&self) -> Vec<String> {
        let [agent, folder] =
            ["agent/scripted-agent", "agent"].map(|name| self.path(name).display().to_string());
        vec!["--proposer-command".into(), agent, "--proposer-read".into(), folder]
    }

    pub fn mmh(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(args).current_dir(self.folder.path()).env("MMH_CACHE_DIR", self.path("cache"));
        command.env("MOONSHOT_API_KEY", KEY).stdin(Stdio::null());
        command
    }

    /// A new search below a folder, or the rest of it.
    pub fn search(&self, runs: &str, more: &[&str]) -> Command {
        let run = self.path(runs).join("a");
        let run = run.to_str().expect("UTF-8");
        let mut command = if Path::new(run).exists() {
            self.mmh(&["run", "--resume", run])
        } else {
            let mut command = self.mmh(&["run", "--mock", "--run-id", "a", "--runs-dir", runs]);
            command.args(["--eval-size", "6", "--no-test", "--patience", "0"]).args(more);
            command
        };
        command.args(["--fixed-clock", "2026-01-01T00:00:00Z"]).args(self.agent());
        command
    }

    pub fn verify(&self, runs: &str) -> String {
        let output = self.mmh(&["verify"]).arg(self.path(runs).join("a")).output().expect("it starts");
        said(&output)
    }

    /// The processes that belong to this place, with their command lines.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let name = self.folder.path().display().to_string();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let pid = entry.file_name().to_str()?.parse().ok()?;
            (line.contains(&name) || line.contains(MARK)).then_some((pid, line))
        });
        processes.collect()
    }

    /// Sockets and processes of agents that are there.
    fn left(&self) -> Vec<String> {
        let scratch = self.path("cache/scratch");
        let sockets = files_and_sockets(&scratch).into_iter();
        let sockets =
            sockets.filter(|path| fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket()));
        let processes = self.processes().into_iter().map(|(_, line)| line);
        sockets.map(|path| path.display().to_string()).chain(processes).collect()
    }

    pub fn assert_nothing_is_left(&self, name: &str) {
        let given_up = Instant::now() + Duration::from_secs(20);
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < given_up, "{name}: {left:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn files_and_sockets(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_and_sockets(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

/// What a program said, on both of its outputs.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// All files of a run with their bytes.
pub fn contents(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |path: &Path| path.strip_prefix(run).expect("below").display().to_string();
    files_below(run).iter().map(|path| (named(path), fs::read(path).expect("a file"))).collect()
}

/// The names of the files that differ, but for one kind.
pub fn differing(
    one: &BTreeMap<String, Vec<u8>>,
    other: &BTreeMap<String, Vec<u8>>,
    but: &str,
) -> Vec<String> {
    let names = one.keys().chain(other.keys()).filter(|name| one.get(*name) != other.get(*name));
    names
        .filter(|name| but.is_empty() || !(name.ends_with(but) || name.ends_with("manifest.json")))
        .cloned()
        .collect()
}
