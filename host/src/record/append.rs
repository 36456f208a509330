//! Appends lines to a file and syncs them, many at a time where many are waiting.
//!
//! A thread of its own writes: it takes every line that waits, writes them at once, and syncs once. A
//! crash leaves whole lines and at most one cut line at the end, which the reader passes over.

use std::{
    io::Write,
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
};

use cap_std::fs::File;
use serde::Serialize;

use super::RecordError;

/// An open JSON Lines file.
pub struct Appender {
    lines: Option<Sender<Vec<u8>>>,
    writer: Option<JoinHandle<std::io::Result<()>>>,
    file: String,
}

impl Appender {
    /// Appends to an open file. `name` is for messages.
    pub fn new(file: File, name: String) -> Self {
        let (lines, waiting) = channel();
        let writer = std::thread::spawn(move || write_all(file, &waiting));
        Self { lines: Some(lines), writer: Some(writer), file: name }
    }

    /// Hands over one line. Fails once the file cannot be written any more.
    pub fn push(&self, row: &impl Serialize) -> Result<(), RecordError> {
        let mut line = serde_json::to_vec(row)
            .map_err(|error| RecordError::Damaged { file: self.file.clone(), problem: error.to_string() })?;
        line.push(b'\n');
        let sent = self.lines.as_ref().map(|lines| lines.send(line));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(self.broken(std::io::Error::other("writing has failed before"))),
        }
    }

    /// Waits until every line is on disk.
    pub fn finish(mut self) -> Result<(), RecordError> {
        self.close().map_err(|source| self.broken(source))
    }

    fn close(&mut self) -> std::io::Result<()> {
        self.lines = None;
        match self.writer.take() {
            Some(writer) => {
                writer.join().unwrap_or_else(|_| Err(std::io::Error::other("the writer panicked")))
            }
            None => Ok(()),
        }
    }

    fn broken(&self, source: std::io::Error) -> RecordError {
        RecordError::Io { action: "append to", file: self.file.clone(), source }
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        // An error here has been told, or will be, by whoever pushes next.
        let _ = self.close();
    }
}

fn write_all(mut file: File, waiting: &Receiver<Vec<u8>>) -> std::io::Result<()> {
    while let Ok(mut batch) = waiting.recv() {
        waiting.try_iter().for_each(|line| batch.extend(line));
        file.write_all(&batch)?;
        file.sync_data()?;
    }
    Ok(())
}
