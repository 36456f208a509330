//! A run that is sent to an OpenTelemetry endpoint: where to, by options and the standard variables of the environment.

use crate::{environment, error::CliError};
use mmh_exports::otlp::{Exporter, Options, Ready};

/// Headers of every request, such as a key.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// The name of what sends.
const SERVICE: &str = "OTEL_SERVICE_NAME";

/// Where the run is sent, if it is.
pub fn ready(endpoint: Option<&str>, texts: bool) -> Result<Option<Ready>, CliError> {
    let Some(endpoint) = endpoint.filter(|it| !it.is_empty()).map(str::to_owned) else { return Ok(None) };
    let options = Options {
        endpoint,
        headers: environment::text_of(HEADERS)?.unwrap_or_default(),
        service: environment::text_of(SERVICE)?.unwrap_or_else(|| "mmh".into()),
        texts,
    };
    Ready::new(options).map(Some).map_err(CliError::input)
}

/// Sends the rest, and says on standard error what became of all.
pub async fn end(exporter: Option<Exporter>) {
    let Some(exporter) = exporter else { return };
    let told = exporter.end().await;
    match (told.dropped, told.problem) {
        (0, _) => errln!("OpenTelemetry: {} spans were sent", told.sent),
        (dropped, problem) => errln!(
            "OpenTelemetry: {} spans were sent, {dropped} spans were dropped: {}; the run has everything",
            told.sent,
            problem.unwrap_or_else(|| "they were not taken".into()),
        ),
    }
}
