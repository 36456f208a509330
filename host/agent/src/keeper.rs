//! The process above a command: it starts the command, and leaves nothing of it behind.
//!
//! It is this program again, as `__keeper`. It is started before the work folder is filled and before its socket is opened, and
//! waits for a byte ([`GO`]) before it starts the command. Orphans of the command become its own children. It kills all
//! processes below it when the command ends, and when the host closes its standard input. A host that is killed closes it too,
//! so even then no process, no socket and no work folder is left.
//!
//! Above it is a guard, the same program once more, which does nothing but wait for it: should somebody kill the keeper, the guard
//! kills and removes the rest. Should somebody kill the guard, the host sees it and ends the keeper. So any two of the three
//! may be killed.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::mpsc::channel,
    time::Duration,
};

use mmh_engine::jail::offspring::{self, Event};
use rustix::process::{Pid, Signal};

/// The hidden command that leads here. Its arguments are this program's file, the work folder, the program that is to be started,
/// and that program's arguments.
pub const COMMAND: &str = "__keeper";

/// What stands in the place of this program's file where the keeper itself is started, by its guard.
const GUARDED: &str = "-";

/// The byte on its standard input after which the keeper starts the command.
pub const GO: u8 = b'\n';

/// What the keeper ends with if the command could not be started, as a shell does.
const NOT_STARTED: u8 = 127;

/// What is added to the number of a signal that has ended the command, as a shell does.
const SIGNALED: i32 = 128;

/// The pause between two attempts to kill them, or to remove the folder.
const AGAIN: Duration = Duration::from_millis(20);

/// How often it tries to remove the folder.
const ATTEMPTS: u32 = 100;

/// Keeps the command until it has ended, and ends as it did.
pub fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(own), Some(folder), Some(program)) = (args.next(), args.next(), args.next()) else {
        return ExitCode::from(NOT_STARTED);
    };
    let is_guarded = own == GUARDED;
    let command = if is_guarded {
        let mut command = Command::new(&program);
        command.args(args).stdin(Stdio::null()).process_group(0);
        command
    } else {
        // The keeper has the guard's standard input, and reads it alone.
        let mut command = Command::new(&own);
        command.args([COMMAND, GUARDED]).arg(&folder).arg(&program).args(args).process_group(0);
        command
    };
    let ended = if is_guarded && !may_start() {
        NOT_STARTED
    } else {
        kept(command, is_guarded).unwrap_or_else(|error| {
            // Standard error is the log of the command.
            let _ = writeln!(io::stderr(), "cannot start {}: {error}", program.display());
            NOT_STARTED
        })
    };
    remove(Path::new(&folder));
    ExitCode::from(ended)
}

/// Waits until the command may start. False if the host has gone before.
fn may_start() -> bool {
    let mut byte = [0];
    io::stdin().lock().read_exact(&mut byte).is_ok() && byte == [GO]
}

/// Removes the work folder. The host does it too, if it is still there, so one of them may find that a file has just gone.
fn remove(folder: &Path) {
    for _ in 0..ATTEMPTS {
        let _ = fs::remove_dir_all(folder);
        if fs::symlink_metadata(folder).is_err() {
            return;
        }
        std::thread::sleep(AGAIN);
    }
}

/// Waits for the end of the command, and kills what it leaves behind. Watches the host as well, if that is asked for.
fn kept(mut command: Command, watches_host: bool) -> io::Result<u8> {
    offspring::adopt()?;
    let child = command.spawn()?;
    // The last copy of the log's end must be that of the command.
    drop(command);
    let child = Pid::from_child(&child);
    let (sender, events) = channel();
    if watches_host {
        offspring::watch_host(sender.clone());
    }
    offspring::reap(sender);
    let code = match events.iter().find(|event| ends(event, child)) {
        Some(Event::Ended(_, status)) => {
            let signal = || SIGNALED + status.terminating_signal().unwrap_or_default();
            status.exit_status().unwrap_or_else(signal).try_into().unwrap_or(u8::MAX)
        }
        _ => u8::MAX,
    };
    offspring::end_all(&events, AGAIN, kill_all);
    Ok(code)
}

/// Whether the keeper's work is over.
fn ends(event: &Event, child: Pid) -> bool {
    match event {
        Event::Ended(pid, _) => *pid == child,
        Event::NobodyIsLeft | Event::HostIsGone => true,
    }
}

/// Kills all processes below this one. Whoever loses its parent becomes a child of this process, so a process that has left the
/// group, or the session, is found as well.
fn kill_all() {
    for pid in below(rustix::process::getpid()) {
        // It may have ended in between.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// All processes below one, as far as they are there at this moment.
fn below(root: Pid) -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) =
            fs::read_to_string(entry.path().join("stat")).ok().and_then(|stat| parent(&stat))
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut found, mut at) = (children.remove(&root.as_raw_nonzero().get()).unwrap_or_default(), 0);
    while let Some(pid) = found.get(at) {
        found.extend(children.remove(pid).unwrap_or_default());
        at += 1;
    }
    found.into_iter().filter_map(Pid::from_raw).collect()
}

/// The parent by a line of `/proc/PID/stat`. The program's name in it may hold anything.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_whatever_the_name_is() {
        let table =
            [("12 (sh) S 7 12 12", Some(7)), ("12 (a) b (c)) R 1 1", Some(1)), ("12 (sh", None), ("", None)];
        for (stat, expected) in table {
            assert_eq!(parent(stat), expected, "{stat}");
        }
        let child = Command::new("sleep").arg("60").spawn();
        let mut child = child.expect("it starts");
        assert!(below(rustix::process::getpid()).contains(&Pid::from_child(&child)));
        child.kill().and_then(|()| child.wait()).expect("it ends");
    }
}
