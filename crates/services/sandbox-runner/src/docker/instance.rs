//! This process among others that use the same Docker: a folder with a lock that the kernel releases when we die.
//!
//! What carries the name of an instance whose lock is free belongs to nobody any more.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

const LOCK: &str = "lock";

/// The folder is removed when this is dropped.
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    _lock: OwnedFd,
}

impl Instance {
    /// A new one below `base`.
    pub(super) fn new(base: &Path) -> io::Result<Self> {
        // Others must not come near the sockets: containers open them to every user.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(base)?;
        loop {
            let name = hex::encode(rand::random::<[u8; 6]>());
            let folder = base.join(&name);
            fs::DirBuilder::new().mode(0o700).create(&folder)?;
            // Should somebody who sweeps come between these two lines, the lock is theirs and we take another name.
            if let Some(lock) = lock(&folder)? {
                return Ok(Self { name, folder, _lock: lock });
            }
        }
    }

    /// The instances below `base` that are dead, each with its lock, so that nobody else sweeps it too.
    pub(super) fn dead(base: &Path) -> Vec<Dead> {
        let all = fs::read_dir(base).into_iter().flatten().flatten();
        all.filter_map(|entry| {
            let lock = lock(&entry.path()).ok().flatten()?;
            Some(Dead { name: entry.file_name().to_str()?.to_owned(), folder: entry.path(), _lock: lock })
        })
        .collect()
    }

    /// The names of all instances below `base`.
    pub(super) fn names(base: &Path) -> BTreeSet<String> {
        let all = fs::read_dir(base).into_iter().flatten().flatten();
        all.filter_map(|entry| entry.file_name().to_str().map(str::to_owned)).collect()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // A folder that stays has a lock that is free, so the next sweep removes it.
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// An instance whose process has ended.
pub(super) struct Dead {
    pub(super) name: String,
    folder: PathBuf,
    _lock: OwnedFd,
}

impl Dead {
    /// Removes what it left on the disk.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)
    }
}

/// The lock of an instance; `None` when another process has it.
fn lock(folder: &Path) -> io::Result<Option<OwnedFd>> {
    let file = fs::File::options().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file.into())),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::Instance;

    #[test]
    fn the_living_are_not_swept() {
        let base = tempfile::tempdir().unwrap();
        let living = Instance::new(base.path()).unwrap();
        std::fs::create_dir(base.path().join("dead")).unwrap();
        let names: Vec<String> = Instance::dead(base.path()).into_iter().map(|dead| dead.name).collect();
        assert_eq!(names, ["dead"]);
        assert!(Instance::names(base.path()).contains(&living.name));
        drop(living);
        assert_eq!(Instance::names(base.path()).into_iter().collect::<Vec<_>>(), ["dead"]);
    }
}
