//! Prints the scoreboard of a run: `cargo run --example scoreboard -- RUN`.

use std::path::Path;

use mmh_record::{RecordError, objective::Objective, reader::RunReader};

/// A line for each iteration of the run in this folder, by index. The best on validation has a star.
pub fn scoreboard(run: &Path) -> Result<Vec<String>, RecordError> {
    let summary = RunReader::open(run)?.summary()?;
    let (best, objective) = (summary.best_iteration_index, Objective::of(&summary.config));
    let scored = summary.iterations.iter().map(|it| {
        let (star, score) = (if best == Some(it.index) { '*' } else { ' ' }, &it.score);
        let figure = score.figure(objective);
        let line = format!("{star} {:03} {:>7} {}", it.index, figure.spaced(), figure.interval());
        (it.index, format!("{line} {} of {}", score.n_correct, score.n_examples))
    });
    let unscored = summary.unscored.iter().map(|it| (it.index, format!("  {:03} {}", it.index, it.status)));
    let mut lines: Vec<(u32, String)> = scored.chain(unscored).collect();
    lines.sort();
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

#[allow(clippy::print_stdout, reason = "it is a program")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let run = std::env::args_os().nth(1).ok_or("usage: scoreboard RUN, where RUN is the folder of a run")?;
    scoreboard(Path::new(&run))?.iter().for_each(|line| println!("{line}"));
    Ok(())
}
