//! The known providers and models, with their abilities and prices: data from the built-in `catalog.toml` and from a
//! user's file, which overrides it.

mod entry;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;

pub use entry::{Auth, Caching, ModelEntry, PriceEntry, Profile, ProviderEntry, Thinking, TierEntry};

use mmh_record::{chat::Api, pricing::Price};

/// All known providers and models.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Catalog {
    /// Providers by name, such as `anthropic`.
    pub providers: BTreeMap<String, ProviderEntry>,
    /// Models by id, such as `kimi-k2.6` or `lab/llama-4`.
    pub models: BTreeMap<String, ModelEntry>,
}

/// Settings of one model that override the catalog, such as options of the command line.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Another server. It gets no key unless `key_env` names one.
    pub base_url: Option<String>,
    /// The wire format. Another server's is OpenAI's, unless this or the catalog says otherwise.
    pub api: Option<Api>,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// What calls cost.
    pub price: Option<PriceEntry>,
}

/// A model with everything that is needed to ask it, except for its key.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The id by which it was asked for, and which a run records.
    pub id: String,
    /// Its name at the provider.
    pub wire_model: String,
    /// The provider's name in the catalog; host and port of a server that is in no catalog.
    pub provider: String,
    /// The wire format.
    pub api: Api,
    /// Where the API begins. It has no query and no key.
    pub base_url: Url,
    /// How the key is sent.
    pub auth: Auth,
    /// The environment variable that holds the key. `None`: no key is sent.
    pub key_env: Option<String>,
    /// What the model can do.
    pub profile: Profile,
    /// What calls cost; `None` if that is unknown.
    pub price: Option<Price>,
}

/// A catalog is wrong, or does not have what is asked for.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file is no TOML of this form, or a price in it is out of range.
    #[error("{file}: {problem}")]
    File {
        /// The file's name, for the message.
        file: String,
        /// What is wrong, with the place.
        problem: String,
    },
    /// Neither the model nor its provider is in the catalog.
    #[error(
        "the model {id} is unknown: name its provider in front (such as openrouter/{id} or ollama/{id}), give {flag}, or add it to mmh.toml; `mmh models` lists what is known"
    )]
    Unknown {
        /// The model's id, as it was asked for.
        id: String,
        /// The option that names a server.
        flag: String,
    },
    /// The provider's entry lacks a field without which it cannot be asked.
    #[error("the provider {provider} has no {field}; mmh.toml can add it under [providers.{provider}]")]
    Incomplete {
        /// The provider's name in the catalog.
        provider: String,
        /// The missing field.
        field: &'static str,
    },
    /// An address that no API can have.
    #[error("{url:?} is no base URL: {problem}")]
    Url {
        /// The address without what may be a key.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
}

const BUILTIN: &str = include_str!("../catalog.toml");

impl Catalog {
    /// The catalog that is part of this program.
    pub fn builtin() -> Result<Self, CatalogError> {
        Self::parse(BUILTIN, "the built-in catalog")
    }

    /// Reads a catalog from TOML. `file` names it in errors. Fails on unknown fields and on prices out of range.
    pub fn parse(text: &str, file: &str) -> Result<Self, CatalogError> {
        let problem = |problem: String| CatalogError::File { file: file.to_owned(), problem };
        let catalog: Self = toml::from_str(text).map_err(|error| problem(error.to_string()))?;
        for (id, model) in &catalog.models {
            let price = model.price.as_ref().map_or(Ok(()), PriceEntry::check);
            price.map_err(|error| problem(format!("the model {id}: {error}")))?;
        }
        Ok(catalog)
    }

    /// This catalog, completed field by field by the other one.
    pub fn over(mut self, base: &Self) -> Self {
        for (name, entry) in &base.providers {
            let own = self.providers.remove(name).unwrap_or_default();
            self.providers.insert(name.clone(), own.over(entry));
        }
        for (id, entry) in &base.models {
            let own = self.models.remove(id).unwrap_or_default();
            self.models.insert(id.clone(), own.over(entry));
        }
        self
    }

    /// The base URLs of all providers.
    pub fn addresses(&self) -> Vec<Url> {
        let urls = self.providers.values().filter_map(|provider| provider.base_url.as_ref());
        urls.filter_map(|url| Url::parse(url).ok()).collect()
    }

    /// Finds a model by its id. `flag` is the option that names another server; an error names it.
    pub fn resolve(&self, id: &str, over: &Overrides, flag: &str) -> Result<Resolved, CatalogError> {
        let (name, wire_model) = self.provider_of(id).unzip();
        let provider = match name.and_then(|name| self.providers.get(name)) {
            Some(provider) => provider.clone(),
            None if over.base_url.is_some() => ProviderEntry::default(),
            None => return Err(CatalogError::Unknown { id: id.to_owned(), flag: flag.to_owned() }),
        };
        let wire_model = wire_model.unwrap_or(id);
        let entry = self.entry(id, name, wire_model).over(&provider.defaults);
        let missing = |field| CatalogError::Incomplete { provider: name.unwrap_or(id).to_owned(), field };
        let api = over.api.or(provider.api).or(over.base_url.as_ref().map(|_| Api::Openai));
        let api = api.ok_or_else(|| missing("api"))?;
        let url = over.base_url.as_ref().or(provider.base_url.as_ref()).ok_or_else(|| missing("base_url"))?;
        let base_url = base_url(url, api)?;
        // A key goes to its own provider only. Another server gets one only if it is named for it.
        let key_env = match &over.base_url {
            Some(_) => over.key_env.clone(),
            None => over.key_env.clone().or(provider.key_env),
        };
        let free = provider.free.unwrap_or(false) && over.base_url.is_none();
        let price = over.price.as_ref().or(entry.price.as_ref()).map(PriceEntry::price);
        Ok(Resolved {
            id: id.to_owned(),
            wire_model: wire_model.to_owned(),
            provider: match (&over.base_url, name) {
                (None, Some(name)) => name.to_owned(),
                _ => authority(&base_url),
            },
            api,
            base_url,
            auth: provider.auth.unwrap_or_default(),
            key_env,
            profile: entry.profile(),
            price: price.or_else(|| free.then(Price::default)),
        })
    }

    /// A model's provider and its name there: by the provider's name before a slash, by the model's entry, or by the
    /// beginning of the id.
    fn provider_of<'a>(&'a self, id: &'a str) -> Option<(&'a str, &'a str)> {
        if let Some((name, rest)) = id.split_once('/')
            && let Some((name, _)) = self.providers.get_key_value(name)
        {
            return Some((name, rest));
        }
        let entry = self.models.get(id).or_else(|| self.models.get(undated(id)));
        if let Some(name) = entry.and_then(|entry| entry.provider.as_deref()) {
            return Some((name, id));
        }
        let begins = |entry: &&(&'a String, &'a ProviderEntry)| {
            entry.1.model_prefixes.iter().flatten().any(|prefix| id.starts_with(prefix))
        };
        self.providers.iter().find(|entry| begins(&entry)).map(|(name, _)| (name.as_str(), id))
    }

    /// A model's entry, under its whole id or under its name at its own provider. Empty if there is none.
    fn entry(&self, id: &str, provider: Option<&str>, wire_model: &str) -> ModelEntry {
        if let Some(entry) = self.models.get(id) {
            return entry.clone();
        }
        let named = self.models.get(wire_model).or_else(|| self.models.get(undated(wire_model)));
        named.filter(|entry| entry.provider.as_deref() == provider).cloned().unwrap_or_default()
    }
}

/// `claude-haiku-4-5` of `claude-haiku-4-5-20251001`.
fn undated(id: &str) -> &str {
    match id.rsplit_once('-') {
        Some((name, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => id,
    }
}

fn base_url(text: &str, api: Api) -> Result<Url, CatalogError> {
    let problem = |problem: &str| CatalogError::Url { url: text.to_owned(), problem: problem.to_owned() };
    let url = Url::parse(text).map_err(|error| problem(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(CatalogError::Url {
            url: authority(&url),
            problem: "a key does not belong into it; name the variable that holds it".into(),
        });
    }
    if url.query().is_some() || url.fragment().is_some() {
        // What stands there may be a key: it is not repeated.
        return Err(CatalogError::Url {
            url: authority(&url),
            problem: "it may have no query and no fragment".into(),
        });
    }
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(problem("it must begin with http:// or https:// and name a host"));
    }
    // People paste both forms: with and without the version that the path brings along.
    let path = url.path().trim_end_matches('/');
    let path = match api {
        Api::Anthropic => path.strip_suffix("/v1").unwrap_or(path).to_owned(),
        Api::Openai => path.to_owned(),
    };
    let mut url = url;
    url.set_path(&path);
    Ok(url)
}

/// Host and port of a server.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
