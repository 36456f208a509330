//! Connects to a NATS server, with the means that NATS has: credentials and TLS.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use mmh_record::text;

use crate::denials::Denials;

/// How to reach a NATS server.
#[derive(Clone, Debug)]
pub struct Access {
    /// One address, or several of one cluster with commas between them: `nats://host:4222`, `tls://host:4222`. A name and a
    /// password may stand in it.
    pub url: String,
    /// A file of credentials, as `nsc` writes them, or of a user's seed (`SU...`), as `nk` does.
    pub credentials: Option<PathBuf>,
    /// The certificate authority of the server, instead of those that the system knows.
    pub authority: Option<PathBuf>,
}

/// The fleet cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The address makes no sense.
    #[error("{url}: no address of a NATS server, such as nats://host:4222: {problem}")]
    Address {
        /// What was given, without a password.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file could not be read.
    #[error("cannot read the NATS credentials {file}: {problem}")]
    Credentials {
        /// The file, safe to show.
        file: String,
        /// Why.
        problem: String,
    },
    /// The server cannot be reached, or refuses.
    #[error("cannot connect to the NATS server {url}: {problem}")]
    Unreachable {
        /// The address, without a password.
        url: String,
        /// Why.
        problem: String,
    },
    /// The server does not do what is needed.
    #[error("the NATS server {does}: {problem}; it has to run with JetStream, such as `nats-server -js`")]
    Server {
        /// What it does not do.
        does: &'static str,
        /// Why.
        problem: String,
    },
    /// The server has no permission for this user.
    #[error("the NATS server denies this user {what}: {next}")]
    Denied {
        /// What it denies.
        what: String,
        /// What to do about it.
        next: &'static str,
    },
    /// Nobody is there who could run a call.
    #[error("{0}")]
    NoWorker(String),
    /// Something of this machine.
    #[error("{0}")]
    Here(String),
}

/// How often a silent server is asked whether it is there. Two such times without an answer end a connection.
const PING_EVERY: Duration = Duration::from_secs(2);

/// The longest time between two attempts to connect again.
const AGAIN_WITHIN: Duration = Duration::from_secs(1);

impl Access {
    /// The addresses as they may be shown: without names and passwords.
    pub fn shown(&self) -> String {
        let one = |url: &str| match url.split_once("://") {
            Some((scheme, rest)) => {
                format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
            }
            None => url.rsplit_once('@').map_or(url, |(_, host)| host).to_owned(),
        };
        self.url.split(',').map(one).collect::<Vec<_>>().join(",")
    }

    /// A connection, which comes back by itself when it is lost. `name` is what the server's administrator sees, and answers
    /// come to subjects that begin with `inbox`.
    pub(crate) async fn connect(
        &self,
        name: &str,
        inbox: &str,
        denials: &Denials,
    ) -> Result<Client, FleetError> {
        let address = |url: &str| {
            let problem =
                |error: std::io::Error| FleetError::Address { url: self.shown(), problem: error.to_string() };
            url.trim().parse::<ServerAddr>().map_err(problem)
        };
        let servers = self.url.split(',').map(address).collect::<Result<Vec<_>, _>>()?;
        let denials = denials.clone();
        let mut options = ConnectOptions::new()
            .name(name)
            .custom_inbox_prefix(inbox)
            .ping_interval(PING_EVERY)
            .reconnect_delay_callback(|attempts| {
                AGAIN_WITHIN.min(Duration::from_millis(50 * attempts as u64))
            })
            .event_callback(move |event| {
                denials.hear(&event);
                match event {
                    Event::Connected => tracing::debug!("NATS: connected"),
                    event => tracing::info!("NATS: {event}"),
                }
                std::future::ready(())
            });
        let first = servers.first();
        match first.and_then(|it| Some((it.username()?, it.password()))) {
            Some((name, Some(password))) => {
                options = options.user_and_password(decoded(name), decoded(password));
            }
            Some((token, None)) => options = options.token(decoded(token)),
            None => {}
        }
        if let Some(file) = &self.credentials {
            options = with_credentials(options, file)?;
        }
        if let Some(file) = &self.authority {
            options = options.add_root_certificates(file.clone()).require_tls(true);
        }
        options
            .connect(servers)
            .await
            .map_err(|error| FleetError::Unreachable { url: self.shown(), problem: error.to_string() })
    }
}

/// The options with the credentials of a file: a token with its seed, or a seed alone.
fn with_credentials(options: ConnectOptions, file: &Path) -> Result<ConnectOptions, FleetError> {
    let problem = |problem: String| FleetError::Credentials { file: text::path(file), problem };
    let content = std::fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
    let seed = content.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    match seed.filter(|line| line.starts_with("SU")) {
        // A seed that is none is only found out when the server asks for a signature.
        Some(seed) => match nkeys::KeyPair::from_seed(seed) {
            Ok(_) => Ok(options.nkey(seed.to_owned())),
            Err(error) => Err(problem(format!("no seed of a user: {error}"))),
        },
        None => options.credentials(&content).map_err(|_| {
            problem("neither credentials, as `nsc` writes them, nor the seed of a user (SU...)".into())
        }),
    }
}

/// A part of an address without the escapes of addresses: `%40` is `@`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read() {
        let table =
            [("plain", "plain"), ("p%40ss", "p@ss"), ("100%", "100%"), ("%zz%C3%A4", "%zzä"), ("%4", "%4")];
        for (text, expected) in table {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let table = [
            ("nats://host:4222", "nats://host:4222"),
            ("nats://me:secret@host:4222", "nats://host:4222"),
            ("me:secret@host", "host"),
            ("tls://a:b@one,tls://two", "tls://one,tls://two"),
            ("nats://me:p@ss@host", "nats://host"),
        ];
        for (url, expected) in table {
            let access = Access { url: url.into(), credentials: None, authority: None };
            assert_eq!(access.shown(), expected);
        }
    }
}
