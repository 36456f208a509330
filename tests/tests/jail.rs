//! Sources that try to get out, or to wear the compiler down: refused or stopped, with a clear message,
//! and nothing is left behind.

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use mmh_engine::{
    cache::Cache,
    compile::RejectionKind,
    jail::{
        Ending, Jail, Role, Spec, features,
        warden::{self, Order},
    },
};
use mmh_record::{built::Confinement, limits::Limits};
use mmh_tests::{builder_in, cache_dir, guest, guests};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// The kind of rejection, or nothing for a guest that builds; and what its message or diagnostics contain.
type Expected = (Option<RejectionKind>, &'static str);

fn table() -> BTreeMap<&'static str, Expected> {
    use RejectionKind::*;
    BTreeMap::from([
        ("deep_expression.rs", (Some(CompilerCrash), "the source nests too deeply")),
        ("endless_constant.rs", (Some(CompilerTimeout), "rustc was stopped at its limit of 6 s")),
        ("escapes.rs", (Some(DidNotCompile), "compile_error!")),
        ("files.rs", (Some(BadImport), "the component imports wasi:filesystem/types@0.2")),
        ("foreign_function.rs", (Some(DidNotCompile), "usage of an `unsafe extern` block")),
        ("macro_bomb.rs", (Some(CompilerMemory), "rustc needed more than its limit of 600 MiB of memory")),
        ("no_export.rs", (Some(BadComponent), "no export")),
        ("no_variables.rs", (None, "")),
        ("not_rust.rs", (Some(DidNotCompile), "harness.rs:2:6")),
        ("other_crate.rs", (Some(DidNotCompile), "unlinked crate `rand`")),
        ("read_environ.rs", (Some(DidNotCompile), "couldn't read `/proc/self/environ`: Permission denied")),
        ("read_file.rs", (Some(DidNotCompile), "couldn't read `/etc/passwd`: Permission denied")),
        ("read_sibling.rs", (Some(DidNotCompile), "couldn't read `/etc/passwd`: Permission denied")),
        (
            "read_variable.rs",
            (Some(DidNotCompile), "environment variable `HOME` not defined at compile time"),
        ),
        ("sockets.rs", (Some(BadImport), "wasi:sockets/")),
        ("type_error.rs", (Some(DidNotCompile), "error[E0277]")),
        (
            "unsafe_allowed.rs",
            (Some(DidNotCompile), "error[E0453]: allow(unsafe_code) incompatible with previous forbid"),
        ),
        ("unsafe_block.rs", (Some(DidNotCompile), "usage of an `unsafe` block")),
        ("unstable_feature.rs", (Some(DidNotCompile), "error[E0554]")),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_is_contained() {
    let table = table();
    assert_eq!(
        guests("compile"),
        table.keys().copied().collect::<Vec<_>>(),
        "every guest has an expectation"
    );
    let cache = own_cache();
    for (name, (kind, says)) in table {
        let builder = builder_in(PROGRAM, limits(name), cache.1.clone()).await;
        let verdict = builder.build(&guest(&format!("compile/{name}"))).await.expect("the host can go on");
        match verdict {
            Ok(_) => assert_eq!(None, kind, "{name} builds"),
            Err(found) => {
                assert_eq!(Some(found.kind), kind, "{name}: {found:?}");
                let said = format!("{}\n{}", found.message, found.diagnostics);
                assert!(said.contains(says), "{name}: {says:?} is not in {said}");
                shows_no_secret(name, &said, cache.0.path());
            }
        }
        assert_eq!(left_in(&cache.1.root().join("scratch")), 0, "{name} left files behind");
    }
    // A compiler's command line names the folder of its SDK, and so this test's own cache.
    let own = cache.0.path().display().to_string();
    assert_eq!(running(&own), Vec::<String>::new(), "processes are left behind");
}

/// The limits that a guest is about are low; all others are as they are.
fn limits(name: &str) -> Limits {
    let default = Limits::default();
    match name {
        "endless_constant.rs" => Limits { rustc_wall_ms: 6_000, ..default },
        "macro_bomb.rs" => Limits { rustc_memory_bytes: 600 << 20, ..default },
        _ => default,
    }
}

/// Diagnostics name no folder of this machine and carry no control sequence.
fn shows_no_secret(name: &str, said: &str, cache: &Path) {
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".into());
    for secret in [home.as_str(), &cache.display().to_string(), "/toolchains/"] {
        assert!(!said.contains(secret), "{name} shows {secret}: {said}");
    }
    assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{name} shows control characters");
}

/// A fresh cache that has the built SDK of the shared one.
fn own_cache() -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = cache_dir().join("sdk");
    std::fs::create_dir_all(&shared).expect("the shared cache");
    std::os::unix::fs::symlink(&shared, folder.path().join("sdk")).expect("a link to the SDK");
    let cache = Cache::new(folder.path().to_owned());
    (folder, cache)
}

fn left_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn shell(script: &str, folder: &Path) -> Spec {
    Spec {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".into(), "/bin:/usr/bin".into())],
        cwd: folder.to_owned(),
        read: ["/bin", "/usr", "/lib", "/lib64"]
            .map(Into::into)
            .into_iter()
            .filter(|path: &std::path::PathBuf| path.exists())
            .collect(),
        write: vec![folder.join("out")],
        role: Role::Compiler,
        memory_bytes: 256 << 20,
        file_bytes: 1 << 20,
        files_bytes: 4 << 20,
        cpu_s: 5,
    }
}

/// The jail by itself, with a shell as the prisoner.
#[tokio::test(flavor = "multi_thread")]
async fn the_jail_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("out")).expect("a folder");
    let jail = Jail::new(PROGRAM.into());
    let table: [(&str, &str, &str, &str); 8] = [
        ("works inside", "echo hello > out/file && cat out/file", "hello", ""),
        ("reads nothing outside", "cat /etc/passwd", "", "Permission denied"),
        ("writes nothing outside", "echo x > file", "", "Permission denied"),
        (
            "runs nothing that it wrote",
            "cp /bin/echo out/echo; chmod +x out/echo; out/echo ran",
            "",
            "Permission denied",
        ),
        ("sees no environment", "echo \"${HOME-none}\"", "none", ""),
        (
            "writes no large file",
            "dd if=/dev/null of=out/big bs=1 seek=2097152 count=0 2>/dev/null || echo stopped",
            "stopped",
            "",
        ),
        ("starts no session", "setsid -w echo free 2>/dev/null || echo kept", "kept", ""),
        ("links lead nowhere", "ln -s /etc/passwd out/link && cat out/link", "", "Operation not permitted"),
    ];
    for (name, script, stdout, stderr) in table {
        let done = jail.run(&shell(script, folder.path()), Duration::from_secs(60), 4096).await.expect(name);
        assert_eq!(done.stdout.trim(), stdout, "{name}: {done:?}");
        assert!(done.stderr.contains(stderr), "{name}: {done:?}");
    }
}

/// What a prisoner leaves running is gone when `run` returns, however it ends.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_group_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("out")).expect("a folder");
    let jail = Jail::new(PROGRAM.into());
    for (name, script, wall_s, ending) in [
        ("a child left behind", "sleep 87.25 & echo started", 30, Ending::Exited(0)),
        ("a prisoner that hangs", "sleep 87.25", 1, Ending::TimedOut),
        ("a prisoner that ignores signals", "trap '' TERM INT HUP; sleep 87.25", 1, Ending::TimedOut),
    ] {
        let wall = Duration::from_secs(wall_s);
        let done = jail.run(&shell(script, folder.path()), wall, 4096).await.expect(name);
        assert_eq!(done.ending, ending, "{name}");
        assert_eq!(running("sleep\u{0}87.25"), Vec::<String>::new(), "{name}: processes are left");
    }
}

/// A host that is gone, however it went, has closed its end of the warden's standard input.
#[test]
fn nothing_outlives_the_host() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("out")).expect("a folder");
    let script = "sleep 87.75 & (sleep 87.75 &) ; echo started; sleep 87.75";
    let order = Order {
        spec: shell(script, folder.path()),
        confinement: Confinement::Full,
        launcher: PROGRAM.into(),
        wall: Duration::from_secs(60),
        output_bytes: 100,
    };
    let mut order = serde_json::to_vec(&order).expect("JSON");
    order.push(b'\n');
    let mut warden = Command::new(PROGRAM)
        .arg(warden::COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut stdin = warden.stdin.take().expect("a pipe");
    stdin.write_all(&order).expect("it listens");
    let begun = Instant::now();
    while running("sleep\u{0}87.75").len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "they start");
    }
    drop(stdin);
    warden.wait().expect("it ends");
    assert_eq!(running("sleep\u{0}87.75"), Vec::<String>::new());
}

/// The same from the outside: a host that is killed while a compiler works for it.
#[test]
fn nothing_outlives_a_killed_host() {
    let cache = own_cache();
    let path = cache.0.path().join("endless.rs");
    std::fs::write(&path, guest("compile/endless_constant.rs")).expect("a file");
    let mut host = Command::new(PROGRAM)
        .arg("check")
        .arg(&path)
        .env("MMH_CACHE_DIR", cache.0.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let at_work = || running(&cache.0.path().display().to_string());
    let wait_until = |is_so: &dyn Fn() -> bool, what: &str| {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", at_work());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    wait_until(&|| at_work().iter().any(|line| line.contains("--crate-name=harness")), "rustc works");
    host.kill().expect("it is killed");
    host.wait().expect("it is reaped");
    wait_until(&|| at_work().is_empty(), "everything ends");
}

/// The processes of this machine whose command line has this in it.
fn running(wanted: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains(wanted)).collect()
}

/// A flood of output neither blocks nor fills memory.
#[tokio::test(flavor = "multi_thread")]
async fn output_is_capped() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("out")).expect("a folder");
    let script =
        "i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done";
    let jail = Jail::new(PROGRAM.into());
    let done = jail.run(&shell(script, folder.path()), Duration::from_secs(60), 1000).await.expect("it runs");
    assert_eq!((done.ending, done.stdout.len()), (Ending::Exited(0), 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn this_kernel_confines() {
    let found = features::detect(&Jail::new(PROGRAM.into())).await;
    assert!(found.confines, "{}", found.detail);
}
