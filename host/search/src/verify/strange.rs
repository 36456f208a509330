//! Finds files and folders that do not belong to a run.

use cap_std::fs::{Dir, FileType, FileTypeExt};

use mmh_record::{
    layout::{self, Place},
    manifest::Finding,
    reader::RunReader,
};

/// Findings about entries that do not belong into this folder of a run. For the run's own folder, the parents of the others
/// are checked as well. Half-written files are allowed in a folder that was not finished.
pub fn entries(reader: &RunReader, folder: &str, is_sealed: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(dir) = reader.folder(folder) else {
        return vec![Finding::new(folder, "a folder", "none that can be opened")];
    };
    for (name, kind) in listed(&dir) {
        let is_parent = folder.is_empty() && kind.is_dir() && layout::PARENTS.contains(&name.as_str());
        let is_left = !is_sealed && kind.is_file() && layout::is_partial(&name);
        let is_known = kind.is_file() && layout::kind(folder, &name).is_some();
        if is_parent {
            findings.extend(below(reader, &name));
        } else if !is_left && !is_known {
            findings.push(finding(folder, &name, kind));
        }
    }
    findings
}

/// Findings about entries that are no folder of an iteration.
fn below(reader: &RunReader, parent: &str) -> Vec<Finding> {
    let Some(dir) = reader.folder(parent) else { return Vec::new() };
    let strange = listed(&dir)
        .into_iter()
        .filter(|(name, kind)| !kind.is_dir() || Place::of(&format!("{parent}/{name}")).is_none());
    strange.map(|(name, kind)| finding(parent, &name, kind)).collect()
}

fn finding(folder: &str, name: &str, kind: FileType) -> Finding {
    let path = layout::file(folder, name);
    let belongs = layout::kind(folder, name).is_some();
    match belongs {
        true => Finding::new(path, "a plain file", described(kind)),
        false => Finding::new(
            path,
            "nothing of this name",
            format!("{}, which does not belong to a run", described(kind)),
        ),
    }
}

fn described(kind: FileType) -> &'static str {
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_symlink() => "a link",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "a file",
    }
}

/// The names in a folder, sorted, with what they are.
fn listed(dir: &Dir) -> Vec<(String, FileType)> {
    let Ok(entries) = dir.entries() else { return Vec::new() };
    let named = |entry: std::io::Result<cap_std::fs::DirEntry>| {
        let entry = entry.ok()?;
        Some((entry.file_name().to_string_lossy().into_owned(), entry.file_type().ok()?))
    };
    let mut listed: Vec<(String, FileType)> = entries.filter_map(named).collect();
    listed.sort_by(|(left, _), (right, _)| left.cmp(right));
    listed
}
