//! `cargo xtask peers`: how long `mmh` and other systems take for the same work, measured in pairs.
//!
//! The work is one new candidate, a small program that classifies texts, over the same 50 labelled examples, with a
//! model on this machine that answers at once. What is measured is the whole process, from its start to its end. Each
//! run gets a candidate with another constant, so that nothing that is kept can answer for it, and each run is checked:
//! the accuracy that it reports and the prompts that reached the model.
//!
//! The candidates, and a small script for each system, are in `xtask/peers`. Not in here: anything about how good the
//! candidates are that a system finds.

mod bench;
mod data;
mod figures;
mod machine;
mod server;
mod systems;

use std::{
    fs,
    path::{Path, PathBuf},
};

use bench::Bench;
use figures::Measured;

/// The page that shows the result, between these two lines.
const PAGE: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- generated: peers; cargo xtask peers -->\n";
const END: &str = "<!-- end -->";

/// What the command line chooses.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    pairs: usize,
    only: Vec<String>,
    /// A program that is there, instead of a release build.
    program: Option<PathBuf>,
    /// Whether the result is written into the page.
    writes: bool,
}

impl Options {
    pub fn of(words: &[&str]) -> Result<Self, String> {
        let mut options = Self { pairs: 7, only: Vec::new(), program: None, writes: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match *word {
                "--pairs" => {
                    let number = value()?;
                    options.pairs = number
                        .parse()
                        .ok()
                        .filter(|it| *it > 0)
                        .ok_or(format!("--pairs {number}: a number from 1 on is needed"))?;
                }
                "--only" => options.only.push((*value()?).to_owned()),
                "--program" => options.program = Some(value()?.into()),
                "--write" => options.writes = true,
                _ => return Err(format!("{word} is not an option of `cargo xtask peers`")),
            }
        }
        Ok(options)
    }
}

/// Compares, and prints or writes the result.
pub fn compare(root: &Path, options: &Options) -> Result<(), String> {
    let chosen = systems::chosen(&options.only)?;
    let bench = Bench::new(root, options.program.as_deref(), &chosen)?;
    let measured: Result<Vec<Measured>, String> =
        chosen.into_iter().map(|it| bench.measure(it, options.pairs)).collect();
    let result = figures::page(
        &machine::facts(root, bench.program(), options.program.is_none(), options.pairs),
        &measured?,
    );
    println!("{result}");
    if options.writes {
        let path = root.join(PAGE);
        let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {PAGE}: {error}"))?;
        fs::write(&path, replaced(&text, &result)?)
            .map_err(|error| format!("cannot write {PAGE}: {error}"))?;
    }
    Ok(())
}

/// The page with another result.
fn replaced(text: &str, result: &str) -> Result<String, String> {
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.ok_or(format!("{PAGE} has no place for the result: the lines {}and {END}", BEGIN.trim()))?;
    Ok(format!("{before}{BEGIN}{result}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_or_refused() {
        let standard = || Options { pairs: 7, only: Vec::new(), program: None, writes: false };
        let table: [(&[&str], Result<Options, &str>); 7] = [
            (&[], Ok(standard())),
            (&["--pairs", "9", "--write"], Ok(Options { pairs: 9, writes: true, ..standard() })),
            (
                &["--only", "a", "--only", "b"],
                Ok(Options { only: vec!["a".into(), "b".into()], ..standard() }),
            ),
            (&["--program", "p"], Ok(Options { program: Some("p".into()), ..standard() })),
            (&["--pairs", "0"], Err("--pairs 0: a number from 1 on is needed")),
            (&["--only"], Err("--only needs a value")),
            (&["--fast"], Err("--fast is not an option of `cargo xtask peers`")),
        ];
        for (words, expected) in table {
            assert_eq!(Options::of(words), expected.map_err(str::to_owned), "{words:?}");
        }
    }

    #[test]
    fn a_result_replaces_the_one_before() {
        let page = |result: &str| format!("# Page\n{BEGIN}{result}{END}\nThe rest.\n");
        assert_eq!(replaced(&page("old\n"), "new\n"), Ok(page("new\n")));
        assert!(replaced("# Page\n", "new\n").is_err_and(|it| it.contains(PAGE)));
        let real = fs::read_to_string(crate::root().join(PAGE)).expect("the page");
        assert!(replaced(&real, "new\n").is_ok(), "{PAGE} has a place for the result");
    }
}
