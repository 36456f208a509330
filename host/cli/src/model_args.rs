//! Which models a command asks, from arguments, `mmh.toml`, the environment and `.env`.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::{
    environment,
    error::CliError,
    global::Global,
    keys::Keys,
    whose::{DEFAULT_BUDGET_USD, Whose},
};
use mmh_models::{
    ChatModel,
    catalog::{Catalog, Overrides, PriceEntry, Resolved},
    metering::budget::Budget,
    remote::{Remote, Role, is_loopback},
};
use mmh_record::{
    chat::Api,
    format::{Config, ProviderInfo},
    pricing::{Price, Usd},
};
use mmh_search::session::ReadyModel;
use mmh_search::{
    evaluate::replies::{Replies, Tally},
    progress::Observer,
};
use mmh_simulated::{proposer::SimulatedProposer, target::SimulatedTarget};

/// The model of both, as in the original.
const DEFAULT_MODEL: &str = "kimi-k2.6";

#[derive(Clone, Copy, ValueEnum)]
enum ApiArg {
    Anthropic,
    Openai,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Args)]
#[command(next_help_heading = "Target model")]
pub struct TargetArgs {
    #[command(flatten)]
    model: TargetModelArg,
    #[command(flatten)]
    server: TargetServerArgs,
    #[command(flatten)]
    thinking: TargetThinking,
}

/// A struct of its own, because one that others are flattened into has no group.
#[derive(Args)]
pub struct TargetModelArg {
    #[arg(long, value_name = "ID", help = model_help("The model that harnesses call"))]
    target_model: Option<String>,
}

#[derive(Args)]
pub struct TargetServerArgs {
    /// Ask this server instead of the provider's
    #[arg(long, value_name = "URL")]
    target_base_url: Option<String>,
    /// The wire format of --target-base-url [default: the model's own, else openai]
    #[arg(long, value_name = "FORMAT")]
    target_api: Option<ApiArg>,
    /// The environment variable that holds the key [default: the provider's]
    #[arg(long, value_name = "NAME")]
    target_key_env: Option<String>,
    /// Its price: input and output, US dollars per million tokens [default: of `mmh models`]
    #[arg(long, value_name = "IN,OUT", value_parser = price)]
    target_price: Option<(f64, f64)>,
}

#[derive(Args)]
pub struct TargetThinking {
    /// Whether it thinks before it answers, where that can be chosen
    #[arg(long, value_name = "ON|OFF", default_value = "off")]
    target_thinking: Switch,
}

#[derive(Args)]
#[command(next_help_heading = "Proposer")]
pub struct ProposerArgs {
    #[command(flatten)]
    server: ProposerServerArgs,
    #[command(flatten)]
    thinking: ProposerThinking,
}

#[derive(Args)]
pub struct ProposerServerArgs {
    #[arg(long, value_name = "ID", help = model_help("The model that writes harnesses"))]
    proposer_model: Option<String>,
    /// Ask this server instead of the provider's
    #[arg(long, value_name = "URL")]
    proposer_base_url: Option<String>,
    /// The wire format of --proposer-base-url [default: the model's own, else openai]
    #[arg(long, value_name = "FORMAT")]
    proposer_api: Option<ApiArg>,
    /// The environment variable that holds the key [default: the provider's]
    #[arg(long, value_name = "NAME")]
    proposer_key_env: Option<String>,
    /// Its price: input and output, US dollars per million tokens [default: of `mmh models`]
    #[arg(long, value_name = "IN,OUT", value_parser = price)]
    proposer_price: Option<(f64, f64)>,
}

#[derive(Args)]
pub struct ProposerThinking {
    /// Whether it thinks before it answers, where that can be chosen
    #[arg(long, value_name = "ON|OFF", default_value = "on")]
    proposer_thinking: Switch,
}

#[derive(Args)]
#[command(next_help_heading = "Money")]
pub struct MoneyArgs {
    #[command(flatten)]
    spending: SpendingArgs,
    #[command(flatten)]
    cache: ReplyCacheArgs,
}

#[derive(Args)]
pub struct SpendingArgs {
    #[arg(long, value_name = "USD", value_parser = budget, help = budget_help())]
    budget_usd: Option<f64>,
    /// Go on with a model that has no price; the budget does not count it
    #[arg(long)]
    allow_unpriced: bool,
}

#[derive(Args)]
pub struct ReplyCacheArgs {
    /// Ask the target model again for what was asked before
    #[arg(long)]
    no_cache: bool,
}

impl MoneyArgs {
    /// What was asked for.
    pub fn asked_usd(&self) -> Option<f64> {
        self.spending.budget_usd
    }

    pub fn budget_usd(&self) -> f64 {
        self.spending.budget_usd.unwrap_or(DEFAULT_BUDGET_USD)
    }

    pub fn budget(&self) -> Arc<Budget> {
        Arc::new(Budget::new(Usd::from_f64(self.budget_usd())))
    }
}

fn budget_help() -> String {
    format!("What all calls together may cost, in US dollars [default: {DEFAULT_BUDGET_USD}]")
}

pub fn model_help(what: &str) -> String {
    format!("{what}: an id of `mmh models`, or PROVIDER/ID [default: {DEFAULT_MODEL}]")
}

fn price(text: &str) -> Result<(f64, f64), String> {
    let parsed = text.split_once(',').and_then(|(input, output)| {
        Some((input.trim().parse::<f64>().ok()?, output.trim().parse::<f64>().ok()?))
    });
    let sane = |price: f64| (0.0..=1e6).contains(&price);
    parsed
        .filter(|(input, output)| sane(*input) && sane(*output))
        .ok_or_else(|| "two prices are expected, such as 0.95,4.00".into())
}

pub fn budget(text: &str) -> Result<f64, String> {
    let parsed = text.parse::<f64>().ok().filter(|budget| (0.0..=1e6).contains(budget));
    parsed.ok_or_else(|| "an amount in US dollars from 0 to 1000000 is expected, such as 2.50".into())
}

/// What the command line says about one model.
pub struct Choice<'a> {
    role: Role,
    /// None where the default is meant.
    named: Option<&'a str>,
    over: Overrides,
    thinks: bool,
    /// The server that a run that goes on has asked so far: no other one.
    recorded: Option<&'a ProviderInfo>,
}

impl TargetArgs {
    pub fn choice(&self) -> Choice<'_> {
        self.server.choice(&self.thinking, self.model.target_model.as_deref())
    }

    /// Whether anything is said about the model.
    pub fn is_given(&self) -> bool {
        self.choice().is_given()
    }
}

impl TargetServerArgs {
    /// The target of this name, or the default one, at this server.
    pub fn choice<'a>(&self, thinking: &TargetThinking, named: Option<&'a str>) -> Choice<'a> {
        let over = overrides(&self.target_base_url, self.target_api, &self.target_key_env, self.target_price);
        let thinks = thinking.target_thinking == Switch::On;
        Choice { role: Role::Target, named, over, thinks, recorded: None }
    }
}

impl ProposerArgs {
    /// Nothing is said of a proposer that is a model.
    pub fn none() -> Self {
        let server = ProposerServerArgs {
            proposer_model: None,
            proposer_base_url: None,
            proposer_api: None,
            proposer_key_env: None,
            proposer_price: None,
        };
        Self { server, thinking: ProposerThinking { proposer_thinking: Switch::On } }
    }

    pub fn choice(&self) -> Choice<'_> {
        let over = overrides(
            &self.server.proposer_base_url,
            self.server.proposer_api,
            &self.server.proposer_key_env,
            self.server.proposer_price,
        );
        Choice {
            role: Role::Proposer,
            named: self.server.proposer_model.as_deref(),
            over,
            thinks: self.thinking.proposer_thinking == Switch::On,
            recorded: None,
        }
    }
}

fn overrides(
    base_url: &Option<String>,
    api: Option<ApiArg>,
    key_env: &Option<String>,
    price: Option<(f64, f64)>,
) -> Overrides {
    let api = api.map(|api| match api {
        ApiArg::Anthropic => Api::Anthropic,
        ApiArg::Openai => Api::Openai,
    });
    let price = price.map(|(input, output)| PriceEntry::flat(input, output));
    Overrides { base_url: base_url.clone(), api, key_env: key_env.clone(), price }
}

impl<'a> Choice<'a> {
    /// Whether anything is said about the model.
    pub fn is_given(&self) -> bool {
        let Overrides { base_url, api, key_env, price } = &self.over;
        let is_elsewhere = base_url.is_some() || api.is_some() || key_env.is_some();
        self.named.is_some() || self.thinks || is_elsewhere || price.is_some()
    }

    /// The model that a run has asked so far, in the same way, at the same price.
    pub fn of_run(self, config: &'a Config) -> Self {
        let model = match self.role {
            Role::Target => &config.target_model,
            Role::Proposer => &config.proposer_model,
        };
        let recorded = config.providers.get(self.role.name());
        let thinks = recorded.map_or(self.thinks, |info| info.thinking);
        Self { named: self.named.or(recorded.map(|_| model.as_str())), thinks, recorded, ..self }
    }

    /// Refuses another server than the run's. Where a run's folder says so, no key goes anywhere.
    fn same_as_recorded(&self, info: &ProviderInfo) -> Result<(), CliError> {
        let Some(recorded) = self.recorded else { return Ok(()) };
        let role = self.role.name();
        let name = |api: Api| format!("{api:?}").to_lowercase();
        let (api, recorded_api) = (name(info.api), name(recorded.api));
        let pairs = [
            ("base-url", &recorded.base_url, &info.base_url),
            ("model", &recorded.model, &info.model),
            ("api", &recorded_api, &api),
        ];
        match pairs.into_iter().find(|(_, recorded, here)| recorded != here) {
            None => Ok(()),
            Some((what, recorded, here)) => Err(CliError::input(format!(
                "the run's {role} has the {what} {recorded}, not {here}: name it with --{role}-{what}, and its key with --{role}-key-env"
            ))),
        }
    }

    /// The price that a run has had so far, unless another one is named.
    fn same_price(&self, recorded: &Price) -> Result<Price, CliError> {
        let named = self.over.price.as_ref().map(PriceEntry::price);
        match named.filter(|named| named != recorded) {
            None => Ok(recorded.clone()),
            Some(named) => Err(CliError::input(format!(
                "--{}-price {},{}: the run has {},{} since it was begun, and that stays so",
                self.role.name(),
                named.rate.input,
                named.rate.output,
                recorded.rate.input,
                recorded.rate.output
            ))),
        }
    }

    /// The model that is meant, and what is known of it.
    pub fn resolve(&self, catalog: &Catalog) -> Result<Resolved, CliError> {
        let flag = format!("--{}-base-url", self.role.name());
        Ok(catalog.resolve(self.named.unwrap_or(DEFAULT_MODEL), &self.over, &flag)?)
    }

    /// Says that `--mock` and a model do not go together, if one was named.
    pub fn only_simulated(&self) -> Result<(), CliError> {
        match self.named.or(self.over.base_url.as_deref()) {
            Some(named) => {
                Err(CliError::input(format!("--mock uses simulated models; {named} cannot be used with it")))
            }
            None => Ok(()),
        }
    }
}

/// What commands that call models have in common.
pub struct Connector<'a> {
    pub global: &'a Global,
    /// Whose run it is: of a stranger's, no price counts, and no key is read from the working folder.
    pub whose: Whose,
    pub money: &'a MoneyArgs,
    pub mock: bool,
    pub seed: u64,
    pub observer: &'a Arc<dyn Observer>,
}

impl Connector<'_> {
    /// Says which budgets have no effect, since simulated models cost nothing.
    pub fn tell_of_budgets(&self, candidate_usd: Option<f64>) {
        let asked = [("--budget-usd", self.money.asked_usd()), ("--candidate-budget-usd", candidate_usd)];
        let asked: Vec<&str> = asked.iter().filter_map(|(name, usd)| usd.map(|_| *name)).collect();
        if self.mock && !asked.is_empty() {
            let have = if asked.len() == 1 { "has" } else { "have" };
            self.observer.note(format!(
                "{} {have} no effect here: simulated models cost nothing",
                asked.join(" and ")
            ));
        }
    }

    pub fn target(&self, choice: &Choice<'_>) -> Result<ReadyModel, CliError> {
        match self.mock {
            true => self.simulated(choice, Arc::new(SimulatedTarget::new(self.seed))),
            false => self.remote(choice),
        }
    }

    pub fn proposer(&self, choice: &Choice<'_>) -> Result<ReadyModel, CliError> {
        match self.mock {
            true => self.simulated(choice, Arc::new(SimulatedProposer::new(self.seed))),
            false => self.remote(choice),
        }
    }

    fn simulated(&self, choice: &Choice<'_>, model: Arc<dyn ChatModel>) -> Result<ReadyModel, CliError> {
        choice.only_simulated()?;
        Ok(ReadyModel { model, price: Price::default(), info: None, is_local: false })
    }

    fn remote(&self, choice: &Choice<'_>) -> Result<ReadyModel, CliError> {
        let role = choice.role.name();
        let (resolved, price) = self.priced(choice)?;
        let info = ProviderInfo {
            provider: resolved.provider.clone(),
            api: resolved.api,
            base_url: resolved.base_url.to_string(),
            model: resolved.wire_model.clone(),
            thinking: choice.thinks,
            reply_cache: match choice.recorded {
                Some(recorded) => recorded.reply_cache,
                None => choice.role == Role::Target && !self.money.cache.no_cache,
            },
            price: price.clone(),
        };
        choice.same_as_recorded(&info)?;
        self.tell_if_moved(choice, &resolved)?;
        let key = match &resolved.key_env {
            Some(name) => Some(Keys::read(self.global, self.whose)?.get(name)?.ok_or_else(|| {
                let place = match self.whose {
                    Whose::Own => "in .env",
                    Whose::Stranger => "in a file that --env-file names, since the run was not started here",
                };
                CliError::input(format!(
                    "the {role} {} has no key: set {name} in the environment or {place}; --mock runs with simulated models instead, offline and free",
                    resolved.id
                ))
            })?),
            None => None,
        };
        if key.is_some() && resolved.base_url.scheme() == "http" && !is_loopback(&resolved.base_url) {
            self.observer
                .note(format!("warning: the {role}'s key goes to {} unencrypted", resolved.provider));
        }
        let model = Remote::new(resolved, choice.role, key, choice.thinks).map_err(CliError::input)?;
        let observer = self.observer.clone();
        let model = model.telling(Arc::new(move |text| observer.note(text)));
        let is_local = model.is_local();
        Ok(ReadyModel { model: Arc::new(model), price, info: Some(info), is_local })
    }

    /// The variable that holds a model's key, if it is a real one that needs a key.
    pub fn key_variable(&self, choice: &Choice<'_>) -> Result<Option<String>, CliError> {
        if self.mock {
            return Ok(None);
        }
        Ok(choice.resolve(&environment::catalog(self.global)?)?.key_env)
    }

    /// A model and its price.
    pub fn priced(&self, choice: &Choice<'_>) -> Result<(Resolved, Price), CliError> {
        let resolved = choice.resolve(&environment::catalog(self.global)?)?;
        let price = match (choice.recorded, self.whose) {
            (Some(recorded), Whose::Own) => choice.same_price(&recorded.price)?,
            _ => self.price(choice, &resolved)?,
        };
        Ok((resolved, price))
    }

    /// A file that happens to lie in the folder can send a known provider's key elsewhere: not in silence.
    fn tell_if_moved(&self, choice: &Choice<'_>, resolved: &Resolved) -> Result<(), CliError> {
        let known = choice.resolve(&Catalog::builtin()?);
        if known.is_ok_and(|known| known.base_url != resolved.base_url) {
            let key = if resolved.key_env.is_some() { ", with the key" } else { "" };
            self.observer.note(format!(
                "warning: by mmh.toml, calls to {} go to {}{key}",
                resolved.provider, resolved.base_url
            ));
        }
        Ok(())
    }

    /// Whether a model runs here. A server that gets a key may well pass it on to one that bills, and of a stranger's run nothing
    /// is taken for free.
    fn is_on_this_machine(&self, resolved: &Resolved) -> bool {
        is_loopback(&resolved.base_url) && resolved.key_env.is_none() && self.whose == Whose::Own
    }

    /// The price, without which nothing is spent unasked.
    fn price(&self, choice: &Choice<'_>, resolved: &Resolved) -> Result<Price, CliError> {
        match (&resolved.price, self.money.spending.allow_unpriced) {
            (Some(price), _) => Ok(price.clone()),
            (None, _) if self.is_on_this_machine(resolved) => {
                let (id, role, place) = (&resolved.id, choice.role.name(), &resolved.provider);
                self.observer.note(format!(
                    "{id} costs nothing, since {place} is on this machine; --{role}-price gives it a price"
                ));
                Ok(Price::default())
            }
            (None, true) => {
                let note = format!("warning: {} has no price; the budget does not count it", resolved.id);
                self.observer.note(note);
                Ok(Price::default())
            }
            (None, false) => Err(CliError::input(format!(
                "the model {id} has no price: --{role}-price gives one in US dollars per million tokens, so does [models.\"{id}\"] in mmh.toml; --allow-unpriced goes on without",
                id = resolved.id,
                role = choice.role.name(),
            ))),
        }
    }
}

/// The cache of replies, if there shall be one.
pub fn replies(global: &Global, target: &ReadyModel) -> Result<Option<Replies>, CliError> {
    if !target.info.as_ref().is_some_and(|info| info.reply_cache) {
        return Ok(None);
    }
    let replies = Replies::open(&environment::cache(global)?);
    Ok(Some(replies.map_err(CliError::host)?))
}

/// A line that says how many replies are kept ones, if any are.
pub fn kept(tally: Option<Tally>) -> String {
    tally.filter(|tally| tally.kept > 0).map(|tally| format!("{tally}\n")).unwrap_or_default()
}
