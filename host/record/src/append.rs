//! Appends lines to a file: written at once, synced soon after, many lines at a time.
//!
//! A line that [`Appender::push`] has taken outlives this process, however that ends: it is with the
//! kernel. A thread syncs behind the callers' backs, so that it outlives the machine as well. A crash
//! leaves whole lines and at most one cut line at the end, which readers pass over.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use cap_std::fs::File;
use serde::Serialize;

use super::{RecordError, layout::MAX_LINE_BYTES};
use crate::text;

/// An open JSON Lines file.
pub struct Appender {
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
    name: String,
}

struct Shared {
    file: File,
    /// Held while a line is written: lines never mix.
    writing: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// There are lines that are not synced.
    dirty: bool,
    /// Nobody pushes any more.
    closed: bool,
    /// What went wrong in the background.
    failed: Option<io::Error>,
}

impl Appender {
    /// Appends to a file that was opened for it. `name` is for messages. Lines are synced unless the file is
    /// going to be thrown away.
    pub fn new(file: File, name: String, synced: bool) -> Self {
        let (writing, state, changed) = (Mutex::default(), Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { file, writing, state, changed });
        let syncer = synced.then(|| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.sync_until_closed())
        });
        Self { shared, syncer, name }
    }

    /// Appends one line. Fails once the file cannot be written any more.
    pub fn push(&self, row: &impl Serialize) -> Result<(), RecordError> {
        let mut line = serde_json::to_vec(row)
            .map_err(|error| RecordError::Damaged { file: self.name.clone(), problem: error.to_string() })?;
        line.push(b'\n');
        if line.len() as u64 > MAX_LINE_BYTES {
            let why = format!("a line of {} could not be read back", text::bytes(line.len() as u64));
            return Err(self.broken(io::Error::new(io::ErrorKind::FileTooLarge, why)));
        }
        self.shared.write(&line).map_err(|source| self.broken(source))
    }

    /// Waits until every line is on disk.
    pub fn finish(mut self) -> Result<(), RecordError> {
        self.close();
        let failed = self.shared.state().failed.take();
        failed.map_or(Ok(()), |source| Err(self.broken(source)))
    }

    fn close(&mut self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_all();
        if let Some(syncer) = self.syncer.take()
            && syncer.join().is_err()
        {
            self.shared.state().failed = Some(io::Error::other("the syncing thread panicked"));
        }
    }

    fn broken(&self, source: io::Error) -> RecordError {
        RecordError::Io { action: "append to", file: self.name.clone(), source }
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        // An error here has been told, or will be, by whoever pushes next.
        self.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        if let Some(error) = &self.state().failed {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        {
            let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            (&self.file).write_all(line)?;
        }
        let was_clean = !std::mem::replace(&mut self.state().dirty, true);
        if was_clean {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// One sync for all lines that came during the one before.
    fn sync_until_closed(&self) {
        let mut state = self.state();
        loop {
            if std::mem::take(&mut state.dirty) {
                drop(state);
                let synced = self.file.sync_data();
                state = self.state();
                if let Err(error) = synced {
                    state.failed = Some(error);
                    return;
                }
            } else if state.closed {
                return;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}
