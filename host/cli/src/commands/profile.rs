//! `mmh profile`: where the fuel of one example goes, by function and by line, as a table and as a flame graph.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use crate::commands::eval::{
    Harness,
    bench::Bench,
    build,
    examples::Examples,
    record::Scratch,
    setting::{BenchArgs, Setting},
    shown::of_harness,
};
use crate::{
    error::{CliError, CliResult},
    global::Global,
    output,
    output_file::OutputFile,
    project,
};
use mmh_engine::sandbox::Frame;
use mmh_record::{format::TraceRow, text};
use mmh_report::flame;
use mmh_search::inspect::looked::{self, Ended, FunctionFuel, LineFuel, Profiled};

/// Rows of each table; JSON has all.
const ROWS: usize = 15;

/// Most characters of a function's name in a table.
const NAME_CHARS: usize = 60;

#[derive(Args)]
pub struct ProfileArgs {
    /// The example [default: the first one]
    #[arg(long, value_name = "ID")]
    example: Option<String>,
    /// Draw a flame graph into this file
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Print functions and lines as JSON
    #[arg(long)]
    json: bool,
    // Last, since its headings would hold for what follows.
    #[command(flatten)]
    on: BenchArgs,
}

pub async fn main(global: &Global, args: ProfileArgs) -> CliResult {
    let on = &args.on;
    let svg = args.svg.as_deref().map(|path| OutputFile::check(path, &[], &[".svg"])).transpose()?;
    let mut setting = Setting::open(global, on, None, None).await?;
    let target = match (setting.targets.pop(), setting.targets.is_empty()) {
        (Some(target), true) => target,
        _ => {
            return Err(CliError::input(
                "a profile is of one harness with one target: name one --target-model",
            ));
        }
    };
    let (given, built) = match build(on, None, &setting.builder, &setting.limits).await? {
        Ok(built) => built,
        Err(rejected) => return Ok(rejected.told(args.json)),
    };
    if given.brings_runtime() {
        errln!(
            "note: this harness brings the runtime of its language along: the profile shows the runtime's functions, not yours, and no lines"
        );
    }
    let mut bench = setting.bench(on, None)?;
    only(&mut bench, args.example.as_deref())?;
    let harness = Harness { digest: built.component.digest, leaks: Vec::new(), given };
    let scratch = Scratch::begin(&bench, &target.model, &harness, &built)?;
    let (budget, cancel) = (bench.budget.clone(), bench.cancel.clone());
    let ran = bench.evaluate(target, budget, cancel, built.clone(), Some(&scratch)).await?;
    setting.terminal.done();
    let recorded = scratch.finish(&bench, &ran)?;
    let (learned, row) = match &ran.came {
        Ok((learned, done)) => match done.rows.first() {
            Some(row) => (learned, row),
            None => return Err(CliError::examined("it was stopped before the example ended")),
        },
        Err((kind, why)) => return Err(CliError::examined(format!("{kind}: {}", text::plain(why)))),
    };
    let calls = of_harness(&recorded.calls(|id| id == row.example_id)?, &row.example_id);
    let on = Examples { bench: &bench, harness: &harness, built: &built, model: &ran.model };
    let source = harness.given.lined_source();
    let ended = Ended { row, calls: &calls, state: learned.state() };
    let profiled = on.rerun(&calls).profile(bench.builder, source, &ended, looked::MANY).await?;
    let profiled = profiled.map_err(|rejection| {
        CliError::examined(format!("built for a profile, it is refused: {}", rejection.message))
    })?;
    if let Some(file) = &svg {
        file.write(drawn(&args.on.harness, row, &profiled).as_bytes())?;
    }
    let file = harness.given.file.as_deref();
    match args.json {
        true => output::json(&json(row, &profiled)),
        false => output::text(&shown(row, &profiled, file)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Leaves the one example.
fn only(bench: &mut Bench<'_>, id: Option<&str>) -> Result<(), CliError> {
    let at = match id {
        None => Some(0),
        Some(id) => bench.examples.iter().position(|example| example.id == id),
    };
    let found = at.and_then(|at| bench.examples.get(at)).cloned().ok_or_else(|| {
        let name =
            |at: Option<&mmh_search::dataset::Example>| at.map_or_else(String::new, |it| it.id.clone());
        let (first, last) = (name(bench.examples.first()), name(bench.examples.last()));
        CliError::input(format!(
            "--example {}: there is no such example; the first is {first}, the last {last}",
            text::name(id.unwrap_or_default())
        ))
    })?;
    bench.examples = vec![found];
    bench.protocol.trials = 1;
    Ok(())
}

fn json(row: &TraceRow, profiled: &Profiled) -> serde_json::Value {
    let profile = &profiled.profile;
    json!({
        "example": row.example_id,
        "outcome": profiled.kind.name(),
        "fuel": profile.fuel,
        "fuel_recorded": row.fuel,
        "sampled_every": profile.every,
        "functions": looked::functions(profile),
        "lines": looked::lines(profile),
    })
}

fn shown(row: &TraceRow, profiled: &Profiled, file: Option<&Path>) -> String {
    let (profile, all) = (&profiled.profile, profiled.profile.fuel.max(1));
    let share = |fuel: u64| fuel as f64 / all as f64 * 100.0;
    let mut out = format!(
        "example {}: {}, {} fuel, looked at each {} units\n\n   own %  total %           own  function\n",
        text::one_line(&row.example_id),
        profiled.kind.name(),
        text::grouped(profile.fuel),
        text::grouped(profile.every),
    );
    let name = |function: &str| text::ellipsis(&text::one_line(function), NAME_CHARS);
    for FunctionFuel { function, own, total } in looked::functions(profile).iter().take(ROWS) {
        let (of_own, of_all) = (share(*own), share(*total));
        out += &format!("  {of_own:6.1}   {of_all:6.1}  {:>12}  {}\n", text::grouped(*own), name(function));
    }
    let lines = looked::lines(profile);
    match (file, lines.is_empty()) {
        (_, true) => out += "\nno lines: they are known where the source is compiled in the jail\n",
        (file, false) => {
            out += "\n       %          fuel  line, with what it called\n";
            let file = file.map_or_else(|| "line ".to_owned(), |file| format!("{}:", text::path(file)));
            for LineFuel { line, function, fuel } in lines.iter().take(ROWS) {
                let of_all = share(*fuel);
                out += &format!(
                    "  {of_all:6.1}  {:>12}  {file}{line} in {}\n",
                    text::grouped(*fuel),
                    name(function)
                );
            }
        }
    }
    if profile.fuel != row.fuel {
        let fuel = text::grouped(row.fuel);
        out += &format!("\nnote: without a profile the example took {fuel} fuel; it is another component\n");
    }
    out
}

fn drawn(harness: &Path, row: &TraceRow, profiled: &Profiled) -> String {
    let name = |frame: &Frame| match (frame.line, &frame.file) {
        (Some(line), Some(file)) if file.trim_start_matches('/') == mmh_record::layout::SOURCE => {
            format!("{} (line {line})", frame.function)
        }
        _ => frame.function.clone(),
    };
    let stacks: Vec<(Vec<String>, u64)> = profiled
        .profile
        .stacks
        .iter()
        .map(|(stack, fuel)| (stack.iter().map(name).collect(), *fuel))
        .collect();
    let (harness, fuel) = (project::name(harness), text::grouped(profiled.profile.fuel));
    flame::svg(&format!("{harness}, example {}: {fuel} fuel", row.example_id), "fuel", &stacks)
}
