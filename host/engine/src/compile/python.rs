//! Harnesses in Python. `componentize-py` imports the module once, in a WebAssembly engine of its own, and stores the
//! runtime's memory as a component. So the source runs while it is compiled, as WebAssembly: it finds its own file and the standard
//! library there, and no other file, no network and no process.

use std::{io, path::Path};

use mmh_record::{
    built::Tool,
    digest::{Digest, KeyBuilder},
    format::ToolchainInfo,
    language::HarnessLanguage,
    limits::Limits,
};

use super::{
    Origin, Rejection, RejectionKind,
    language::{Job, Language, MADE, OUTPUT, Pass, RecordedTools, Said},
};
use crate::{
    jail::{Ending, Role},
    toolchain::{
        python::{COMPILER, PIN, PythonTools, steady_digest},
        sdk,
    },
};

/// Where a component is for, as records name it.
const TARGET: &str = "wasm32-wasi";

/// How every harness is built, without the paths of files. Part of the cache key.
const FLAGS: &[&str] = &["--world=harness", "componentize", "--python-path=source", "harness"];

/// The folder that the source lies in. The module search path has no other folder of the candidate's.
const FOLDER: &str = "source";

/// The same folder inside of the compiler's engine, and the folder of its standard library there.
const INSIDE: &str = "/0/";
const LIBRARY: &str = "/python/";

/// Starts the compiler, and lets it say what it has to say and nothing else. Python ignores the signal of a file that is too
/// large, by which the host knows one.
const DRIVER: &str = "\
import signal
import sys
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
sys.path.insert(0, sys.argv.pop(1))
try:
    from componentize_py import script
except ImportError as error:
    sys.stderr.write(str(error))
    sys.exit(3)
try:
    sys.exit(script())
except Exception as error:
    sys.stderr.write(str(error))
    sys.exit(1)
";

/// How the driver ends where the compiler cannot be loaded, which is not the candidate's doing.
const NOT_STARTED: Ending = Ending::Exited(3);

/// What ends the part of the compiler's words that a harness's author can use.
const OWN_WORDS: &str = "\n\nCaused by:";

/// Words of an error, and what to do about it.
const HINTS: &[(&str, &str)] = &[
    (
        "ModuleNotFoundError:",
        "a harness is one file, and imports Python's standard library, wit_world and componentize_py_types only: there are no packages",
    ),
    ("Can't instantiate abstract class WitWorld", "a harness that learns nothing returns its state in learn"),
    ("has no attribute 'WitWorld'", "a harness is a class WitWorld with the methods predict and learn"),
    (
        "Error: [Errno ",
        "while a harness is compiled there is no file but its own and the standard library's, and no network and no process",
    ),
    ("gaierror: ", "there is no network: a harness asks the target model and nothing else"),
];

/// Python, with one version of its compiler.
pub struct Python {
    tools: PythonTools,
}

impl Python {
    /// Python with this compiler.
    pub fn new(tools: PythonTools) -> Self {
        Self { tools }
    }

    /// What can change a component besides its source.
    fn programs(&self) -> Vec<Tool> {
        let version = &self.tools.manifest.version;
        let tool =
            |name: &str, version: &str, sha256| Tool { name: name.into(), version: version.into(), sha256 };
        vec![
            tool(COMPILER, version, self.tools.manifest.digest),
            tool("steady.c", env!("CARGO_PKG_VERSION"), steady_digest()),
        ]
    }
}

impl Language for Python {
    fn language(&self) -> HarnessLanguage {
        HarnessLanguage::Python
    }

    fn source_folder(&self) -> &'static str {
        FOLDER
    }

    fn compiler_name(&self) -> &'static str {
        COMPILER
    }

    /// The runtime imports files and sockets, whether a harness uses them or not, and finds none.
    fn origin(&self) -> Origin {
        Origin::Given
    }

    fn wall_ms(&self, limits: &Limits) -> u64 {
        limits.runtime_wall_ms()
    }

    fn enter(&self, key: KeyBuilder, _pass: Pass) -> KeyBuilder {
        let key = key
            .part("language", HarnessLanguage::Python.name())
            .part("wit", sdk::WIT)
            .part("pin", PIN)
            .part("driver", DRIVER)
            .part("flags", FLAGS.join("\n"));
        self.programs().iter().fold(key, |key, tool| key.part(&tool.name, tool.sha256.bytes()))
    }

    fn job(&self, _folder: &Path, _pass: Pass) -> Job {
        let shown = |path: &Path| path.display().to_string();
        let mut args: Vec<String> = ["-I", "-S", "-B", "-c", DRIVER].map(str::to_owned).into();
        args.extend([shown(&self.tools.package), "--quiet".into()]);
        args.extend(["--wit-path".into(), shown(&self.tools.wit)]);
        args.extend(["--world", "harness", "componentize", "--python-path", FOLDER].map(str::to_owned));
        args.extend(["--output".into(), format!("{OUTPUT}/{MADE}"), "harness".into()]);
        let env = vec![
            ("LD_PRELOAD".into(), shown(&self.tools.steady)),
            // The standard library is unpacked there, which is where writing is allowed.
            ("TMPDIR".into(), OUTPUT.into()),
            ("VIRTUAL_ENV".into(), shown(&self.tools.empty)),
        ];
        let program = self.tools.interpreter.program.clone();
        Job { program, args, env, read: self.tools.read.clone(), role: Role::Runtime }
    }

    /// None: inside of the engine there is no other file that could be taken in.
    fn other_file(&self, _output: &Path) -> io::Result<Option<String>> {
        Ok(None)
    }

    fn hidden(&self) -> Vec<(&Path, &'static str)> {
        vec![(&self.tools.package, "<componentize-py>"), (self.tools.interpreter.library(), "<python>")]
    }

    fn rejection(&self, said: &Said<'_>) -> Rejection {
        if said.ending == NOT_STARTED {
            let why = mmh_record::text::one_line(&said.diagnostics);
            let message = format!("{COMPILER} cannot be started: {why}; `mmh doctor` tries it");
            return Rejection::new(RejectionKind::CompilerCrash, message);
        }
        if said.ending != Ending::Exited(1) {
            return Rejection {
                kind: RejectionKind::CompilerCrash,
                message: format!("{COMPILER} crashed ({:?})", said.ending),
                diagnostics: String::new(),
            };
        }
        let diagnostics = own_words(&said.diagnostics);
        Rejection { kind: RejectionKind::DidNotCompile, message: message(&diagnostics), diagnostics }
    }

    fn blames(&self, said: &Said<'_>) -> bool {
        line(&own_words(&said.diagnostics)).is_some()
    }

    fn tools(&self) -> RecordedTools {
        RecordedTools {
            language: HarnessLanguage::Python,
            toolchain: ToolchainInfo {
                rustc: format!("{COMPILER} {}", self.tools.manifest.version),
                target: TARGET.to_owned(),
                flags: FLAGS.iter().map(|flag| (*flag).to_owned()).collect(),
                compiler: self.programs(),
                linker: Vec::new(),
            },
            sdk_source: Digest::of(PIN),
            sdk_build: self.tools.manifest.digest,
            sdk_lock: Digest::of(PIN),
        }
    }
}

/// What the compiler says of the harness: the error of Python, with the names of the author's files. Where the module has
/// ended the runtime, a sentence about that.
fn own_words(said: &str) -> String {
    let own = said.split(OWN_WORDS).next().unwrap_or_default();
    if own.trim().is_empty() && said.contains("Exited with i32 exit status") {
        return "the module has ended the program while it was imported: it must not call sys.exit or os._exit at \
                its top level"
            .to_owned();
    }
    let own = if own.trim().is_empty() { said } else { own };
    own.replace(INSIDE, "").replace(LIBRARY, "<python>/").trim_end().to_owned()
}

/// The error in one line, with the line of the harness that it comes from, and what to do.
fn message(diagnostics: &str) -> String {
    let is_error = |line: &&str| !line.starts_with(char::is_whitespace) && !line.trim().is_empty();
    let error = diagnostics.lines().rfind(is_error).unwrap_or("the compiler reported an error");
    let hint = HINTS.iter().find(|(words, _)| error.contains(words)).map(|(_, hint)| format!("; {hint}"));
    let place = line(diagnostics).map(|line| format!("{}:{line}: ", HarnessLanguage::Python.source()));
    let error = mmh_record::text::ellipsis(error, 600);
    format!("{}{error}{}", place.unwrap_or_default(), hint.unwrap_or_default())
}

/// The innermost line of the harness in a traceback.
fn line(traceback: &str) -> Option<u32> {
    let start = format!("File \"{}\", line ", HarnessLanguage::Python.source());
    let number = traceback.rsplit_once(&start)?.1;
    number.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_line_and_next_step() {
        // name, what the compiler says, the message begins so, and ends so
        let table = [
            (
                "a syntax error",
                "  File \"/0/harness.py\", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax\n\n\nCaused by:\n    x",
                "harness.py:1: SyntaxError: invalid syntax",
                "invalid syntax",
            ),
            (
                "a package",
                "Traceback (most recent call last):\n  File \"/0/harness.py\", line 2, in <module>\n    import numpy\nModuleNotFoundError: No module named 'numpy'\n\n\nCaused by:\n    x",
                "harness.py:2: ModuleNotFoundError: No module named 'numpy'; ",
                "there are no packages",
            ),
            (
                "deep in the library",
                "Traceback (most recent call last):\n  File \"/0/harness.py\", line 7, in f\n    x\n  File \"/python/socket.py\", line 850, in y\n    z\nsocket.gaierror: [Errno -4] no\n\n\nCaused by:\n    x",
                "harness.py:7: socket.gaierror: [Errno -4] no; ",
                "and nothing else",
            ),
            (
                "the end of the runtime",
                "\n\nCaused by:\n    0: error while executing at wasm backtrace:\n    1: Exited with i32 exit status 3",
                "the module has ended",
                "at its top level",
            ),
            ("nothing", "", "the compiler reported an error", "an error"),
        ];
        for (name, said, begins, ends) in table {
            let message = message(&own_words(said));
            assert!(message.starts_with(begins) && message.ends_with(ends), "{name}: {message}");
        }
    }
}
