//! The BM25 index: derived from the passage table, rebuilt whenever the two do not agree.
//!
//! The table's changes are numbered; a commit of the index carries the number up to which it has them. Opening an index
//! that is broken, of another version, of another database or ahead of it wipes it, and the engine fills it again. Only
//! numbers of passages come out; texts stay in the table.
//!
//! Everything here blocks and belongs on the CPU pool. The writer exists only while it writes, so that an idle engine
//! holds no more than the memory-mapped files.

pub mod query;
pub mod tokens;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, Occur, PhraseQuery, Query as TantivyQuery, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{
    DocAddress, Index as Tantivy, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyError, Term, doc,
};

use query::Query;
use septet_kernel::{FileId, TenantId, VectorStoreId};
use tokens::Words;

/// Raised whenever tokens or fields change; an index of another version is rebuilt.
const VERSION: &str = "1";
const TOKENIZER: &str = "words";
/// What the writer may hold before it writes a segment. The least that tantivy takes is 15 MB.
const WRITER_BYTES: usize = 15_000_000;

/// The index failed; it is wiped and filled again at the next start at the latest.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file could not be read or written.
    #[error("the search index failed; is the disk full? Deleting its folder makes the engine build it anew")]
    Tantivy(#[from] TantivyError),
    /// The folder could not be made or cleared.
    #[error("cannot use the folder of the search index")]
    Folder(#[from] std::io::Error),
}

/// Up to where the index has the changes of the passage table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Which database.
    pub epoch: i64,
    /// The number of the last change.
    pub sequence: i64,
}

/// A passage as the index sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The number of the passage.
    pub number: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// The knowledge base.
    pub store: VectorStoreId,
    /// The file.
    pub file: FileId,
    /// Name of the file.
    pub title: String,
    /// Headings above.
    pub heading: String,
    /// The passage.
    pub text: String,
    /// It holds rows of a table.
    pub is_table: bool,
}

/// What is gone from the passage table.
#[derive(Debug, Clone, PartialEq)]
pub enum Removal {
    /// One file of a knowledge base.
    File(VectorStoreId, FileId),
    /// A whole knowledge base.
    Store(VectorStoreId),
}

/// Where to search.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// Always.
    pub tenant: TenantId,
    /// Only there; empty for all of the tenant.
    pub stores: Vec<VectorStoreId>,
    /// Only these files, when given.
    pub files: Option<Vec<FileId>>,
}

/// A passage found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The number of the passage.
    pub number: i64,
    /// BM25, only comparable within one answer.
    pub score: f32,
}

#[derive(Clone, Copy)]
struct Fields {
    number: Field,
    tenant: Field,
    store: Field,
    file: Field,
    source: Field,
    title: Field,
    heading: Field,
    text: Field,
    is_table: Field,
}

struct Open {
    index: Tantivy,
    reader: IndexReader,
}

/// The index of all tenants of this installation.
pub struct Index {
    folder: PathBuf,
    fields: Fields,
    schema: Schema,
    open: RwLock<Open>,
    writing: Mutex<()>,
}

impl Index {
    /// Opens the index in `folder`, empty when there is none or when it cannot be used.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open(folder: &Path) -> Result<Self, IndexError> {
        let (schema, fields) = schema();
        let open = match existing(folder, &schema) {
            Some(open) => open,
            None => create(folder, &schema)?,
        };
        Ok(Self { folder: folder.to_owned(), fields, schema, open: RwLock::new(open), writing: Mutex::new(()) })
    }

    /// Up to where the index has the changes.
    pub fn position(&self) -> Position {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        position_of(&open.index).unwrap_or_default()
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// When the folder cannot be cleared.
    pub fn wipe(&self) -> Result<(), IndexError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = create(&self.folder, &self.schema)?;
        Ok(())
    }

    /// Takes in changes: first what is gone, then what is new. All of it or nothing is there afterwards.
    ///
    /// # Errors
    /// When the index cannot be written; it stays as it was.
    pub fn apply(
        &self,
        removals: &[Removal],
        entries: impl IntoIterator<Item = Entry>,
        position: Position,
    ) -> Result<(), IndexError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (index, reader) = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            (open.index.clone(), open.reader.clone())
        };
        let fields = self.fields;
        let mut writer: IndexWriter = index.writer_with_num_threads(1, WRITER_BYTES)?;
        for removal in removals {
            writer.delete_term(match removal {
                Removal::File(store, file) => Term::from_field_text(fields.source, &source(*store, *file)),
                Removal::Store(store) => Term::from_field_text(fields.store, &store.to_string()),
            });
        }
        for entry in entries {
            let number = u64::try_from(entry.number).unwrap_or(0);
            // A change that is taken in twice must not stand twice.
            writer.delete_term(Term::from_field_u64(fields.number, number));
            writer.add_document(doc!(
                fields.number => number,
                fields.tenant => entry.tenant.to_string(),
                fields.store => entry.store.to_string(),
                fields.file => entry.file.to_string(),
                fields.source => source(entry.store, entry.file),
                fields.title => entry.title.replace(['_', '-'], " "),
                fields.heading => entry.heading,
                fields.text => entry.text,
                fields.is_table => u64::from(entry.is_table),
            ))?;
        }
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&format!("{VERSION}:{}:{}", position.epoch, position.sequence));
        commit.commit()?;
        // Merges that began are finished here; dropping the writer would throw their work away.
        writer.wait_merging_threads()?;
        reader.reload()?;
        Ok(())
    }

    /// The best `limit` passages for a question, best first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search(&self, query: &Query, scope: &Scope, limit: usize) -> Result<Vec<Hit>, IndexError> {
        if query.terms.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let searcher = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            open.reader.searcher()
        };
        let all = BooleanQuery::new(vec![
            (Occur::Must, self.words(query)),
            (Occur::Must, Box::new(ConstScoreQuery::new(self.within(scope), 0.0))),
        ]);
        // A few more than asked for, because tables may move up.
        let found = searcher.search(&all, &TopDocs::with_limit(limit + limit / 2).order_by_score())?;
        let mut hits = Vec::with_capacity(found.len());
        for (score, address) in found {
            hits.push(hit(&searcher, address, score, query.wants_figures)?);
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.number.cmp(&b.number)));
        hits.truncate(limit);
        Ok(hits)
    }

    fn words(&self, query: &Query) -> Box<dyn TantivyQuery> {
        let mut clauses: Vec<(Occur, Box<dyn TantivyQuery>)> = Vec::new();
        for (field, boost) in [(self.fields.text, 1.0), (self.fields.heading, 0.5), (self.fields.title, 0.5)] {
            for (token, weight) in &query.terms {
                let term = TermQuery::new(Term::from_field_text(field, token), IndexRecordOption::WithFreqs);
                clauses.push((Occur::Should, Box::new(BoostQuery::new(Box::new(term), weight * boost))));
            }
        }
        for (field, boost) in [(self.fields.text, 0.35), (self.fields.heading, 0.25)] {
            for (a, b) in query.pairs.iter().filter(|(a, b)| a != b) {
                let phrase = PhraseQuery::new(vec![Term::from_field_text(field, a), Term::from_field_text(field, b)]);
                clauses.push((Occur::Should, Box::new(BoostQuery::new(Box::new(phrase), boost))));
            }
        }
        Box::new(BooleanQuery::new(clauses))
    }

    fn within(&self, scope: &Scope) -> Box<dyn TantivyQuery> {
        let exactly = |field: Field, text: String| -> Box<dyn TantivyQuery> {
            Box::new(TermQuery::new(Term::from_field_text(field, &text), IndexRecordOption::Basic))
        };
        let mut clauses = vec![(Occur::Must, exactly(self.fields.tenant, scope.tenant.to_string()))];
        if !scope.stores.is_empty() {
            let any = scope.stores.iter().map(|store| (Occur::Should, exactly(self.fields.store, store.to_string())));
            clauses.push((Occur::Must, Box::new(BooleanQuery::new(any.collect()))));
        }
        if let Some(files) = &scope.files {
            let any = files.iter().map(|file| (Occur::Should, exactly(self.fields.file, file.to_string())));
            clauses.push((Occur::Must, Box::new(BooleanQuery::new(any.collect()))));
        }
        Box::new(BooleanQuery::new(clauses))
    }
}

/// A question about figures is more likely answered by a table.
const TABLE_BOOST: f32 = 1.15;

fn hit(searcher: &Searcher, address: DocAddress, score: f32, wants_figures: bool) -> Result<Hit, TantivyError> {
    let columns = searcher.segment_reader(address.segment_ord).fast_fields();
    let first = |name: &str| -> Result<u64, TantivyError> { Ok(columns.u64(name)?.first(address.doc_id).unwrap_or(0)) };
    let boost = if wants_figures && first("is_table")? == 1 { TABLE_BOOST } else { 1.0 };
    Ok(Hit { number: i64::try_from(first("number")?).unwrap_or(0), score: score * boost })
}

fn source(store: VectorStoreId, file: FileId) -> String {
    format!("{store}/{file}")
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let words = |record| {
        TextOptions::default()
            .set_indexing_options(TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(record))
    };
    let fields = Fields {
        number: schema.add_u64_field("number", NumericOptions::from(FAST | INDEXED)),
        tenant: schema.add_text_field("tenant", STRING),
        store: schema.add_text_field("store", STRING),
        file: schema.add_text_field("file", STRING),
        source: schema.add_text_field("source", STRING),
        title: schema.add_text_field("title", words(IndexRecordOption::WithFreqs)),
        heading: schema.add_text_field("heading", words(IndexRecordOption::WithFreqsAndPositions)),
        text: schema.add_text_field("text", words(IndexRecordOption::WithFreqsAndPositions)),
        is_table: schema.add_u64_field("is_table", FAST),
    };
    (schema.build(), fields)
}

fn existing(folder: &Path, schema: &Schema) -> Option<Open> {
    let index = Tantivy::open_in_dir(folder).ok()?;
    if index.schema() != *schema || position_of(&index).is_none() {
        return None;
    }
    ready(index).ok()
}

fn create(folder: &Path, schema: &Schema) -> Result<Open, IndexError> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    Ok(ready(Tantivy::create_in_dir(folder, schema.clone())?)?)
}

fn ready(index: Tantivy) -> Result<Open, TantivyError> {
    index.tokenizers().register(TOKENIZER, Words);
    // Reloaded after each commit; watching the folder would cost a thread.
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(Open { index, reader })
}

/// `None` for an index of another version, or one that was never committed.
fn position_of(index: &Tantivy) -> Option<Position> {
    let payload = index.load_metas().ok()?.payload?;
    let mut parts = payload.split(':');
    if parts.next()? != VERSION {
        return None;
    }
    Some(Position { epoch: parts.next()?.parse().ok()?, sequence: parts.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests;
