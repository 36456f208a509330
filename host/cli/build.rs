//! Embeds the templates of `mmh new`: every file below `assets/new`, by language.

use std::{
    env, fs,
    io::{Error, Result},
    path::{Path, PathBuf},
};

fn main() -> Result<()> {
    let variable = |name: &str| env::var(name).map(PathBuf::from).map_err(Error::other);
    let home = variable("CARGO_MANIFEST_DIR")?.join("assets/new");
    println!("cargo::rerun-if-changed={}", home.display());
    let mut code = String::from("const LANGUAGES: &[(&str, &[File])] = &[\n");
    for language in entries(&home)? {
        let name = language.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = Vec::new();
        below(&language, &mut files)?;
        code += &format!("    ({name:?}, &[\n");
        for file in files {
            println!("cargo::rerun-if-changed={}", file.display());
            let path = file.strip_prefix(&language).map_err(Error::other)?.display().to_string();
            code += &format!("        ({path:?}, include_str!({:?})),\n", file.display().to_string());
        }
        code += "    ]),\n";
    }
    code += "];\n";
    fs::write(variable("OUT_DIR")?.join("templates.rs"), code)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries: Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    entries.map(|mut paths| {
        paths.sort();
        paths
    })
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(folder)? {
        if path.is_dir() { below(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
