//! The data folder: made at the first start, locked while in use, with the secrets of this installation.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use rand::RngCore;
use secrecy::SecretString;

/// How a process uses the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// All seven services run in this process; nobody else may use the folder.
    Alone,
    /// Other processes run other services on the same folder.
    Shared,
}

/// The data folder, locked until this is dropped.
pub struct DataFolder {
    path: PathBuf,
    _lock: Flock<File>,
}

impl DataFolder {
    /// Makes the folder if needed and locks it.
    ///
    /// # Errors
    /// When it cannot be made or written, or another process uses it; the sentence says what to do.
    pub fn open(path: &Path, how: Use) -> anyhow::Result<Self> {
        let shown = path.display();
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
            format!("cannot make the data folder {shown}; choose another with --data, or create it for this user")
        })?;
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("LOCK"))
            .with_context(|| format!("cannot write to the data folder {shown}; make it writable for this user, or choose another with --data"))?;
        let wanted = match how {
            Use::Alone => FlockArg::LockExclusiveNonblock,
            Use::Shared => FlockArg::LockSharedNonblock,
        };
        match Flock::lock(lock, wanted) {
            Ok(lock) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err((_, Errno::EWOULDBLOCK)) => {
                bail!(
                    "another septet uses the data folder {shown}; stop it first, or choose another folder with --data"
                )
            }
            Err((_, error)) => Err(error).with_context(|| format!("cannot lock the data folder {shown}")),
        }
    }

    /// The secret that the services of this installation share; made at the first start.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn internal_secret(&self) -> anyhow::Result<SecretString> {
        let keys = self.path.join("keys");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys).context("cannot make the key folder")?;
        let path = keys.join("internal.secret");
        let mut fresh = [0_u8; 32];
        rand::rng().fill_bytes(&mut fresh);
        match OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                let text: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
                file.write_all(text.as_bytes()).context("cannot write the internal secret")?;
                file.sync_all().context("cannot write the internal secret")?;
                Ok(text.into())
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let mut text = String::new();
                File::open(&path)
                    .and_then(|mut file| file.read_to_string(&mut text))
                    .context("cannot read the internal secret")?;
                anyhow::ensure!(text.len() >= 64, "{} is damaged; delete it and restart all services", path.display());
                Ok(text.into())
            }
            Err(error) => Err(error).context("cannot write the internal secret"),
        }
    }
}
