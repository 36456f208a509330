//! Puts the library's parts together for commands that compile or run harnesses.

use std::sync::Arc;

use super::{Global, environment, error::CliError};
use crate::{
    build::Builder,
    compile::{Compiler, native::Precompiler},
    jail::Jail,
    limits::Limits,
    progress::Observer,
    sandbox::{Sandbox, engine},
    toolchain::{IfMissing, Toolchain, sdk},
};

/// Finds the compiler, builds the SDK if need be, and makes the sandbox.
pub async fn open(global: &Global, limits: &Limits, observer: &dyn Observer) -> Result<Builder, CliError> {
    let cache = environment::cache(global)?;
    let environment = environment::for_compilers();
    let toolchain = Toolchain::find(global.rustc.as_deref(), environment, IfMissing::Add, observer).await?;
    let sdk = sdk::ensure(&cache, &toolchain, observer).await?;
    let jail = Jail::new(environment::this_program()?);
    let engine =
        engine::new().map_err(|error| CliError::host(format!("cannot start the engine: {error:#}")))?;
    let sandbox = Sandbox::new(engine.clone(), limits.clone())
        .map_err(|error| CliError::host(format!("cannot start the sandbox: {error:#}")))?;
    Ok(Builder {
        compiler: Compiler::new(toolchain, sdk, jail.clone(), cache.clone(), limits.clone()),
        precompiler: Precompiler::new(engine, jail, cache, limits.clone()).await,
        sandbox: Arc::new(sandbox),
    })
}
