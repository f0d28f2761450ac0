//! Which worker process this is, and proof that the one before it is gone.
//!
//! A lease ends by time, so after `kill -9` a job waits up to a whole lease. In one case we can know earlier: the
//! process of the same data folder holds an exclusive lock on a file there for as long as it lives, and the kernel
//! lets go of it when the process dies, however it dies. Whoever gets the lock therefore knows that the worker whose
//! name is in the file is dead, and may give its jobs back at once.
//!
//! Whoever does not get the lock shares the folder with a living process: it works under a name of its own and leaves
//! other leases to time. So do file systems without locks. Names are never used twice: a late write of a ghost must
//! not look like ours.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use septet_kernel::{Ids, JobId};

/// This process as a worker. Keep it for as long as jobs are claimed under its name.
pub(crate) struct Instance {
    /// The name in leases.
    pub(crate) name: String,
    /// The worker of this data folder that is known to be dead.
    pub(crate) predecessor: Option<String>,
    file: Option<File>,
}

impl Instance {
    /// A worker without a data folder.
    pub(crate) fn anonymous(ids: &Ids) -> Self {
        // Any unique id does; a job's carries no meaning here.
        let name = format!("worker-{}", ids.next::<JobId>().uuid().simple());
        Self { name, predecessor: None, file: None }
    }

    /// The worker of the data folder that `path` lies in.
    pub(crate) fn of_folder(path: &Path, ids: &Ids) -> io::Result<Self> {
        let mut instance = Self::anonymous(ids);
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tracing::info!("another process works in this data folder; its leases end by time");
                return Ok(instance);
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut name = String::new();
        // A torn file names nobody, and then time decides.
        if file.read_to_string(&mut name).is_ok() && name.starts_with("worker-") {
            instance.predecessor = Some(name.trim().to_owned());
        }
        instance.file = Some(file);
        Ok(instance)
    }

    /// Writes this worker's name down, for its successor. Call it once the predecessor's jobs are given back and
    /// before the first claim.
    pub(crate) fn take_over(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(self.name.as_bytes())?;
        file.sync_data()
    }
}
