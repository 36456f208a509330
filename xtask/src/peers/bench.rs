//! The runs: each is a process of its own, with its time, and a check of what it did.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use super::{
    data::{self, Data},
    figures::Measured,
    machine,
    server::Server,
    systems::{Comparison, Form, System},
};

/// Everything that is the same for all runs.
pub struct Bench {
    /// Where runs work; made anew each time.
    folder: PathBuf,
    program: PathBuf,
    /// Pythons by the name of the package.
    pythons: BTreeMap<&'static str, PathBuf>,
    server: Server,
    /// What every candidate reaches, since the model always answers the same.
    accuracy: f64,
    /// Sources of candidates.
    sources: [(Form, String); 3],
}

/// What one run took, and what it asked the model.
struct Run {
    took: Duration,
    asked: Vec<String>,
}

impl Bench {
    /// Installs the packages of what was chosen, and builds the program if none is given.
    pub fn new(root: &Path, program: Option<&Path>, chosen: &[&Comparison]) -> Result<Self, String> {
        let target = root.join("target/peers");
        let mut pythons = BTreeMap::new();
        for package in chosen.iter().filter_map(|it| it.theirs.package) {
            pythons.insert(package.name, machine::python(&target, package)?);
        }
        let program = match program {
            Some(path) => {
                path.canonicalize().map_err(|error| format!("--program {}: {error}", path.display()))?
            }
            None => machine::program(root)?,
        };
        let (folder, data) = (target.join("work"), Data::new());
        let sources = prepare(&folder, &root.join("xtask/peers"), &data)
            .map_err(|error| format!("cannot prepare {}: {error}", folder.display()))?;
        let server =
            Server::start(data::ANSWER).map_err(|error| format!("cannot start a server: {error}"))?;
        Ok(Self { folder, program, pythons, server, accuracy: data.accuracy(), sources })
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Pairs of runs, one after the other, after a pair that fills the caches and is not counted.
    pub fn measure(&self, comparison: &'static Comparison, pairs: usize) -> Result<Measured, String> {
        let Comparison { name, ours, theirs, .. } = comparison;
        // A prompt without code, and a candidate that is another one, ask in other words.
        let is_same = ours.form.is_program() && theirs.form.is_program() && ours.is_new == theirs.is_new;
        let mut times = Vec::new();
        for number in 0..=pairs {
            let of = |system: &System| {
                let run = self.run(system, &format!("{name}_{number}"), number == 0);
                run.map_err(|problem| format!("{name}: {}: {problem}", system.title))
            };
            let (our_run, their_run) = (of(ours)?, of(theirs)?);
            if is_same && our_run.asked != their_run.asked {
                return Err(format!(
                    "{name}: the candidates ask the model for different things; see xtask/peers"
                ));
            }
            let (ours, theirs) = (our_run.took, their_run.took);
            let (our_s, their_s) = (ours.as_secs_f64(), theirs.as_secs_f64());
            eprintln!("{name}, {number} of {pairs}: {our_s:.3} s, {their_s:.3} s");
            if number > 0 {
                times.push((ours, theirs));
            }
        }
        Ok(Measured { comparison, pairs: times })
    }

    /// One run of a system, from the start of its process to the end. `id` is new in each.
    fn run(&self, system: &System, id: &str, is_first: bool) -> Result<Run, String> {
        let candidate = self.candidate(system, id)?;
        let mut command = self.command(system, &candidate)?;
        self.server.take_asked();
        let begun = Instant::now();
        let said = machine::done(&mut command)?;
        let took = begun.elapsed();
        let (accuracy, asked) = (told(&said), self.server.take_asked());
        if accuracy.is_none_or(|it| (it - self.accuracy).abs() > 1e-6) {
            return Err(format!("it reports another accuracy than {}: {said}", self.accuracy));
        }
        // The first run of what keeps results has none to keep.
        if asked.len() != system.calls && !is_first {
            return Err(format!("it asked the model {} times, not {} times", asked.len(), system.calls));
        }
        Ok(Run { took, asked })
    }

    fn command(&self, system: &System, candidate: &Path) -> Result<Command, String> {
        let (data, url) = (self.folder.join("data"), self.server.url());
        let mut command = match system.package {
            None => {
                let mut command = Command::new(&self.program);
                command
                    .arg("eval")
                    .arg(candidate)
                    .arg("--dataset")
                    .arg(data)
                    .args(["--split", "val", "--json"]);
                command.args(["--target-model", "instant", "--target-price", "0.1,0.4"]);
                command.args(["--target-base-url", &url, "--cache-dir"]).arg(self.folder.join("cache"));
                command.args(system.words);
                command
            }
            Some(package) => {
                let python = self.pythons.get(package.name).ok_or("it is not installed")?;
                let (script, words) = system.words.split_first().ok_or("it has no script")?;
                let mut command = Command::new(python);
                command.arg(self.folder.join(script)).arg(candidate).args(words);
                command.env("PYTHONPATH", &self.folder).env("TMPDIR", &self.folder);
                // ShinkaEvolve makes a folder in the user's home as soon as it is imported.
                command.env("HOME", &self.folder);
                command.env("PEERS_DATA", data).env("PEERS_URL", url);
                command
            }
        };
        command.current_dir(&self.folder);
        Ok(command)
    }

    /// The file of a candidate: one that no run had before, or the one that all runs have.
    fn candidate(&self, system: &System, id: &str) -> Result<PathBuf, String> {
        let text = self.sources.iter().find(|(form, _)| *form == system.form).map_or("", |(_, text)| text);
        let (stem, ending) = system.form.file().split_once('.').unwrap_or_default();
        let (name, text) = match system.is_new {
            true => (format!("{stem}_{id}.{ending}"), varied(text, id)),
            false => (format!("{stem}.{ending}"), text.to_owned()),
        };
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }
}

/// An empty folder with data and scripts, and the candidates' sources.
fn prepare(folder: &Path, scripts: &Path, data: &Data) -> io::Result<[(Form, String); 3]> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    data.write(&folder.join("data"))?;
    // Python keeps compiled modules beside their sources, so the scripts are copied.
    for entry in fs::read_dir(scripts)? {
        let (path, name) = entry.map(|it| (it.path(), it.file_name()))?;
        if path.extension().is_some_and(|it| it == "py") {
            fs::copy(&path, folder.join(name))?;
        }
    }
    let read = |form: Form| fs::read_to_string(scripts.join(form.file())).map(|text| (form, text));
    Ok([read(Form::Rust)?, read(Form::Python)?, read(Form::Prompt)?])
}

/// The constant of a candidate that makes it another one.
const VARIANT: &str = "\"0\"";

/// A candidate with another constant.
fn varied(text: &str, id: &str) -> String {
    text.replacen(VARIANT, &format!("\"{id}\""), 1)
}

/// The accuracy in what a run printed: `accuracy 0.5`, or `"accuracy": 0.5`.
fn told(said: &str) -> Option<f64> {
    let (_, rest) = said.split_once("accuracy")?;
    let rest = rest.trim_start_matches(['"', ':', ' ']);
    let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accuracy_is_found_in_what_runs_print() {
        let table = [
            ("a script's", "accuracy 0.260000\n", Some(0.26)),
            ("JSON", "{\n  \"accuracy\": 0.26,\n  \"right\": 13}", Some(0.26)),
            ("dense JSON", "{\"accuracy\":1.0}", Some(1.0)),
            ("something else", "0.26", None),
            ("no number", "accuracy unknown", None),
        ];
        for (name, said, expected) in table {
            assert_eq!(told(said), expected, "{name}");
        }
    }

    #[test]
    fn every_form_of_the_candidate_can_be_varied() {
        for form in [Form::Rust, Form::Python, Form::Prompt] {
            let path = crate::root().join("xtask/peers").join(form.file());
            let text = fs::read_to_string(path).expect("a candidate");
            let (one, other) = (varied(&text, "a_1"), varied(&text, "a_2"));
            assert_eq!(text.matches(VARIANT).count(), 1, "{form:?}");
            assert!(one != other && one.contains("\"a_1\"") && !one.contains(VARIANT), "{form:?}");
        }
    }
}
