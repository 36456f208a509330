//! Embeds the templates of `mmh new`, by language: every file below `assets/new`, and what they share with the examples and the
//! contract.

use std::{
    env, fs,
    io::{Error, Result},
    path::{Path, PathBuf},
};

/// Languages, and what their templates have of files that stand elsewhere: the path in a project, and the original's path from
/// this crate.
const SHARED: [(&str, &[(&str, &str)]); 3] = [
    (
        "javascript",
        &[
            ("build.mjs", "../../examples/javascript/build.mjs"),
            ("guard.js", "../../examples/javascript/guard.js"),
            ("harness.js", "../../examples/javascript/harness.js"),
            ("mmh.d.ts", "../../examples/javascript/mmh.d.ts"),
            ("package-lock.json", "../../examples/javascript/package-lock.json"),
            ("steady.c", "../../examples/steady.c"),
            ("wit/harness.wit", "../../wit/harness.wit"),
        ],
    ),
    (
        "python",
        &[
            ("harness.py", "../../examples/python/harness.py"),
            ("requirements.txt", "../../examples/python/requirements.txt"),
            ("steady.c", "../../examples/steady.c"),
            ("wit/harness.wit", "../../wit/harness.wit"),
        ],
    ),
    (
        "typescript",
        &[
            ("build.mjs", "../../examples/javascript/build.mjs"),
            ("guard.js", "../../examples/javascript/guard.js"),
            ("harness.ts", "../../examples/javascript/harness.ts"),
            ("mmh.d.ts", "../../examples/javascript/mmh.d.ts"),
            ("package-lock.json", "../../examples/javascript/package-lock.json"),
            ("stand-in.mjs", "assets/new/javascript/stand-in.mjs"),
            ("steady.c", "../../examples/steady.c"),
            ("wit/harness.wit", "../../wit/harness.wit"),
        ],
    ),
];

/// What an example calls something, and what a project does.
const RENAMED: [(&str, &[(&str, &str)]); 2] = [
    (
        "build.mjs",
        &[("'../../wit'", "'wit'"), ("'../steady.c'", "'steady.c'"), ("harness.wasm", "{{name}}.wasm")],
    ),
    ("package-lock.json", &[("\"mmh-harness\"", "\"{{name}}\"")]),
];

fn main() -> Result<()> {
    let variable = |name: &str| env::var(name).map(PathBuf::from).map_err(Error::other);
    let this = variable("CARGO_MANIFEST_DIR")?;
    let (home, made) = (this.join("assets/new"), variable("OUT_DIR")?);
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
        let shared = SHARED.iter().filter(|(language, _)| *language == name);
        for (path, original) in shared.flat_map(|(_, files)| files.iter()) {
            let original = this.join(original);
            println!("cargo::rerun-if-changed={}", original.display());
            let copy = made.join(&name).join(path);
            fs::create_dir_all(copy.parent().unwrap_or(&made))?;
            fs::write(&copy, renamed(path, fs::read_to_string(original)?))?;
            code += &format!("        ({path:?}, include_str!({:?})),\n", copy.display().to_string());
        }
        code += "    ]),\n";
    }
    code += "];\n";
    fs::write(made.join("templates.rs"), code)
}

/// An example's file as a project has it.
fn renamed(path: &str, text: String) -> String {
    let names = RENAMED.iter().filter(|(file, _)| *file == path).flat_map(|(_, names)| names.iter());
    names.fold(text, |text, (from, to)| text.replace(from, to))
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
