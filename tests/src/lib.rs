//! What the integration tests share: the program under test, one warm cache, and guests by name.

pub mod agents;
pub mod echo;
pub mod fleet;
pub mod forge;
pub mod help;
pub mod large;
pub mod made;
pub mod nats;
pub mod node;
pub mod pages;
pub mod python;
pub mod runs;
pub mod server;
pub mod strict;
pub mod view;

use std::path::{Path, PathBuf};

use mmh_engine::{
    build::Builder,
    cache::Cache,
    compile::Rust,
    jail::Jail,
    memory::MemoryBudget,
    toolchain::{Environment, IfMissing, Toolchain, sdk},
};
use mmh_record::limits::Limits;

/// The workspace's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace root").to_owned()
}

/// The cache that tests share, so that the SDK is built once and not once a test.
pub fn cache_dir() -> PathBuf {
    root().join("target/test-cache")
}

/// The environment that compilers need.
pub fn environment() -> Environment {
    let names = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect()
}

/// A builder with these limits, over the shared cache. `program` is the program under test, which starts
/// the confined children.
pub async fn builder(program: &str, limits: Limits) -> Builder {
    builder_in(program, limits, Cache::new(cache_dir())).await
}

/// The same over another cache.
pub async fn builder_in(program: &str, limits: Limits, cache: Cache) -> Builder {
    builder_with(program, limits, cache, environment()).await
}

/// The same with another environment for the compilers.
pub async fn builder_with(program: &str, limits: Limits, cache: Cache, environment: Environment) -> Builder {
    builder_of(program, limits, cache, environment, MemoryBudget::unlimited()).await
}

/// A builder whose calls share this memory, over the shared cache.
pub async fn builder_sharing(program: &str, limits: Limits, memory: MemoryBudget) -> Builder {
    builder_of(program, limits, Cache::new(cache_dir()), environment(), memory).await
}

async fn builder_of(
    program: &str,
    limits: Limits,
    cache: Cache,
    environment: Environment,
    memory: MemoryBudget,
) -> Builder {
    let toolchain =
        Toolchain::find(None, environment, IfMissing::Add, &|_| {}).await.expect("there is a compiler");
    let sdk = sdk::ensure(&cache, &toolchain, &|_| {}).await.expect("the SDK builds");
    let jail = Jail::new(program.into());
    let rust = Rust::new(toolchain, sdk, &cache).await;
    Builder::new(rust, jail, cache, limits, memory).expect("the engine starts")
}

/// The source of a guest.
pub fn guest(name: &str) -> String {
    let path = root().join("tests/guests").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of all guests in a folder of `tests/guests`, sorted.
pub fn guests(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join("tests/guests").join(folder)).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// All files below a folder, sorted.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Copies a folder with everything below it.
pub fn copy_folder(from: &Path, to: &Path) {
    for path in files_below(from) {
        let target = to.join(path.strip_prefix(from).expect("below"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        std::fs::copy(&path, target).expect("copied");
    }
}
