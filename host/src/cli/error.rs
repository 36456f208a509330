//! The one error that the command line reports: its kind decides the exit code.

use std::process::ExitCode;

use crate::{
    compile::CompileError,
    dataset::DatasetError,
    record::RecordError,
    toolchain::{ToolchainError, sdk::SdkError},
};

/// What went wrong, for people and for scripts.
#[derive(Debug)]
pub struct CliError {
    message: String,
    code: u8,
}

/// Exit codes besides 0. Documented in the README.
pub const EXAMINED_NOT_OK: u8 = 1;
pub const WRONG_INPUT: u8 = 2;
pub const HOST_FAILED: u8 = 3;
pub const INTERRUPTED: u8 = 130;

impl CliError {
    /// Wrong arguments or input: the caller can mend it.
    pub fn input(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: WRONG_INPUT }
    }

    /// The host could not do its part.
    pub fn host(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: HOST_FAILED }
    }

    /// Prints the error and gives the exit code.
    pub fn report(self) -> ExitCode {
        eprintln!("error: {}", crate::text::plain(&self.message));
        ExitCode::from(self.code)
    }
}

impl From<DatasetError> for CliError {
    fn from(error: DatasetError) -> Self {
        Self::input(error)
    }
}

impl From<RecordError> for CliError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Exists { .. } | RecordError::RunId { .. } | RecordError::NoRun { .. } => {
                Self::input(error)
            }
            RecordError::Io { .. } | RecordError::Damaged { .. } => Self::host(error),
        }
    }
}

impl From<ToolchainError> for CliError {
    fn from(error: ToolchainError) -> Self {
        Self::host(error)
    }
}

impl From<SdkError> for CliError {
    fn from(error: SdkError) -> Self {
        Self::host(error)
    }
}

impl From<CompileError> for CliError {
    fn from(error: CompileError) -> Self {
        Self::host(error)
    }
}
