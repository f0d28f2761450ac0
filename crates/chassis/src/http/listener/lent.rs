//! A connection that is returned when hyper drops it.
//!
//! hyper owns a connection and drops it as soon as it is done. Closing a connection while bytes of the peer are unread
//! resets it, and the peer may lose the answer that it was just sent. So hyper is lent the connection: dropping it sends
//! it back to its owner, who can linger first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::slots::ConnectionSlot;

/// The connection, while hyper has it. Its slot stays taken for as long.
pub(super) struct Lent {
    stream: Option<(TcpStream, ConnectionSlot)>,
    back: Option<oneshot::Sender<(TcpStream, ConnectionSlot)>>,
}

/// Where it is returned.
pub(super) struct Returned(oneshot::Receiver<(TcpStream, ConnectionSlot)>);

impl Lent {
    pub(super) fn new(stream: TcpStream, slot: ConnectionSlot) -> (Self, Returned) {
        let (back, returned) = oneshot::channel();
        (Self { stream: Some((stream, slot)), back: Some(back) }, Returned(returned))
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        // It is only taken out when this is dropped.
        let (stream, _slot) = self.get_mut().stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Pin::new(stream))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(stream), Some(back)) = (self.stream.take(), self.back.take()) {
            // Nobody waits for it any more: it is closed.
            let _closed = back.send(stream);
        }
    }
}

impl Returned {
    /// The connection with its slot, once it was dropped.
    pub(super) async fn stream(self) -> Option<(TcpStream, ConnectionSlot)> {
        self.0.await.ok()
    }
}

impl AsyncRead for Lent {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(|(stream, _slot)| stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
