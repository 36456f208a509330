//! Runs every case beside an innocent harness, and looks at what is left afterwards.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::stream::{self, StreamExt};
use mmh_engine::{build::Built, cache::Cache, sandbox::Sandbox};
use mmh_record::limits::Limits;
use mmh_tests::{cache_dir, guest, guests};

use crate::{
    RESULTS, SECRET,
    case::Case,
    run::{self, Bench, Found},
    table::Row,
};

/// Beyond its own limit a case may take so long to end.
const GRACE: Duration = Duration::from_secs(5);

/// Cases at once.
const AT_ONCE: usize = 2;

/// Most memory that the host may have needed at any time.
const HOST_MEMORY_KIB: u64 = 1 << 20;

/// The stages, which are the folders of `tests/guests/hostile`.
const STAGES: [&str; 4] = ["compile", "between", "run", "jail"];

/// Low enough that a case which uses everything up does so soon.
fn limits() -> Limits {
    Limits { fuel: 500_000_000, memory_bytes: 64 << 20, example_wall_ms: 20_000, ..Limits::default() }
}

/// Every case, by stage and name.
fn cases() -> Vec<Case> {
    let default = limits();
    let of_stage = |stage: &str| {
        let folder = format!("hostile/{stage}");
        let names = guests(&folder).into_iter();
        names
            .map(|name| {
                Case::read(stage, &mmh_tests::root().join("tests/guests").join(&folder).join(name), &default)
            })
            .collect::<Vec<_>>()
    };
    let only = std::env::var("MMH_HOSTILE_ONLY").unwrap_or_default();
    STAGES.into_iter().flat_map(of_stage).filter(|case| case.name.contains(&only)).collect()
}

/// The same caches for all but scratch space: candidates of `compile` are always compiled anew.
fn caches(folder: &Path) -> (Cache, Cache) {
    let cache = |name: &str, shared: &[&str]| {
        let root = folder.join(name);
        std::fs::create_dir_all(&root).expect("a folder");
        for kind in shared {
            let target = cache_dir().join(kind);
            std::fs::create_dir_all(&target).expect("a folder");
            if !root.join(kind).exists() {
                std::os::unix::fs::symlink(target, root.join(kind)).expect("a link");
            }
        }
        Cache::new(root)
    };
    (cache("fresh", &["sdk"]), cache("warm", &["sdk", "components", "native"]))
}

/// Started by `every_case_is_contained`, without a network.
#[test]
#[ignore = "started by every_case_is_contained"]
fn the_suite() {
    // Where no parent says, the caches lie beside the shared one and stay.
    let folder = std::env::var_os("MMH_HOSTILE_CACHE").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| cache_dir().join("hostile"));
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .expect("orphans come to this process");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (fresh, warm) = caches(&folder);
    let (rows, problems) = runtime.block_on(all(&fresh, &warm));
    drop(runtime);
    if let Some(path) = std::env::var_os(RESULTS) {
        std::fs::write(path, serde_json::to_vec(&rows).expect("JSON")).expect("results are written");
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    nothing_is_left([&fresh, &warm]);
}

async fn all(fresh: &Cache, warm: &Cache) -> (Vec<Row>, Vec<String>) {
    let bench = Arc::new(Bench::new(fresh, warm, &limits()).await);
    let innocent = Arc::new(Innocent::new(&bench).await);
    let cases = stream::iter(cases().into_iter().map(|case| one(bench.clone(), innocent.clone(), case)));
    let done: Vec<_> = cases.buffered(AT_ONCE).collect().await;
    let mut problems: Vec<String> = done.iter().flat_map(|(_, problems)| problems.clone()).collect();
    let rows: Vec<Row> = done.into_iter().map(|(row, _)| row).collect();
    let again = bench.build_innocent(fresh).await.component.digest;
    if again != innocent.built.component.digest {
        problems.push("the innocent harness compiles to another component now".into());
    }
    (rows, problems)
}

/// One case, with the innocent harness running all the while and once more afterwards.
async fn one(bench: Arc<Bench>, innocent: Arc<Innocent>, case: Case) -> (Row, Vec<String>) {
    let task = tokio::spawn({
        let (bench, case) = (bench.clone(), case.clone());
        async move { run::run(&bench, &case).await }
    });
    let mut problems = Vec::new();
    while !task.is_finished() {
        problems.extend(innocent.differs(&case.name, "beside").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    problems.extend(innocent.differs(&case.name, "after").await);
    problems.dedup();
    let found = match task.await {
        Ok(found) => found,
        Err(error) => Found::new("host-panic", error.to_string(), String::new()),
    };
    problems.extend(judge(&case, &found));
    let seconds = found.took.as_secs_f64();
    println!("{:<36} {:<18} {seconds:>5.1} s  {}", case.name, found.kind, short(&found.said));
    (Row { case: case.name, tries: case.tries, outcome: found.kind, seconds }, problems)
}

fn short(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(110).collect()
}

/// What is wrong with how a case ended.
fn judge(case: &Case, found: &Found) -> Vec<String> {
    let mut problems = Vec::new();
    if found.kind != case.kind {
        problems
            .push(format!("{}: {} is expected, found {}: {}", case.name, case.kind, found.kind, found.said));
    }
    if !found.said.contains(&case.says) {
        problems.push(format!("{}: {:?} is not in {}", case.name, case.says, found.said));
    }
    let (limits, took) = (&case.limits, found.took);
    let limit_ms = match found.kind.as_str() {
        "timeout" => limits.example_wall_ms,
        // The compiler checks first, and then builds.
        "compiler-timeout" | "timed-out" => limits.rustc_wall_ms,
        _ => 2 * limits.rustc_wall_ms + limits.native_wall_ms,
    };
    if took > Duration::from_millis(limit_ms) + GRACE {
        problems.push(format!("{}: it took {took:.1?}, its limit is {limit_ms} ms", case.name));
    }
    problems.extend(shows(case, found));
    problems
}

/// What must not be shown, and is.
fn shows(case: &Case, found: &Found) -> Vec<String> {
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".into());
    let cache = cache_dir().display().to_string();
    let secrets = [SECRET, "root:x:0:0", "/toolchains/", "scratch/job-", home.as_str(), cache.as_str()];
    let mut problems: Vec<String> = Vec::new();
    // What a case itself says is its own; what came with the machine is not.
    let secrets = secrets.into_iter().filter(|secret| !case.text.contains(secret));
    problems.extend(
        secrets
            .filter(|secret| found.said.contains(secret))
            .map(|it| format!("{} shows {it}: {}", case.name, found.said)),
    );
    let unfit = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    if found.shown.chars().any(unfit) {
        problems.push(format!("{} shows control characters: {:?}", case.name, found.shown));
    }
    let most = (case.limits.diagnostics_bytes + case.limits.answer_bytes) as usize + 4096;
    if found.said.len() > most {
        problems.push(format!("{} says {} bytes", case.name, found.said.len()));
    }
    problems
}

/// A harness that does nothing wrong, and what it does when it is alone.
struct Innocent {
    sandbox: Arc<Sandbox>,
    built: Built,
    alone: Vec<String>,
}

impl Innocent {
    async fn new(bench: &Bench) -> Self {
        let (built, sandbox) = (bench.build_innocent(&bench.warm).await, bench.sandbox());
        let mut this = Self { sandbox, built, alone: Vec::new() };
        this.alone = this.run().await;
        assert!(this.alone.iter().all(|it| it.starts_with("Ok(")), "{:?}", this.alone);
        this
    }

    /// Prediction, fuel, memory, logs, output and calls of a few examples.
    async fn run(&self) -> Vec<String> {
        let mut found = Vec::new();
        for input in ["a cough", "two left feet", "an ache that comes and goes", "nothing at all", "ünïcödé"]
        {
            let report = run::predict(&self.sandbox, &self.built, input).await;
            let (fuel, memory) = (report.fuel, report.peak_memory_bytes);
            let (logs, calls) = (&report.logs, report.calls.len());
            found.push(format!(
                "{:?} {fuel} {memory} {logs:?} {} {} {calls}",
                report.result, report.stdout, report.stderr
            ));
        }
        found
    }

    async fn differs(&self, case: &str, when: &str) -> Option<String> {
        let found = self.run().await;
        (found != self.alone).then(|| {
            format!("{when} {case} the innocent harness comes to {found:?}, alone to {:?}", self.alone)
        })
    }
}

/// The innocent harness's source.
pub fn innocent() -> String {
    guest("hostile/innocent.rs")
}

/// No process, no file but the cache's entries, no packet, and little memory.
fn nothing_is_left(caches: [&Cache; 2]) {
    assert_eq!(children(), Vec::<String>::new(), "processes are left");
    for cache in caches {
        let found: BTreeSet<String> = entries(cache.root());
        let known =
            ["components", "in-use.lock", "native", "refusals", "scratch", "sdk", "tools"].map(String::from);
        assert!(found.is_subset(&known.into()), "the cache has {found:?}");
        assert_eq!(entries(&cache.root().join("scratch")), BTreeSet::new(), "scratch files are left");
    }
    for folder in [std::env::temp_dir(), std::env::current_dir().expect("a folder")] {
        // Without its parent this test is in a folder that is not its own.
        if std::env::var_os(RESULTS).is_some() {
            assert_eq!(entries(&folder), BTreeSet::new(), "files are left in {}", folder.display());
        }
    }
    for folder in ["/tmp", "/var/tmp", "/dev/shm", "/"] {
        let left: Vec<String> =
            entries(Path::new(folder)).into_iter().filter(|name| name.contains("mmhile-left")).collect();
        assert_eq!(left, Vec::<String>::new(), "files are left in {folder}");
    }
    if std::env::var_os(RESULTS).is_some() && std::env::var_os(crate::NO_NAMESPACE).is_none() {
        assert_eq!(packets(), 0, "packets went over the network");
    }
    let peak = peak_kib();
    println!("host memory at most: {} MiB", peak >> 10);
    assert!(peak < HOST_MEMORY_KIB, "the host needed {peak} KiB");
}

fn entries(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Children of this process, living or not reaped: orphans, wherever they came from, are among them.
fn children() -> Vec<String> {
    let parent = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    let of_this = |stat: &String| {
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        fields.get(1) == Some(&parent.as_str())
    };
    stats.filter(of_this).collect()
}

/// Packets that all interfaces of this namespace have seen.
fn packets() -> u64 {
    let text = std::fs::read_to_string("/proc/self/net/dev").expect("/proc is there");
    let counts = text.lines().filter_map(|line| line.split_once(':')).flat_map(|(_, numbers)| {
        let numbers: Vec<u64> = numbers.split_whitespace().filter_map(|it| it.parse().ok()).collect();
        [numbers.get(1).copied().unwrap_or(0), numbers.get(9).copied().unwrap_or(0)]
    });
    counts.sum()
}

/// The most memory that this process has had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
