//! `mmh doctor`: what this system offers, and what to do about what is missing.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::toolchain;
use crate::{
    environment,
    error::{CliResult, EXAMINED_NOT_OK},
    global::Global,
    keys, output,
};
use mmh_engine::{
    cache::Cache,
    compile::{Compiler, Python},
    jail::{
        self, Jail,
        features::{self, Feature},
    },
    toolchain::{IfMissing, TARGET, Toolchain, python},
};
use mmh_record::{language::HarnessLanguage, limits::Limits, text};
use mmh_search::baselines;

#[derive(Args)]
pub struct DoctorArgs {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// The finding about harnesses in Python.
const PYTHON: &str = "python";

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    ok: bool,
    detail: String,
    /// Whether nothing is wrong where it is not there.
    is_optional: bool,
}

impl Finding {
    fn new(what: &'static str, ok: bool, detail: impl Into<String>) -> Self {
        Self { what, ok, detail: detail.into(), is_optional: false }
    }
}

pub async fn main(global: &Global, args: DoctorArgs) -> CliResult {
    let cache = environment::cache(global)?;
    let (jail, features) = confinement().await;
    let findings = [compiler(global).await, python(&cache, &jail).await, jail, host(), cache_folder(&cache)];
    let keys = keys::known(global, &environment::catalog(global)?)?;
    let ok = findings.iter().all(|finding| finding.ok || finding.is_optional);
    if args.json {
        let rows: Vec<_> = findings
            .iter()
            .map(|it| {
                let mut row = json!({ "what": it.what, "ok": it.ok, "detail": it.detail });
                if it.is_optional {
                    row["optional"] = json!(true);
                }
                row
            })
            .collect();
        let keys: serde_json::Map<_, _> = keys.into_iter().map(|(name, set)| (name, json!(set))).collect();
        output::json(&json!({ "ok": ok, "findings": rows, "jail": features, "keys": keys }));
    } else {
        for Finding { what, ok, detail, is_optional } in &findings {
            let verdict = match (*ok, *is_optional) {
                (true, _) => "ok",
                (false, true) => "not set",
                (false, false) => "PROBLEM",
            };
            outln!("{verdict:<8}  {what}: {detail}");
            if *what == "jail" {
                for Feature { name, ok, detail } in &features {
                    outln!("{:<8}    {name}: {detail}", if *ok { "" } else { "MISSING" });
                }
            }
        }
        for (name, set) in keys {
            outln!("{:<8}  key {name}: {}", "", if set { "set" } else { "not set" });
        }
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(EXAMINED_NOT_OK) })
}

async fn compiler(global: &Global) -> Finding {
    let environment = environment::for_compilers();
    let found = Toolchain::find(global.rustc.as_deref(), environment, IfMissing::Report, &|_| {}).await;
    let (ok, detail) = match found {
        Ok(found) => {
            (true, format!("{}, with the target {TARGET}, at {}", found.summary(), text::path(&found.rustc)))
        }
        Err(error) => (false, error.to_string()),
    };
    Finding::new("compiler", ok, detail)
}

/// Whether harnesses in Python can be compiled: a small one is, in the jail. The cache keeps it.
async fn python(cache: &Cache, jail: &Finding) -> Finding {
    let tools = match python::find(cache, &environment::for_compilers()).await {
        Ok(tools) => tools,
        Err(error) => {
            let is_optional = toolchain::is_optional(&error);
            return Finding { is_optional, ..Finding::new(PYTHON, false, error.to_string()) };
        }
    };
    let about = format!("{} {}", python::COMPILER, tools.manifest.version);
    if !jail.ok {
        return Finding::new(PYTHON, true, format!("{about}, not tried: there is no jail"));
    }
    let Ok(program) = environment::this_program() else {
        return Finding::new(PYTHON, false, "this program's own file cannot be found");
    };
    let compiler = Compiler::new(Python::new(tools), Jail::new(program), cache.clone(), Limits::default());
    let source = baselines::ZERO_SHOT.source_in(HarnessLanguage::Python).unwrap_or_default();
    match compiler.compile(source).await {
        Ok(Ok(made)) if made.cached => {
            Finding::new(PYTHON, true, format!("{about}; a harness was compiled with it before"))
        }
        Ok(Ok(_)) => Finding::new(PYTHON, true, format!("{about}; a harness compiles with it in the jail")),
        Ok(Err(rejection)) => {
            let why =
                format!("{about} compiles no harness: {}: {}", rejection.kind.name(), rejection.message);
            Finding::new(PYTHON, false, why)
        }
        Err(error) => Finding::new(PYTHON, false, error.to_string()),
    }
}

async fn confinement() -> (Finding, Vec<Feature>) {
    let (ok, detail, features) = match environment::this_program() {
        Ok(program) => {
            let found = features::detect(&Jail::new(program)).await;
            (found.confines, found.detail, found.features)
        }
        Err(_) => (false, "this program's own file cannot be found".into(), Vec::new()),
    };
    (Finding::new("jail", ok, detail), features)
}

/// Whether this process keeps its keys to itself.
fn host() -> Finding {
    let (ok, detail) = match jail::keeps_to_itself() {
        true => (true, "writes no core dumps, and no other process of yours can look into it"),
        false => {
            (false, "this system lets it write core dumps, or others look into it: keys may be in there")
        }
    };
    Finding::new("host", ok, detail)
}

fn cache_folder(cache: &Cache) -> Finding {
    let (ok, detail) = match cache.scratch() {
        Ok(_) => (true, format!("{} can be written", text::path(cache.root()))),
        Err(error) => (false, error.to_string()),
    };
    Finding::new("cache", ok, detail)
}
