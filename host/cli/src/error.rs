//! The one error that the command line reports: its kind decides the exit code.

use std::process::ExitCode;

use mmh_engine::{
    compile::CompileError,
    toolchain::{ToolchainError, python::PythonError, sdk::SdkError},
};
use mmh_exports::{frames::FrameError, inspect_log::LogError, signing::SigningError};
use mmh_fleet::FleetError;
use mmh_models::{cancel::Stop, catalog::CatalogError};
use mmh_record::{RecordError, text};
use mmh_search::{
    dataset::DatasetError,
    inspect::{AuditError, export::ExportError},
    verify::VerifyError,
};

/// What went wrong, for people and for scripts.
#[derive(Debug)]
pub struct CliError {
    message: String,
    code: u8,
}

/// Exit codes besides 0. `docs/commands.md` documents them.
pub const EXAMINED_NOT_OK: u8 = 1;
pub const WRONG_INPUT: u8 = 2;
pub const HOST_FAILED: u8 = 3;
pub const BUDGET_SPENT: u8 = 4;
pub const INTERRUPTED: u8 = 130;

/// What a command ends with, if it ends well.
pub type CliResult = Result<ExitCode, CliError>;

impl CliError {
    /// Wrong arguments or input: the caller can mend it.
    pub fn input(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: WRONG_INPUT }
    }

    /// What was examined does not hold.
    pub fn examined(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: EXAMINED_NOT_OK }
    }

    /// The host could not do its part.
    pub fn host(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: HOST_FAILED }
    }

    /// The same error with where its cause stands.
    pub fn because(self, place: &str) -> Self {
        Self { message: format!("{} ({place})", self.message), ..self }
    }

    /// How work is stopped on the command line.
    pub const BY_SIGNAL: &str = "stopped by Ctrl-C or SIGTERM";

    /// The exit code of work that was stopped, and why, told on standard error.
    pub fn stopped(stop: &Stop, done: &str) -> ExitCode {
        Self::stopped_by(Self::BY_SIGNAL, stop, done)
    }

    /// The same with these words where somebody asked for it.
    pub fn stopped_by(asked: &str, stop: &Stop, done: &str) -> ExitCode {
        let why = match stop {
            // It has the compiler's diagnostics, which are lines.
            Stop::BaselineBroken(why) => why.clone(),
            _ => text::name(stop.reason()),
        };
        let (said, code) = match stop {
            Stop::Asked => (asked.to_owned(), INTERRUPTED),
            Stop::BudgetSpent(_) | Stop::ShareSpent(_) => {
                (format!("stopped, the budget is spent: {why}"), BUDGET_SPENT)
            }
            Stop::ModelUnusable(_) => (format!("error: {why}"), HOST_FAILED),
            Stop::BaselineBroken(_) => (format!("error: {why}"), EXAMINED_NOT_OK),
            Stop::ProposerGaveUp(_) => (format!("stopped early: {why}"), EXAMINED_NOT_OK),
        };
        errln!("{said}; {done}");
        ExitCode::from(code)
    }

    /// Prints the error and gives the exit code.
    pub fn report(self) -> ExitCode {
        errln!("error: {}", self.message);
        ExitCode::from(self.code)
    }
}

impl std::fmt::Display for CliError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What an error says that may name files of a stranger's folder: on one line, so that no name can pass for
/// a line of its own.
fn said(error: impl ToString) -> String {
    text::name(&error.to_string())
}

impl From<CatalogError> for CliError {
    fn from(error: CatalogError) -> Self {
        Self::input(error)
    }
}

impl From<DatasetError> for CliError {
    fn from(error: DatasetError) -> Self {
        Self::input(said(error))
    }
}

impl From<RecordError> for CliError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Exists { .. }
            | RecordError::RunId { .. }
            | RecordError::NoRun { .. }
            | RecordError::Locked { .. } => Self::input(said(error)),
            RecordError::Io { .. }
            | RecordError::Damaged { .. }
            | RecordError::TooLarge { .. }
            | RecordError::TooManyRows { .. } => Self::host(said(error)),
        }
    }
}

impl From<ToolchainError> for CliError {
    fn from(error: ToolchainError) -> Self {
        Self::host(error)
    }
}

impl From<PythonError> for CliError {
    fn from(error: PythonError) -> Self {
        Self::host(error)
    }
}

impl From<SdkError> for CliError {
    fn from(error: SdkError) -> Self {
        Self::host(error)
    }
}

impl From<VerifyError> for CliError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Compile(error) => error.into(),
            VerifyError::Record(error) => error.into(),
        }
    }
}

impl From<AuditError> for CliError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Record(error) => error.into(),
            AuditError::Compile(error) => error.into(),
            AuditError::NoIteration { .. }
            | AuditError::NotEvaluated { .. }
            | AuditError::NoExample { .. }
            | AuditError::NoComponent { .. }
            | AuditError::NotAComponent { .. } => Self::input(said(error)),
        }
    }
}

impl From<ExportError> for CliError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Audit(error) => error.into(),
            ExportError::NothingScored | ExportError::Unscored { .. } | ExportError::NotEmpty(_) => {
                Self::input(said(error))
            }
            ExportError::NotAsRecorded(_) => Self::examined(said(error)),
            ExportError::Write { .. } => Self::host(said(error)),
        }
    }
}

impl From<SigningError> for CliError {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Record(error) => error.into(),
            SigningError::NoKey(_) | SigningError::NotSigned(_) => Self::input(said(error)),
            SigningError::NoRandom | SigningError::Io { .. } => Self::host(said(error)),
        }
    }
}

impl From<LogError> for CliError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Record(error) => error.into(),
            LogError::Write(_) => Self::host(error),
        }
    }
}

impl From<FrameError> for CliError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Record(error) => error.into(),
            FrameError::Write(_) => Self::host(error),
        }
    }
}

impl From<FleetError> for CliError {
    fn from(error: FleetError) -> Self {
        match error {
            FleetError::Address { .. } | FleetError::Credentials { .. } => Self::input(said(error)),
            FleetError::Unreachable { .. }
            | FleetError::Server { .. }
            | FleetError::Denied { .. }
            | FleetError::NoWorker(_)
            | FleetError::Here(_) => Self::host(said(error)),
        }
    }
}

impl From<CompileError> for CliError {
    fn from(error: CompileError) -> Self {
        Self::host(error)
    }
}
