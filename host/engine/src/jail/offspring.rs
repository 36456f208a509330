//! What a process has to do that keeps others: adopt what they leave behind, reap it, and end it. The `warden` is such a
//! process, and so is whoever keeps a command of the user's.

use std::{
    io,
    sync::mpsc::{Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, WaitOptions, WaitStatus};

/// How long killing is tried with a process that does not end at once, such as one that waits for a disk.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a keeping process waits for.
pub enum Event {
    /// A process has ended: the one that was started, or one that it has left behind.
    Ended(Pid, WaitStatus),
    /// All processes have ended.
    NobodyIsLeft,
    /// The host has closed its end, or has ended.
    HostIsGone,
}

/// Makes orphans of the processes below this one its children.
pub fn adopt() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Starts a thread that tells when the host closes this process's standard input.
pub fn watch_host(events: Sender<Event>) {
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = events.send(Event::HostIsGone);
    });
}

/// Starts a thread that reaps every child until there is none.
pub fn reap(events: Sender<Event>) {
    thread::spawn(move || {
        loop {
            let event = match rustix::process::wait(WaitOptions::empty()) {
                Ok(Some((pid, status))) => Event::Ended(pid, status),
                Ok(None) | Err(rustix::io::Errno::INTR) => continue,
                Err(_) => Event::NobodyIsLeft,
            };
            let is_last = matches!(event, Event::NobodyIsLeft);
            if events.send(event).is_err() || is_last {
                return;
            }
        }
    });
}

/// Kills again and again, with this pause, until nobody is left. False where somebody is left after [`PATIENCE`].
pub fn end_all(events: &Receiver<Event>, pause: Duration, kill: impl Fn()) -> bool {
    let given_up = Instant::now() + PATIENCE;
    while Instant::now() < given_up {
        kill();
        let again = Instant::now() + pause;
        while let Ok(event) = events.recv_timeout(again.saturating_duration_since(Instant::now())) {
            if let Event::NobodyIsLeft = event {
                return true;
            }
        }
    }
    false
}
