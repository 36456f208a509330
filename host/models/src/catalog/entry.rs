//! Providers, models and prices as they stand in a catalog: every field may be missing, and a later file
//! goes over an earlier one.

use serde::{Deserialize, Serialize};

use mmh_record::chat::Api;
use mmh_record::pricing::{Price, Rate, Tier};

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

    /// What it comes to, tier by tier.
    pub fn price(&self) -> Price {
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

    pub(super) fn check(&self) -> Result<(), String> {
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
    pub(super) fn over(self, base: &Self) -> Self {
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

    pub(super) fn profile(&self) -> Profile {
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
    pub(super) fn over(self, base: &Self) -> Self {
        // A key goes to its own provider only: who names another server names the key for it, too.
        let moved = self.base_url.is_some() && self.base_url != base.base_url;
        Self {
            api: self.api.or(base.api),
            key_env: self.key_env.or_else(|| base.key_env.clone().filter(|_| !moved)),
            base_url: self.base_url.or_else(|| base.base_url.clone()),
            auth: self.auth.or(base.auth),
            model_prefixes: self.model_prefixes.or_else(|| base.model_prefixes.clone()),
            free: self.free.or(base.free),
            defaults: self.defaults.over(&base.defaults),
        }
    }
}
