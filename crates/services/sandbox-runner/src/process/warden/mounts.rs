//! The few mount operations, with errors that say which one.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::mount::{MsFlags, mount};
use rustix::mount::{MoveMountFlags, OpenTreeFlags};

pub(super) const READ_ONLY: u64 = 0x1;
pub(super) const NO_SUID: u64 = 0x2;
pub(super) const NO_DEV: u64 = 0x4;
pub(super) const NO_EXEC: u64 = 0x8;
const ID_MAP: u64 = 0x10_0000;

/// Nothing that is mounted here is seen outside, nor the other way round.
pub(super) fn make_private() -> io::Result<()> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(|error| doing("make mounts private", error))
}

pub(super) fn private_tmpfs(target: &str, options: &str) -> io::Result<()> {
    mount(Some("tmpfs"), target, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options))
        .map_err(|error| doing(format!("mount tmpfs on {target}"), error))
}

/// A detached copy of the mount at `path`, with what is mounted below it.
pub(super) fn copy(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    rustix::mount::open_tree(rustix::fs::CWD, path, flags)
        .map_err(|error| doing(format!("copy the mount {}", path.display()), error))
}

pub(super) fn attach(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    rustix::mount::move_mount(tree, "", rustix::fs::CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(|error| doing(format!("mount on {}", target.display()), error))
}

/// Adds restrictions to a mount and everything below it; never takes one away.
pub(super) fn restrict(tree: &OwnedFd, restrictions: u64) -> io::Result<()> {
    set_attributes(tree.as_fd(), libc::AT_RECURSIVE, [restrictions, 0, 0, 0])
        .map_err(|error| doing("restrict a mount", error))
}

/// Lets nobody write to a mount any more; what is mounted below it stays as it is.
pub(super) fn close(mount: impl AsFd) -> io::Result<()> {
    set_attributes(mount.as_fd(), 0, [READ_ONLY, 0, 0, 0]).map_err(|error| doing("close a mount", error))
}

/// Shows the files of a mount that is not attached yet to a user namespace: what belongs to an id inside it belongs to
/// the id of the host that is behind it there.
pub(super) fn show_as(tree: &OwnedFd, users: BorrowedFd<'_>) -> io::Result<()> {
    let users = users.as_raw_fd() as u64;
    set_attributes(tree.as_fd(), 0, [ID_MAP, 0, 0, users]).map_err(|error| doing("map the ids of a folder", error))
}

/// `attributes` are those to be set, to be cleared, the propagation, and a user namespace.
#[expect(unsafe_code, reason = "mount_setattr has no safe wrapper")]
fn set_attributes(tree: BorrowedFd<'_>, flags: libc::c_int, attributes: [u64; 4]) -> io::Result<()> {
    let empty = CString::default();
    // SAFETY: the third argument is the empty path of AT_EMPTY_PATH; the fourth points to the four u64 of the
    // kernel's struct mount_attr and the fifth is its size.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            empty.as_ptr(),
            libc::AT_EMPTY_PATH | flags,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(super) fn doing(what: impl std::fmt::Display, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("could not {what}: {error}"))
}
