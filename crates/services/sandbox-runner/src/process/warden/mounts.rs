//! The few mount operations, with errors that say which one.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::mount::{MsFlags, mount};
use rustix::mount::{MoveMountFlags, OpenTreeFlags};

pub(super) const READ_ONLY: u64 = 0x1;
pub(super) const NO_SUID: u64 = 0x2;
pub(super) const NO_DEV: u64 = 0x4;
pub(super) const NO_EXEC: u64 = 0x8;

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
#[expect(unsafe_code, reason = "mount_setattr has no safe wrapper")]
pub(super) fn restrict(tree: &OwnedFd, restrictions: u64) -> io::Result<()> {
    let attributes = [restrictions, 0, 0, 0];
    let empty = CString::default();
    // SAFETY: the third argument is the empty path of AT_EMPTY_PATH; the fourth points to the four u64 of the
    // kernel's struct mount_attr and the fifth is its size.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            empty.as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    if result == 0 { Ok(()) } else { Err(doing("restrict a mount", io::Error::last_os_error())) }
}

pub(super) fn doing(what: impl std::fmt::Display, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("could not {what}: {error}"))
}
