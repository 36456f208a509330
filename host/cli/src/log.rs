//! The log: off unless asked for, on standard error, fields named as OpenTelemetry names them.

use tracing_subscriber::{
    filter::Targets, fmt::format::FmtSpan, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{environment, error::CliError, global::Global, output};

/// Starts logging, if `--verbose` or `MMH_LOG` asks for it.
///
/// No prompt, no reply and no key is ever a field; what other crates log is shown only if `MMH_LOG` names
/// them.
pub fn start(global: &Global) -> Result<(), CliError> {
    let Some(filter) = environment::log_filter(global)? else { return Ok(()) };
    let filter: Targets = filter
        .parse()
        .map_err(|error| CliError::input(format!("MMH_LOG={filter:?} is no log filter: {error}")))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| output::Stderr)
        .with_ansi(environment::draws_colors())
        .with_span_events(FmtSpan::NONE);
    let log = tracing_subscriber::registry().with(filter).with(lines);
    log.try_init().map_err(|error| CliError::host(format!("cannot start the log: {error}")))
}
