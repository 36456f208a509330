//! Puts the library's parts together for commands that compile or run harnesses.

use super::{Global, environment, error::CliError};
use crate::{
    build::Builder,
    dataset::{self, Dataset},
    jail::Jail,
    limits::Limits,
    progress::Observer,
    record::format::Config,
    toolchain::{IfMissing, Toolchain, sdk},
};

/// Finds the compiler, builds the SDK if need be, and makes the sandbox.
pub async fn open(global: &Global, limits: &Limits, observer: &dyn Observer) -> Result<Builder, CliError> {
    let cache = environment::cache(global)?;
    let environment = environment::for_compilers();
    let toolchain = Toolchain::find(global.rustc.as_deref(), environment, IfMissing::Add, observer).await?;
    let sdk = sdk::ensure(&cache, &toolchain, observer).await?;
    let jail = Jail::new(environment::this_program()?);
    let limits = limits.clone();
    let builder = Builder::new(toolchain, sdk, jail, cache, limits).await;
    builder.map_err(|error| CliError::host(format!("cannot start the WebAssembly engine: {error:#}")))
}

/// Loads a data set, and passes on what a careful user should know of it.
pub fn dataset(name: &str, seed: u64, observer: &dyn Observer) -> Result<Dataset, CliError> {
    let dataset = dataset::load(name, seed)?;
    dataset.warnings.iter().for_each(|warning| observer.note(format!("warning: {warning}")));
    Ok(dataset)
}

/// Refuses another data set than a run's.
pub fn same_dataset(name: &str, dataset: &Dataset, config: &Config) -> Result<(), CliError> {
    let (expected, found) = (config.dataset_digest, dataset.digest);
    if found == expected {
        return Ok(());
    }
    Err(CliError::input(format!(
        "the data set {name} is not the run's: sha256 {expected} is expected, {found} found"
    )))
}
