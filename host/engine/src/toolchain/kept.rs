//! What is known of a compiler from an earlier time, so that it is not asked again: for the answers rustc is started twice,
//! cargo once, and a loader for each of three programs.
//!
//! The answers are kept with the stamps of all that they depend on, files that do not exist among them, and hold while
//! these do. They are kept only of a compiler that is known to depend on nothing else: rustc itself, and rustup's proxy.
//! Any other program, such as a script that chooses a compiler, is asked every time.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use super::{TARGET, Toolchain, linker, stamps::Stamp};
use crate::{
    cache::Cache,
    programs::{Environment, on_path},
};
use mmh_record::digest::{Digest, KeyBuilder};

/// Changes when other things are kept, or other files looked at.
const FORM: &str = "1";

#[derive(Serialize, Deserialize)]
struct Kept {
    rustc: PathBuf,
    cargo: PathBuf,
    sysroot: PathBuf,
    version: String,
    host: String,
    read: Vec<PathBuf>,
    stamps: Vec<Stamp>,
}

/// A compiler as it is asked for: an absolute path, with the variables that it sees.
pub struct Asked<'a> {
    pub path: &'a Path,
    pub environment: &'a Environment,
}

impl Asked<'_> {
    fn key(&self) -> Digest {
        let key = KeyBuilder::new("toolchain").part("form", FORM).part("program", env!("CARGO_PKG_VERSION"));
        let key = key.part("path", self.path.as_os_str().as_encoded_bytes());
        let variables = self.environment.iter();
        variables.fold(key, |key, (name, value)| key.part(name, value)).finish()
    }

    /// What is kept of it, if all that it depends on is as it was. A cache that others can write in has nothing.
    pub fn load(&self, cache: &Cache) -> Option<Toolchain> {
        let bytes = cache.get("tools", self.key(), ".json").ok().flatten()?;
        let kept: Kept = serde_json::from_slice(&bytes).ok()?;
        let Kept { rustc, cargo, sysroot, version, host, read, stamps } = kept;
        let same_cargo =
            cargo == beside(&rustc) || on_path("cargo", self.environment).as_ref() == Some(&cargo);
        let holds = same_cargo && stamps.iter().all(Stamp::holds);
        let environment = self.environment.clone();
        holds.then_some(Toolchain { rustc, cargo, sysroot, version, host, read, environment })
    }

    /// Keeps what was found, if it depends on known files only, and if none of them has changed since `begun`, when the
    /// compiler was first asked.
    pub fn keep(&self, cache: &Cache, found: &Toolchain, begun: SystemTime) {
        let Some(paths) = self.depends_on(found) else { return };
        let stamps: Vec<Stamp> = paths.iter().map(|path| Stamp::of(path)).collect();
        if !stamps.iter().all(|stamp| stamp.is_older_than(begun)) {
            return;
        }
        let Toolchain { rustc, cargo, sysroot, version, host, read, environment: _ } = found.clone();
        let kept = Kept { rustc, cargo, sysroot, version, host, read, stamps };
        // What cannot be kept is found out again next time.
        if let Ok(json) = serde_json::to_vec(&kept) {
            let _ = cache.put("tools", self.key(), ".json", &json);
        }
    }

    /// All that the answers depend on. `None` if it is not known what that is.
    fn depends_on(&self, found: &Toolchain) -> Option<Vec<PathBuf>> {
        let mut paths = match self.path.canonicalize().ok()? {
            real if real == found.rustc => Vec::new(),
            real if real.file_name()? == "rustup" => self.settings_of_rustup()?,
            _ => return None,
        };
        let rustlib = found.sysroot.join("lib/rustlib");
        paths.extend([self.path, &found.rustc, &found.cargo, &found.sysroot].map(Path::to_owned));
        paths.extend([beside(&found.rustc), found.sysroot.join("bin"), found.sysroot.join("lib")]);
        paths.extend([rustlib.join(TARGET).join("lib"), rustlib.join(&found.host).join("lib")]);
        paths.extend(linker::candidates(&found.sysroot, &found.host));
        // Where the loader looks for libraries.
        paths.push("/etc/ld.so.cache".into());
        paths.extend(found.read.iter().cloned());
        paths.sort();
        paths.dedup();
        Some(paths)
    }

    /// Where rustup's proxy reads which compiler it stands for, besides its environment. It is started in the root
    /// folder.
    fn settings_of_rustup(&self) -> Option<Vec<PathBuf>> {
        let variable = |wanted: &str| self.environment.iter().find(|(name, _)| name == wanted);
        let folder = |name: &str| variable(name).map(|(_, value)| PathBuf::from(value));
        let home = folder("RUSTUP_HOME").or_else(|| Some(folder("HOME")?.join(".rustup")))?;
        let of_root = ["/rust-toolchain", "/rust-toolchain.toml", "/etc/rustup/settings.toml"];
        let own = [home.join("settings.toml"), home.join("toolchains")];
        Some(own.into_iter().chain(of_root.map(PathBuf::from)).collect())
    }
}

/// The cargo that came with a compiler.
pub fn beside(rustc: &Path) -> PathBuf {
    rustc.with_file_name("cargo")
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
        time::Duration,
    };

    use super::*;
    use crate::toolchain::IfMissing;

    /// Made-up programs that write down how often they are asked.
    struct Made {
        root: tempfile::TempDir,
        asked: PathBuf,
        environment: Environment,
        cache: Cache,
    }

    impl Made {
        fn new() -> Self {
            let root = tempfile::tempdir().expect("a folder");
            let at = |path: &str| root.path().join(path);
            let host = "sysroot/lib/rustlib/x86_64-unknown-linux-gnu";
            for folder in ["sysroot/bin", "sysroot/lib/rustlib/wasm32-wasip2/lib", "rustup", "proxy"] {
                fs::create_dir_all(at(folder)).expect("a folder");
            }
            fs::create_dir_all(at(host).join("bin/self-contained")).expect("a folder");
            let made = Self {
                asked: at("sysroot/bin/rustc"),
                environment: vec![("RUSTUP_HOME".into(), at("rustup").display().to_string())],
                cache: Cache::new(at("cache")),
                root,
            };
            let rustc = format!(
                "#!/bin/sh\necho >> {0}/asked\ncase $1 in -vV) echo release: 1.95.0; echo host: x86_64-unknown-linux-gnu;; \
                 *) echo {0}/sysroot;; esac\n",
                made.root.path().display()
            );
            made.program("sysroot/bin/rustc", &rustc);
            made.program("sysroot/bin/cargo", "#!/bin/sh\n");
            made.program(&format!("{host}/bin/wasm-component-ld"), "#!/bin/sh\n");
            made.program("proxy/rustup", &rustc);
            made.program("proxy/chooses", &rustc);
            symlink("rustup", made.at("proxy/rustc")).expect("a link");
            made
        }

        fn at(&self, path: &str) -> PathBuf {
            self.root.path().join(path)
        }

        fn program(&self, path: &str, text: &str) {
            fs::write(self.at(path), text).expect("written");
            fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).expect("a mode");
        }

        /// How many programs are asked to find the compiler.
        async fn asks(&self) -> usize {
            // Files that have just been written do not count as settled, and cannot be executed for a moment.
            tokio::time::sleep(Duration::from_millis(60)).await;
            let count = || fs::read(self.at("asked")).map_or(0, |lines| lines.len());
            let before = count();
            let (named, environment) = (Some(self.asked.as_path()), self.environment.clone());
            let found =
                Toolchain::find_or_recall(named, environment, IfMissing::Report, &|_| {}, &self.cache).await;
            let expected = self.at("sysroot/bin/rustc").canonicalize().expect("it is there");
            assert_eq!(found.map(|found| found.rustc).map_err(|error| error.to_string()), Ok(expected));
            count() - before
        }
    }

    /// What changes a program's text, but neither its size nor its time.
    fn rewrite(path: &Path) {
        let modified = path.metadata().and_then(|found| found.modified()).expect("a time");
        let text = fs::read_to_string(path).expect("a script").replace("1.95.0", "1.96.0");
        fs::write(path, text).expect("written");
        fs::File::options().write(true).open(path).and_then(|it| it.set_modified(modified)).expect("set");
    }

    #[tokio::test]
    async fn a_changed_toolchain_is_asked_again() {
        type Change = fn(&mut Made);
        // name, which program is named, what changes, whether it is asked again
        let table: [(&str, &str, Change, bool); 15] = [
            ("nothing", "sysroot/bin/rustc", |_| {}, false),
            ("rustc, in place", "sysroot/bin/rustc", |made| rewrite(&made.at("sysroot/bin/rustc")), true),
            (
                "rustc, by another file",
                "sysroot/bin/rustc",
                |made| {
                    fs::copy(made.at("sysroot/bin/rustc"), made.at("new")).expect("a copy");
                    fs::rename(made.at("new"), made.at("sysroot/bin/rustc")).expect("renamed");
                },
                true,
            ),
            ("cargo", "sysroot/bin/rustc", |made| made.program("sysroot/bin/cargo", "#!/bin/sh\n#"), true),
            (
                "a linker less",
                "sysroot/bin/rustc",
                |made| {
                    let linker = "sysroot/lib/rustlib/x86_64-unknown-linux-gnu/bin/wasm-component-ld";
                    fs::remove_file(made.at(linker)).expect("removed");
                },
                true,
            ),
            (
                "a linker more",
                "sysroot/bin/rustc",
                |made| {
                    let linker = "sysroot/lib/rustlib/x86_64-unknown-linux-gnu/bin/self-contained/rust-lld";
                    made.program(linker, "#!/bin/sh\n");
                },
                true,
            ),
            ("a library more", "sysroot/bin/rustc", |made| made.program("sysroot/lib/libLLVM.so", ""), true),
            (
                "a variable",
                "sysroot/bin/rustc",
                |made| made.environment.push(("RUSTUP_TOOLCHAIN".into(), "beta".into())),
                true,
            ),
            ("a file elsewhere", "sysroot/bin/rustc", |made| made.program("elsewhere", ""), false),
            (
                "the cache is gone",
                "sysroot/bin/rustc",
                |made| fs::remove_dir_all(made.at("cache")).expect("removed"),
                true,
            ),
            (
                "others can write in the cache",
                "sysroot/bin/rustc",
                |made| {
                    let everybody = fs::Permissions::from_mode(0o777);
                    fs::set_permissions(made.at("cache/tools"), everybody).expect("a mode");
                },
                true,
            ),
            ("nothing, by rustup", "proxy/rustc", |_| {}, false),
            ("rustup", "proxy/rustc", |made| rewrite(&made.at("proxy/rustup")), true),
            (
                "rustup's default",
                "proxy/rustc",
                |made| made.program("rustup/settings.toml", "default_toolchain = \"beta\""),
                true,
            ),
            ("nothing, by a script that chooses", "proxy/chooses", |_| {}, true),
        ];
        for (name, asked, change, again) in table {
            let mut made = Made::new();
            made.asked = made.at(asked);
            assert_eq!(made.asks().await, 2, "{name}: the first time");
            change(&mut made);
            assert_eq!(made.asks().await, if again { 2 } else { 0 }, "{name}");
        }
    }

    #[tokio::test]
    async fn what_changes_meanwhile_is_not_kept() {
        let made = Made::new();
        let (named, environment) = (Some(made.asked.as_path()), made.environment.clone());
        tokio::time::sleep(Duration::from_millis(60)).await;
        let change = || made.program("sysroot/bin/cargo", "#!/bin/sh\n#");
        let found =
            Toolchain::find(named, environment, IfMissing::Report, &|_| {}).await.expect("it is there");
        let begun = mmh_record::clock::file_time();
        change();
        Asked { path: &made.asked, environment: &made.environment }.keep(&made.cache, &found, begun);
        assert_eq!(made.asks().await, 2);
    }
}
