//! What servers say of a model, each in its own shape: plain text in, facts out.
//!
//! Shapes of November 2026, by the servers' documentation and sources; `docs/real-models.md` names them. A field that is not there,
//! or has an odd value, is a fact that is unknown.

use mmh_record::format::{ChatTemplate, TargetFacts};
use serde_json::Value;

/// The largest context window that is believed, in tokens.
const MAX_CONTEXT: u64 = 1 << 32;

/// What a server does with the messages of a conversation before the model sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// It marks who says what, as an instruct model expects.
    Roles,
    /// It hands the texts on as they stand, as suits a base model.
    Plain,
    /// There is none, so that the server refuses conversations.
    Missing,
}

/// What is known of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The window of one call, prompt and reply together, in tokens.
    pub context_tokens: Option<u64>,
    /// The window that the model was trained for, in tokens.
    pub trained_tokens: Option<u64>,
    /// The chat template, where the server shows it.
    pub template: Option<Template>,
}

impl Facts {
    /// These facts, with those of another answer where they lack one.
    pub fn or(self, other: Self) -> Self {
        Self {
            context_tokens: self.context_tokens.or(other.context_tokens),
            trained_tokens: self.trained_tokens.or(other.trained_tokens),
            template: self.template.or(other.template),
        }
    }

    /// The same, as a run records it.
    pub fn recorded(self) -> TargetFacts {
        let chat_template = self.template.map(|template| match template {
            Template::Roles => ChatTemplate::Roles,
            Template::Plain => ChatTemplate::Plain,
            Template::Missing => ChatTemplate::Missing,
        });
        let Self { context_tokens, trained_tokens, .. } = self;
        TargetFacts { context_tokens, trained_tokens, chat_template }
    }
}

/// The ids of a list of models. `None` if it is no such list.
pub fn ids(list: &str) -> Option<Vec<String>> {
    let list: Value = serde_json::from_str(list).ok()?;
    let entries = list.get("data").or_else(|| list.get("models"))?.as_array()?;
    let id = |entry: &Value| {
        let id = entry.get("id").or_else(|| entry.get("name"))?.as_str()?;
        (!id.is_empty()).then(|| id.to_owned())
    };
    Some(entries.iter().filter_map(id).collect())
}

/// From `GET /v1/models`: llama.cpp's server has `meta`, vLLM has `max_model_len`.
pub fn of_list(list: &str, model: &str) -> Facts {
    let Some(entry) = entry(list, "data", |it| it["id"] == model) else { return Facts::default() };
    Facts {
        context_tokens: tokens(&entry["meta"]["n_ctx"]).or(tokens(&entry["max_model_len"])),
        trained_tokens: tokens(&entry["meta"]["n_ctx_train"]),
        template: None,
    }
}

/// From llama.cpp's `GET /props`.
pub fn of_props(props: &str) -> Facts {
    let Ok(props) = serde_json::from_str::<Value>(props) else { return Facts::default() };
    Facts {
        context_tokens: tokens(&props["default_generation_settings"]["n_ctx"]),
        trained_tokens: None,
        template: props["chat_template"].as_str().map(template),
    }
}

/// From Ollama's `POST /api/show`. The key of the window begins with the name of the model's architecture.
pub fn of_show(show: &str) -> Facts {
    let Ok(show) = serde_json::from_str::<Value>(show) else { return Facts::default() };
    let trained = show["model_info"].as_object().and_then(|info| {
        let found = info.iter().find(|(key, _)| key.ends_with(".context_length"));
        found.and_then(|(_, value)| tokens(value))
    });
    Facts { context_tokens: None, trained_tokens: trained, template: show["template"].as_str().map(template) }
}

/// From Ollama's `GET /api/ps`: the models in memory.
pub fn of_ps(ps: &str, model: &str) -> Facts {
    let entry = entry(ps, "models", |it| it["name"] == model || it["model"] == model);
    let context_tokens = entry.as_ref().and_then(|it| tokens(&it["context_length"]));
    Facts { context_tokens, ..Facts::default() }
}

/// From LM Studio's `GET /api/v0/models`.
pub fn of_lm_studio_v0(list: &str, model: &str) -> Facts {
    let Some(entry) = entry(list, "data", |it| it["id"] == model) else { return Facts::default() };
    Facts {
        context_tokens: tokens(&entry["loaded_context_length"]),
        trained_tokens: tokens(&entry["max_context_length"]),
        template: None,
    }
}

/// From LM Studio's `GET /api/v1/models`: a model that is in memory has instances, each with a name of its own.
pub fn of_lm_studio_v1(list: &str, model: &str) -> Facts {
    let instance = |it: &Value| {
        let instances = it["loaded_instances"].as_array();
        let named = instances.and_then(|all| all.iter().find(|instance| instance["id"] == model));
        named.or(instances.and_then(|all| all.first())).cloned()
    };
    let is_meant = |it: &Value| it["key"] == model || instance(it).is_some_and(|one| one["id"] == model);
    let Some(entry) = entry(list, "models", is_meant) else { return Facts::default() };
    Facts {
        context_tokens: instance(&entry).and_then(|it| tokens(&it["config"]["context_length"])),
        trained_tokens: tokens(&entry["max_context_length"]),
        template: None,
    }
}

/// Whether an answer to `GET /api/version` is Ollama's.
pub fn is_ollama(version: &str) -> bool {
    serde_json::from_str::<Value>(version).is_ok_and(|it| it["version"].is_string())
}

/// A template that tells the speakers apart asks for their roles, or names those that it has parts for: Jinja's `message.role`,
/// Go's `.Role`, `.System` and `.Response`.
fn template(text: &str) -> Template {
    match text {
        "" => Template::Missing,
        _ if ["role", "Role", ".System", ".Response"].iter().any(|word| text.contains(word)) => {
            Template::Roles
        }
        _ => Template::Plain,
    }
}

fn entry(list: &str, field: &str, is_meant: impl Fn(&Value) -> bool) -> Option<Value> {
    let list: Value = serde_json::from_str(list).ok()?;
    list.get(field)?.as_array()?.iter().find(|it| is_meant(it)).cloned()
}

fn tokens(value: &Value) -> Option<u64> {
    value.as_u64().filter(|tokens| (1..=MAX_CONTEXT).contains(tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(context: u64, trained: u64, template: Option<Template>) -> Facts {
        let known = |tokens: u64| (tokens > 0).then_some(tokens);
        Facts { context_tokens: known(context), trained_tokens: known(trained), template }
    }

    /// Name, what is found, what is expected.
    type Row = (&'static str, Facts, Facts);

    fn check(table: impl IntoIterator<Item = Row>) {
        for (name, found, expected) in table {
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn what_llama_cpp_and_vllm_say_of_a_model() {
        let joins = "{% for message in messages %}{{ message.content }}{% endfor %}";
        let props = |template: &str| {
            serde_json::json!({ "default_generation_settings": { "n_ctx": 8192 }, "total_slots": 2, "chat_template": template })
                .to_string()
        };
        check([
            (
                "llama.cpp's list",
                of_list(r#"{"data":[{"id":"m","meta":{"n_ctx":8192,"n_ctx_train":32768}}]}"#, "m"),
                facts(8192, 32768, None),
            ),
            (
                "vLLM's list",
                of_list(r#"{"data":[{"id":"m","max_model_len":4096}]}"#, "m"),
                facts(4096, 0, None),
            ),
            (
                "a list without it",
                of_list(r#"{"data":[{"id":"n","max_model_len":1}]}"#, "m"),
                facts(0, 0, None),
            ),
            (
                "a window beyond belief",
                of_list(r#"{"data":[{"id":"m","max_model_len":-1}]}"#, "m"),
                facts(0, 0, None),
            ),
            ("props, base", of_props(&props(joins)), facts(8192, 0, Some(Template::Plain))),
            (
                "props, instruct",
                of_props(&props("{{ '<|im_start|>' + message['role'] }}")),
                facts(8192, 0, Some(Template::Roles)),
            ),
            ("props, none", of_props(&props("")), facts(8192, 0, Some(Template::Missing))),
            ("props of a router", of_props(r#"{"role":"router"}"#), facts(0, 0, None)),
            ("a web page", of_props("<html>"), facts(0, 0, None)),
        ]);
    }

    #[test]
    fn what_ollama_and_lm_studio_say_of_a_model() {
        check([
            (
                "Ollama's show, base",
                of_show(r#"{"template":"{{ .Prompt }}","model_info":{"llama.context_length":131072}}"#),
                facts(0, 131_072, Some(Template::Plain)),
            ),
            (
                "Ollama's show, instruct",
                of_show(
                    r#"{"template":"{{ range .Messages }}<|{{ .Role }}|>","model_info":{"qwen2.context_length":32768}}"#,
                ),
                facts(0, 32768, Some(Template::Roles)),
            ),
            (
                "Ollama's ps",
                of_ps(
                    r#"{"models":[{"name":"m:latest","model":"m:latest","context_length":4096}]}"#,
                    "m:latest",
                ),
                facts(4096, 0, None),
            ),
            (
                "LM Studio v0, loaded",
                of_lm_studio_v0(
                    r#"{"data":[{"id":"m","state":"loaded","max_context_length":32768,"loaded_context_length":4096}]}"#,
                    "m",
                ),
                facts(4096, 32768, None),
            ),
            (
                "LM Studio v0, not loaded",
                of_lm_studio_v0(
                    r#"{"data":[{"id":"m","state":"not-loaded","max_context_length":32768}]}"#,
                    "m",
                ),
                facts(0, 32768, None),
            ),
            (
                "LM Studio v1, by the name of an instance",
                of_lm_studio_v1(
                    r#"{"models":[{"key":"k","loaded_instances":[{"id":"m","config":{"context_length":2048}}],"max_context_length":8192}]}"#,
                    "m",
                ),
                facts(2048, 8192, None),
            ),
            (
                "LM Studio v1, not loaded",
                of_lm_studio_v1(
                    r#"{"models":[{"key":"m","loaded_instances":[],"max_context_length":8192}]}"#,
                    "m",
                ),
                facts(0, 8192, None),
            ),
            ("a web page", of_show("<html>"), facts(0, 0, None)),
        ]);
    }

    #[test]
    fn ids_of_lists() {
        // name, list, ids
        let table: [(&str, &str, Option<&[&str]>); 5] = [
            ("two", r#"{"data":[{"id":"a"},{"id":"b"},{"id":""},7]}"#, Some(&["a", "b"])),
            ("Ollama's own", r#"{"models":[{"name":"a:latest"}]}"#, Some(&["a:latest"])),
            ("none", r#"{"data":[]}"#, Some(&[])),
            ("nothing of the kind", r#"{"error":"Unexpected endpoint"}"#, None),
            ("a web page", "<html>", None),
        ];
        for (name, list, expected) in table {
            let expected = expected.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(ids(list), expected, "{name}");
        }
    }
}
