//! What the catalog finds, and what it refuses.

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
        ("anthropic/claude-opus-4-6", "anthropic", "claude-opus-4-6", Some("ANTHROPIC_API_KEY"), Some(5.0)),
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
        ("llamacpp/gemma-3-270m", "llamacpp", "gemma-3-270m", None, Some(0.0)),
        ("vllm/org/model", "vllm", "org/model", None, Some(0.0)),
        ("lmstudio/qwen/qwen3-8b", "lmstudio", "qwen/qwen3-8b", None, Some(0.0)),
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

/// What is free is on this machine, takes a temperature, and gets no key.
#[test]
fn free_providers_are_on_this_machine() {
    let builtin = Catalog::builtin().expect("it is well-formed");
    let free = builtin.providers.iter().filter(|(_, it)| it.free == Some(true));
    let names: Vec<&str> = free.clone().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["llamacpp", "lmstudio", "ollama", "vllm"]);
    for (name, provider) in free {
        let found = builtin.resolve(&format!("{name}/m"), &Overrides::default(), "").expect(name);
        assert!(crate::remote::is_loopback(&found.base_url), "{name}");
        assert!(found.profile.sampling && provider.key_env.is_none(), "{name}");
    }
}

#[test]
fn a_server_of_ones_own_never_gets_a_providers_key() {
    let over = |url: &str| Overrides { base_url: Some(url.into()), ..Overrides::default() };
    let own = catalog().resolve("llama", &over("http://127.0.0.1:8000/v1"), "").expect("found");
    assert_eq!((own.api, own.key_env, own.price), (Api::Openai, None, None));
    let haiku = catalog().resolve("claude-haiku-4-5", &over("http://127.0.0.1:1/v1"), "").expect("found");
    assert_eq!((haiku.api, haiku.key_env), (Api::Anthropic, None));
    assert_eq!((haiku.base_url.as_str(), haiku.provider.as_str()), ("http://127.0.0.1:1/", "127.0.0.1:1"));
    let named = Overrides { key_env: Some("MY_KEY".into()), ..over("http://127.0.0.1:1") };
    assert_eq!(catalog().resolve("x", &named, "").expect("found").key_env.as_deref(), Some("MY_KEY"));
    // Nor is it free because a provider of that name would be.
    assert_eq!(catalog().resolve("ollama/x", &over("http://10.0.0.1/v1"), "").expect("found").price, None);
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
        ("ftp://me:secret@host", "a key does not belong into it"),
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
