//! `mmh inspect`: what a component is made of.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value, json};

use crate::{
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    example_view, files, output,
};
use mmh_engine::compile::imports;
use mmh_record::{
    data::Split,
    digest::Digest,
    layout,
    manifest::{self, Manifest},
    reader::RunReader,
    text,
};
use mmh_search::inspect::{
    AuditError, Place,
    component::{self, ImportChange, Inspected},
};

#[derive(Args)]
pub struct InspectArgs {
    /// A component, or a run's folder
    #[arg(value_name = "COMPONENT.wasm|RUN")]
    path: PathBuf,
    /// The iteration of the run
    #[arg(long, value_name = "N")]
    iteration: Option<u32>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// What a run says about the component.
struct Recorded {
    index: u32,
    /// The digests that the run has recorded for it, by the file that says so.
    digests: Vec<(&'static str, Digest)>,
    /// The iteration that it was made from, and what changed since.
    parent: Option<(u32, ImportChange)>,
}

pub fn main(args: InspectArgs) -> CliResult {
    let (name, bytes, run) = match (args.path.is_dir(), args.iteration) {
        (true, Some(index)) => {
            let reader = RunReader::open(&args.path)?;
            let place = Place::find(&reader, index, Split::Val)?;
            let bytes = place.component(&reader)?;
            (format!("{}/{}", place.home, layout::COMPONENT), bytes, Some((reader, place)))
        }
        (true, None) => return Err(CliError::input("of a run, --iteration says which component is meant")),
        (false, Some(_)) => {
            return Err(CliError::input(format!(
                "{} is no run folder, so it has no --iteration",
                text::path(&args.path)
            )));
        }
        (false, None) => (text::path(&args.path), read(&args.path)?, None),
    };
    let inspected = component::inspect(&bytes)
        .map_err(|problem| AuditError::NotAComponent { name: name.clone(), problem })?;
    let recorded = run.map(|(reader, place)| recorded(&reader, &place, &inspected)).transpose()?;
    let is_recorded = |it: &Recorded| it.digests.iter().all(|(_, digest)| *digest == inspected.sha256);
    let holds = recorded.as_ref().is_none_or(is_recorded);
    if args.json {
        let recorded = recorded.map(|it| {
            json!({
                "iteration": it.index,
                "recorded": it.digests.iter().map(|(file, digest)| json!({ "file": file, "sha256": digest })).collect::<Vec<_>>(),
                "is_recorded_digest": holds,
                "parent": it.parent.map(|(index, change)| json!({ "iteration": index, "imports": change })),
            })
        });
        output::json(&json!({ "file": name, "component": inspected, "run": recorded }));
    } else {
        output::text(&shown(&name, &inspected, recorded.as_ref()));
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(EXAMINED_NOT_OK) })
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, CliError> {
    files::bytes(path, component::MAX_BYTES, None)
}

fn recorded(reader: &RunReader, place: &Place, inspected: &Inspected) -> Result<Recorded, CliError> {
    let mut digests = Vec::new();
    let (manifest, provenance) =
        (format!("{}/{}", place.home, manifest::NAME), format!("{}/{}", place.home, layout::PROVENANCE));
    // An iteration that a crash has cut off has no manifest, and is in no summary.
    if reader.has(&manifest) {
        let listed =
            reader.json::<Manifest>(&manifest)?.files.get(layout::COMPONENT).map(|entry| entry.sha256);
        digests.extend(listed.map(|digest| (manifest::NAME, digest)));
    }
    if reader.has(&provenance) {
        let subject = reader.json::<Value>(&provenance)?["subject"][0]["digest"]["sha256"].clone();
        digests.extend(serde_json::from_value(subject).ok().map(|digest| (layout::PROVENANCE, digest)));
    }
    if let Ok(summary) = reader.summary() {
        let found = summary.iterations.iter().find(|it| it.index == place.index);
        digests.extend(found.map(|it| (layout::SUMMARY, it.component_digest)));
    }
    let parent = parent(reader, place.index, inspected)?;
    Ok(Recorded { index: place.index, digests, parent })
}

/// The parent by the summary, and the change of imports since, where its component is there.
fn parent(
    reader: &RunReader,
    index: u32,
    inspected: &Inspected,
) -> Result<Option<(u32, ImportChange)>, CliError> {
    let Ok(summary) = reader.summary() else { return Ok(None) };
    let found = summary.iterations.iter().find(|it| it.index == index).and_then(|it| it.parent);
    let Some(parent) = found else { return Ok(None) };
    let place = Place::find(reader, parent, Split::Val)?;
    let imports = imports::list(&place.component(reader)?).map_err(|problem| AuditError::NotAComponent {
        name: format!("{}/{}", place.home, layout::COMPONENT),
        problem,
    })?;
    Ok(Some((parent, ImportChange::between(&imports, &inspected.imports))))
}

/// Which files of the run name this digest, and which name another.
fn said_of_digests(recorded: &Recorded, found: Digest) -> String {
    let (same, others): (Vec<_>, Vec<_>) = recorded.digests.iter().partition(|(_, digest)| *digest == found);
    let mut out = match same.iter().map(|(file, _)| *file).collect::<Vec<_>>().join(", ") {
        files if files.is_empty() && others.is_empty() => {
            "        the run has recorded no digest: the iteration is not finished\n".into()
        }
        files if files.is_empty() => String::new(),
        files => format!("        recorded in {files}\n"),
    };
    for (file, digest) in others {
        out += &format!("        NOT the digest in {file}: {digest}\n");
    }
    out
}

fn shown(name: &str, inspected: &Inspected, recorded: Option<&Recorded>) -> String {
    let mut out = format!("{name}\nsha256  {}\n", inspected.sha256);
    if let Some(recorded) = recorded {
        out += &said_of_digests(recorded, inspected.sha256);
    }
    out +=
        &format!("size    {} ({} bytes)\n\n", text::bytes(inspected.bytes), text::grouped(inspected.bytes));
    out += &format!("{}\n", inspected.wit.trim_end());
    if let Some(it) = recorded {
        out += "\n";
        match &it.parent {
            Some((parent, change)) if change.is_empty() => {
                out += &format!("imports what its parent {parent:03} does\n")
            }
            Some((parent, change)) => {
                out += &format!(
                    "imports, against its parent {parent:03}\n{}",
                    example_view::imports(change, "  ")
                );
            }
            None => out += "no parent\n",
        }
    }
    for part in &inspected.parts {
        out += &format!("\n{:<32} {:>12} bytes\n", part.name, text::grouped(part.bytes));
        for section in &part.sections {
            let name = text::ellipsis(&text::one_line(&section.name), 30);
            out += &format!("  {name:<30} {:>12}\n", text::grouped(section.bytes));
        }
    }
    out += if inspected.producers.is_empty() { "\nno producers are named\n" } else { "\nproducers\n" };
    for it in &inspected.producers {
        let who = text::one_line(&format!("{} {}", it.name, it.version));
        out += &format!("  {:<14} {who}\n", text::one_line(&it.role));
    }
    out
}
