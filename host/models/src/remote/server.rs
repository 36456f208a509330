//! Identifies the server at an address that belongs to no known provider, by what it says about its models. A server on
//! the user's own machine may be restarted with another model under the same name.

use std::time::Duration;

use reqwest::Url;

use super::{
    Remote,
    setup::{below, is_loopback},
};
use crate::wire::WireFormat;
use crate::{
    ServerIdentity,
    catalog::Catalog,
    read::{
        self, Cap,
        json::{each, field, fields, loose_text},
    },
};
use mmh_record::digest::{Digest, KeyBuilder};

/// How long the server's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longer lists of models are not read.
const MAX_LIST_BYTES: usize = 4 << 20;

/// Fields that identify a model. Fields that differ from answer to answer, such as times, are left out.
const TELLING: [&str; 20] = [
    "id",
    "name",
    "model",
    "root",
    "parent",
    "path",
    "digest",
    "sha256",
    "hash",
    "revision",
    "version",
    "quantization",
    "quantization_level",
    "parameter_size",
    "arch",
    "n_params",
    "n_vocab",
    "n_ctx_train",
    "n_embd",
    "size",
];

impl Remote {
    /// Asks the server, unless it is a known provider's.
    pub(super) async fn ask_server(&self) -> ServerIdentity {
        if self.is_providers_own() {
            return ServerIdentity::Named;
        }
        let said = tokio::time::timeout(PATIENCE, self.list_of_models()).await.ok().flatten();
        let stated = said.and_then(|list| stated(list, &self.model.wire_model));
        stated.map_or(ServerIdentity::Unsaid, ServerIdentity::Stated)
    }

    /// What the server says about its models. It is asked once, if it answers.
    pub(super) async fn list_of_models(&self) -> Option<&str> {
        let url = below(&self.model.base_url, self.model.api.models_path());
        let asked = async || self.get(url, MAX_LIST_BYTES).await.ok_or(());
        self.list.get_or_try_init(asked).await.ok().map(String::as_str)
    }

    /// The body of a successful answer, if it is not too long.
    pub(super) async fn get(&self, url: Url, most_bytes: usize) -> Option<String> {
        let response = self.http.get(url).send().await.ok().filter(|it| it.status().is_success())?;
        read::body(response, Cap::All(most_bytes), &self.scrubber).await.ok()
    }

    fn is_providers_own(&self) -> bool {
        let base = &self.model.base_url;
        let known = Catalog::builtin().map(|catalog| catalog.addresses()).unwrap_or_default();
        !is_loopback(base) && known.iter().any(|known| known.origin() == base.origin())
    }
}

/// A digest of what a list of models says about this model, or about all models if it is not in the list.
fn stated(list: &str, wire_model: &str) -> Option<Digest> {
    let [data, models] = fields(list, ["data", "models"])?;
    let (mut all, mut own) = (Vec::new(), Vec::new());
    let listed = each(data.or(models)?, |entry| {
        let says = entry_says(entry);
        let id = field(entry, "id").or_else(|| field(entry, "name")).and_then(loose_text);
        if id.as_deref() == Some(wire_model) {
            own.push(says.clone());
        }
        all.push(says);
    });
    let said = if own.is_empty() { all } else { own };
    (listed && !said.is_empty())
        .then(|| said.iter().fold(KeyBuilder::new("models"), |key, says| key.part("model", says)).finish())
}

fn entry_says(entry: &str) -> String {
    let of = |json: &str| {
        let said = fields(json, TELLING).unwrap_or_default();
        let pairs = TELLING.iter().zip(said).filter_map(|(name, value)| Some((name, loose_text(value?)?)));
        pairs.map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(" ")
    };
    let further = fields(entry, ["meta", "details"]).unwrap_or_default();
    let mut says = of(entry);
    for (name, json) in ["meta", "details"].into_iter().zip(further) {
        says.push_str(&json.map(|json| format!(" {name}: {}", of(json))).unwrap_or_default());
    }
    says
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_apart_by_their_models() {
        let llama = |params: u64, created: u64| {
            format!(
                r#"{{"models":[{{"name":"x"}}],"data":[{{"id":"/m/a.gguf","created":{created},"owned_by":"llamacpp","meta":{{"n_params":{params}}}}}]}}"#
            )
        };
        let vllm = |root: &str, permission: &str| {
            format!(
                r#"{{"data":[{{"id":"m","root":"{root}","created":1,"permission":[{{"id":"{permission}"}}]}},{{"id":"other{permission}"}}]}}"#
            )
        };
        // name, one list, another one, whether it is the same server
        let table = [
            ("llama.cpp, started again", llama(7, 1), llama(7, 2), true),
            ("llama.cpp, another file of this name", llama(7, 1), llama(8, 1), false),
            ("vLLM, asked again", vllm("a", "x"), vllm("a", "y"), true),
            ("vLLM, another model under this name", vllm("a", "x"), vllm("b", "x"), false),
        ];
        for (name, one, other, same) in table {
            let (one, other) = (stated(&one, "m"), stated(&other, "m"));
            assert!(one.is_some() && other.is_some(), "{name}");
            assert_eq!(one == other, same, "{name}");
        }
        for says_nothing in ["", "<html>", "{}", r#"{"data":[]}"#, r#"{"error":{"message":"not found"}}"#] {
            assert_eq!(stated(says_nothing, "m"), None, "{says_nothing}");
        }
    }
}
