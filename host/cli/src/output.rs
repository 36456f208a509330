//! The only place that writes to standard output and standard error.
//!
//! A reader that goes away loses the rest: the command goes on to its end and keeps its own exit code, so
//! that a search outlives a closed terminal pipe and `mmh verify RUN | head` still says whether the run
//! holds. Every other failed write, such as on a full disk, is remembered and becomes exit code 3.
//!
//! Text is made plain here, so that nothing that a stranger wrote can act on a terminal. A name that must
//! stay on its line goes through [`text::name`] before it comes here.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::error::ErrorKind;
use serde::Serialize;

use crate::{
    environment,
    error::{HOST_FAILED, WRONG_INPUT},
};
use mmh_record::text;

/// How long a write waits where the other side has no room and writes do not block.
const ROOM: Duration = Duration::from_millis(5);

/// Prints a line of plain text to standard output.
macro_rules! outln {
    ($($words:tt)*) => { $crate::output::line(&$crate::output::OUT, format_args!($($words)*)) };
}

/// Prints a line of plain text to standard error.
macro_rules! errln {
    ($($words:tt)*) => { $crate::output::line(&$crate::output::ERR, format_args!($($words)*)) };
}

/// Standard output or standard error, and why nothing is written to it any more, if that is so.
pub struct Stream {
    name: &'static str,
    lost: Mutex<Option<Lost>>,
    file: fn() -> io::Result<File>,
}

/// Why a stream is not written to any more.
enum Lost {
    ReaderGone,
    Failed(io::Error),
}

/// Whether standard output belongs to a protocol, so that nothing is printed there.
static IS_LEFT: AtomicBool = AtomicBool::new(false);

pub static OUT: Stream = Stream {
    name: "standard output",
    lost: Mutex::new(None),
    file: || match IS_LEFT.load(Ordering::Relaxed) {
        true => duplicate(io::stderr().as_fd()),
        false => duplicate(io::stdout().as_fd()),
    },
};
pub static ERR: Stream =
    Stream { name: "standard error", lost: Mutex::new(None), file: || duplicate(io::stderr().as_fd()) };

fn duplicate(stream: BorrowedFd<'_>) -> io::Result<File> {
    Ok(File::from(stream.try_clone_to_owned()?))
}

/// Leaves standard output to a protocol: from now on, what is printed goes to standard error.
pub fn leave_standard_output() {
    IS_LEFT.store(true, Ordering::Relaxed);
}

/// Standard output for whoever speaks the protocol that it was left to.
pub fn protocol() -> tokio::io::Stdout {
    tokio::io::stdout()
}

/// Prints plain text to standard output, as it stands: no line end is added.
pub fn text(words: &str) {
    OUT.write(text::plain(words).as_bytes());
}

/// Prints a value as JSON. Characters that would act on a terminal are escaped, which JSON reads as the same.
pub fn json(value: &impl Serialize) {
    let written = match serde_json::to_string_pretty(value) {
        Ok(written) => written,
        Err(error) => return OUT.fail(error.into()),
    };
    let mut escaped = String::with_capacity(written.len() + 1);
    for character in written.chars() {
        match text::acts_on_terminals(character) {
            // All of them are below U+10000, and outside of texts JSON has none.
            true => escaped += &format!("\\u{:04x}", character as u32),
            false => escaped.push(character),
        }
    }
    OUT.write((escaped + "\n").as_bytes());
}

/// Writes bytes that are meant for a file or a shell, or that were made plain and coloured before.
pub fn raw(bytes: &[u8]) {
    OUT.write(bytes);
}

/// What `outln!` and `errln!` call.
pub fn line(stream: &Stream, words: fmt::Arguments<'_>) {
    stream.write((text::plain(&words.to_string()) + "\n").as_bytes());
}

/// Prints what the command line's parser says: help and versions to standard output, and what is wrong with
/// the arguments to standard error.
pub fn of_arguments(said: &clap::Error) -> ExitCode {
    let (stream, colors) = match said.use_stderr() {
        true => (&ERR, environment::draws_colors()),
        false => (&OUT, environment::colors()),
    };
    if said.kind() == ErrorKind::InvalidUtf8 {
        let odd = std::env::args_os().find(|word| word.to_str().is_none()).unwrap_or_default();
        let odd = text::name(&odd.to_string_lossy());
        errln!(
            "error: the argument {odd:?} is no UTF-8 text: paths may be anything, but not other values, nor a data set's path, which is recorded"
        );
        return ExitCode::from(WRONG_INPUT);
    }
    let rendered = said.render();
    match colors {
        true => stream.write(rendered.ansi().to_string().as_bytes()),
        false => stream.write(text::plain(&rendered.to_string()).as_bytes()),
    }
    ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(WRONG_INPUT))
}

/// The exit code of a command that has ended: its own, unless something could not be written.
pub fn end(code: ExitCode) -> ExitCode {
    let failures: Vec<String> = [&OUT, &ERR].iter().filter_map(|stream| stream.failure()).collect();
    for failure in &failures {
        errln!("error: {failure}");
    }
    if failures.is_empty() { code } else { ExitCode::from(HOST_FAILED) }
}

/// Takes what other libraries write to standard error, such as log lines. They never see an error.
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        ERR.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    fn write(&self, bytes: &[u8]) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.is_some() {
            return;
        }
        // Written at once and not through the buffers of the standard library, which would keep the rest of
        // a failed write and fail again when the program ends.
        if let Err(error) = (self.file)().and_then(|file| write_whole(&file, bytes)) {
            *lost = Some(match error.kind() {
                io::ErrorKind::BrokenPipe => Lost::ReaderGone,
                _ => Lost::Failed(error),
            });
        }
    }

    /// Writes nothing any more.
    fn fail(&self, error: io::Error) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(Lost::Failed(error));
    }

    fn failure(&self) -> Option<String> {
        match &*self.lost.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Lost::Failed(error)) => Some(format!("cannot write to {}: {error}", self.name)),
            Some(Lost::ReaderGone) | None => None,
        }
    }
}

fn write_whole(mut file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A terminal that another program has set so: there will be room.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(ROOM),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of its own, for each kind of end that the other side can come to.
    #[test]
    fn failed_writes_are_told_apart() {
        let closed_pipe = || {
            let (reader, writer) = io::pipe()?;
            drop(reader);
            Ok(File::from(std::os::fd::OwnedFd::from(writer)))
        };
        let full_disk = || File::options().write(true).open("/dev/full");
        let fine = || File::options().write(true).open("/dev/null");
        // name, stream, whether the exit code changes
        type Row = (&'static str, fn() -> io::Result<File>, bool);
        let table: [Row; 4] = [
            ("written", fine, false),
            ("the reader is gone", closed_pipe, false),
            ("a full disk", full_disk, true),
            ("no handle", || Err(io::ErrorKind::Other.into()), true),
        ];
        for (name, file, fails) in table {
            let stream = Stream { name: "the stream", lost: Mutex::new(None), file };
            stream.write(b"");
            line(&stream, format_args!("a line"));
            line(&stream, format_args!("another line"));
            assert_eq!(stream.failure().is_some(), fails, "{name}");
        }
    }
}
