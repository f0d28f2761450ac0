//! A folder of tantivy in which every commit carries its position.
//!
//! A folder that is broken, of another version or of another schema is begun anew; whoever fills it sees by the position
//! that there is nothing in it. The writer exists only while it writes, so that an idle engine holds no more than the
//! memory-mapped files.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use tantivy::schema::Schema;
use tantivy::{Index as Tantivy, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyError};

use super::IndexError;
use super::tokens::Words;
use crate::change_feed::Position;

/// The name of our tokenizer in a schema.
pub(super) const TOKENIZER: &str = "words";
/// What the writer may hold before it writes a segment. The least that tantivy takes is 15 MB.
const WRITER_BYTES: usize = 15_000_000;

struct Open {
    index: Tantivy,
    reader: IndexReader,
    /// Of what the reader shows, which is what was committed last unless it could not be loaded again.
    position: Position,
}

pub(super) struct Commits {
    folder: PathBuf,
    schema: Schema,
    /// Whatever makes what stands in the folder unlike what would be written now. Holds no colon.
    version: String,
    open: RwLock<Open>,
    writing: Mutex<()>,
}

impl Commits {
    /// Opens a folder, begun anew when it cannot be used.
    pub(super) fn open(folder: &Path, schema: Schema, version: String) -> Result<Self, IndexError> {
        let open = match existing(folder, &schema, &version) {
            Some(open) => open,
            None => create(folder, &schema)?,
        };
        Ok(Self { folder: folder.to_owned(), schema, version, open: RwLock::new(open), writing: Mutex::new(()) })
    }

    /// The position of what is shown. A commit that cannot be shown counts as none, so that it is made again.
    pub(super) fn position(&self) -> Position {
        self.open.read().unwrap_or_else(PoisonError::into_inner).position
    }

    /// What was committed so far.
    pub(super) fn searcher(&self) -> Searcher {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.reader.searcher()
    }

    /// Forgets everything.
    pub(super) fn wipe(&self) -> Result<(), IndexError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = create(&self.folder, &self.schema)?;
        Ok(())
    }

    /// Commits what `write` does, with a position. All of it or nothing is there afterwards.
    pub(super) fn write(
        &self,
        position: Position,
        write: impl FnOnce(&mut IndexWriter) -> Result<(), TantivyError>,
    ) -> Result<(), IndexError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (index, reader) = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            (open.index.clone(), open.reader.clone())
        };
        let mut writer: IndexWriter = index.writer_with_num_threads(1, WRITER_BYTES)?;
        write(&mut writer)?;
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&format!("{}:{}:{}", self.version, position.epoch, position.sequence));
        commit.commit()?;
        // Merges that began are finished here; dropping the writer would throw their work away.
        writer.wait_merging_threads()?;
        reader.reload()?;
        self.open.write().unwrap_or_else(PoisonError::into_inner).position = position;
        Ok(())
    }
}

fn existing(folder: &Path, schema: &Schema, version: &str) -> Option<Open> {
    let index = Tantivy::open_in_dir(folder).ok()?;
    let position = position_of(&index, version)?;
    if index.schema() != *schema {
        return None;
    }
    ready(index, position).ok()
}

/// Clears the files of a folder. Folders in it are others' and stay.
fn create(folder: &Path, schema: &Schema) -> Result<Open, IndexError> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(ready(Tantivy::create_in_dir(folder, schema.clone())?, Position::default())?)
}

fn ready(index: Tantivy, position: Position) -> Result<Open, TantivyError> {
    index.tokenizers().register(TOKENIZER, Words);
    // Reloaded after each commit; watching the folder would cost a thread.
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(Open { index, reader, position })
}

/// `None` for a folder of another version, or one that was never committed.
fn position_of(index: &Tantivy, version: &str) -> Option<Position> {
    let payload = index.load_metas().ok()?.payload?;
    let mut parts = payload.split(':');
    if parts.next()? != version {
        return None;
    }
    Some(Position { epoch: parts.next()?.parse().ok()?, sequence: parts.next()?.parse().ok()? })
}
