//! The process between host and child: it starts the child, watches it with all that the child starts, and
//! leaves nothing of it behind.
//!
//! It is this program again, as `__warden`. Orphans of the child become the warden's own children, so the warden
//! reaps all of them and the host none. It kills them all when the child ends, when a limit is exceeded, and when the
//! host's end of its standard input closes. So even a host that is killed leaves no process behind.

use std::{
    io::{self, BufRead, Read},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitStatus, kill_process_group};
use serde::{Deserialize, Serialize};

use super::{
    Confinement, Ending, Finished, Spec, enter,
    offspring::{self, Event},
    watch::Watch,
};

/// The hidden command that leads here.
pub const COMMAND: &str = "__warden";

/// The pause between two attempts to kill it.
const AGAIN: Duration = Duration::from_millis(50);

/// What the host wants done: one line of JSON on standard input.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The child, and what it may do.
    pub spec: Spec,
    /// How the child is confined.
    pub confinement: Confinement,
    /// The program that answers to `__jail`.
    pub launcher: PathBuf,
    /// How long the child may run by the wall clock.
    pub wall: Duration,
    /// How many bytes of each output stream are kept.
    pub output_bytes: usize,
}

/// The warden's answer, as JSON on standard output. The error says why the child was not confined or not ended.
pub type Report = Result<Finished, String>;

/// Does what the order on standard input says, and reports on standard output.
pub fn main() -> ExitCode {
    let (sender, events) = channel();
    let report = read_order(sender.clone()).and_then(|order| keep(&order, sender, &events));
    match serde_json::to_writer(io::stdout(), &report) {
        Ok(()) => ExitCode::SUCCESS,
        // The host is gone.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reads the order, and starts a thread that waits until the host closes its end.
fn read_order(events: Sender<Event>) -> Result<Order, String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| format!("no order: {error}"))?;
    offspring::watch_host(events);
    serde_json::from_str(&line).map_err(|error| format!("the order is unreadable: {error}"))
}

fn keep(order: &Order, sender: Sender<Event>, events: &Receiver<Event>) -> Report {
    let problem =
        |error: &dyn std::fmt::Display| format!("cannot start {}: {error}", order.launcher.display());
    offspring::adopt().map_err(|error| format!("cannot adopt orphans: {error}"))?;
    let (setup, setup_end) = io::pipe().map_err(|error| problem(&error))?;
    let json = serde_json::to_string(&(&order.spec, order.confinement)).map_err(|error| problem(&error))?;
    let mut command = Command::new(&order.launcher);
    command.arg(enter::COMMAND).arg(json).env_clear().current_dir("/").process_group(0);
    command.stdin(setup_end).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| problem(&error))?;
    // Otherwise its copy of the child's end would keep the pipe open.
    drop(command);
    let group = Pid::from_child(&child);
    let outputs =
        [collect(child.stdout.take(), order.output_bytes), collect(child.stderr.take(), order.output_bytes)];
    let setup = collect(Some(setup), order.output_bytes);
    offspring::reap(sender);
    let watch = Watch::new(group, &order.spec);
    let ending = watched(&watch, group, Instant::now() + order.wall, events);
    end_all(group, events)?;
    let [stdout, stderr] = outputs.map(text_of);
    match text_of(setup) {
        problem if problem.is_empty() => Ok(Finished { ending, stdout, stderr }),
        problem => Err(problem),
    }
}

/// Waits until the child has ended or has to be killed, and says why.
fn watched(watch: &Watch<'_>, child: Pid, deadline: Instant, events: &Receiver<Event>) -> Ending {
    let mut next_look = Instant::now();
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Ending::TimedOut;
        }
        if now >= next_look {
            if let Some(excess) = watch.exceeded() {
                return Ending::OverLimit(excess);
            }
            next_look = Instant::now() + Watch::pause_after(now.elapsed());
        }
        match events.recv_timeout(next_look.min(deadline).saturating_duration_since(Instant::now())) {
            Ok(Event::Ended(pid, status)) if pid == child => return ending_of(status),
            Ok(Event::Ended(..)) | Err(RecvTimeoutError::Timeout) => {}
            // Nobody reads the report.
            Ok(Event::NobodyIsLeft | Event::HostIsGone) | Err(RecvTimeoutError::Disconnected) => {
                return Ending::Signaled(libc::SIGKILL);
            }
        }
    }
}

fn ending_of(status: WaitStatus) -> Ending {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, signal) => Ending::Signaled(signal.unwrap_or_default()),
    }
}

/// Kills the whole group and waits until every process of it is reaped.
fn end_all(group: Pid, events: &Receiver<Event>) -> Result<(), String> {
    // The only failure is that nobody is left in the group.
    let kill = || {
        let _ = kill_process_group(group, Signal::KILL);
    };
    if offspring::end_all(events, AGAIN, kill) {
        return Ok(());
    }
    Err("a confined process does not end although it was killed".into())
}

/// Reads to the end, keeping the first `cap` bytes, so that a flood neither fills memory nor blocks.
fn collect(stream: Option<impl Read + Send + 'static>, cap: usize) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut stream) = stream {
            let _ = (&mut stream).take(cap as u64).read_to_end(&mut kept);
            let _ = io::copy(&mut stream, &mut io::sink());
        }
        kept
    })
}

fn text_of(collected: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&collected.join().unwrap_or_default()).into_owned()
}
