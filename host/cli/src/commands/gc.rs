//! `mmh gc`: what is in the cache folder, and what is cleared of it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, SystemTime},
};

use clap::Args;
use serde_json::json;

use crate::{
    environment,
    error::{CliError, CliResult, HOST_FAILED},
    global::Global,
    output,
};
use mmh_engine::{
    compile::native::Usable,
    gc::{self, Collected, GcOptions},
    toolchain::{
        self,
        sdk::{self, MadeFor},
    },
};
use mmh_record::text;

const DAY_S: u64 = 24 * 60 * 60;

#[derive(Args)]
pub struct GcArgs {
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove everything but the kept replies, which cost money to get again
    #[arg(long)]
    all: bool,
    /// Remove the kept replies
    #[arg(long)]
    replies: bool,
    /// Remove what was not used for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=36_500))]
    older_than: u64,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub async fn main(global: &Global, args: GcArgs) -> CliResult {
    let cache = environment::cache(global)?;
    let wish = GcOptions {
        all: args.all,
        replies: args.replies,
        unused_for: Duration::from_secs(args.older_than * DAY_S),
        dry_run: args.dry_run,
        now: SystemTime::now(),
    };
    let compilers = compilers(cache.root()).await;
    let usable = Usable::new()
        .map_err(|error| CliError::host(format!("cannot start the WebAssembly engine: {error:#}")))?;
    let is_useless = |kind: &str, path: &Path| match kind {
        "sdk" => sdk::made_for(path).is_some_and(|made| !is_usable(&made, &compilers)),
        "native" => !usable.loads(path),
        _ => false,
    };
    let collected = gc::collect(cache.root(), &wish, &is_useless).map_err(|error| {
        CliError::host(format!("cannot clear the cache folder {}: {error}", text::path(cache.root())))
    })?;
    match args.json {
        true => {
            output::json(&json!({ "folder": cache.root(), "dry_run": args.dry_run, "result": collected }))
        }
        false => output::text(&shown(cache.root(), &args, &collected)),
    }
    let done = collected.problems.is_empty() && !collected.in_use;
    Ok(if done || args.dry_run { ExitCode::SUCCESS } else { ExitCode::from(HOST_FAILED) })
}

/// What the compilers that SDKs were made with say of themselves now. One that is gone says nothing.
async fn compilers(root: &Path) -> HashMap<PathBuf, String> {
    let folders = std::fs::read_dir(root.join("sdk")).into_iter().flatten().flatten();
    let made: Vec<MadeFor> = folders.filter_map(|it| sdk::made_for(&it.path())).collect();
    let (mut said, environment) = (HashMap::new(), environment::for_compilers());
    for MadeFor { rustc, .. } in made {
        if !said.contains_key(&rustc)
            && let Some(version) = toolchain::version_of(&rustc, &environment).await
        {
            said.insert(rustc, version);
        }
    }
    said
}

/// Whether this program would use an SDK with a compiler that is there.
fn is_usable(made: &MadeFor, compilers: &HashMap<PathBuf, String>) -> bool {
    made.source == MadeFor::this_source() && compilers.get(&made.rustc) == Some(&made.version)
}

fn shown(root: &Path, args: &GcArgs, collected: &Collected) -> String {
    let removed = if args.dry_run { "to remove" } else { "removed" };
    let mut out = format!("{}\n{:<12} {:>8} {:>12} {removed:>10}\n", text::path(root), "", "entries", "size");
    let (mut bytes, mut gone, mut gone_bytes) = (0, 0, 0);
    for it in &collected.kinds {
        let removed = if it.removed == 0 {
            "-".into()
        } else {
            format!("{}, {}", it.removed, text::bytes(it.removed_bytes))
        };
        out += &format!("{:<12} {:>8} {:>12} {removed:>10}\n", it.kind, it.entries, text::bytes(it.bytes));
        bytes += it.bytes;
        gone += it.removed;
        gone_bytes += it.removed_bytes;
    }
    out += &format!("\n{} of {} in {gone} entries ", text::bytes(gone_bytes), text::bytes(bytes));
    out += if args.dry_run { "would be removed\n" } else { "are removed\n" };
    if collected.in_use {
        out += "another mmh uses the folder: only scratch folders that were left behind can go; try again when it has ended\n";
    }
    for problem in &collected.problems {
        out += &format!("not removed: {}\n", text::name(problem));
    }
    out
}
