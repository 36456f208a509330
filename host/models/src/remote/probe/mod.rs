//! Asks a server what it is: its program, its models, and what two small calls show of one of them.

mod facts;
mod trial;

use std::time::Duration;

use reqwest::{StatusCode, Url};
use secrecy::SecretString;

pub use facts::{Facts, Template};
pub use trial::{Stops, Trial};

use mmh_record::format::TargetFacts;

use super::{Kind, Offer, Remote, RemoteError, Role, refused, setup::below};
use crate::{
    catalog::Resolved,
    read::{self, Cap},
    wire::WireFormat,
};

/// How long a list, or what else costs the server nothing, is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longer answers are not read.
const MAX_BYTES: usize = 4 << 20;

/// How many ids a message names.
const SHOWN_IDS: usize = 8;

/// What was found out about a server.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Where its API begins, as `--target-base-url` takes it.
    pub base_url: Url,
    /// Which program it is, if that can be told.
    pub kind: Option<Kind>,
    /// The ids of its models.
    pub models: Vec<String>,
    /// The model that was asked; nothing if there are several and none was named.
    pub asked: Option<AskedModel>,
    /// How many calls it takes at once; nothing if it is on another machine.
    pub offer: Option<Offer>,
}

/// What was found out about one model.
#[derive(Clone, Debug)]
pub struct AskedModel {
    /// Its id at the server.
    pub id: String,
    /// What the server says of it.
    pub facts: Facts,
    /// What small calls showed; else why there was no answer, in the server's words.
    pub trial: Result<Trial, String>,
}

/// Why a server could not be asked. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The client could not be set up.
    #[error(transparent)]
    Client(#[from] RemoteError),
    /// Nobody answers there.
    #[error("nothing listens at {0}: start the server, or name another address")]
    NobodyThere(String),
    /// The connection failed.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// The address that was asked.
        url: Url,
        /// The reason.
        why: String,
    },
    /// The server wants a key.
    #[error("{url} wants a key ({status}): name the variable that holds it with --key-env")]
    WantsKey {
        /// The address that was asked.
        url: Url,
        /// The server's answer.
        status: StatusCode,
    },
    /// The server is there and cannot answer yet.
    #[error("{url} is not ready ({status}: {words}): try again when it has loaded its model")]
    NotReady {
        /// The address that was asked.
        url: Url,
        /// The server's answer.
        status: StatusCode,
        /// The server's words.
        words: String,
    },
    /// Something else answers.
    #[error(
        "{url} gives no list of models ({said}): name the base URL of an OpenAI-compatible API, often with /v1 at its end"
    )]
    NoList {
        /// The address that was asked.
        url: Url,
        /// What came instead.
        said: String,
    },
    /// The list of models is empty.
    #[error("{0} has no model: load one into the server")]
    NoModel(Url),
    /// The model that was named is not among the server's.
    #[error("{url} has no model {model:?}; it has {ids}")]
    UnknownModel {
        /// The address that was asked.
        url: Url,
        /// The model that was named.
        model: String,
        /// The ids that there are.
        ids: String,
    },
}

/// Asks the server at `at.base_url`, or below `/v1` there. Without a name its only model is asked; nothing is asked of several,
/// since some servers would load each of them.
pub async fn probe(
    at: Resolved,
    model: Option<&str>,
    key: Option<SecretString>,
) -> Result<Probe, ProbeError> {
    let mut failed = None;
    for base_url in bases(&at.base_url) {
        let mut at = at.clone();
        at.base_url = base_url;
        // Servers on one's own machine take it, and it makes the calls repeatable.
        at.profile.sampling = true;
        let remote = Remote::new(at.clone(), Role::Target, key.clone(), false)?;
        match remote.ask_list().await {
            Ok(list) => return remote.with_list(at, &list, model, key).await,
            Err(error @ (ProbeError::NoList { .. } | ProbeError::WantsKey { .. })) => {
                failed.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(failed.unwrap_or_else(|| ProbeError::NoModel(at.base_url)))
}

/// Where the API may begin: people name servers with `/v1` and without it.
fn bases(named: &Url) -> Vec<Url> {
    match named.path().trim_end_matches('/').ends_with("/v1") {
        true => vec![named.clone()],
        false => vec![below(named, "/v1"), named.clone()],
    }
}

impl Remote {
    /// The server's list of models, or what is wrong.
    async fn ask_list(&self) -> Result<String, ProbeError> {
        let url = below(&self.model.base_url, self.model.api.models_path());
        let sent =
            refused::send(self.is_local(), || self.http.get(url.clone()).timeout(PATIENCE).send()).await;
        let response = sent.map_err(|error| match refused::is_refused(&error) {
            true => ProbeError::NobodyThere(self.address()),
            false => {
                let why = if error.is_timeout() { "no answer in time".into() } else { reason(&error) };
                ProbeError::Unreachable { url: url.clone(), why: self.words(&why) }
            }
        })?;
        let status = response.status();
        if status.is_success() {
            let body = read::body(response, Cap::All(MAX_BYTES), &self.scrubber).await;
            let body =
                body.map_err(|problem| ProbeError::NoList { url: url.clone(), said: self.words(&problem) })?;
            return match facts::ids(&body) {
                Some(_) => Ok(body),
                None => Err(ProbeError::NoList { url, said: self.words(&beginning(&body)) }),
            };
        }
        let refused = self.complaint(response).await;
        let words = self.words(&refused.complaint.message);
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ProbeError::WantsKey { url, status },
            StatusCode::SERVICE_UNAVAILABLE => ProbeError::NotReady { url, status, words },
            _ => ProbeError::NoList { url, said: format!("{status}: {words}") },
        })
    }

    /// What is found out once the list is there.
    async fn with_list(
        self,
        at: Resolved,
        list: &str,
        named: Option<&str>,
        key: Option<SecretString>,
    ) -> Result<Probe, ProbeError> {
        let models = facts::ids(list).unwrap_or_default();
        let kind = self.kind(list).await;
        let id = match (named, models.as_slice()) {
            (_, []) => return Err(ProbeError::NoModel(at.base_url)),
            (Some(named), ids) if ids.iter().all(|id| id != named) => {
                let shown = ids.iter().take(SHOWN_IDS).cloned().collect::<Vec<_>>().join(", ");
                let ids = self.words(&shown);
                return Err(ProbeError::UnknownModel { url: at.base_url, model: named.to_owned(), ids });
            }
            (Some(named), _) => Some(named.to_owned()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        };
        let base_url = at.base_url.clone();
        let Some(id) = id else {
            return Ok(Probe { base_url, kind, models, asked: None, offer: self.ask_offer().await });
        };
        let remote =
            Self::new(Resolved { id: id.clone(), wire_model: id.clone(), ..at }, Role::Target, key, false)?;
        // The call comes first: some servers load the model for it, and say with which window only then.
        let trial = trial::run(&remote).await;
        let facts = facts::of_list(list, &id).or(remote.own_facts(kind).await);
        let facts = match &trial {
            Err(words) if words.contains("chat template") => {
                Facts { template: facts.template.or(Some(Template::Missing)), ..facts }
            }
            _ => facts,
        };
        let offer = remote.ask_offer().await;
        Ok(Probe { base_url, kind, models, asked: Some(AskedModel { id, facts, trial }), offer })
    }

    /// The window that a server on this machine gives to one call of this model, if its list of models says so.
    pub(super) async fn given_window(&self) -> Option<u64> {
        let list = tokio::time::timeout(PATIENCE, self.list_of_models()).await.ok().flatten()?;
        facts::of_list(list, &self.model.wire_model).context_tokens
    }

    /// What a server on this machine says of this model, without a call of the model.
    pub(super) async fn stated_facts(&self) -> TargetFacts {
        let Some(list) = tokio::time::timeout(PATIENCE, self.list_of_models()).await.ok().flatten() else {
            return TargetFacts::default();
        };
        let kind = self.kind(list).await;
        facts::of_list(list, &self.model.wire_model).or(self.own_facts(kind).await).recorded()
    }

    async fn kind(&self, list: &str) -> Option<Kind> {
        match Kind::of_list(list) {
            Some(kind) => Some(kind),
            None => {
                let version = self.look(self.beside("/api/version")).await;
                facts::is_ollama(&version?).then_some(Kind::Ollama)
            }
        }
    }

    /// What the server's own API says of the model, beside OpenAI's.
    async fn own_facts(&self, kind: Option<Kind>) -> Facts {
        let model = self.model.wire_model.as_str();
        match kind {
            Some(Kind::LlamaCpp) => facts::of_props(&self.look(self.props()).await.unwrap_or_default()),
            Some(Kind::Ollama) => {
                let ps = self.look(self.beside("/api/ps")).await.unwrap_or_default();
                facts::of_ps(&ps, model).or(facts::of_show(&self.show().await.unwrap_or_default()))
            }
            Some(Kind::LmStudio) => {
                let v0 = self.look(self.beside("/api/v0/models")).await.unwrap_or_default();
                let v1 = self.look(self.beside("/api/v1/models")).await.unwrap_or_default();
                facts::of_lm_studio_v0(&v0, model).or(facts::of_lm_studio_v1(&v1, model))
            }
            Some(Kind::Vllm) | None => Facts::default(),
        }
    }

    async fn look(&self, url: Url) -> Option<String> {
        tokio::time::timeout(PATIENCE, self.get(url, MAX_BYTES)).await.ok().flatten()
    }

    /// Ollama's description of the model.
    async fn show(&self) -> Option<String> {
        let body = serde_json::json!({ "model": self.model.wire_model }).to_string();
        let post = self.http.post(self.beside("/api/show")).timeout(PATIENCE).body(body);
        let response = post.send().await.ok().filter(|it| it.status().is_success())?;
        read::body(response, Cap::All(MAX_BYTES), &self.scrubber).await.ok()
    }
}

/// The innermost reason of a failed request.
fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// The beginning of an answer, for a message.
fn beginning(body: &str) -> String {
    let begins: String = body.chars().take(80).collect();
    if begins.trim().is_empty() { "an empty answer".into() } else { format!("it says {begins}") }
}
