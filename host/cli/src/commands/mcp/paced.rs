//! Standard input of the server, read no faster than calls are answered: what a client sends in advance waits in the
//! pipe and not in memory. Tells when the client is gone.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, ReadBuf};

/// Most calls that are under way before reading pauses.
const MAX_CALLS: usize = 8;

/// The calls that are under way.
#[derive(Default)]
pub struct Load {
    calls: AtomicUsize,
    reader: AtomicWaker,
}

/// A call that is under way, until it is dropped.
pub struct UnderWay(Arc<Load>);

impl Load {
    /// Counts a call.
    pub fn begin(self: &Arc<Self>) -> UnderWay {
        self.calls.fetch_add(1, Ordering::SeqCst);
        UnderWay(self.clone())
    }

    fn is_high(&self) -> bool {
        self.calls.load(Ordering::SeqCst) >= MAX_CALLS
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
        self.0.reader.wake();
    }
}

/// A reader that pauses while many calls are under way, and calls `at_end` once when nothing more comes, or nobody reads
/// any more.
pub struct Paced<R, F: FnOnce()> {
    pub inner: R,
    pub load: Arc<Load>,
    pub at_end: Option<F>,
}

impl<R, F: FnOnce()> Paced<R, F> {
    fn end(&mut self) {
        if let Some(at_end) = self.at_end.take() {
            at_end();
        }
    }
}

impl<R, F: FnOnce()> Drop for Paced<R, F> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<R: AsyncRead + Unpin, F: FnOnce() + Unpin> AsyncRead for Paced<R, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.load.is_high() {
            self.load.reader.register(context.waker());
            // A call may have ended in between.
            if self.load.is_high() {
                return Poll::Pending;
            }
        }
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, buffer));
        if read.is_err() || buffer.filled().len() == before {
            self.end();
        }
        Poll::Ready(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn reading_pauses_while_many_calls_are_under_way() {
        let load = Arc::new(Load::default());
        let (ended, end) = std::sync::mpsc::channel();
        let at_end = Some(move || ended.send(()).expect("it is heard"));
        let mut paced = Paced { inner: &b"abc"[..], load: load.clone(), at_end };
        let calls: Vec<UnderWay> = (0..MAX_CALLS).map(|_| load.begin()).collect();
        let mut text = String::new();
        let (read, ()) = tokio::join!(paced.read_to_string(&mut text), async {
            tokio::task::yield_now().await;
            assert!(end.try_recv().is_err(), "it waits");
            drop(calls);
        });
        assert_eq!((read.expect("read"), text.as_str()), (3, "abc"));
        end.try_recv().expect("the end is told");
        drop(paced);
        assert!(end.try_recv().is_err(), "and told once");
    }

    #[test]
    fn who_reads_no_more_is_told_of_as_well() {
        let mut ended = false;
        drop(Paced { inner: &b"abc"[..], load: Arc::default(), at_end: Some(|| ended = true) });
        assert!(ended);
    }
}
