//! The programs that link a harness, and their digests.
//!
//! `rustc` calls `wasm-component-ld`, and that calls `wasm-ld` or `rust-lld`. In the jail both are found on
//! no other path than the one that rustc gives them; see [`programs`].

use std::path::{Path, PathBuf};

use super::{Toolchain, stamps};
use crate::{
    cache::Cache,
    programs::{Environment, tool},
};
use mmh_record::{built::Tool, digest::KeyBuilder, text};

/// The program that rustc calls for the target, and those that this one looks for, in its order.
const COMPONENT_LINKER: &str = "wasm-component-ld";
const MODULE_LINKERS: [&str; 2] = ["wasm-ld", "rust-lld"];

/// The existing linkers of a compiler, in the order in which they call each other. They are looked for in the
/// toolchain's own folders of programs: rustc puts these first on the path, and the jail has no other folders.
pub fn programs(sysroot: &Path, host: &str) -> Vec<PathBuf> {
    let find = |names: &[&str]| places(sysroot, host, names).find(|path| path.is_file());
    find(&[COMPONENT_LINKER]).into_iter().chain(find(&MODULE_LINKERS)).collect()
}

/// All places where one of the linkers could lie.
pub fn candidates(sysroot: &Path, host: &str) -> Vec<PathBuf> {
    places(sysroot, host, &[COMPONENT_LINKER]).chain(places(sysroot, host, &MODULE_LINKERS)).collect()
}

fn places(sysroot: &Path, host: &str, names: &[&str]) -> impl Iterator<Item = PathBuf> {
    let tools = sysroot.join("lib/rustlib").join(host).join("bin");
    let folders = [tools.clone(), tools.join("self-contained")];
    folders.into_iter().flat_map(move |folder| names.iter().map(move |name| folder.join(name)))
}

/// The linkers with versions and digests. The cache keeps them while the files do not change. A linker that cannot be
/// read is left out: rustc needs it too, and says more.
pub async fn identify(toolchain: &Toolchain, cache: &Cache) -> Vec<Tool> {
    let mut tools = Vec::new();
    for path in programs(&toolchain.sysroot, &toolchain.host) {
        tools.extend(identify_one(&path, cache).await);
    }
    tools
}

async fn identify_one(path: &Path, cache: &Cache) -> Option<Tool> {
    let key = stamps::enter(KeyBuilder::new("tool"), path)?.finish();
    let kept = cache.get("tools", key, ".json").ok().flatten();
    if let Some(tool) = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Some(tool);
    }
    let name = path.file_name()?.to_string_lossy().into_owned();
    let tool = Tool { version: version(path, &name).await, sha256: stamps::digest(path)?, name };
    // An entry that cannot be kept is made again next time.
    let _ = cache.put("tools", key, ".json", &serde_json::to_vec(&tool).ok()?);
    Some(tool)
}

/// The output of `--version` as one line; empty if there is none.
async fn version(path: &Path, name: &str) -> String {
    let mut command = tool(path, &Environment::new());
    // This program is all of LLVM's linkers. The flavor chooses one.
    if name == "rust-lld" {
        command.args(["-flavor", "wasm"]);
    }
    let said = command.arg("--version").output().await;
    said.map_or_else(|_| String::new(), |said| text::one_line(&String::from_utf8_lossy(&said.stdout)))
}
