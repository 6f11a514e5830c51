//! One connection: how many there may be, and how long a peer may take nothing.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use crate::limits::{LINGER_BYTES, LINGER_TIME};

/// Lets connections in while there is room; the others are closed at once.
#[derive(Debug, Clone)]
pub(super) struct Doorkeeper {
    room: Arc<Semaphore>,
    stall: Duration,
}

impl Doorkeeper {
    /// A doorkeeper for so many connections, each of which may take nothing for `stall`.
    pub(super) fn new(connections: usize, stall: Duration) -> Self {
        Self {
            room: Arc::new(Semaphore::new(connections)),
            stall,
        }
    }
}

impl<S> Accept<TcpStream, S> for Doorkeeper {
    type Stream = Line<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let let_in = || {
            let permit = Arc::clone(&self.room).try_acquire_owned();
            let permit = permit.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            stream.set_nodelay(true)?;
            Ok((Line::new(stream, self.stall, Some(permit)), service))
        };
        ready(let_in())
    }
}

/// Bytes dropped at a time while a connection is being closed.
const LINGER_BUFFER_BYTES: usize = 8 * 1024;

/// A connection that breaks when its peer takes nothing for too long while there is something to
/// give. Reading is timed elsewhere: by the header timeout, and by whoever reads a body.
#[derive(Debug)]
pub(super) struct Line<T> {
    inner: T,
    stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    lingering: Option<Lingering>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// How much longer a peer is listened to that is told nothing more.
#[derive(Debug)]
struct Lingering {
    time: Pin<Box<Sleep>>,
    bytes: usize,
}

impl<T> Line<T> {
    fn new(inner: T, stall: Duration, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            inner,
            stall,
            stalled: None,
            lingering: None,
            _permit: permit,
        }
    }

    /// What a write came to, or an error when it has been waiting for too long.
    fn paced<R>(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if write.is_ready() {
            self.stalled = None;
            return write;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        match stalled.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Line<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Line<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.paced(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.paced(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.inner).poll_flush(cx);
        self.paced(cx, flush)
    }

    /// Says that nothing more comes, then takes what the peer is still sending and drops it. Closing
    /// at once would tell the peer that the connection broke, and a refusal in the middle of an
    /// upload would be lost with it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let shutdown = Pin::new(&mut self.inner).poll_shutdown(cx);
            ready!(self.paced(cx, shutdown))?;
        }
        let line = &mut *self;
        let lingering = line.lingering.get_or_insert_with(|| Lingering {
            time: Box::pin(sleep(LINGER_TIME)),
            bytes: LINGER_BYTES,
        });
        let mut dropped = [0; LINGER_BUFFER_BYTES];
        while lingering.bytes > 0 {
            let mut buffer = ReadBuf::new(&mut dropped);
            match Pin::new(&mut line.inner).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    lingering.bytes = lingering.bytes.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return lingering.time.as_mut().poll(cx).map(|()| Ok(())),
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_let_go() {
        let (ours, _theirs) = duplex(4);
        let mut line = Line::new(ours, Duration::from_millis(20), None);
        let error = line.write_all(b"more than fits").await;
        assert_eq!(error.expect_err("stalled").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_is_still_sending_hears_the_last_words() {
        let (ours, mut theirs) = duplex(16);
        let mut line = Line::new(ours, Duration::from_secs(5), None);
        let sending = tokio::spawn(async move {
            theirs.write_all(&[7; 1000]).await.expect("taken");
            let mut heard = String::new();
            theirs.read_to_string(&mut heard).await.expect("heard");
            heard
        });
        line.write_all(b"refused").await.expect("said");
        line.shutdown().await.expect("ended");
        assert_eq!(sending.await.expect("no panic"), "refused");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_stop_is_let_go() {
        let (ours, mut theirs) = duplex(64 * 1024);
        let mut line = Line::new(ours, Duration::from_secs(5), None);
        let sending = tokio::spawn(async move {
            let mut taken = 0;
            while theirs.write_all(&[7; 64 * 1024]).await.is_ok() {
                taken += 64 * 1024;
            }
            taken
        });
        line.shutdown().await.expect("ended");
        drop(line);
        let taken = sending.await.expect("no panic");
        assert!(
            (LINGER_BYTES..=LINGER_BYTES + 128 * 1024).contains(&taken),
            "{taken}"
        );
    }

    #[tokio::test]
    async fn a_slow_peer_is_served_as_long_as_it_takes_something() {
        let (ours, mut theirs) = duplex(1);
        let mut line = Line::new(ours, Duration::from_millis(200), None);
        let reading = tokio::spawn(async move {
            let mut taken = Vec::new();
            while let Ok(byte) = theirs.read_u8().await {
                taken.push(byte);
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
            taken
        });
        line.write_all(b"slowly").await.expect("written");
        drop(line);
        assert_eq!(reading.await.expect("read"), b"slowly");
    }
}
