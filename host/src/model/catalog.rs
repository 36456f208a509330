//! Which providers and models are known, what they can do and what they cost: data, from the built-in
//! `catalog.toml` and a user's file over it.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::pricing::{Price, Rate, Tier};

/// The wire format that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    Anthropic,
    Openai,
}

/// How a key is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    #[default]
    Bearer,
    XApiKey,
}

/// Whether a model thinks before it answers, and how that is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thinking {
    /// It does not, or there is no switch.
    #[default]
    None,
    /// Unless it is told not to.
    OnByDefault,
    /// When it is given a budget of tokens.
    Budget,
    /// When it is told to, as much as it sees fit.
    Adaptive,
}

/// Whether a provider keeps prompts for the next call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caching {
    #[default]
    None,
    Automatic,
    /// Where the request says so, from this size on.
    #[serde(untagged)]
    OnRequest {
        minimum_tokens: u64,
    },
}

/// What a model can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub context_tokens: u64,
    pub max_output_tokens: u32,
    /// Whether it takes a temperature.
    pub sampling: bool,
    pub thinking: Thinking,
    pub tool_choice: Vec<String>,
    pub caching: Caching,
    /// What the OpenAI format calls the limit of a reply.
    pub max_tokens_field: String,
}

impl Default for Profile {
    /// What can be expected of a model of which nothing is known.
    fn default() -> Self {
        Self {
            context_tokens: 200_000,
            max_output_tokens: 64_000,
            sampling: false,
            thinking: Thinking::None,
            tool_choice: vec!["auto".into()],
            caching: Caching::None,
            max_tokens_field: "max_tokens".into(),
        }
    }
}

/// A provider as it stands in the catalog.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderEntry {
    pub api: Option<Api>,
    pub base_url: Option<String>,
    /// The environment variable that holds the key. Without one, no key is sent.
    pub key_env: Option<String>,
    pub auth: Option<Auth>,
    /// Ids that begin so are this provider's.
    pub model_prefixes: Option<Vec<String>>,
    /// Models that run on one's own machine cost nothing.
    pub free: Option<bool>,
    pub defaults: ModelEntry,
}

/// A model as it stands in the catalog.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelEntry {
    pub provider: Option<String>,
    pub context_tokens: Option<u64>,
    pub max_output_tokens: Option<u32>,
    pub sampling: Option<bool>,
    pub thinking: Option<Thinking>,
    pub tool_choice: Option<Vec<String>>,
    pub caching: Option<Caching>,
    pub max_tokens_field: Option<String>,
    pub price: Option<PriceEntry>,
    /// Where price and limits come from, and of which day they are.
    pub source: Option<String>,
    pub as_of: Option<String>,
}

/// A price as it stands in the catalog: what is missing follows from what is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceEntry {
    pub input: f64,
    pub output: f64,
    pub cache_read: Option<f64>,
    pub cache_write: Option<f64>,
    pub cache_write_1h: Option<f64>,
    #[serde(default)]
    pub tiers: Vec<TierEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierEntry {
    pub above_input_tokens: u64,
    pub input: f64,
    pub output: f64,
    pub cache_read: Option<f64>,
    pub cache_write: Option<f64>,
    pub cache_write_1h: Option<f64>,
}

impl PriceEntry {
    /// So much per million tokens, cached or not.
    pub fn flat(input: f64, output: f64) -> Self {
        Self { input, output, cache_read: None, cache_write: None, cache_write_1h: None, tiers: Vec::new() }
    }

    fn price(&self) -> Price {
        let rate = |input: f64, output: f64, read: Option<f64>, write: Option<f64>, hour: Option<f64>| Rate {
            input,
            output,
            cache_read: read.unwrap_or(input),
            cache_write: write.unwrap_or(input),
            cache_write_1h: hour.or(write).unwrap_or(input),
        };
        let mut tiers: Vec<Tier> = self
            .tiers
            .iter()
            .map(|it| Tier {
                above_input_tokens: it.above_input_tokens,
                rate: rate(it.input, it.output, it.cache_read, it.cache_write, it.cache_write_1h),
            })
            .collect();
        tiers.sort_by_key(|tier| tier.above_input_tokens);
        let rate = rate(self.input, self.output, self.cache_read, self.cache_write, self.cache_write_1h);
        Price { rate, tiers }
    }

    fn check(&self) -> Result<(), String> {
        let of = |input, output, others: [Option<f64>; 3]| {
            [Some(input), Some(output)].into_iter().chain(others).flatten().collect::<Vec<f64>>()
        };
        let mut all = of(self.input, self.output, [self.cache_read, self.cache_write, self.cache_write_1h]);
        for it in &self.tiers {
            all.extend(of(it.input, it.output, [it.cache_read, it.cache_write, it.cache_write_1h]));
        }
        match all.iter().find(|price| !(0.0..=1e6).contains(*price)) {
            Some(price) => Err(format!("{price} is no price in US dollars per million tokens")),
            None => Ok(()),
        }
    }
}

impl ModelEntry {
    /// This entry, and the other one where it says nothing.
    fn over(self, base: &Self) -> Self {
        Self {
            provider: self.provider.or_else(|| base.provider.clone()),
            context_tokens: self.context_tokens.or(base.context_tokens),
            max_output_tokens: self.max_output_tokens.or(base.max_output_tokens),
            sampling: self.sampling.or(base.sampling),
            thinking: self.thinking.or(base.thinking),
            tool_choice: self.tool_choice.or_else(|| base.tool_choice.clone()),
            caching: self.caching.or(base.caching),
            max_tokens_field: self.max_tokens_field.or_else(|| base.max_tokens_field.clone()),
            price: self.price.or_else(|| base.price.clone()),
            source: self.source.or_else(|| base.source.clone()),
            as_of: self.as_of.or_else(|| base.as_of.clone()),
        }
    }

    fn profile(&self) -> Profile {
        let default = Profile::default();
        Profile {
            context_tokens: self.context_tokens.unwrap_or(default.context_tokens),
            max_output_tokens: self.max_output_tokens.unwrap_or(default.max_output_tokens),
            sampling: self.sampling.unwrap_or(default.sampling),
            thinking: self.thinking.unwrap_or(default.thinking),
            tool_choice: self.tool_choice.clone().unwrap_or(default.tool_choice),
            caching: self.caching.unwrap_or(default.caching),
            max_tokens_field: self.max_tokens_field.clone().unwrap_or(default.max_tokens_field),
        }
    }
}

impl ProviderEntry {
    fn over(self, base: &Self) -> Self {
        Self {
            api: self.api.or(base.api),
            base_url: self.base_url.or_else(|| base.base_url.clone()),
            key_env: self.key_env.or_else(|| base.key_env.clone()),
            auth: self.auth.or(base.auth),
            model_prefixes: self.model_prefixes.or_else(|| base.model_prefixes.clone()),
            free: self.free.or(base.free),
            defaults: self.defaults.over(&base.defaults),
        }
    }
}

/// All providers and models that are known.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Catalog {
    pub providers: BTreeMap<String, ProviderEntry>,
    pub models: BTreeMap<String, ModelEntry>,
}

/// What the command line may say besides a model's id.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub base_url: Option<String>,
    pub api: Option<Api>,
    pub key_env: Option<String>,
    pub price: Option<PriceEntry>,
}

/// A model that can be asked, once it has its key.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// As it was asked for, and as a run records it.
    pub id: String,
    /// Its name at the provider.
    pub wire_model: String,
    pub provider: String,
    pub api: Api,
    pub base_url: Url,
    pub auth: Auth,
    pub key_env: Option<String>,
    pub profile: Profile,
    pub price: Option<Price>,
}

/// What is wrong with a catalog, or with what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("{file}: {problem}")]
    File { file: String, problem: String },
    #[error(
        "the model {id} is unknown: name its provider in front (such as openrouter/{id} or ollama/{id}), give {flag}, or add it to mmh.toml; `mmh models` lists what is known"
    )]
    Unknown { id: String, flag: String },
    #[error("the provider {provider} has no {field}; mmh.toml can add it under [providers.{provider}]")]
    Incomplete { provider: String, field: &'static str },
    #[error("{url:?} is no base URL: {problem}")]
    Url { url: String, problem: String },
}

const BUILTIN: &str = include_str!("catalog.toml");

impl Catalog {
    /// What mmh knows by itself.
    pub fn builtin() -> Result<Self, CatalogError> {
        Self::parse(BUILTIN, "the built-in catalog")
    }

    pub fn parse(text: &str, file: &str) -> Result<Self, CatalogError> {
        let problem = |problem: String| CatalogError::File { file: file.to_owned(), problem };
        let catalog: Self = toml::from_str(text).map_err(|error| problem(error.to_string()))?;
        for (id, model) in &catalog.models {
            let price = model.price.as_ref().map_or(Ok(()), PriceEntry::check);
            price.map_err(|error| problem(format!("the model {id}: {error}")))?;
        }
        Ok(catalog)
    }

    /// This catalog, and the other one where it says nothing.
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

    /// Finds a model by its id. `flag` is what names another server, for the message.
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
        // A key goes to its own provider only: another server gets one if it is named for it.
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

    /// A model's provider and its name there: by prefix, by its entry, or by how its id begins.
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

    /// What is known of a model, under its whole id or under its name at its own provider.
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
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(problem("it must begin with http:// or https:// and name a host"));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = r#"
        [providers.lab]
        api = "openai"
        base_url = "http://10.0.0.5:8000/v1/"
        key_env = "LAB_KEY"
        [models."lab/llama-4"]
        context_tokens = 131072
        price = { input = 0.5, output = 1.5 }
        [models."claude-haiku-4-5"]
        price = { input = 2, output = 9 }
    "#;

    fn catalog() -> Catalog {
        let builtin = Catalog::builtin().expect("it is well-formed");
        Catalog::parse(USER, "mmh.toml").expect("it is well-formed").over(&builtin)
    }

    #[test]
    fn models_are_found_by_prefix_entry_and_beginning() {
        // id, provider, name there, key, input price
        let table = [
            ("kimi-k2.6", "moonshot", "kimi-k2.6", Some("MOONSHOT_API_KEY"), Some(0.95)),
            ("claude-haiku-4-5", "anthropic", "claude-haiku-4-5", Some("ANTHROPIC_API_KEY"), Some(2.0)),
            (
                "claude-opus-4-6-20260205",
                "anthropic",
                "claude-opus-4-6-20260205",
                Some("ANTHROPIC_API_KEY"),
                Some(5.0),
            ),
            (
                "anthropic/claude-opus-4-6",
                "anthropic",
                "claude-opus-4-6",
                Some("ANTHROPIC_API_KEY"),
                Some(5.0),
            ),
            ("claude-next", "anthropic", "claude-next", Some("ANTHROPIC_API_KEY"), None),
            ("gpt-6", "openai", "gpt-6", Some("OPENAI_API_KEY"), None),
            (
                "openrouter/anthropic/claude-opus-4-6",
                "openrouter",
                "anthropic/claude-opus-4-6",
                Some("OPENROUTER_API_KEY"),
                None,
            ),
            ("ollama/llama3:8b", "ollama", "llama3:8b", None, Some(0.0)),
            ("lab/llama-4", "lab", "llama-4", Some("LAB_KEY"), Some(0.5)),
        ];
        for (id, provider, name, key, input) in table {
            let found = catalog().resolve(id, &Overrides::default(), "--base-url").expect(id);
            assert_eq!((found.provider.as_str(), found.wire_model.as_str()), (provider, name), "{id}");
            assert_eq!(found.key_env.as_deref(), key, "{id}");
            assert_eq!(found.price.map(|price| price.rate.input), input, "{id}");
        }
        let lab = catalog().resolve("lab/llama-4", &Overrides::default(), "").expect("found");
        assert_eq!(lab.profile.context_tokens, 131_072);
        assert_eq!(lab.base_url.as_str(), "http://10.0.0.5:8000/v1");
    }

    #[test]
    fn a_server_of_ones_own_never_gets_a_providers_key() {
        let over = |url: &str| Overrides { base_url: Some(url.into()), ..Overrides::default() };
        let own = catalog().resolve("llama", &over("http://127.0.0.1:8000/v1"), "").expect("found");
        assert_eq!((own.api, own.key_env, own.price), (Api::Openai, None, None));
        let haiku = catalog().resolve("claude-haiku-4-5", &over("http://127.0.0.1:1/v1"), "").expect("found");
        assert_eq!((haiku.api, haiku.key_env), (Api::Anthropic, None));
        assert_eq!(
            (haiku.base_url.as_str(), haiku.provider.as_str()),
            ("http://127.0.0.1:1/", "127.0.0.1:1")
        );
        let named = Overrides { key_env: Some("MY_KEY".into()), ..over("http://127.0.0.1:1") };
        assert_eq!(catalog().resolve("x", &named, "").expect("found").key_env.as_deref(), Some("MY_KEY"));
        // Nor is it free because a provider of that name would be.
        assert_eq!(
            catalog().resolve("ollama/x", &over("http://10.0.0.1/v1"), "").expect("found").price,
            None
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let files = [
            ("[models.x]\nprize = 1", "unknown field `prize`"),
            ("[models.x]\nprice = { input = -1, output = 1 }", "-1 is no price"),
            ("[models.x]\nthinking = \"deep\"", "unknown variant `deep`"),
            ("= 1", "TOML parse error at line 1"),
        ];
        for (text, says) in files {
            let error = Catalog::parse(text, "mmh.toml").expect_err(text).to_string();
            assert!(error.starts_with("mmh.toml: ") && error.contains(says), "{text}: {error}");
        }
        let urls = [
            ("ftp://x", "must begin with http"),
            ("nonsense", "relative URL"),
            ("http://me:secret@host/v1", "a key does not belong into it"),
            ("http://host/v1?key=secret", "no query"),
        ];
        for (url, says) in urls {
            let over = Overrides { base_url: Some(url.into()), ..Overrides::default() };
            let error = catalog().resolve("x", &over, "").expect_err(url).to_string();
            assert!(error.contains(says) && !error.contains("secret"), "{error}");
        }
        let unknown =
            catalog().resolve("wizard", &Overrides::default(), "--target-base-url").expect_err("unknown");
        assert!(unknown.to_string().contains("wizard is unknown: name its provider in front"), "{unknown}");
    }

    #[test]
    fn every_priced_model_says_where_its_price_is_from() {
        for (id, entry) in Catalog::builtin().expect("well-formed").models {
            assert!(entry.price.is_some() && entry.source.is_some() && entry.as_of.is_some(), "{id}");
        }
    }
}
