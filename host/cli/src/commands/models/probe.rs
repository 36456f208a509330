//! `mmh models --probe`: asks a server what it is, and shows how to use it.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    environment,
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    global::Global,
    keys::Keys,
    output,
    whose::Whose,
};
use mmh_models::{
    catalog::{Catalog, Overrides, Resolved},
    remote::{
        Kind,
        probe::{AskedModel, Facts, Probe, Stops, Template, Trial, probe},
    },
};
use mmh_record::text::{grouped, name};

/// What stands for a model's id until the server has named its models.
const ANY: &str = "any";

/// How many of a server's models are shown.
const SHOWN_MODELS: usize = 20;

#[derive(Args)]
pub struct ProbeArgs {
    /// Ask this server what it is, with two small calls: a base URL, or a provider such as ollama
    #[arg(long, value_name = "URL|PROVIDER")]
    probe: Option<String>,
    /// Which of its models --probe asks [default: its only one]
    #[arg(long, value_name = "ID", requires = "probe")]
    model: Option<String>,
    /// The environment variable that holds the key for --probe [default: the provider's; none for a URL]
    #[arg(long, value_name = "NAME", requires = "probe")]
    key_env: Option<String>,
}

impl ProbeArgs {
    pub fn is_given(&self) -> bool {
        self.probe.is_some()
    }

    pub async fn run(&self, global: &Global, json: bool) -> CliResult {
        let catalog = environment::catalog(global)?;
        let at = self.server(&catalog)?;
        let key = match &at.key_env {
            None => None,
            Some(variable) => Some(Keys::read(global, Whose::Own)?.get(variable)?.ok_or_else(|| {
                CliError::input(format!("{variable} is not set: set it in the environment or in .env"))
            })?),
        };
        let found = probe(at, self.model.as_deref(), key).await.map_err(CliError::host)?;
        match json {
            true => output::json(&as_json(&found, &catalog)),
            false => print(&found, &catalog),
        }
        let failed = found.asked.as_ref().is_some_and(|asked| asked.trial.is_err());
        Ok(if failed { ExitCode::from(EXAMINED_NOT_OK) } else { ExitCode::SUCCESS })
    }

    fn server(&self, catalog: &Catalog) -> Result<Resolved, CliError> {
        let named = self.probe.as_deref().unwrap_or_default();
        let key_env = self.key_env.clone();
        let found = if catalog.providers.contains_key(named) {
            let over = Overrides { key_env, ..Overrides::default() };
            catalog.resolve(&format!("{named}/{ANY}"), &over, "--probe")
        } else {
            let over = Overrides { base_url: Some(named.to_owned()), key_env, ..Overrides::default() };
            catalog.resolve(ANY, &over, "--probe")
        };
        Ok(found?)
    }
}

fn print(found: &Probe, catalog: &Catalog) {
    let title = found.kind.map_or("a server with an OpenAI-compatible API", Kind::title);
    outln!("{title} at {}\n", found.base_url);
    let shown: Vec<String> = found.models.iter().take(SHOWN_MODELS).map(|id| name(id)).collect();
    let more = found.models.len() - shown.len();
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    line("models", &format!("{}{more}", shown.join(", ")));
    if let Some(offer) = &found.offer {
        let calls = offer.calls.map_or_else(|| "any number".into(), |calls| calls.to_string());
        line("calls at once", &format!("{calls}: {}", name(&offer.why)));
    }
    let Some(asked) = &found.asked else {
        outln!("\nno model was asked, since there are several: --model ID asks one of them");
        return;
    };
    line("context", &context(&asked.facts));
    line("chat template", template(asked.facts.template));
    match &asked.trial {
        Ok(trial) => print_trial(trial),
        Err(why) => line("a small call", &format!("failed: {}", name(why))),
    }
    outln!("\nuse it with:\n  {}", options(found, &asked.id, catalog));
    if let Some(tokens) = asked.facts.context_tokens {
        let id = model_id(found.kind, &asked.id);
        outln!("\nmmh.toml can say how large its window is:\n  [models.{id:?}]\n  context_tokens = {tokens}");
    }
}

fn print_trial(trial: &Trial) {
    let seconds = format!("{}.{:02} s", trial.millis / 1000, trial.millis % 1000 / 10);
    let (call, usage) = match trial.tokens {
        Some((input, output)) => (format!("{seconds}, {input} tokens in, {output} tokens out"), "reported"),
        None => (seconds, "not reported: it is estimated from the texts"),
    };
    line("a small call", &call);
    line("token usage", usage);
    match &trial.stops {
        Stops::Taken => line("stop sequences", "taken"),
        Stops::Ignored => line("stop sequences", "ignored: a reply goes on after them"),
        Stops::Refused(why) => line("stop sequences", &format!("refused: {}", name(why))),
        Stops::Unclear => line("stop sequences", "the replies did not show it"),
    }
    line("thinks first", if trial.thinks { "yes" } else { "no sign of it" });
}

fn line(what: &str, said: &str) {
    outln!("{what:<15} {said}");
}

fn context(facts: &Facts) -> String {
    let trained = facts.trained_tokens.map(grouped);
    match (facts.context_tokens.map(grouped), trained) {
        (Some(given), Some(trained)) => {
            format!("{given} tokens for prompt and reply of a call; trained for {trained}")
        }
        (Some(given), None) => format!("{given} tokens for prompt and reply of a call"),
        (None, Some(trained)) => format!("not said; trained for {trained} tokens"),
        (None, None) => "not said".into(),
    }
}

/// What a template says of the model is no proof: a base model may be served with one.
fn template(template: Option<Template>) -> &'static str {
    match template {
        Some(Template::Roles) => "marks who speaks, as for an instruct model",
        Some(Template::Plain) => "hands the texts on as they stand, as for a base model",
        Some(Template::Missing) => "none, as for a base model: the server needs one to take conversations",
        None => "not shown: base or instruct cannot be told",
    }
}

/// The model's id in the catalog's terms. With its provider's name in front, it is free and takes a temperature.
fn model_id(kind: Option<Kind>, id: &str) -> String {
    kind.map_or_else(|| name(id), |kind| format!("{}/{}", kind.provider(), name(id)))
}

fn options(found: &Probe, id: &str, catalog: &Catalog) -> String {
    let preset = found.kind.and_then(|kind| catalog.providers.get(kind.provider())?.base_url.as_deref());
    let model = format!("--target-model {}", model_id(found.kind, id));
    match preset == Some(found.base_url.as_str()) {
        true => model,
        false => format!("{model} --target-base-url {}", found.base_url),
    }
}

fn as_json(found: &Probe, catalog: &Catalog) -> Value {
    json!({
        "base_url": found.base_url.as_str(),
        "server": found.kind.map(Kind::provider),
        "models": found.models,
        "calls_at_once": found.offer.as_ref().and_then(|offer| offer.calls),
        "calls_at_once_why": found.offer.as_ref().map(|offer| &offer.why),
        "asked": found.asked.as_ref().map(asked_json),
        "options": found.asked.as_ref().map(|asked| options(found, &asked.id, catalog)),
    })
}

fn asked_json(asked: &AskedModel) -> Value {
    let template = asked.facts.template.map(|template| match template {
        Template::Roles => "roles",
        Template::Plain => "plain",
        Template::Missing => "missing",
    });
    let trial = asked.trial.as_ref().ok();
    json!({
        "model": asked.id,
        "context_tokens": asked.facts.context_tokens,
        "trained_tokens": asked.facts.trained_tokens,
        "chat_template": template,
        "call_ms": trial.map(|it| it.millis),
        "input_tokens": trial.and_then(|it| it.tokens).map(|it| it.0),
        "output_tokens": trial.and_then(|it| it.tokens).map(|it| it.1),
        "reports_usage": trial.map(|it| it.tokens.is_some()),
        "stop_sequences": trial.map(|it| match it.stops {
            Stops::Taken => "taken",
            Stops::Ignored => "ignored",
            Stops::Refused(_) => "refused",
            Stops::Unclear => "unclear",
        }),
        "thinks": trial.map(|it| it.thinks),
        "error": asked.trial.as_ref().err(),
    })
}
