//! Taking away what nobody holds.
//!
//! The store does not know who names a blob; the services do. Whoever sweeps therefore asks them all, and this module only
//! makes it safe: a blob counts as fresh from each time its bytes are put, also when they were there before, so that an
//! upload which has not found its row yet is never taken; and one process sweeps at a time. Uploads that were killed leave
//! unfinished files behind; these are recognised by the lock that a living upload has on its file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use septet_kernel::BlobId;

use crate::{Blobs, Error};

/// The folders that blobs are spread over, one for each first byte of their ids.
pub const N_FOLDERS: u16 = 256;

/// How the names of blobs begin that are about to be deleted.
const SWEPT: &str = "swept-";

const LOCK: &str = "sweep.lock";

/// The file that says whose the folder is.
const OWNER: &str = "owner";

/// What a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many blobs.
    pub n_blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The bytes of uploads that are not finished, or were killed.
    pub unfinished_bytes: u64,
}

/// The right to sweep, until it is dropped or its process ends.
#[derive(Debug)]
pub struct SweepLock(#[expect(dead_code, reason = "held for its lock")] File);

impl Blobs {
    /// Makes the folder that of `owner`, unless it is somebody's already: who does not know all that is named must not sweep.
    ///
    /// # Errors
    /// [`Error::Foreign`] when it is somebody else's, [`Error::Folder`] when it is not writable.
    pub async fn claim(&self, owner: &str) -> Result<(), Error> {
        let ours = owner.to_owned();
        let is_ours = self.blocking(move |folder| {
            let place = folder.join(OWNER);
            if !place.try_exists()? {
                let mut file = tempfile::NamedTempFile::new_in(folder.join("new"))?;
                file.write_all(ours.as_bytes())?;
                file.as_file().sync_all()?;
                // Somebody may have been quicker.
                if let Err(failed) = file.persist_noclobber(&place)
                    && failed.error.kind() != io::ErrorKind::AlreadyExists
                {
                    return Err(failed.error);
                }
            }
            Ok(fs::read_to_string(&place)? == ours)
        });
        if is_ours.await? { Ok(()) } else { Err(Error::Foreign { folder: self.folder.display().to_string() }) }
    }

    /// The right to sweep; `None` while another process has it.
    ///
    /// # Errors
    /// [`Error::Folder`] when the folder is not writable.
    pub async fn lock_sweep(&self) -> Result<Option<SweepLock>, Error> {
        self.blocking(|folder| {
            let file = File::options().create(true).append(true).open(folder.join("new").join(LOCK))?;
            match file.try_lock() {
                Ok(()) => Ok(Some(SweepLock(file))),
                Err(fs::TryLockError::WouldBlock) => Ok(None),
                Err(fs::TryLockError::Error(error)) => Err(error),
            }
        })
        .await
    }

    /// The blobs in the folder `number` (below [`N_FOLDERS`]) whose bytes were last put before `before_ms`.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub async fn aged(&self, number: u16, before_ms: i64) -> Result<Vec<BlobId>, Error> {
        self.blocking(move |folder| {
            let mut aged = Vec::new();
            each_file(&folder.join(format!("{number:02x}")), |path, meta| {
                let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
                if let Some(id) = id
                    && modified_ms(meta) < before_ms
                {
                    aged.push(id);
                }
            })?;
            Ok(aged)
        })
        .await
    }

    /// Makes a blob fresh, as if its bytes were put again now: for who is about to name one that was there before.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Folder`].
    pub async fn renew(&self, id: &BlobId, now_ms: i64) -> Result<(), Error> {
        let place = self.place(id);
        let is_there = self.blocking(move |_folder| {
            let file = match File::open(&place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                file => file?,
            };
            if modified_ms(&file.metadata()?) < now_ms {
                file.set_modified(UNIX_EPOCH + Duration::from_millis(now_ms.unsigned_abs()))?;
            }
            // A sweep that has moved it before this did not see that it is fresh.
            place.try_exists()
        });
        if is_there.await? { Ok(()) } else { Err(Error::NotFound(id.clone())) }
    }

    /// Deletes a blob unless its bytes were put again since `before_ms`. Returns how many bytes that gave back.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub async fn delete_aged(&self, _lock: &SweepLock, id: &BlobId, before_ms: i64) -> Result<u64, Error> {
        let (place, name) = (self.place(id), format!("{SWEPT}{id}"));
        self.blocking(move |folder| {
            match fs::metadata(&place) {
                Ok(meta) if modified_ms(&meta) < before_ms => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(_) | Err(_) => return Ok(0),
            }
            // Out of sight first: who puts the bytes again from here on makes another file.
            let aside = folder.join("new").join(name);
            fs::rename(&place, &aside)?;
            // Who put them since the look above finds them in their place again.
            let meta = fs::metadata(&aside)?;
            if modified_ms(&meta) >= before_ms {
                fs::rename(&aside, &place)?;
                return Ok(0);
            }
            fs::remove_file(&aside)?;
            Ok(meta.len())
        })
        .await
    }

    /// Removes what uploads have left behind that were killed, and puts back what a sweep that was killed had only just set
    /// aside. Returns how many bytes that gave back.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub async fn remove_unfinished(&self, _lock: &SweepLock, before_ms: i64) -> Result<u64, Error> {
        let blobs = self.clone();
        self.blocking(move |folder| {
            let mut n_bytes = 0;
            each_file(&folder.join("new"), |path, meta| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let swept: Option<BlobId> = name.strip_prefix(SWEPT).and_then(|id| id.parse().ok());
                // Put back, where its bytes were not put again meanwhile.
                let is_back = swept.map(|id| fs::hard_link(path, blobs.place(&id)).map_err(|error| error.kind()));
                let is_spare = match is_back {
                    Some(Ok(())) => {
                        let _next_time_if_not_now = fs::remove_file(path);
                        return;
                    }
                    Some(Err(kind)) => kind == io::ErrorKind::AlreadyExists,
                    None => name != LOCK && modified_ms(meta) < before_ms && is_left(path),
                };
                if is_spare && fs::remove_file(path).is_ok() {
                    n_bytes += meta.len();
                }
            })?;
            Ok(n_bytes)
        })
        .await
    }

    /// What the store holds.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub async fn usage(&self) -> Result<Usage, Error> {
        self.blocking(|folder| {
            let mut usage = Usage::default();
            for number in 0..N_FOLDERS {
                each_file(&folder.join(format!("{number:02x}")), |_, meta| {
                    usage.n_blobs += 1;
                    usage.bytes += meta.len();
                })?;
            }
            each_file(&folder.join("new"), |_, meta| usage.unfinished_bytes += meta.len())?;
            Ok(usage)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let folder: PathBuf = self.folder.clone();
        let shown = folder.display().to_string();
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        done.map_err(io::Error::other).flatten().map_err(|source| Error::Folder { folder: shown, source })
    }
}

/// An unfinished file that nobody has locked belongs to an upload that was killed. One that was made just now may not be locked
/// yet, so it has a little time.
fn is_left(path: &Path) -> bool {
    // Over NFS only who may write can lock.
    File::options().append(true).open(path).is_ok_and(|file| file.try_lock().is_ok())
}

fn each_file(folder: &Path, mut look: impl FnMut(&Path, &fs::Metadata)) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        // Gone by now is fine.
        if let Ok(meta) = entry.metadata()
            && meta.is_file()
        {
            look(&entry.path(), &meta);
        }
    }
    Ok(())
}

fn modified_ms(meta: &fs::Metadata) -> i64 {
    let since = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUTURE: i64 = i64::MAX;

    fn open() -> (tempfile::TempDir, Blobs) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&Blobs::file_uri(folder.path())).unwrap();
        (folder, blobs)
    }

    fn number(id: &BlobId) -> u16 {
        u16::from_str_radix(&id.as_str()[..2], 16).unwrap()
    }

    async fn delete_aged(blobs: &Blobs, id: &BlobId, before_ms: i64) -> u64 {
        let lock = blobs.lock_sweep().await.unwrap().unwrap();
        blobs.delete_aged(&lock, id, before_ms).await.unwrap()
    }

    async fn remove_unfinished(blobs: &Blobs) -> u64 {
        let lock = blobs.lock_sweep().await.unwrap().unwrap();
        blobs.remove_unfinished(&lock, FUTURE).await.unwrap()
    }

    #[tokio::test]
    async fn only_what_is_old_is_listed_and_deleted() {
        let (_folder, blobs) = open();
        let id = blobs.put("report").await.unwrap().id;

        assert_eq!(blobs.aged(number(&id), 0).await.unwrap(), []);
        assert_eq!(delete_aged(&blobs, &id, 0).await, 0);
        assert_eq!(blobs.read(&id).await.unwrap(), "report");

        assert_eq!(blobs.aged(number(&id), FUTURE).await.unwrap(), std::slice::from_ref(&id));
        assert_eq!(delete_aged(&blobs, &id, FUTURE).await, 6);
        assert_eq!(delete_aged(&blobs, &id, FUTURE).await, 0);
        assert_eq!(blobs.usage().await.unwrap(), Usage::default());
    }

    #[tokio::test]
    async fn bytes_that_are_put_again_are_fresh_again() {
        let (folder, blobs) = open();
        let id = blobs.put("report").await.unwrap().id;
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
        let place = folder.path().join(&id.as_str()[..2]).join(id.as_str());
        File::options().append(true).open(&place).unwrap().set_modified(old).unwrap();
        assert_eq!(blobs.aged(number(&id), 2000).await.unwrap(), std::slice::from_ref(&id));

        blobs.put("report").await.unwrap();

        assert_eq!(delete_aged(&blobs, &id, 2000).await, 0);
        assert_eq!(blobs.read(&id).await.unwrap(), "report");
    }

    #[tokio::test]
    async fn a_blob_that_is_about_to_be_named_is_fresh_again() {
        let (folder, blobs) = open();
        let id = blobs.put("report").await.unwrap().id;
        let (now_ms, before_ms) = (2_000_000_000_000, 1_999_999_999_000);

        blobs.renew(&id, now_ms).await.unwrap();

        assert_eq!(blobs.aged(number(&id), before_ms).await.unwrap(), []);
        assert_eq!(delete_aged(&blobs, &id, before_ms).await, 0);
        fs::rename(blobs.place(&id), folder.path().join("new/aside")).unwrap();
        assert!(matches!(blobs.renew(&id, now_ms).await, Err(Error::NotFound(_))));
    }

    #[tokio::test]
    async fn what_killed_uploads_left_is_removed_and_a_living_upload_is_not() {
        let (folder, blobs) = open();
        let left = folder.path().join("new/.tmpkilled");
        fs::write(&left, "half a report").unwrap();
        let (mut more, chunks) = futures::channel::mpsc::unbounded::<Result<bytes::Bytes, io::Error>>();
        let upload = blobs.put_stream(chunks, 100);
        let sweep = async {
            more.start_send(Ok(bytes::Bytes::from("first"))).unwrap();
            while blobs.usage().await.unwrap().unfinished_bytes < 18 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let n_removed = remove_unfinished(&blobs).await;
            drop(more);
            n_removed
        };

        let (uploaded, n_removed) = tokio::join!(upload, sweep);

        assert_eq!((uploaded.unwrap().bytes, n_removed), (5, 13));
    }

    #[tokio::test]
    async fn a_sweep_that_is_killed_loses_no_blob() {
        let (folder, blobs) = open();
        let id = blobs.put("report").await.unwrap().id;
        let set_aside = || fs::rename(blobs.place(&id), folder.path().join(format!("new/swept-{id}"))).unwrap();

        set_aside();
        assert_eq!(remove_unfinished(&blobs).await, 0);
        assert_eq!(blobs.read(&id).await.unwrap(), "report");

        set_aside();
        blobs.put("report").await.unwrap();
        assert_eq!(remove_unfinished(&blobs).await, 6);
        assert_eq!(blobs.read(&id).await.unwrap(), "report");
    }

    #[tokio::test]
    async fn a_folder_belongs_to_whoever_claims_it_first() {
        let (folder, blobs) = open();

        blobs.claim("one").await.unwrap();
        let refusal = blobs.claim("other").await.unwrap_err();

        assert!(matches!(refusal, Error::Foreign { .. }), "{refusal}");
        blobs.claim("one").await.unwrap();
        assert_eq!(blobs.usage().await.unwrap(), Usage::default());
        fs::remove_file(folder.path().join("owner")).unwrap();
        blobs.claim("other").await.unwrap();
    }

    #[tokio::test]
    async fn one_process_sweeps_at_a_time() {
        let (_folder, blobs) = open();
        let lock = blobs.lock_sweep().await.unwrap();
        assert!(lock.is_some());
        assert!(blobs.lock_sweep().await.unwrap().is_none());
        drop(lock);
        assert!(blobs.lock_sweep().await.unwrap().is_some());
    }
}
