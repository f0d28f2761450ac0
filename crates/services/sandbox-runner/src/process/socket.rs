//! Sequenced-packet sockets: whole messages with descriptors beside them.

use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};
use nix::sys::time::TimeVal;

/// More than any message between runner, warden, init and zygote.
const MESSAGE_MAX: usize = 64 << 10;
/// At most this many descriptors come beside one message.
const N_FDS_MAX: usize = 4;

/// Two connected ends. Closed on exec.
pub(super) fn pair(kind: SockType) -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?)
}

pub(super) fn send(socket: BorrowedFd<'_>, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let beside: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    // Without MSG_NOSIGNAL a peer that died would end this process too.
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(message)], beside, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// The next message; an empty one means that the other end is closed.
pub(super) fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut buffer = vec![0u8; MESSAGE_MAX];
    let mut space = nix::cmsg_space!([RawFd; N_FDS_MAX]);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let message = loop {
        match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC) {
            Err(nix::Error::EINTR) => parts = [IoSliceMut::new(&mut buffer)],
            other => break other?,
        }
    };
    let n_bytes = message.bytes;
    let mut fds = Vec::new();
    for beside in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = beside {
            fds.extend(raw.into_iter().map(own));
        }
    }
    buffer.truncate(n_bytes);
    Ok((buffer, fds))
}

#[expect(unsafe_code, reason = "descriptors arrive as bare numbers")]
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just installed this descriptor for us in recvmsg; nobody else knows its number.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Makes `receive` fail with `WouldBlock` instead of waiting longer than this for a peer that hangs.
pub(super) fn set_receive_timeout(socket: &impl AsFd, seconds: i64) -> io::Result<()> {
    Ok(nix::sys::socket::setsockopt(
        &socket.as_fd(),
        nix::sys::socket::sockopt::ReceiveTimeout,
        &TimeVal::new(seconds, 0),
    )?)
}
