//! How a provider is reached: addresses, headers, connections.

use std::time::Duration;

use reqwest::{
    Client, Url,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};

use super::{ANTHROPIC_VERSION, stale::NoteConnected};
use crate::catalog::{Auth, Resolved};
use mmh_record::chat::Api;

/// Waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// An idle connection is given up before common servers close it: gunicorn after 2 s, Node, uvicorn and
/// llama.cpp after 5 s. What is closed sooner is told apart in `stale`.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// No HTTP client could be made.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("cannot set up HTTPS: {0}")]
    Client(#[from] reqwest::Error),
    #[error("the key in {0} has characters that no key has: is there a line break in it?")]
    Key(String),
}

/// The client of a model's server: its key is in one header of all requests.
pub fn client(model: &Resolved, key: Option<&SecretString>) -> Result<Client, RemoteError> {
    // Whoever has chosen a provider of cryptography before has chosen it for the whole program.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder()
        .user_agent(concat!("mmh/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(model, key)?)
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .connector_layer(NoteConnected)
        .tcp_keepalive(Duration::from_secs(30));
    if is_loopback(&model.base_url) {
        client = client.no_proxy();
    }
    Ok(client.build()?)
}

/// An address below the base URL.
pub fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

fn headers(model: &Resolved, key: Option<&SecretString>) -> Result<HeaderMap, RemoteError> {
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
    ]);
    if model.api == Api::Anthropic {
        let version = HeaderValue::from_static(ANTHROPIC_VERSION);
        headers.insert(HeaderName::from_static("anthropic-version"), version);
    }
    if let Some(key) = key {
        let (name, value) = match model.auth {
            Auth::Bearer => ("authorization", format!("Bearer {}", key.expose_secret())),
            Auth::XApiKey => ("x-api-key", key.expose_secret().to_owned()),
        };
        let named = || model.key_env.clone().unwrap_or_default();
        let mut value = HeaderValue::from_str(&value).map_err(|_| RemoteError::Key(named()))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// Whether a server runs on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
