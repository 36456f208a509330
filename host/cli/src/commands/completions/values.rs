//! Values of options and arguments, by what their names say: runs, iterations, harnesses that ship with the program, files.

use std::path::Path;

use clap::Arg;

use super::offer::Offer;
use mmh_record::{layout, objective::Objective, reader::RunReader};
use mmh_search::baselines;

/// The folder of runs, where nobody names another one.
const RUNS: &str = "runs";

/// Most runs and iterations that are offered.
const MOST: usize = 500;

/// The values that an option or argument can have. `before` are the words in front.
pub fn of(arg: &Arg, current: &str, before: &[String]) -> Vec<Offer> {
    let possible: Vec<_> = arg.get_possible_values().into_iter().filter(|it| !it.is_hide_set()).collect();
    if !possible.is_empty() {
        let about =
            |it: &clap::builder::PossibleValue| it.get_help().map(ToString::to_string).unwrap_or_default();
        return possible.iter().map(|it| Offer::word(it.get_name(), about(it))).collect();
    }
    let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let name = name.unwrap_or_default();
    let kinds: Vec<&str> = name.split('|').collect();
    let is = |kind: &str| kinds.contains(&kind);
    let mut offered = Vec::new();
    if is("NAME") && (is("PATH") || name.contains("HARNESS")) {
        offered.extend(baselines::SHIPPED.iter().map(|it| Offer::word(it.name, it.about)));
    }
    if is("RUN") || is_harness(&name) {
        offered.extend(runs(current));
    }
    if arg.get_id() == "iteration" || ["A", "B"].contains(&name.as_str()) {
        offered.extend(iterations(before));
    }
    let has_runs = is("RUN") && !offered.is_empty();
    if is("PATH") || is("FILE") || is("EXPORT") || name.contains('.') || is("TO") || is("DIR|FILE") {
        offered.push(Offer::Files);
    } else if is("DIR") || is("RUNS_DIR") || is("RUN") && !has_runs {
        offered.push(Offer::Folders);
    }
    offered
}

/// Whether a harness may be named in any way, also by a run that has it.
fn is_harness(name: &str) -> bool {
    name.starts_with("HARNESS.rs|PROJECT")
}

/// The runs in the folder that is begun to be typed, or in this one and in `runs`.
fn runs(current: &str) -> Vec<Offer> {
    let folders = match current.rsplit_once('/') {
        Some((folder, _)) => vec![format!("{folder}/")],
        None => vec![String::new(), format!("{RUNS}/")],
    };
    let mut found: Vec<String> = folders.iter().flat_map(|folder| runs_in(folder)).collect();
    found.retain(|run| run.starts_with(current));
    found.sort();
    found.truncate(MOST);
    found.into_iter().map(|run| Offer::word(run, "")).collect()
}

/// The runs in a folder, by their paths.
fn runs_in(folder: &str) -> Vec<String> {
    let path = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let names = entries.flatten().filter_map(|it| it.file_name().into_string().ok());
    let is_run = |name: &String| path.join(name).join(layout::CONFIG).is_file();
    // A name that a terminal would not show as it is cannot be chosen.
    let is_plain = |name: &String| !name.chars().any(char::is_control);
    names.filter(|it| is_plain(it) && is_run(it)).take(MOST).map(|name| format!("{folder}{name}")).collect()
}

/// The iterations of the run that the words in front name, with what they came to.
fn iterations(before: &[String]) -> Vec<Offer> {
    let reader = before.iter().map(|word| word.split_once('=').map_or(word.as_str(), |(_, value)| value));
    let reader = reader.filter(|word| Path::new(word).join(layout::CONFIG).is_file());
    let Some(Ok(summary)) =
        reader.map(|word| RunReader::open(Path::new(word)).and_then(|it| it.summary())).next()
    else {
        return Vec::new();
    };
    let objective = Objective::of(&summary.config);
    let scored = summary.iterations.iter().map(|it| (it.index, it.score.figure(objective).spaced()));
    let unscored = summary.unscored.iter().map(|it| (it.index, it.status.clone()));
    let mut all: Vec<(u32, String)> = scored.chain(unscored).take(MOST).collect();
    all.sort();
    all.into_iter().map(|(index, about)| Offer::word(index.to_string(), about.trim())).collect()
}
