//! What the tests need besides a compiler: one row each, with how it is looked for, how it comes, and what to
//! do where it cannot come by itself.
//!
//! System packages are installed only where something is missing, and only by root on a system with apt; on
//! any other one line says what to install.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A thing that must be there.
struct Need {
    name: &'static str,
    found: fn(&Path) -> bool,
    comes: Comes,
}

/// How a thing comes that is not there.
#[derive(Clone, Copy)]
enum Comes {
    /// By a command, in the workspace.
    By(&'static [&'static str]),
    /// With these packages of Debian and its relatives, which others name alike.
    Package(&'static str),
    /// By hand.
    ByHand(&'static str),
}

const NEEDS: [Need; 21] = [
    Need {
        name: "rustup",
        found: |_| runs(&["rustup", "--version"]),
        comes: Comes::ByHand("install it from https://rustup.rs"),
    },
    Need {
        name: "the target wasm32-wasip2",
        found: |_| says(&["rustup", "target", "list", "--installed"], "wasm32-wasip2"),
        comes: Comes::By(&["rustup", "target", "add", "wasm32-wasip2"]),
    },
    Need {
        name: "rustfmt and clippy",
        found: |_| runs(&["cargo", "fmt", "--version"]) && runs(&["cargo", "clippy", "--version"]),
        comes: Comes::By(&["rustup", "component", "add", "rustfmt", "clippy"]),
    },
    Need {
        name: "a C compiler",
        found: |_| runs(&["cc", "--version"]),
        comes: Comes::Package("gcc libc6-dev"),
    },
    Need {
        name: "clang for WebAssembly, with a C library",
        found: |_| {
            let link = ["clang", "--target=wasm32-wasi", "--sysroot=/usr", "-x", "c", "/dev/null"];
            let library = ["-mexec-model=reactor", "-o", "/dev/null"];
            runs(&[&link[..], &library].concat())
        },
        comes: Comes::Package("clang lld wasi-libc libclang-rt-dev-wasm32"),
    },
    Need { name: "node", found: |_| runs(&["node", "--version"]), comes: Comes::Package("nodejs") },
    Need { name: "npm", found: |_| runs(&["npm", "--version"]), comes: Comes::Package("npm") },
    Need {
        name: "Python 3.11 with venv",
        found: |_| runs(&["python3", "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"]),
        comes: Comes::Package("python3-venv"),
    },
    Need {
        name: "unshare, of util-linux",
        found: |_| runs(&["unshare", "--version"]),
        comes: Comes::Package("util-linux"),
    },
    Need {
        name: "namespaces that any user may make",
        found: |_| runs(&["unshare", "--map-root-user", "--mount", "true"]),
        comes: Comes::ByHand(
            "allow them: sysctl -w kernel.unprivileged_userns_clone=1, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    },
    Need {
        name: "bubblewrap",
        found: |_| runs(&["bwrap", "--version"]),
        comes: Comes::Package("bubblewrap"),
    },
    Need {
        name: "nats-server",
        found: |_| runs(&["nats-server", "--version"]) || runs(&["/usr/sbin/nats-server", "--version"]),
        comes: Comes::Package("nats-server"),
    },
    Need {
        name: "ip, of iproute2",
        found: |_| runs(&["ip", "-V"]) || runs(&["/usr/sbin/ip", "-V"]),
        comes: Comes::Package("iproute2"),
    },
    Need {
        name: "the device /dev/net/tun",
        found: |_| Path::new("/dev/net/tun").exists(),
        comes: Comes::ByHand("load the kernel's module: modprobe tun"),
    },
    Need { name: "openssl", found: |_| runs(&["openssl", "version"]), comes: Comes::Package("openssl") },
    Need { name: "script", found: |_| runs(&["script", "--version"]), comes: Comes::Package("bsdutils") },
    Need { name: "zsh", found: |_| runs(&["zsh", "--version"]), comes: Comes::Package("zsh") },
    Need { name: "fish", found: |_| runs(&["fish", "--version"]), comes: Comes::Package("fish") },
    Need {
        name: "a browser",
        found: |_| {
            BROWSERS.iter().any(|name| is_on_path(name)) || std::env::var_os("MMH_TEST_BROWSER").is_some()
        },
        comes: Comes::Package("chromium"),
    },
    Need {
        name: "the compiler of harnesses in Python",
        found: |root| {
            let folders = root.join("target/test-cache/toolchains").read_dir();
            let mut folders = folders.into_iter().flatten().flatten();
            folders.any(|folder| folder.path().join("manifest.json").is_file())
        },
        // With the features of the whole workspace, as the tests are built: nothing is built twice.
        comes: Comes::By(&[
            "sh",
            "-c",
            "cargo build --quiet --workspace --bin mmh && \
             \"${CARGO_TARGET_DIR:-target}/debug/mmh\" --cache-dir target/test-cache toolchain add python",
        ]),
    },
    Need {
        name: "npm packages",
        found: |root| NPM_FOLDERS.iter().all(|folder| is_installed(&root.join(folder))),
        comes: Comes::By(&[
            "sh",
            "-c",
            "for it in tests/aimock tests/browser examples/javascript; do npm ci --prefix $it --no-audit --no-fund || exit 1; done",
        ]),
    },
];

/// Names under which a browser is found that Playwright can drive; `tests/browser/browser.mjs` has the same.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

const NPM_FOLDERS: [&str; 3] = ["tests/aimock", "tests/browser", "examples/javascript"];

/// What is to be done about system packages that are missing.
#[derive(Debug, PartialEq, Eq)]
enum Packages {
    Nothing,
    Install(Vec<String>),
    /// They cannot be installed by this program.
    Ask(String),
}

/// Brings what is missing, or says in one line why it cannot.
pub fn meet(root: &Path) -> Result<(), String> {
    println!("== what the tests need");
    let missing = |need: &&Need| !(need.found)(root);
    let by_package = NEEDS.iter().filter_map(|need| match need.comes {
        Comes::Package(packages) if missing(&need) => Some((need.name, packages)),
        _ => None,
    });
    let is_root = says(&["id", "-u"], "0");
    match packages(&by_package.collect::<Vec<_>>(), is_root, is_on_path("apt-get")) {
        Packages::Nothing => {}
        Packages::Ask(what) => return Err(what),
        Packages::Install(names) => install(&names)?,
    }
    for need in NEEDS.iter().filter(missing) {
        let failed = |what: &str| format!("{} is missing: {what}", need.name);
        match need.comes {
            Comes::By(command) => {
                println!("{}: {}", need.name, command.join(" "));
                if !crate::run(command) || !(need.found)(root) {
                    return Err(failed(&format!("`{}` did not bring it", command.join(" "))));
                }
            }
            Comes::ByHand(how) => return Err(failed(how)),
            Comes::Package(names) => return Err(failed(&format!("the packages {names} did not bring it"))),
        }
    }
    Ok(())
}

fn packages(missing: &[(&str, &str)], is_root: bool, has_apt: bool) -> Packages {
    if missing.is_empty() {
        return Packages::Nothing;
    }
    let names: Vec<String> =
        missing.iter().flat_map(|(_, packages)| packages.split(' ')).map(str::to_owned).collect();
    if is_root && has_apt {
        return Packages::Install(names);
    }
    let what = missing.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let names = names.join(" ");
    Packages::Ask(match has_apt {
        true => format!("{what}: missing; install with `sudo apt-get install {names}`, then go on"),
        false => {
            format!("{what}: missing; install what Debian calls {names} with your system's package manager")
        }
    })
}

fn install(names: &[String]) -> Result<(), String> {
    println!("installing {}", names.join(" "));
    let install = ["apt-get", "install", "-y", "--no-install-recommends"];
    let words: Vec<&str> = install.into_iter().chain(names.iter().map(String::as_str)).collect();
    match crate::run(&["apt-get", "update"]) && crate::run(&words) {
        true => Ok(()),
        false => Err(format!("cannot install {}: see above", names.join(" "))),
    }
}

/// Whether a command ends well. What it prints is nobody's business.
fn runs(words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    let command = command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether a command prints this line.
fn says(words: &[&str], line: &str) -> bool {
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).lines().any(|it| it.trim() == line))
}

fn is_on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| folder.join(name).is_file())
}

/// Whether npm has installed what the lock file says: its own note is not older than that.
fn is_installed(folder: &Path) -> bool {
    let changed = |file: &str| folder.join(file).metadata().and_then(|it| it.modified());
    let (wanted, installed) = (changed("package-lock.json"), changed("node_modules/.package-lock.json"));
    matches!((wanted, installed), (Ok(wanted), Ok(installed)) if wanted <= installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_by_root_with_apt_only() {
        let missing = [("a browser", "chromium"), ("a C compiler", "gcc libc6-dev")];
        let names = || ["chromium", "gcc", "libc6-dev"].map(str::to_owned).to_vec();
        let by_apt = "a browser, a C compiler: missing; install with `sudo apt-get install chromium gcc libc6-dev`, then go on";
        let otherwise = "a browser, a C compiler: missing; install what Debian calls chromium gcc libc6-dev with your system's package manager";
        let table = [
            ("nothing is missing", &missing[..0], false, false, Packages::Nothing),
            ("root with apt", &missing, true, true, Packages::Install(names())),
            ("a user with apt", &missing, false, true, Packages::Ask(by_apt.into())),
            ("root without apt", &missing, true, false, Packages::Ask(otherwise.into())),
        ];
        for (name, missing, is_root, has_apt, expected) in table {
            assert_eq!(packages(missing, is_root, has_apt), expected, "{name}");
        }
    }

    #[test]
    fn commands_that_fail_or_are_not_there_find_nothing() {
        assert!(runs(&["true"]) && !runs(&["false"]) && !runs(&["no-such-command-anywhere"]));
        assert!(says(&["echo", "0"], "0") && !says(&["echo", "1000"], "0") && !says(&["false"], "0"));
        assert!(is_on_path("sh") && !is_on_path("no-such-command-anywhere"));
    }
}
