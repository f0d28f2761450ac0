//! The blob store: bytes by the hash of their content.
//!
//! A blob is written once and never changes, so writing the same bytes again costs nothing and a half-written one is
//! never visible. Who may read a blob is decided by the row that names it, in the service that owns the row; the
//! store itself knows no tenants. A blob that no row names any more is swept away after a while ([`Blobs::aged`]).

mod sweep;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use septet_kernel::{BlobId, Failure, Kind};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

pub use sweep::{N_FOLDERS, SweepLock, Usage};

/// A store of blobs. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
}

/// A blob that was just written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: BlobId,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The blob store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URI names no known kind of store.
    #[error("the blob store URI {0:?} is not understood; use file:///absolute/folder")]
    UnknownUri(String),
    /// The folder cannot be used.
    #[error("cannot use the blob folder {folder}; check that it exists and is writable")]
    Folder {
        /// Which folder.
        folder: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another database names the blobs of the folder.
    #[error(
        "the blob folder {folder} belongs to another database, whose sweep deletes what this one puts there; give this one a \
         folder of its own with stores.blobs or, if the other one is gone for good, delete the file {folder}/owner"
    )]
    Foreign {
        /// Which folder.
        folder: String,
    },
    /// There is no such blob.
    #[error("blob {0} does not exist")]
    NotFound(BlobId),
    /// The bytes that were to be stored broke off or went past the limit.
    #[error("the upload broke off")]
    Source(#[source] septet_kernel::BoxError),
    /// More bytes than allowed.
    #[error("larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// Writing failed.
    #[error("failed to write a blob; is the disk full?")]
    Write(#[source] io::Error),
    /// Reading failed.
    #[error("failed to read blob {id}")]
    Read {
        /// Which blob.
        id: BlobId,
        /// What the store says.
        #[source]
        source: object_store::Error,
    },
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownUri(_) => Kind::BadRequest,
            Self::Foreign { .. } => Kind::Conflict,
            Self::NotFound(_) => Kind::NotFound,
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::Source(_) => Kind::BadRequest,
            Self::Folder { .. } | Self::Write(_) | Self::Read { .. } => Kind::Internal,
        }
    }
}

impl Blobs {
    /// Opens `file:///absolute/folder`, creating the folder.
    ///
    /// # Errors
    /// When the URI is not understood or the folder is not writable.
    pub fn open(uri: &str) -> Result<Self, Error> {
        let folder = uri.strip_prefix("file://").filter(|path| path.starts_with('/'));
        let folder = PathBuf::from(folder.ok_or_else(|| Error::UnknownUri(uri.to_owned()))?);
        let failed = |source| Error::Folder { folder: folder.display().to_string(), source };
        std::fs::create_dir_all(folder.join("new")).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| failed(io::Error::other(error)))?;
        Ok(Self { store: Arc::new(store), folder })
    }

    /// The URI of a local folder.
    #[must_use]
    pub fn file_uri(folder: &Path) -> String {
        format!("file://{}", folder.display())
    }

    /// Stores bytes that are in memory.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<Stored, Error> {
        let bytes = bytes.into();
        self.put_stream(futures::stream::iter([Ok::<_, std::convert::Infallible>(bytes)]), u64::MAX).await
    }

    /// Stores a stream with flat memory. Nothing stays behind when the stream breaks off, grows past `limit_bytes`,
    /// or this future is dropped.
    ///
    /// # Errors
    /// [`Error::Source`], [`Error::TooLarge`] or [`Error::Write`].
    pub async fn put_stream<E>(
        &self,
        chunks: impl Stream<Item = Result<Bytes, E>>,
        limit_bytes: u64,
    ) -> Result<Stored, Error>
    where
        E: Into<septet_kernel::BoxError>,
    {
        let unfinished = tempfile::NamedTempFile::new_in(self.folder.join("new")).map_err(Error::Write)?;
        // Says that the upload lives; the system lets go of it when this process is killed. Where files cannot be locked, what
        // killed uploads leave is not removed, and that is all.
        if let Err(error @ TryLockError::WouldBlock) = unfinished.as_file().try_lock() {
            return Err(Error::Write(error.into()));
        }
        let mut file = tokio::fs::File::from_std(unfinished.reopen().map_err(Error::Write)?);
        let mut hash = Sha256::new();
        let mut n_bytes = 0_u64;
        let mut chunks = std::pin::pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| Error::Source(error.into()))?;
            n_bytes += chunk.len() as u64;
            if n_bytes > limit_bytes {
                return Err(Error::TooLarge { limit_bytes });
            }
            hash.update(&chunk);
            file.write_all(&chunk).await.map_err(Error::Write)?;
        }
        file.sync_all().await.map_err(Error::Write)?;
        let id: BlobId =
            hex::encode(hash.finalize()).parse().map_err(|_| Error::Write(io::Error::other("bad hash")))?;
        let place = self.place(&id);
        if let Some(parent) = place.parent() {
            tokio::fs::create_dir_all(parent).await.map_err(Error::Write)?;
        }
        // A rename is atomic: a reader sees the whole blob or none.
        unfinished.persist(&place).map_err(|error| Error::Write(error.error))?;
        Ok(Stored { id, bytes: n_bytes })
    }

    /// Reads a whole blob into memory; for small ones.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Read`].
    pub async fn read(&self, id: &BlobId) -> Result<Bytes, Error> {
        let found = self.store.get(&object_path(id)).await.map_err(|source| failed_read(id, source))?;
        found.bytes().await.map_err(|source| failed_read(id, source))
    }

    /// Reads a blob in chunks.
    ///
    /// # Errors
    /// [`Error::NotFound`] at once; [`Error::Read`] may come later in the stream.
    pub async fn stream(&self, id: &BlobId) -> Result<impl Stream<Item = Result<Bytes, Error>> + Send + use<>, Error> {
        let found = self.store.get(&object_path(id)).await.map_err(|source| failed_read(id, source))?;
        let id = id.clone();
        Ok(found.into_stream().map_err(move |source| failed_read(&id, source)))
    }

    /// The size of a blob in bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Read`].
    pub async fn size(&self, id: &BlobId) -> Result<u64, Error> {
        let meta = self.store.head(&object_path(id)).await.map_err(|source| failed_read(id, source))?;
        Ok(meta.size)
    }

    /// The blob as a file, for programs that read files: the blob itself where the store has it as one, otherwise a copy that
    /// is gone with the last descriptor of it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Read`], or [`Error::Write`] when there is no room for the copy.
    pub async fn file(&self, id: &BlobId) -> Result<File, Error> {
        let found = self.store.get(&object_path(id)).await.map_err(|source| failed_read(id, source))?;
        let mut chunks = match found.payload {
            GetResultPayload::File(file, _) => return Ok(file),
            GetResultPayload::Stream(chunks) => chunks,
        };
        let copy = tempfile::tempfile_in(self.folder.join("new")).map_err(Error::Write)?;
        let mut file = tokio::fs::File::from_std(copy);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|source| failed_read(id, source))?;
            file.write_all(&chunk).await.map_err(Error::Write)?;
        }
        file.rewind().await.map_err(Error::Write)?;
        Ok(file.into_std().await)
    }

    fn place(&self, id: &BlobId) -> PathBuf {
        self.folder.join(&id.as_str()[..2]).join(id.as_str())
    }
}

// Two levels, so that no folder holds more than a fraction of all blobs.
fn object_path(id: &BlobId) -> object_store::path::Path {
    object_store::path::Path::from(format!("{}/{id}", &id.as_str()[..2]))
}

fn failed_read(id: &BlobId, source: object_store::Error) -> Error {
    match source {
        object_store::Error::NotFound { .. } => Error::NotFound(id.clone()),
        source => Error::Read { id: id.clone(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Blobs) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&Blobs::file_uri(folder.path())).unwrap();
        (folder, blobs)
    }

    #[tokio::test]
    async fn the_same_bytes_are_the_same_blob() {
        let (_folder, blobs) = open();

        let one = blobs.put("report").await.unwrap();
        let other = blobs.put("report").await.unwrap();

        assert_eq!(one, other);
        assert_eq!(blobs.read(&one.id).await.unwrap(), "report");
        assert_eq!(blobs.size(&one.id).await.unwrap(), 6);
    }

    #[tokio::test]
    async fn a_blob_is_a_file_wherever_it_is_kept() {
        use std::io::{Read, Seek};

        let (_folder, local) = open();
        let elsewhere = Blobs { store: Arc::new(object_store::memory::InMemory::new()), ..local.clone() };
        let id = local.put("a report").await.unwrap().id;
        elsewhere.store.put(&object_path(&id), "a report".into()).await.unwrap();

        for blobs in [&local, &elsewhere] {
            let mut file = blobs.file(&id).await.unwrap();
            let mut read = String::new();
            file.read_to_string(&mut read).unwrap();
            file.rewind().unwrap();
            file.read_to_string(&mut read).unwrap();
            assert_eq!(read, "a reporta report");
        }
        let missing = "00".repeat(32).parse().unwrap();
        assert!(matches!(elsewhere.file(&missing).await, Err(Error::NotFound(_))));
    }

    #[tokio::test]
    async fn an_upload_that_breaks_off_leaves_nothing_behind() {
        let (folder, blobs) = open();
        let broken = futures::stream::iter([Ok(Bytes::from("half")), Err(io::Error::other("gone"))]);

        assert!(matches!(blobs.put_stream(broken, 100).await, Err(Error::Source(_))));
        let long = futures::stream::iter([Ok::<_, io::Error>(Bytes::from("too long"))]);
        assert!(matches!(blobs.put_stream(long, 3).await, Err(Error::TooLarge { limit_bytes: 3 })));

        assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
    }
}
