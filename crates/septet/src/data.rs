//! The data folder: made at the first start, locked while in use, with the secrets of this installation.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};

/// How a process uses the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// All seven services run in this process; nobody else may use the folder.
    Alone,
    /// Other processes run other services on the same folder.
    Shared,
}

const LOCK: &str = "LOCK";

/// The data folder, locked until this is dropped.
pub struct DataFolder {
    path: PathBuf,
    _lock: Flock<File>,
}

impl DataFolder {
    /// Makes the folder if needed, sees to it that nobody else on this machine can look inside, and locks it.
    ///
    /// # Errors
    /// When it cannot be made, written or made private, or another process uses it; the sentence says what to do.
    pub fn open(path: &Path, how: Use) -> anyhow::Result<Self> {
        let shown = path.display();
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
            format!("cannot make the data folder {shown}; choose another with --data, or create it for this user")
        })?;
        make_private(path)?;
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK))
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

    /// Keeps the first administrator's password in a file that only this user can read; gives its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_first_password(&self, password: &SecretString) -> anyhow::Result<PathBuf> {
        let path = self.path.join("first-password");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        writeln!(file, "{}", password.expose_secret())?;
        Ok(path)
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

/// Takes the rights of others from the folder: keys, database and documents are in it.
///
/// A folder that holds something else is not touched, for its rights may be meant for that: `--data /tmp`, say.
fn make_private(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot look at the data folder {shown}"))?;
    if metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    // A fresh volume is not quite empty.
    let is_nothing = |entry: &std::fs::DirEntry| entry.file_name() == "lost+found";
    let is_empty = || std::fs::read_dir(path).is_ok_and(|entries| entries.flatten().all(|entry| is_nothing(&entry)));
    let is_ours = path.join(LOCK).is_file() || is_empty();
    let way_out = "choose a new folder inside it with --data, or take the rights of others away: chmod 700";
    if !is_ours {
        bail!("others can read {shown}, and it holds files that are not Septet's; {way_out} {shown}");
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).with_context(|| {
        format!("others can read the data folder {shown}, and it cannot be made private; {way_out} {shown}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn an_empty_folder_that_others_could_read_is_made_private() {
        let folder = folder(0o755);

        let data = DataFolder::open(folder.path(), Use::Alone).unwrap();
        let password = data.keep_first_password(&"secret".to_owned().into()).unwrap();

        assert_eq!((mode(folder.path()), mode(&password)), (0o700, 0o600));
    }

    #[test]
    fn a_data_folder_whose_rights_were_opened_is_made_private_again() {
        let folder = folder(0o700);
        drop(DataFolder::open(folder.path(), Use::Alone).unwrap());
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o750)).unwrap();

        DataFolder::open(folder.path(), Use::Shared).unwrap();

        assert_eq!(mode(folder.path()), 0o700);
    }

    #[test]
    fn a_public_folder_that_holds_other_files_is_refused_and_left_as_it_is() {
        let folder = folder(0o755);
        std::fs::write(folder.path().join("letter.txt"), "dear").unwrap();

        let refusal = DataFolder::open(folder.path(), Use::Alone).err().unwrap().to_string();

        assert!(refusal.contains("--data") && refusal.contains("chmod 700"), "{refusal}");
        assert_eq!(mode(folder.path()), 0o755);
    }
}
