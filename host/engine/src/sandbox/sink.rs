//! Captures a guest's standard output or error, up to a limit. More is dropped, since an error would make `println!`
//! panic.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// How many bytes of the end of a long output are kept: enough for a panic's message.
const TAIL_BYTES: usize = 4096;

/// Keeps the first and the last bytes of an output.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    head_bytes: usize,
    tail: Vec<u8>,
    total_bytes: u64,
}

impl Sink {
    /// A sink that keeps about `limit_bytes`.
    pub fn new(limit_bytes: u64) -> Self {
        let head_bytes = (limit_bytes as usize).saturating_sub(TAIL_BYTES);
        Self(Arc::new(Mutex::new(Kept { head_bytes, ..Kept::default() })))
    }

    /// What was written, with a note in the middle where something was cut.
    pub fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = (kept.head.len() + kept.tail.len()) as u64;
        let tail = String::from_utf8_lossy(&kept.tail);
        let head = String::from_utf8_lossy(&kept.head);
        if kept.total_bytes == shown {
            return format!("{head}{tail}");
        }
        format!("{head}\n[cut: {shown} of {} bytes kept]\n{tail}", kept.total_bytes)
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.total_bytes += bytes.len() as u64;
        let room = (kept.head_bytes - kept.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        kept.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (kept.tail.len() + rest.len()).saturating_sub(TAIL_BYTES);
        kept.tail.drain(..surplus);
        kept.tail.extend_from_slice(rest);
    }
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Sink {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_start_and_the_end() {
        let sink = Sink::new(TAIL_BYTES as u64 + 10);
        sink.push(b"0123456789");
        sink.push(b"short");
        assert_eq!(sink.text(), "0123456789short");
        sink.push(&vec![b'x'; 3 * TAIL_BYTES]);
        sink.push(b"the end");
        let text = sink.text();
        assert!(text.starts_with("0123456789\n[cut: ") && text.ends_with("xthe end"), "{text}");
        assert!(text.len() < TAIL_BYTES + 100);
    }
}
