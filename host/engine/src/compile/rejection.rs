//! Why a candidate did not become a harness. It is a result, which is recorded and shown to the proposer.

use mmh_record::text;

/// Longest message of a rejection, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Why a candidate did not become a harness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, from a fixed list.
    pub kind: RejectionKind,
    /// One line that names the limit and the usage, or the first error; at most 1,000 characters.
    pub message: String,
    /// The compiler's output: capped, without paths and control sequences. Empty unless the source did not compile.
    pub diagnostics: String,
}

/// The reasons for which a candidate is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// The source has more bytes than allowed.
    SourceTooLarge,
    /// The compiler reported an error, or the source takes in another file.
    DidNotCompile,
    /// The compiler reached its limit of wall-clock or processor time.
    CompilerTimeout,
    /// The compiler reached its limit of memory.
    CompilerMemory,
    /// The compiler crashed, or was stopped for another limit than time, memory and file size.
    CompilerCrash,
    /// The component, or a file that was written on the way to it, has more bytes than allowed.
    ComponentTooLarge,
    /// The component is malformed, is no harness, or cannot be compiled to native code.
    BadComponent,
    /// The component imports what a harness may not use.
    BadImport,
    /// Native compilation reached its limit of time.
    NativeTimeout,
    /// Native compilation reached its limit of memory.
    NativeMemory,
    /// It carries validation or test examples, and the run refuses that.
    Leak,
    /// Its component is that of an earlier candidate of the run.
    Duplicate,
}

impl RejectionKind {
    /// The kinds that depend on the machine: on its speed, its memory and its other work.
    pub fn of_machine() -> impl Iterator<Item = Self> {
        [
            Self::CompilerTimeout,
            Self::CompilerMemory,
            Self::CompilerCrash,
            Self::NativeTimeout,
            Self::NativeMemory,
        ]
        .into_iter()
    }

    /// The kinds that a source, its tools and the limits alone decide, once it is compiled.
    pub fn of_source() -> impl Iterator<Item = Self> {
        [Self::DidNotCompile, Self::ComponentTooLarge, Self::BadComponent, Self::BadImport].into_iter()
    }

    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::SourceTooLarge => "source-too-large",
            Self::DidNotCompile => "did-not-compile",
            Self::CompilerTimeout => "compiler-timeout",
            Self::CompilerMemory => "compiler-memory",
            Self::CompilerCrash => "compiler-crash",
            Self::ComponentTooLarge => "component-too-large",
            Self::BadComponent => "bad-component",
            Self::BadImport => "bad-import",
            Self::NativeTimeout => "native-timeout",
            Self::NativeMemory => "native-memory",
            Self::Leak => "leak",
            Self::Duplicate => "duplicate",
        }
    }
}

impl Rejection {
    /// A rejection without diagnostics. The message is made one line, and cut at its limit.
    pub(super) fn new(kind: RejectionKind, message: impl AsRef<str>) -> Self {
        // It may quote names of the candidate, which can be long and hold any characters.
        let message = text::ellipsis(&text::one_line(message.as_ref()), MAX_MESSAGE_CHARS);
        Self { kind, message, diagnostics: String::new() }
    }
}
