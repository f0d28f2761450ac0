//! A connection that comes back.
//!
//! hyper keeps a connection and drops it when it is done, at once. A connection that is dropped while bytes of the peer
//! wait unread is reset, and the peer may lose the answer that it was just sent. So hyper is lent the connection, and
//! what is dropped comes back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::seats::Seat;

/// The connection, while somebody else has it. Its seat is taken for as long.
pub(super) struct Lent {
    stream: Option<(TcpStream, Seat)>,
    back: Option<oneshot::Sender<(TcpStream, Seat)>>,
}

/// Where it comes back.
pub(super) struct Returned(oneshot::Receiver<(TcpStream, Seat)>);

impl Lent {
    pub(super) fn new(stream: TcpStream, seat: Seat) -> (Self, Returned) {
        let (back, returned) = oneshot::channel();
        (Self { stream: Some((stream, seat)), back: Some(back) }, Returned(returned))
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        // It is only taken out when this is dropped.
        let (stream, _seat) = self.get_mut().stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Pin::new(stream))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(stream), Some(back)) = (self.stream.take(), self.back.take()) {
            // Nobody wants it any more: it is closed.
            let _closed = back.send(stream);
        }
    }
}

impl Returned {
    /// The connection with its seat, once nobody has it any more.
    pub(super) async fn stream(self) -> Option<(TcpStream, Seat)> {
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
        self.stream.as_ref().is_some_and(|(stream, _seat)| stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
