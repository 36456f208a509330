//! What is compared: the systems, how each runs a candidate, and what it keeps from one.
//!
//! What is said about a system was read in its installed source, in the version that is pinned here. Who changes a
//! version reads it again.

use super::data::SCORED;

/// A package of PyPI, in one version.
#[derive(Clone, Copy)]
pub struct Package {
    pub name: &'static str,
    pub version: &'static str,
}

/// The form of a candidate. Each is a file in `xtask/peers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Rust,
    Python,
    Prompt,
}

impl Form {
    pub const fn file(self) -> &'static str {
        match self {
            Self::Rust => "few_shot.rs",
            Self::Python => "few_shot.py",
            Self::Prompt => "few_shot.txt",
        }
    }

    /// The two programs ask the same.
    pub fn is_program(self) -> bool {
        self != Self::Prompt
    }
}

/// A system in one way of use.
pub struct System {
    pub title: &'static str,
    /// Nothing for `mmh`, which is built here.
    pub package: Option<Package>,
    pub form: Form,
    /// Whether each run gets a candidate that no run had before.
    pub is_new: bool,
    /// Calls of the model that one run makes.
    pub calls: usize,
    /// A script of `xtask/peers` with what follows the candidate; for `mmh`, further options.
    pub words: &'static [&'static str],
    /// How it runs a candidate.
    pub runs: &'static str,
    /// What it keeps a candidate from.
    pub guards: &'static str,
}

/// Two systems that do the same work.
pub struct Comparison {
    /// What `--only` chooses by.
    pub name: &'static str,
    pub work: &'static str,
    pub ours: &'static System,
    pub theirs: &'static System,
}

const OPENEVOLVE: Package = Package { name: "openevolve", version: "0.4.1" };
const SHINKA: Package = Package { name: "shinka-evolve", version: "0.0.7" };
const GEPA: Package = Package { name: "gepa", version: "0.1.4" };

const NEW: &str = "new candidate";

const SANDBOX: &str = "files, network and environment are closed, the clock is virtual; fuel, memory, time, output and \
                       model calls have limits; prompts and money are counted outside of it";

const MMH: System = System {
    title: "mmh",
    package: None,
    form: Form::Rust,
    is_new: true,
    calls: SCORED,
    words: &["--no-cache"],
    runs: "`rustc` and native compilation in jails, then a fresh WebAssembly instance for each example",
    guards: SANDBOX,
};

const MMH_UNCHANGED: System = System {
    title: "mmh, source unchanged",
    is_new: false,
    runs: "the compiled component is kept; a fresh instance for each example",
    ..MMH
};

const MMH_KEPT: System = System {
    title: "mmh, source unchanged, replies kept",
    calls: 0,
    words: &[],
    runs: "the compiled component and the model's replies are kept; a fresh instance for each example",
    ..MMH_UNCHANGED
};

const OPENEVOLVE_POOL: System = System {
    title: "OpenEvolve, process pool",
    package: Some(OPENEVOLVE),
    form: Form::Python,
    is_new: true,
    calls: SCORED,
    words: &["openevolve_run.py"],
    runs: "imported into a worker of its process pool, which runs other candidates before and after it",
    guards: "a timeout, after which the candidate's thread goes on; files, network, environment and model are open; \
             the settings for memory and processors have no effect",
};

const OPENEVOLVE_FRESH: System = System {
    title: "OpenEvolve, fresh processes",
    words: &["openevolve_run.py", "1"],
    runs: "the same with `max_tasks_per_child: 1`: a worker that is started for this candidate",
    guards: "the same, but nothing of a candidate stays for the next one",
    ..OPENEVOLVE_POOL
};

const SHINKA_LOCAL: System = System {
    title: "ShinkaEvolve, local job",
    package: Some(SHINKA),
    words: &["shinka_run.py"],
    runs: "imported into a new Python process, which runs the examples one after the other",
    guards: "a time limit, after which the process is killed; files, network, environment and model are open; a local job \
             has no limit of memory",
    ..OPENEVOLVE_POOL
};

const GEPA_PROMPT: System = System {
    title: "GEPA, a prompt",
    package: Some(GEPA),
    form: Form::Prompt,
    words: &["gepa_prompt.py"],
    runs: "a prompt without code, by the default adapter",
    guards: "there is no code to keep from anything",
    ..OPENEVOLVE_POOL
};

const GEPA_CODE: System = System {
    title: "GEPA, `execute_code`",
    package: Some(GEPA),
    words: &["gepa_code.py", "each"],
    runs: "the adapter of `optimize_anything` with `execute_code`: a new Python process for each example, one for each core \
           at once",
    guards: "a timeout, after which the process is killed, its children only if psutil is there; files, network, environment \
             and model are open; no limit of memory",
    ..OPENEVOLVE_POOL
};

const GEPA_BATCH: System = System {
    title: "GEPA, `execute_code` once",
    words: &["gepa_code.py", "batch"],
    runs: "the same with a batch evaluator: one new Python process for all examples",
    guards: "the same, with one timeout for all examples",
    ..GEPA_CODE
};

const GEPA_KEPT: System = System {
    title: "GEPA, results kept",
    is_new: false,
    calls: 0,
    words: &["gepa_code.py", "cached"],
    runs: "the scores are in its cache of evaluations on the disk; nothing is run",
    guards: "nothing is run",
    ..GEPA_CODE
};

const fn against(name: &'static str, theirs: &'static System) -> Comparison {
    Comparison { name, work: NEW, ours: &MMH, theirs }
}

pub const COMPARISONS: [Comparison; 8] = [
    against("mmh-unchanged", &MMH_UNCHANGED),
    against("openevolve-pool", &OPENEVOLVE_POOL),
    against("openevolve-fresh", &OPENEVOLVE_FRESH),
    against("shinka", &SHINKA_LOCAL),
    against("gepa-prompt", &GEPA_PROMPT),
    against("gepa-code", &GEPA_CODE),
    against("gepa-batch", &GEPA_BATCH),
    Comparison { name: "gepa-kept", work: "unchanged candidate", ours: &MMH_KEPT, theirs: &GEPA_KEPT },
];

/// Those whose names begin like this; all of them if nothing is chosen.
pub fn chosen(only: &[String]) -> Result<Vec<&'static Comparison>, String> {
    let names = || COMPARISONS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = only.iter().find(|it| !COMPARISONS.iter().any(|row| row.name.starts_with(*it))) {
        return Err(format!(
            "--only {unknown}: nothing has a name that begins like this; there are {}",
            names()
        ));
    }
    let is_chosen = |row: &&Comparison| only.is_empty() || only.iter().any(|it| row.name.starts_with(it));
    Ok(COMPARISONS.iter().filter(is_chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_chosen_by_how_their_names_begin() {
        let names = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|it| (*it).to_owned()).collect();
            chosen(&only).map(|rows| rows.iter().map(|it| it.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).map(|it| it.len()), Ok(COMPARISONS.len()));
        assert_eq!(
            names(&["shinka", "openevolve"]),
            Ok(vec!["openevolve-pool", "openevolve-fresh", "shinka"])
        );
        let problem = names(&["gepa", "dspy"]).expect_err("it is not there");
        assert!(problem.starts_with("--only dspy") && problem.contains("gepa-code"), "{problem}");
    }

    #[test]
    fn both_sides_of_a_comparison_do_the_same_work() {
        for Comparison { name, ours, theirs, .. } in COMPARISONS {
            assert_eq!(ours.calls, theirs.calls, "{name}");
            assert!(ours.package.is_none(), "{name}");
            // Only `mmh` may stand beside itself, to show what is kept.
            assert!(ours.is_new == theirs.is_new || theirs.package.is_none(), "{name}");
        }
    }
}
