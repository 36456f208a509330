//! How a provider is reached: addresses, headers, connections.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    Client, Url,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};

use super::{ANTHROPIC_VERSION, stale::NoteConnected};
use crate::catalog::{Auth, Resolved};
use mmh_record::chat::Api;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// An idle connection is closed before common servers close it: gunicorn after 2 s; Node, uvicorn and llama.cpp after
/// 5 s. For servers that close it sooner, see `stale`.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// No HTTP client could be made.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The HTTP client could not be set up.
    #[error("cannot set up HTTPS: {0}")]
    Client(#[from] reqwest::Error),
    /// The key, in this variable, has characters that no header may have.
    #[error("the key in {0} has characters that no key has: is there a line break in it?")]
    Key(String),
}

/// The HTTP client for a model's server. It sends the key in a header of every request.
pub fn client(model: &Resolved, key: Option<&SecretString>) -> Result<Client, RemoteError> {
    // Fails if the program has chosen a provider of cryptography already, which is then used.
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
        // There is no TLS on this way, and the system's certificates take milliseconds to read.
        if model.base_url.scheme() == "http" {
            client = client.tls_certs_only([]);
        }
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

/// Whether a server runs on this machine. Addresses without a host, such as 0.0.0.0, lead here too: servers print them.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => is_own(address.into()),
        Some(url::Host::Ipv6(address)) => is_own(address.into()),
        None => false,
    }
}

fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_servers_are_on_this_machine() {
        let table = [
            ("http://127.0.0.1:8080/v1", true),
            ("http://127.9.9.9", true),
            ("http://localhost:8080", true),
            ("http://LOCALHOST:8080", true),
            ("http://[::1]:8080", true),
            ("http://[::ffff:127.0.0.1]:8080", true),
            ("http://0.0.0.0:8080", true),
            ("http://[::]:8080", true),
            ("http://10.0.0.1", false),
            ("http://[fe80::1]", false),
            ("http://localhost.example.org", false),
            ("http://notlocalhost", false),
            // Some resolvers ask the network for these.
            ("http://localhost.:8080", false),
            ("http://models.localhost", false),
            ("https://api.example.org", false),
        ];
        for (url, expected) in table {
            assert_eq!(is_loopback(&Url::parse(url).expect("a URL")), expected, "{url}");
        }
    }
}
