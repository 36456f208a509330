//! A working folder that a stranger has filled, and an environment that points into it: nothing of it is run, and
//! what is built is what would be built elsewhere.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use mmh_tests::{cache_dir, guest};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// What the programs of the folder leave behind when they are run.
const TRACE: &str = "a-program-of-the-folder-was-run";

/// Names under which something is looked for.
const PROGRAMS: [&str; 9] =
    ["rustc", "cargo", "rustup", "ldd", "cc", "ld", "rust-lld", "wasm-component-ld", "wrapper"];

struct Folder {
    // Held until the test ends.
    _home: tempfile::TempDir,
    /// Where `mmh` is started: below another folder of the stranger's.
    here: PathBuf,
    trace: PathBuf,
}

/// Programs in the working folder and in `bin`, toolchain files and cargo's settings there and in its parent.
fn folder() -> Folder {
    let home = tempfile::tempdir().expect("a folder");
    let here = home.path().join("unpacked/run");
    let trace = home.path().join(TRACE);
    for folder in [here.clone(), here.join("bin"), here.join("tc/bin")] {
        fs::create_dir_all(&folder).expect("a folder");
        for name in PROGRAMS {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\n: > '{}'\nexit 1\n", trace.display())).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may run");
        }
    }
    let program = |name: &str| here.join(name).display().to_string();
    let cargo = format!(
        "[build]\nrustc = {0:?}\nrustc-wrapper = {0:?}\nrustflags = [\"-Clinker={0}\"]\n\
         [target.wasm32-wasip2]\nlinker = {0:?}\n[target.x86_64-unknown-linux-gnu]\nlinker = {0:?}\nrunner = {0:?}\n\
         [target.aarch64-unknown-linux-gnu]\nlinker = {0:?}\n",
        program("wrapper")
    );
    let toolchain = format!("[toolchain]\npath = {:?}\n", program("tc"));
    for folder in [here.clone(), here.parent().expect("a parent").to_owned()] {
        fs::create_dir_all(folder.join(".cargo")).expect("a folder");
        fs::write(folder.join(".cargo/config.toml"), &cargo).expect("a file");
        fs::write(folder.join(".cargo/config"), &cargo).expect("a file");
        fs::write(folder.join("rust-toolchain.toml"), &toolchain).expect("a file");
    }
    fs::write(here.join("good.rs"), guest("run/ok.rs")).expect("a file");
    Folder { _home: home, here, trace }
}

fn mmh(folder: &Folder, args: &[&str], cache: &Path, environment: &[(&str, &str)]) -> Output {
    Command::new(PROGRAM)
        .args(args)
        .current_dir(&folder.here)
        .env("MMH_CACHE_DIR", cache)
        .env_remove("MMH_RUSTC")
        .envs(environment.iter().copied())
        .output()
        .expect("it starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The search path with these folders before it.
fn path(folders: &str) -> String {
    format!("{folders}:{}", std::env::var("PATH").unwrap_or_default())
}

#[test]
fn no_program_of_the_folder_is_run() {
    let folder = folder();
    let (relative, empty, shadowed) = (path(".:bin"), path(""), path("./bin:../run"));
    let wrapper = folder.here.join("wrapper").display().to_string();
    let variables: [(&str, Vec<(&str, &str)>); 6] = [
        ("as it is", vec![]),
        ("relative folders on the path", vec![("PATH", &relative)]),
        ("empty folders on the path", vec![("PATH", &empty)]),
        ("folders by way of others", vec![("PATH", &shadowed)]),
        (
            "variables of cargo and rustc",
            vec![
                ("RUSTC", "./rustc"),
                ("RUSTC_WRAPPER", &wrapper),
                ("RUSTC_WORKSPACE_WRAPPER", &wrapper),
                ("CARGO", &wrapper),
                ("CARGO_BUILD_RUSTC", &wrapper),
                ("CARGO_BUILD_RUSTC_WRAPPER", &wrapper),
                ("RUSTFLAGS", "-Clinker=./wrapper"),
                ("CARGO_ENCODED_RUSTFLAGS", "-Clinker=./wrapper"),
                ("CARGO_TARGET_WASM32_WASIP2_LINKER", &wrapper),
                ("CC", &wrapper),
            ],
        ),
        (
            "relative homes",
            vec![("CARGO_HOME", ".cargo"), ("TMPDIR", "tmp"), ("LD_LIBRARY_PATH", "."), ("LD_AUDIT", "./cc")],
        ),
    ];
    for (name, environment) in variables {
        for args in [&["doctor"][..], &["check", "good.rs"]] {
            let output = mmh(&folder, args, &cache_dir(), &environment);
            assert!(
                !folder.trace.exists(),
                "{name}: {args:?} ran a program of the folder: {}",
                said(&output)
            );
            assert_eq!(output.status.code(), Some(0), "{name}: {args:?}: {}", said(&output));
        }
    }
}

/// What the user's environment says still chooses the toolchain. Without it the folder does not choose either.
#[test]
fn toolchain_files_are_not_followed() {
    let folder = folder();
    for file in ["rust-toolchain.toml", "rust-toolchain"] {
        let _ = fs::rename(folder.here.join("rust-toolchain.toml"), folder.here.join(file));
        let output = Command::new(PROGRAM)
            .args(["doctor"])
            .current_dir(&folder.here)
            .env("MMH_CACHE_DIR", cache_dir())
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("MMH_RUSTC")
            .output()
            .expect("it starts");
        assert!(!folder.trace.exists(), "{file}: {}", said(&output));
        assert!(!said(&output).contains(&folder.here.join("tc").display().to_string()), "{}", said(&output));
    }
}

/// The SDK is built by cargo, here in a cache that lies in the stranger's folder: the same SDK as elsewhere.
#[test]
fn settings_of_cargo_are_not_followed() {
    let folder = folder();
    let digest = |output: &Output| {
        let said = said(output);
        let component = said.lines().find_map(|line| line.strip_prefix("ok: ")).map(str::to_owned);
        component.unwrap_or_else(|| panic!("it does not compile: {said}"))
    };
    let elsewhere = digest(&mmh(&folder, &["check", "good.rs"], &cache_dir(), &[]));
    let path = path(".:bin");
    let here = mmh(&folder, &["check", "good.rs"], &folder.here.join("cache"), &[("PATH", &path)]);
    assert!(!folder.trace.exists(), "{}", said(&here));
    assert_eq!(digest(&here), elsewhere);
}
