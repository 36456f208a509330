//! The SDK's guide compiles, its lock file is complete, and what is embedded is what is there.

use std::fs;

use mmh_engine::{cache::Cache, toolchain::sdk};
use mmh_record::limits::Limits;
use mmh_search::dataset::task::BASELINE;
use mmh_tests::{builder, builder_with, cache_dir, environment, pages::pages, root};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Every Rust block of every page is a harness or a scorer that compiles.
#[tokio::test(flavor = "multi_thread")]
async fn documented_harnesses_compile() {
    let builder = builder(PROGRAM, Limits::default()).await;
    let mut seen = 0;
    for page in pages() {
        for (at, block) in page.blocks().iter().filter(|it| it.language == "rust").enumerate() {
            let refusal = match block.text.contains("export_scorer!") {
                true => builder.build_scorer(&block.text).await.expect("the host can go on").err(),
                false => builder.build(&block.text).await.expect("the host can go on").err(),
            };
            assert_eq!(refusal, None, "{}, block {at}", page.path);
            seen += 1;
        }
    }
    assert!(seen >= 4, "the guides have examples");
}

/// Zero-shot takes an author fewer than 20 lines.
#[test]
fn zero_shot_is_short() {
    let block =
        sdk::GUIDE.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let lines = block.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines < 20, "{lines} lines");
}

#[test]
fn every_source_is_embedded() {
    let mut files: Vec<String> = fs::read_dir(root().join("guest-sdk/src"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let mut embedded: Vec<&str> = sdk::SOURCES.iter().map(|(name, _)| *name).collect();
    files.sort();
    embedded.sort_unstable();
    assert_eq!(files, embedded);
}

/// The guide names the limits that hold.
#[test]
fn the_guide_states_the_default_limits() {
    let limits = Limits::default();
    let guide = sdk::GUIDE.split_whitespace().collect::<Vec<_>>().join(" ");
    let stated = format!(
        "{} billion units of fuel (a few seconds of computing), {} MiB of memory, {} s, {} model calls, {} KiB per prompt, \
         4,096 tokens per reply, {} KiB of logs, {} MiB of state. A source has at most {} KiB.",
        limits.fuel / 1_000_000_000,
        limits.memory_bytes >> 20,
        limits.example_wall_ms / 1000,
        limits.model_calls,
        limits.prompt_bytes >> 10,
        limits.log_bytes >> 10,
        limits.state_bytes >> 20,
        limits.source_bytes >> 10,
    );
    assert_eq!(limits.reply_tokens, 4096);
    assert!(guide.contains(&stated), "{stated}");
}

/// The SDK and a harness come out bit for bit the same in other folders, and whether the SDK is built by one
/// job or by many at once.
#[tokio::test(flavor = "multi_thread")]
async fn builds_do_not_depend_on_folder_and_jobs() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = format!("{BASELINE}// built anew\n");
    let mut builders = vec![(cache_dir(), builder(PROGRAM, Limits::default()).await)];
    for (jobs, place) in [("1", "some/where/else"), ("8", "x")] {
        let mut environment = environment();
        environment.push(("CARGO_BUILD_JOBS".into(), jobs.into()));
        let home = folder.path().join(place);
        let cache = Cache::new(home.clone());
        builders.push((home, builder_with(PROGRAM, Limits::default(), cache, environment).await));
    }
    let mut found = Vec::new();
    for (home, builder) in &builders {
        let built = builder.build(&source).await.expect("the host can go on").expect("it builds");
        assert!(home.join("sdk").is_dir(), "the SDK is in {}", home.display());
        found.push((builder.compiler.tools(), built.component.digest));
    }
    for ((home, _), made) in builders.iter().zip(&found) {
        assert_eq!(*made, found[0], "{}", home.display());
    }
}

/// A damaged entry of the cache costs time, never a result.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_cache_entries_are_made_again() {
    let builder = builder(PROGRAM, Limits::default()).await;
    let source = format!("{BASELINE}// damaged in the cache\n");
    let first = builder.build(&source).await.expect("the host can go on").expect("it builds");
    let key = builder.compiler.key(&source);
    let cache = Cache::new(cache_dir());
    for damage in [&b"not a component"[..], b""] {
        cache.put("components", key, ".wasm", damage).expect("it is written");
        let again = builder.build(&source).await.expect("the host can go on").expect("it builds");
        assert_eq!((again.component.digest, again.component.cached), (first.component.digest, false));
    }
}
