//! What the path of a harness means: a source, a project, or a component that other tools have made.
//!
//! A project is a folder with a `Cargo.toml` or a [`SETTINGS`] file. If its harness is one file, which is all that the jail
//! compiles, then that file is the source. Else it is built with its author's own tools, outside of the jail, and what is
//! made says so.

mod cargo;
mod files_of;
mod kept;
mod settings;
pub mod templates;

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use crate::{
    baselines,
    error::CliError,
    files::{self, BEYOND},
    output_file::has_ending,
};
use files_of::Files;
use mmh_engine::{
    build::{Builder, Built, BuiltScorer},
    compile::{BuildResult, Rejection},
};
use mmh_record::{
    digest::Digest,
    format::{GivenComponent, GivenFrom},
    language::HarnessLanguage,
    layout,
    limits::Limits,
    text,
};
use mmh_search::dataset::BUILTIN;
pub use settings::{SETTINGS, Settings};

/// A harness as its author has it.
pub struct Given {
    /// The source. Empty where only the component is there.
    pub source: String,
    /// The source's own place, as editors find it from here. None for a harness that ships with this program.
    pub file: Option<PathBuf>,
    /// The language of the source; Rust, where there is none.
    pub language: HarnessLanguage,
    /// What was made outside of the jail, and with what.
    made: Option<(Vec<u8>, Option<MadeOutside>)>,
}

/// How a component was made that did not come out of the jail.
#[derive(Clone, Debug, Serialize)]
pub struct MadeOutside {
    /// The program: `cargo`, or the command of the project.
    pub by: String,
    /// What the program says of itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Whether it was confined while it worked.
    pub jailed: bool,
    /// The project's files.
    #[serde(skip)]
    files: Files,
    /// Whether an earlier build is used, because no file has changed since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// A component of so many bytes has a runtime in it.
const RUNTIME_BYTES: usize = 6 << 20;

impl MadeOutside {
    fn new(by: &str, version: String) -> Self {
        Self { by: by.to_owned(), version, jailed: false, files: Files::default(), kept: false }
    }

    /// The same in words.
    pub fn words(&self) -> String {
        let version = if self.version.is_empty() { String::new() } else { format!(" ({})", self.version) };
        let kept = if self.kept { ", before: no file has changed since" } else { "" };
        text::one_line(&format!("built by {}{version}, outside of the jail{kept}", self.by))
    }
}

impl Given {
    fn source(source: String, language: HarnessLanguage, file: Option<PathBuf>) -> Self {
        Self { source, file, language, made: None }
    }

    fn made(component: Vec<u8>, by: Option<MadeOutside>) -> Self {
        let language = HarnessLanguage::default();
        Self { source: String::new(), file: None, language, made: Some((component, by)) }
    }

    /// The source of a harness that a run has on record; its component is there as well.
    pub fn recorded(source: String, language: HarnessLanguage) -> Self {
        Self::source(source, language, None)
    }

    /// The source that can be compiled with source lines, which tell where in it something happened.
    pub fn lined_source(&self) -> Option<&str> {
        Some(self.source.as_str()).filter(|source| self.language.is_rust() && !source.is_empty())
    }

    /// Whether the component has a language's runtime in it, whose functions are all that a profile sees. Of a bare component its
    /// size tells: one that is compiled to WebAssembly itself has a fraction of that.
    pub fn brings_runtime(&self) -> bool {
        match &self.made {
            None => !self.language.is_rust(),
            Some((component, None)) => component.len() >= RUNTIME_BYTES,
            Some((_, Some(made))) => ["python", "javascript", "typescript"].contains(&made.files.language()),
        }
    }

    /// How it was made, where that was outside of the jail and known.
    pub fn made_outside(&self) -> Option<&MadeOutside> {
        self.made.as_ref()?.1.as_ref()
    }

    /// Compiles the source in the jail, or loads the component.
    pub async fn build(&self, builder: &Builder) -> BuildResult<Built> {
        match &self.made {
            Some((component, _)) => builder.load(component.clone()).await,
            None => builder.build(&self.source).await,
        }
    }

    /// The same for a task's scorer.
    pub async fn build_scorer(&self, builder: &Builder) -> BuildResult<BuiltScorer> {
        match &self.made {
            Some((component, _)) => builder.load_scorer(component.clone()).await,
            None => builder.build_scorer(&self.source).await,
        }
    }

    /// The component that was made elsewhere, and what a run records of it as its baseline of this index.
    pub fn component(&self, index: u32) -> Option<(Vec<u8>, GivenComponent)> {
        let (component, made) = self.made.as_ref()?;
        let (from, language) = match made {
            None => (GivenFrom::Component, String::new()),
            Some(made) => (GivenFrom::Project, made.files.language().to_owned()),
        };
        let made = made.as_ref();
        let recorded = GivenComponent {
            index,
            sha256: Digest::of(component),
            from,
            language,
            built_by: made.map_or_else(String::new, |made| without_places(&made.by)),
            version: made.map_or_else(String::new, |made| made.version.clone()),
            files: made.map(|made| made.files.listed.clone()).unwrap_or_default(),
            more_files: made.map_or(0, |made| made.files.more),
        };
        Some((component.clone(), recorded))
    }
}

/// A command in which each path is cut down to the name at its end, so that it tells nothing of the machine.
fn without_places(command: &str) -> String {
    let mut out = String::new();
    let mut piece = String::new();
    for letter in command.chars().chain(['\n']) {
        if letter.is_alphanumeric() || "._-~/+@".contains(letter) {
            piece.push(letter);
            continue;
        }
        let is_place = piece.starts_with(['/', '~']);
        out += if is_place { piece.rsplit('/').find(|it| !it.is_empty()).unwrap_or("/") } else { &piece };
        piece.clear();
        out.push(letter);
    }
    out.trim_end().to_owned()
}

/// The harness that is meant: a file, a project, or one that ships with this program. The inner error is what the author's
/// own tools say.
pub async fn read(named: &Path, limits: &Limits) -> Result<Result<Given, Rejection>, CliError> {
    if is_project(named) {
        return of_project(named, limits).await;
    }
    if has_ending(named, &[".wasm"]) {
        let component = component(named, limits)?;
        return Ok(Ok(Given::made(component, None)));
    }
    if named.is_dir() {
        return Err(CliError::input(format!(
            "cannot read {}: it is a folder, and no project, which has a {SETTINGS} or a Cargo.toml; `mmh new NAME` makes one",
            text::path(named)
        )));
    }
    let language = HarnessLanguage::of_file(named);
    let source = match language {
        Some(_) => files::source(named, limits.source_bytes)?,
        None if named.is_file() && named.extension().is_some() => {
            return Err(CliError::input(format!(
                "{} is no harness: a source ends in .rs or .py, a component in .wasm, and a project is a folder",
                text::path(named)
            )));
        }
        None => baselines::resolve(named, HarnessLanguage::Rust, limits.source_bytes)?,
    };
    let file = (!baselines::is_shipped(named)).then(|| named.to_owned());
    Ok(Ok(Given::source(source, language.unwrap_or_default(), file)))
}

fn component(path: &Path, limits: &Limits) -> Result<Vec<u8>, CliError> {
    files::bytes(path, BEYOND * limits.component_bytes, Some("--component-mib"))
}

/// The language of the harness that is meant. Rust where it is a component, or has a name.
pub fn language(named: &Path) -> Result<HarnessLanguage, CliError> {
    let file = match is_project(named) {
        true => one_file(named, &Settings::read(named)?)?,
        false => Some(named.to_owned()),
    };
    Ok(file.and_then(|file| HarnessLanguage::of_file(&file)).unwrap_or_default())
}

/// What a harness is called by its path: the name of its project or file.
pub fn name(named: &Path) -> String {
    let whole = named.canonicalize().unwrap_or_else(|_| named.to_owned());
    text::name(&whole.file_name().unwrap_or_default().to_string_lossy())
}

/// Whether a folder is an author's project. A run's folder is none.
pub fn is_project(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    folder.is_dir() && !has(layout::CONFIG) && (has(SETTINGS) || has(cargo::MANIFEST))
}

/// The data set that a project names, or none.
pub fn dataset(named: &Path) -> Result<Option<String>, CliError> {
    match is_project(named) {
        true => Ok(Settings::read(named)?.dataset_from(named)),
        false => Ok(None),
    }
}

/// Where a project names its data set, in words.
pub fn names_dataset(folder: &Path) -> String {
    format!("`dataset` in {} names it", text::path(&folder.join(SETTINGS)))
}

/// Says that a file inside of a project is taken by itself, where that makes a difference.
pub fn note(named: &Path, uses_project_data: bool) {
    if !uses_project_data || !named.is_file() {
        return;
    }
    let whole = named.canonicalize().unwrap_or_else(|_| named.to_owned());
    // A component lies in the project's folder or in target/, a source one folder below.
    let Some(folder) = whole.ancestors().skip(1).take(3).find(|folder| is_project(folder)) else { return };
    let other =
        Settings::read(folder).ok().and_then(|settings| settings.dataset).filter(|name| name != BUILTIN);
    if let Some(dataset) = other {
        errln!(
            "note: {} is taken by itself: {} of its project is not read, which names the data set {}; give the project's folder, \
             or --dataset",
            text::path(named),
            SETTINGS,
            text::name(&dataset)
        );
    }
}

async fn of_project(folder: &Path, limits: &Limits) -> Result<Result<Given, Rejection>, CliError> {
    let settings = Settings::read(folder)?;
    if let Some(one) = one_file(folder, &settings)? {
        let source = files::source(&one, limits.source_bytes)?;
        let language = HarnessLanguage::of_file(&one).unwrap_or_default();
        return Ok(Ok(Given::source(source, language, Some(one))));
    }
    let made = match settings.command() {
        Some((command, component)) => kept::built(folder, command, component).await?,
        None if folder.join(cargo::MANIFEST).is_file() => cargo::build(folder).await?,
        None => {
            return Err(CliError::input(format!(
                "{} says neither which file the harness is (source) nor how it is built (build and component)",
                text::path(&folder.join(SETTINGS))
            )));
        }
    };
    let (path, made) = match made {
        Ok(made) => made,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let component = component(&path, limits)?;
    Ok(Ok(Given::made(component, Some(MadeOutside { files: Files::of(folder), ..made }))))
}

/// The only file of a project's harness; none if it has several, or is built by a command.
fn one_file(folder: &Path, settings: &Settings) -> Result<Option<PathBuf>, CliError> {
    match &settings.source {
        Some(source) => Ok(Some(folder.join(source))),
        None if settings.command().is_none() => cargo::one_file(folder),
        None => Ok(None),
    }
}

/// What may change when an author saves: each file with its size and time.
pub type Stamps = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Folders below a project in which only tools write.
const NOT_WATCHED: [&str; 7] =
    ["target", "build", "dist", "node_modules", "runs", "wit_world", "__pycache__"];

/// Most files that are watched. A folder with more is hardly a harness's.
const MOST_WATCHED: usize = 2_000;

/// As many files as a watch may leave some out.
const NOT_SEEN_BEYOND: usize = MOST_WATCHED / 2;

/// How often a watch looks whether something was saved. A look at one file takes microseconds.
pub const LOOK_EVERY: Duration = Duration::from_millis(60);

/// The state of the files of a harness. Two equal ones mean that nothing was saved meanwhile. A file that an editor replaces
/// by renaming another one is seen like any other change, since files are looked up by name each time.
pub fn stamps(named: &Path) -> Stamps {
    let mut found = Stamps::new();
    let mut left = vec![named.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(about) = path.metadata() else { continue };
        if !about.is_dir() {
            found.push((path, about.len(), about.modified().ok()));
            continue;
        }
        for entry in path.read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_hidden = name.starts_with('.') || name.ends_with('~') || name.ends_with(".wasm");
            if !is_hidden && !NOT_WATCHED.contains(&&*name) && found.len() + left.len() < MOST_WATCHED {
                left.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_tell_no_places() {
        let table = [
            ("sh build.sh", "sh build.sh"),
            ("/usr/local/bin/npm run build", "npm run build"),
            ("sh -c cd /home/me/x && make OUT=/tmp/out/", "sh -c cd x && make OUT=out"),
            ("sh -c '~/bin/tool' a/b", "sh -c 'tool' a/b"),
            ("make /", "make /"),
        ];
        for (command, expected) in table {
            assert_eq!(without_places(command), expected);
        }
    }
}
