//! Searches over two workers in which workers, the server and the coordinator are killed at random (SIGKILL), again and
//! again. Every file of the end is, byte for byte, that of a search on one machine that nobody has killed.
//!
//! `cargo xtask fleet-kills N` kills N times; the tests do so less often.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use mmh_record::limits::Limits;
use mmh_tests::{
    builder, files_below,
    fleet::{Nats, Running, command, wait_for, worker},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Kills, where nobody says how many.
const KILLS: u32 = 9;

/// How many kills are wanted.
const WANTED: &str = "MMH_FLEET_KILLS";

const SEARCH: [&str; 11] = [
    "--mock",
    "--iterations",
    "2",
    "--eval-size",
    "40",
    "--baseline",
    "few-shot-all",
    "--fixed-clock",
    "2026-01-01T00:00:00Z",
    "--concurrency",
    "8",
];

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &Path| path.strip_prefix(folder).expect("below").display().to_string();
    files_below(folder).iter().map(|path| (name(path), fs::read(path).expect("a file"))).collect()
}

/// Begins a search below a folder, or goes on with it.
fn search(folder: &Path, runs: &str, url: &str) -> Child {
    let run = format!("{runs}/a");
    let begun = folder.join(&run).exists();
    let begin = ["run", "--run-id", "a", "--runs-dir", runs];
    let go_on = ["run", "--resume", &run, "--fixed-clock", "2026-01-01T00:00:00Z"];
    let args = if begun { go_on.to_vec() } else { [&begin[..], &SEARCH].concat() };
    let mut command = command(PROGRAM, folder, &[&args[..], &["--workers", url]].concat());
    let log = fs::File::options().create(true).append(true).open(folder.join("said")).expect("a log");
    command.stdout(Stdio::null()).stderr(log).spawn().expect("the program starts")
}

/// A fleet whose parts are killed.
struct Victims {
    nats: Nats,
    workers: [Running; 2],
    random: fastrand::Rng,
    /// Kills by what they hit.
    hit: BTreeMap<&'static str, u32>,
}

impl Victims {
    /// Kills a part, one kind after the other; a worker or the server is started again soon. Whether it was the coordinator.
    fn kill_one(&mut self, killed: u32, coordinator: &mut Child) -> bool {
        let soon = Duration::from_millis(self.random.u64(0..800));
        let (name, is_coordinator) = match killed % 5 {
            1 => {
                coordinator.kill().and_then(|()| coordinator.wait()).expect("it is killed");
                ("the coordinator", true)
            }
            3 => {
                self.nats.kill();
                std::thread::sleep(soon);
                self.nats.start_again();
                ("the server", false)
            }
            at => {
                let at = usize::from(at == 2 || self.random.bool());
                self.workers[at].kill();
                std::thread::sleep(soon);
                self.workers[at] = worker(PROGRAM, &self.nats.url(), &format!("worker {at}"), &[]);
                ("a worker", false)
            }
        };
        *self.hit.entry(name).or_default() += 1;
        is_coordinator
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_survives_kills_of_all_its_parts() {
    builder(PROGRAM, Limits::default()).await;
    let kills: u32 = std::env::var(WANTED).ok().and_then(|it| it.parse().ok()).unwrap_or(KILLS);
    let folder = tempfile::tempdir().expect("a folder");
    let here = [&["run", "--run-id", "a", "--runs-dir", "here"][..], &SEARCH].concat();
    let output = command(PROGRAM, folder.path(), &here).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = contents(&folder.path().join("here/a"));
    let nats = Nats::start(&[]);
    let workers = [0, 1].map(|at| worker(PROGRAM, &nats.url(), &format!("worker {at}"), &[]));
    wait_for(PROGRAM, &nats.url(), 2);
    let random = fastrand::Rng::with_seed(u64::from(kills));
    let mut victims = Victims { nats, workers, random, hit: BTreeMap::new() };
    let (mut killed, mut searches) = (0, 0);
    while killed < kills {
        searches += 1;
        let runs = format!("there-{searches}");
        loop {
            wait_for(PROGRAM, &victims.nats.url(), 1);
            let mut coordinator = search(folder.path(), &runs, &victims.nats.url());
            let mut was_killed = false;
            while killed < kills && !was_killed && coordinator.try_wait().expect("its state").is_none() {
                std::thread::sleep(Duration::from_millis(victims.random.u64(50..1200)));
                if coordinator.try_wait().expect("its state").is_none() {
                    was_killed = victims.kill_one(killed, &mut coordinator);
                    killed += 1;
                }
            }
            if was_killed {
                continue;
            }
            let status = coordinator.wait().expect("it ends");
            let said = fs::read_to_string(folder.path().join("said")).unwrap_or_default();
            assert!(status.success(), "{status}: {said}");
            break;
        }
        let found = contents(&folder.path().join(&runs).join("a"));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&expected), names(&found), "search {searches}");
        let differ: Vec<&String> = expected.keys().filter(|name| expected[*name] != found[*name]).collect();
        assert!(differ.is_empty(), "search {searches}: {differ:?} after {:?}", victims.hit);
    }
    println!("{killed} kills over {searches} searches: {:?}; all files are the same", victims.hit);
}
