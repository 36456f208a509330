//! How many calls at once a server on this machine offers. A server of one's own has no account whose limits it enforces by
//! refusing: it queues what is too much, and an example's time passes in the queue.
//!
//! What servers say, by their documentation of November 2026: llama.cpp's server has a fixed number of slots and tells it
//! (`total_slots` of `GET /props`). vLLM batches any number and names itself in its list of models. Ollama
//! (`OLLAMA_NUM_PARALLEL`, by default 1) and LM Studio (4 by default) queue further calls and do not tell how many they take.

use std::time::Duration;

use reqwest::Url;

use super::{Remote, kind::Kind, setup::below};
use crate::read::json::{field, loose_text};

/// How long all answers together are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longer answers are not read.
const MAX_BYTES: usize = 1 << 20;

/// Calls at once of a server that does not say how many it takes. Even if it answers one after the other, half a minute each, the
/// last one comes within the ten minutes that an attempt has on this machine.
const UNSAID: usize = 16;

/// The most slots that are believed.
const MAX_SLOTS: usize = 4096;

/// How many calls at once suit a server on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The number. Nothing where the server takes as many as come.
    pub calls: Option<usize>,
    /// How it is known, or why it was chosen.
    pub why: String,
}

impl Remote {
    /// What the server offers, if it is on this machine. It is asked for what costs nothing: its list of models, which is asked
    /// for once in any case, and llama.cpp's for its properties.
    pub(super) async fn ask_offer(&self) -> Option<Offer> {
        if !self.is_local() {
            return None;
        }
        let asked = tokio::time::timeout(PATIENCE, self.offered()).await;
        Some(asked.unwrap_or_else(|_| self.unsaid()))
    }

    async fn offered(&self) -> Offer {
        match self.list_of_models().await.and_then(Kind::of_list) {
            Some(Kind::LlamaCpp) => {
                let props = self.get(self.props(), MAX_BYTES).await;
                props.as_deref().and_then(slots).map_or_else(|| self.unsaid(), |slots| self.has(slots))
            }
            Some(Kind::Vllm) => {
                let why = format!("vLLM at {} batches as many as come", self.address());
                Offer { calls: None, why }
            }
            _ => self.unsaid(),
        }
    }

    fn has(&self, slots: usize) -> Offer {
        let plural = if slots == 1 { "slot" } else { "slots" };
        let why = format!("llama.cpp's server at {} has {slots} {plural}", self.address());
        Offer { calls: Some(slots), why }
    }

    fn unsaid(&self) -> Offer {
        let why = format!("the server at {} does not say how many it takes", self.address());
        Offer { calls: Some(UNSAID), why }
    }

    /// The address of llama.cpp's properties: beside `/v1`, and of this model where there are several.
    pub(super) fn props(&self) -> Url {
        let mut url = self.beside("/props");
        url.query_pairs_mut().append_pair("model", &self.model.wire_model);
        url
    }

    /// An address of the server's own API, which lies beside `/v1`.
    pub(super) fn beside(&self, path: &str) -> Url {
        let mut root = self.model.base_url.clone();
        let base = root.path().trim_end_matches('/').to_owned();
        root.set_path(base.strip_suffix("/v1").unwrap_or(&base));
        below(&root, path)
    }

    /// Host and port, for messages.
    pub(super) fn address(&self) -> String {
        let port = self.endpoint.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.endpoint.host_str().unwrap_or_default())
    }
}

/// The number of slots in llama.cpp's properties.
fn slots(props: &str) -> Option<usize> {
    let slots: usize = field(props, "total_slots").and_then(loose_text)?.parse().ok()?;
    (1..=MAX_SLOTS).contains(&slots).then_some(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say() {
        // name, properties, slots
        let table = [
            (
                "llama.cpp",
                r#"{"default_generation_settings":{"id":0},"total_slots":4,"model_path":"m"}"#,
                Some(4),
            ),
            ("one", r#"{"total_slots":1}"#, Some(1)),
            ("as text", r#"{"total_slots":"8"}"#, Some(8)),
            ("none", r#"{"total_slots":0}"#, None),
            ("beyond belief", r#"{"total_slots":99999999}"#, None),
            ("a fraction", r#"{"total_slots":1.5}"#, None),
            ("negative", r#"{"total_slots":-1}"#, None),
            ("llama.cpp's router", r#"{"role":"router"}"#, None),
            ("a web page", "<html>", None),
            ("nothing", "", None),
        ];
        for (name, props, expected) in table {
            assert_eq!(slots(props), expected, "{name}");
        }
    }
}
