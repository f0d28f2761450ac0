//! The session folder from outside: everything in it was named and made by untrusted code.
//!
//! Files are opened beneath the folder's descriptor, never through a link, and only regular files count; what is a
//! link, a pipe, a socket or a device is as if it were not there. Nothing is decoded or unpacked.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Uid};

const DEPTH_MAX: usize = 8;
const ENTRIES_MAX: usize = 8192;
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// What tells whether a file was touched. Code can set the other times, but not the time of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size_bytes: u64,
    changed_ns: i128,
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            inode: meta.ino(),
            size_bytes: meta.len(),
            changed_ns: i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec()),
        }
    }
}

/// The files of a session at some moment, by path below it.
#[derive(Debug, Default, Clone)]
pub(super) struct Manifest(HashMap<String, Stamp>);

impl Manifest {
    /// Remembers a file as it is now.
    pub(super) fn note(&mut self, path: &str, file: &File) -> io::Result<()> {
        self.0.insert(path.to_owned(), Stamp::of(&file.metadata()?));
        Ok(())
    }

    pub(super) fn forget(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// The paths that were here before and are not in `later`.
    pub(super) fn gone_in(&self, later: &Self) -> Vec<String> {
        self.0.keys().filter(|path| !later.0.contains_key(*path)).cloned().collect()
    }
}

/// A file that is new or changed, open for reading.
pub(super) struct NewFile {
    pub(super) path: String,
    pub(super) file: File,
}

/// The folder of a session.
#[derive(Clone)]
pub(super) struct Folder {
    fd: Arc<OwnedFd>,
    owner: Option<u32>,
}

/// The path below the session folder that `path` means: `a.csv`, `/session/a.csv`, `data/a.csv`. `None` when it leads
/// out of it or is no path of a file.
pub(crate) fn inside(path: &str) -> Option<String> {
    let path = path.strip_prefix("/session/").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let is_fine = |part: &&str| !part.is_empty() && !matches!(*part, "." | "..") && part.len() <= 255;
    let is_text = !path.chars().any(is_deceiving);
    (parts.len() <= DEPTH_MAX && parts.iter().all(is_fine) && is_text).then(|| parts.join("/"))
}

/// Whether the names in a path are what they look like.
pub(crate) fn is_honest(path: &str) -> bool {
    !path.chars().any(is_deceiving)
}

impl Folder {
    pub(super) fn new(fd: Arc<OwnedFd>, owner: Option<u32>) -> Self {
        Self { fd, owner }
    }

    /// Lists the folder, and opens up to `n_max` files that are not as they were `before`, oldest name first. The flag says
    /// whether something was left out. Blocks.
    pub(super) fn collect(&self, before: &Manifest, n_max: usize) -> io::Result<(Manifest, Vec<NewFile>, bool)> {
        let room = rustix::fs::fstatvfs(&self.fd)?;
        let n_hole_bytes = room.f_bavail.saturating_mul(room.f_frsize);
        let (now, found) = (Manifest::default(), Vec::new());
        let mut walk = Walk { before, n_max, now, found, n_entries: 0, n_hole_bytes, is_cut: false };
        walk.folder(self.fd.as_fd(), "", 0)?;
        walk.found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok((walk.now, walk.found, walk.is_cut))
    }

    /// Creates a file, in place of one that is there, and the folders that lead to it. Blocks.
    ///
    /// # Errors
    /// When a part of the path is a link or a file, or there is no space.
    pub(super) fn create(&self, path: &str) -> io::Result<File> {
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut folder: Option<OwnedFd> = None;
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            let at = folder.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd);
            match rustix::fs::mkdirat(at, part, Mode::from_raw_mode(0o755)) {
                Ok(()) => self.give_away(at, part)?,
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            folder = Some(rustix::fs::openat2(at, part, flags, Mode::empty(), BENEATH)?);
        }
        let at = folder.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd);
        match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat2(at, name, flags, Mode::from_raw_mode(0o644), BENEATH)?;
        self.give_away(at, name)?;
        Ok(File::from(file))
    }

    /// Opens a regular file for reading. Blocks.
    pub(super) fn open(&self, path: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat2(&self.fd, path, flags, Mode::empty(), BENEATH)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
    }

    /// Removes a file. One that is gone already is fine. Blocks.
    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        let (parents, name) = path.rsplit_once('/').unwrap_or((".", path));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat2(&self.fd, parents, flags, Mode::empty(), BENEATH)?;
        match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn give_away(&self, at: BorrowedFd<'_>, name: &str) -> io::Result<()> {
        let Some(owner) = self.owner else { return Ok(()) };
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::chownat(at, name, Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)), flags)?)
    }
}

struct Walk<'a> {
    before: &'a Manifest,
    n_max: usize,
    now: Manifest,
    found: Vec<NewFile>,
    n_entries: usize,
    /// Holes in files become zeros outside: they count as if they took up what is free in the folder.
    n_hole_bytes: u64,
    is_cut: bool,
}

impl Walk<'_> {
    fn folder(&mut self, fd: BorrowedFd<'_>, prefix: &str, depth: usize) -> io::Result<()> {
        for entry in Dir::read_from(fd)? {
            let entry = entry?;
            let raw = entry.file_name();
            if matches!(raw.to_bytes(), b"." | b"..") {
                continue;
            }
            self.n_entries += 1;
            if self.n_entries > ENTRIES_MAX {
                self.is_cut = true;
                return Ok(());
            }
            // Hidden files are caches of programs; a name that is no text could not be said on the wire.
            let Ok(name) = raw.to_str() else {
                self.is_cut = true;
                continue;
            };
            if name.starts_with('.') || name == "__pycache__" {
                continue;
            }
            if !is_honest(name) {
                self.is_cut = true;
                continue;
            }
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            match entry.file_type() {
                FileType::Directory if depth + 1 >= DEPTH_MAX => self.is_cut = true,
                FileType::Directory => {
                    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                    // Code may have made a folder that it cannot read itself; then neither do we.
                    if let Ok(inner) = rustix::fs::openat2(fd, name, flags, Mode::empty(), BENEATH) {
                        self.folder(inner.as_fd(), &path, depth + 1)?;
                    }
                }
                FileType::RegularFile => self.file(fd, name, path)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, at: BorrowedFd<'_>, name: &str, path: String) -> io::Result<()> {
        // Should it be a pipe after all, opening it must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(fd) = rustix::fs::openat2(at, name, flags, Mode::empty(), BENEATH) else { return Ok(()) };
        let file = File::from(fd);
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Ok(());
        }
        let stamp = Stamp::of(&meta);
        self.now.0.insert(path.clone(), stamp);
        if self.before.0.get(&path) == Some(&stamp) {
            return Ok(());
        }
        let n_hole_bytes = meta.len().saturating_sub(meta.blocks() * 512);
        if self.found.len() >= self.n_max || n_hole_bytes > self.n_hole_bytes {
            self.is_cut = true;
            return Ok(());
        }
        self.n_hole_bytes -= n_hole_bytes;
        self.found.push(NewFile { path, file });
        Ok(())
    }
}

/// Characters that make a name look like another one, or break a line.
fn is_deceiving(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn a_path_stays_inside() {
        assert_eq!(inside("/session/a.csv").as_deref(), Some("a.csv"));
        assert_eq!(inside("data/报表.csv").as_deref(), Some("data/报表.csv"));
        for bad in [
            "",
            "/etc/passwd",
            "../a",
            "a/../../b",
            "a//b",
            "a\nb",
            "/session/",
            "a/b/c/d/e/f/g/h/i",
            "\u{202e}fdp.exe",
        ] {
            assert_eq!(inside(bad), None, "{bad:?}");
        }
    }
}
