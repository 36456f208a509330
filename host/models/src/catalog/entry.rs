//! Providers, models and prices as a catalog has them: every field may be missing, and a later file overrides an
//! earlier one field by field.

use serde::{Deserialize, Serialize};

use mmh_record::chat::Api;
use mmh_record::pricing::{Price, Rate, Tier};

/// How a key is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// In the header `authorization`, after `Bearer`.
    #[default]
    Bearer,
    /// In the header `x-api-key`.
    XApiKey,
}

/// Whether a model thinks before it answers, and how that is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thinking {
    /// It does not think, or there is no switch.
    #[default]
    None,
    /// It thinks unless it is told not to.
    OnByDefault,
    /// It thinks if it is given a budget of tokens.
    Budget,
    /// It thinks if it is told to, as much as it decides.
    Adaptive,
}

/// Whether a provider caches prompts for the next call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caching {
    /// It does not, or that is unknown.
    #[default]
    None,
    /// By itself.
    Automatic,
    /// Only if the request asks for it.
    #[serde(untagged)]
    OnRequest {
        /// The provider caches no prompt that is shorter.
        minimum_tokens: u64,
    },
}

/// What a model can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The context window: prompt and reply together.
    pub context_tokens: u64,
    /// The longest reply.
    pub max_output_tokens: u32,
    /// Whether it takes a temperature.
    pub sampling: bool,
    /// Whether and how it thinks.
    pub thinking: Thinking,
    /// The values of a tool choice that it takes. With `any` among them it can be made to call a tool.
    pub tool_choice: Vec<String>,
    /// Whether its provider caches prompts.
    pub caching: Caching,
    /// The field that limits a reply in the OpenAI format.
    pub max_tokens_field: String,
}

impl Default for Profile {
    /// What an unknown model is expected to do.
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

/// A provider in a catalog.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderEntry {
    /// The wire format. Needed to ask a model, here or as an override.
    pub api: Option<Api>,
    /// Where its API begins. Needed as well.
    pub base_url: Option<String>,
    /// The environment variable that holds the key. Without one, no key is sent.
    pub key_env: Option<String>,
    /// How the key is sent; `bearer` if it is missing.
    pub auth: Option<Auth>,
    /// Model ids that begin with one of these belong to this provider.
    pub model_prefixes: Option<Vec<String>>,
    /// Whether its models cost nothing, such as those on the user's own machine. `false` if it is missing.
    pub free: Option<bool>,
    /// Fields of all its models that their own entries lack.
    pub defaults: ModelEntry,
}

/// A model in a catalog. A missing field has the value of [`Profile::default`] in the end, if no other catalog and no
/// provider has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelEntry {
    /// The name of its provider. An id with the provider's name or prefix does not need it.
    pub provider: Option<String>,
    /// See [`Profile::context_tokens`].
    pub context_tokens: Option<u64>,
    /// See [`Profile::max_output_tokens`].
    pub max_output_tokens: Option<u32>,
    /// See [`Profile::sampling`].
    pub sampling: Option<bool>,
    /// See [`Profile::thinking`].
    pub thinking: Option<Thinking>,
    /// See [`Profile::tool_choice`].
    pub tool_choice: Option<Vec<String>>,
    /// See [`Profile::caching`].
    pub caching: Option<Caching>,
    /// See [`Profile::max_tokens_field`].
    pub max_tokens_field: Option<String>,
    /// What calls cost; unknown if it is missing.
    pub price: Option<PriceEntry>,
    /// Where price and limits come from, in words.
    pub source: Option<String>,
    /// The day on which they were read there, such as `2026-11-01`.
    pub as_of: Option<String>,
}

/// A price in a catalog, in US dollars per million tokens. A missing cache price is derived from those that are there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceEntry {
    /// Input that is not cached.
    pub input: f64,
    /// Output, thoughts included.
    pub output: f64,
    /// Input that is read from the cache; `input` if it is missing.
    pub cache_read: Option<f64>,
    /// Input that is written to the cache; `input` if it is missing.
    pub cache_write: Option<f64>,
    /// Input that is written to the cache for an hour; `cache_write` if it is missing.
    pub cache_write_1h: Option<f64>,
    /// Other rates for larger requests, in any order.
    #[serde(default)]
    pub tiers: Vec<TierEntry>,
}

/// The rates of requests above a size. They hold for all tokens of such a request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierEntry {
    /// The size: cached and other input tokens together.
    pub above_input_tokens: u64,
    /// See [`PriceEntry::input`].
    pub input: f64,
    /// See [`PriceEntry::output`].
    pub output: f64,
    /// See [`PriceEntry::cache_read`].
    pub cache_read: Option<f64>,
    /// See [`PriceEntry::cache_write`].
    pub cache_write: Option<f64>,
    /// See [`PriceEntry::cache_write_1h`].
    pub cache_write_1h: Option<f64>,
}

impl PriceEntry {
    /// The same price for cached and other input, without tiers.
    pub fn flat(input: f64, output: f64) -> Self {
        Self { input, output, cache_read: None, cache_write: None, cache_write_1h: None, tiers: Vec::new() }
    }

    /// The price with all rates filled in and its tiers sorted by size.
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
    /// This entry, with missing fields taken from the other one.
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
        // A key goes to its own provider only. An entry with another server has to name its key, too.
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
