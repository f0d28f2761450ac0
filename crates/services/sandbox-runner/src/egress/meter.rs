//! How much an execution sends and receives, and how long a connection may be idle.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::refusal::Refusal;
use crate::metrics;

/// Refusals that are logged of one execution; code in a loop must not fill the log.
const N_LOGGED: u64 = 20;

/// Bytes beyond the limit, so that a request that comes too late can still be refused in words.
const GRACE_BYTES: u64 = 16 << 10;

/// What the connections of one interpreter have used since the execution began.
pub(super) struct Meter {
    limit_bytes: u64,
    used_bytes: AtomicU64,
    n_refused: AtomicU64,
}

impl Meter {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: AtomicU64::new(0), n_refused: AtomicU64::new(0) }
    }

    /// Another execution begins.
    pub(super) fn renew(&self) {
        self.used_bytes.store(0, Ordering::Relaxed);
        self.n_refused.store(0, Ordering::Relaxed);
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.used_bytes.load(Ordering::Relaxed) >= self.limit_bytes {
            return Err(Refusal::Spent(self.limit_bytes));
        }
        Ok(())
    }

    /// Whether another refusal is worth a line in the log.
    pub(super) fn logs_refusal(&self) -> bool {
        self.n_refused.fetch_add(1, Ordering::Relaxed) < N_LOGGED
    }

    fn add(&self, n_bytes: usize) {
        self.used_bytes.fetch_add(n_bytes as u64, Ordering::Relaxed);
    }
}

/// A connection from a sandbox that is counted and is not idle for longer than `idle_timeout`.
pub(super) struct Metered<S> {
    inner: S,
    meter: Arc<Meter>,
    idle_timeout: Duration,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Metered<S> {
    pub(super) fn new(inner: S, meter: Arc<Meter>, idle_timeout: Duration) -> Self {
        Self { inner, meter, idle_timeout, alarm: Box::pin(tokio::time::sleep(idle_timeout)) }
    }

    fn check(&self) -> io::Result<()> {
        let limit_bytes = self.meter.limit_bytes.saturating_add(GRACE_BYTES);
        if self.meter.used_bytes.load(Ordering::Relaxed) >= limit_bytes {
            return Err(io::Error::other("all bytes of the execution are spent"));
        }
        Ok(())
    }

    fn moved(&mut self, n_bytes: usize) {
        self.meter.add(n_bytes);
        self.alarm.as_mut().reset(Instant::now() + self.idle_timeout);
    }

    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.alarm.as_mut().poll(context).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        let n_before = buffer.filled().len();
        match Pin::new(&mut this.inner).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                let n_bytes = buffer.filled().len() - n_before;
                this.moved(n_bytes);
                metrics::egress_bytes("sent", n_bytes);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_idle(context).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check()?;
        match Pin::new(&mut this.inner).poll_write(context, bytes) {
            Poll::Ready(Ok(n_bytes)) => {
                this.moved(n_bytes);
                metrics::egress_bytes("received", n_bytes);
                Poll::Ready(Ok(n_bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // Code that does not read what it asked for.
            Poll::Pending => this.poll_idle(context).map(Err),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}
