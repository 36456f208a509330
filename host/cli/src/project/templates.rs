//! What `mmh new` writes: every file below `host/cli/assets/new/LANGUAGE/`, with `{{name}}` replaced; and for Rust the SDK.

use mmh_engine::toolchain::sdk;

/// A file of a template: its path in the project, and its text.
type File = (&'static str, &'static str);

// LANGUAGES: each language with its files. Made by the build script from the folders below `assets/new`.
include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// The place of the SDK in a Rust project.
const SDK: &str = ".mmh/sdk";

/// The names of all languages.
pub fn languages() -> Vec<&'static str> {
    LANGUAGES.iter().map(|(name, _)| *name).collect()
}

/// The files of a new project of this name, with their paths, or none for an unknown language.
pub fn files(language: &str, name: &str) -> Option<Vec<(String, String)>> {
    let (_, files) = LANGUAGES.iter().find(|(known, _)| *known == language)?;
    let filled = |text: &str| text.replace("{{name}}", name);
    let mut all: Vec<(String, String)> =
        files.iter().map(|(path, text)| (filled(path), filled(text))).collect();
    if language == RUST {
        all.extend(sdk_files());
        all.push(("Cargo.lock".into(), lock(name)));
    }
    Some(all)
}

/// The language whose projects have the SDK beside them.
pub const RUST: &str = "rust";

/// The SDK as this program has it, so that editors and builds find it without a network.
fn sdk_files() -> Vec<(String, String)> {
    let mut files = vec![
        (format!("{SDK}/Cargo.toml"), sdk::MANIFEST.to_owned()),
        (format!("{SDK}/SDK.md"), sdk::GUIDE.to_owned()),
    ];
    files.extend(sdk::SOURCES.iter().map(|(name, text)| (format!("{SDK}/src/{name}"), (*text).to_owned())));
    files
}

/// The SDK's lock file with the project in it. These versions were fetched when the SDK was built, so that no network is needed.
fn lock(name: &str) -> String {
    let needs: String = sdk::CRATES.iter().map(|it| format!(" \"{}\",\n", crate_name(it))).collect();
    format!(
        "{}\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n{needs}]\n",
        sdk::LOCK
    )
}

/// How a registry spells the name of a crate that is offered to harnesses.
fn crate_name(name: &str) -> String {
    if name.starts_with("serde") { name.to_owned() } else { name.replace('_', "-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_everywhere() {
        for language in languages() {
            let files = files(language, "first-one").expect("a known language");
            let own: Vec<_> = files.iter().filter(|(path, _)| !path.starts_with(SDK)).collect();
            assert!(own.iter().any(|(_, text)| text.contains("first-one")), "{language}");
            for (path, text) in own {
                assert!(!path.contains("{{") && !text.contains("{{name}}"), "{language}: {path}");
            }
        }
        assert_eq!(files("cobol", "a"), None);
        assert!(lock("a").contains("\"mmh-sdk\",\n \"regex-lite\",\n \"serde\",\n \"serde_json\",\n"));
    }
}
