//! `mmh models`: what is known of providers and models, and which keys are set; or what one server is.

mod probe;

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    environment,
    error::{CliError, CliResult},
    global::Global,
    keys::Keys,
    output,
    whose::Whose,
};
use mmh_models::catalog::{Catalog, Overrides, Resolved};

#[derive(Args)]
pub struct ModelsArgs {
    #[command(flatten)]
    probe: probe::ProbeArgs,
    /// Print the list, or what was found out, as JSON
    #[arg(long)]
    json: bool,
}

pub async fn main(global: &Global, args: ModelsArgs) -> CliResult {
    if args.probe.is_given() {
        return args.probe.run(global, args.json).await;
    }
    let catalog = environment::catalog(global)?;
    let (models, keys) = (resolved(&catalog)?, Keys::read(global, Whose::Own)?);
    if args.json {
        output::json(&as_json(&catalog, &models, &keys)?);
    } else {
        print(&catalog, &models, &keys)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn resolved(catalog: &Catalog) -> Result<Vec<Resolved>, CliError> {
    let resolve = |id: &String| Ok(catalog.resolve(id, &Overrides::default(), "a base URL")?);
    catalog.models.keys().map(resolve).collect()
}

fn print(catalog: &Catalog, models: &[Resolved], keys: &Keys) -> Result<(), CliError> {
    outln!("US dollars per million tokens:\n");
    outln!(
        "{:<24} {:<11} {:>8} {:>10} {:>11} {:>8} {:>9}  prices of",
        "model",
        "provider",
        "input",
        "cache read",
        "cache write",
        "output",
        "window"
    );
    for model in models {
        let entry = &catalog.models[&model.id];
        let line = |rates: Option<[f64; 4]>| match rates {
            Some(rates) => {
                let [input, read, write, output] = rates.map(|rate| format!("{rate:.3}"));
                format!("{input:>8} {read:>10} {write:>11} {output:>8}")
            }
            None => format!("{:>40}", "no price"),
        };
        let rates = model.price.as_ref().map(|price| price.rate);
        outln!(
            "{:<24} {:<11} {} {:>9}  {}",
            model.id,
            model.provider,
            line(rates.map(|it| [it.input, it.cache_read, it.cache_write, it.output])),
            model.profile.context_tokens,
            entry.as_of.as_deref().unwrap_or("-"),
        );
        for tier in model.price.iter().flat_map(|price| &price.tiers) {
            let rates = [tier.rate.input, tier.rate.cache_read, tier.rate.cache_write, tier.rate.output];
            outln!("{:<36} {}", format!("  above {} tokens", tier.above_input_tokens), line(Some(rates)));
        }
    }
    outln!("\nAny other model is named PROVIDER/ID, or by its ID with a base URL:\n");
    for (name, provider) in &catalog.providers {
        let key = match &provider.key_env {
            Some(variable) if keys.has(variable)? => format!("{variable}: set"),
            Some(variable) => format!("{variable}: not set"),
            None => "no key".into(),
        };
        outln!("{name:<11} {:<40} {key}", provider.base_url.as_deref().unwrap_or("-"));
    }
    Ok(())
}

fn as_json(catalog: &Catalog, models: &[Resolved], keys: &Keys) -> Result<Value, CliError> {
    let models: Vec<Value> = models
        .iter()
        .map(|model| {
            let entry = &catalog.models[&model.id];
            json!({
                "id": model.id,
                "provider": model.provider,
                "price": model.price,
                "context_tokens": model.profile.context_tokens,
                "source": entry.source,
                "as_of": entry.as_of,
            })
        })
        .collect();
    let mut providers = serde_json::Map::new();
    for (name, provider) in &catalog.providers {
        let set = provider.key_env.as_deref().map(|name| keys.has(name)).transpose()?;
        let shown = json!({ "base_url": provider.base_url, "key_env": provider.key_env, "key_set": set });
        providers.insert(name.clone(), shown);
    }
    Ok(json!({ "models": models, "providers": providers }))
}
