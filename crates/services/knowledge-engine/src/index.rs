//! The indexes that answer questions, and what they have in common. This one ranks by words (BM25).
//!
//! Each is derived from the passage table and follows it ([`crate::follow`]). Only numbers of passages come out; texts stay
//! in the table.
//!
//! What blocks here belongs on the CPU pool.

mod commits;
pub mod query;
pub mod tokens;
pub(crate) mod vectors;
pub(crate) mod words;

use std::path::Path;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, Occur, PhraseQuery, Query as TantivyQuery, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{DocAddress, Searcher, TantivyError, Term, doc};

use septet_kernel::{FileId, TenantId, VectorStoreId};

use crate::change_feed::{Changes, Position, Removal};
use commits::{Commits, TOKENIZER};
use query::Query;

/// Raised whenever tokens or fields change; an index of another version is rebuilt.
const VERSION: &str = "1";

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

/// The index of words, of all tenants of this installation.
pub struct Index {
    fields: Fields,
    commits: Commits,
}

impl Index {
    /// Opens the index in `folder`, empty when there is none or when it cannot be used.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open(folder: &Path) -> Result<Self, IndexError> {
        let (schema, fields) = schema();
        Ok(Self { fields, commits: Commits::open(folder, schema, VERSION.to_owned())? })
    }

    /// Up to where the index has the changes.
    pub fn position(&self) -> Position {
        self.commits.position()
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// When the folder cannot be cleared.
    pub fn wipe(&self) -> Result<(), IndexError> {
        self.commits.wipe()
    }

    /// Takes in changes: first what is gone, then what is new. All of it or nothing is there afterwards.
    ///
    /// # Errors
    /// When the index cannot be written; it stays as it was.
    pub fn apply(&self, changes: Changes) -> Result<(), IndexError> {
        let fields = self.fields;
        self.commits.write(changes.position, |writer| {
            for removal in &changes.removals {
                writer.delete_term(match removal {
                    Removal::File(store, file) => Term::from_field_text(fields.source, &source(*store, *file)),
                    Removal::Store(store) => Term::from_field_text(fields.store, &store.to_string()),
                });
            }
            for entry in changes.entries {
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
            Ok(())
        })
    }

    /// The best `limit` passages for a question, best first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search(&self, query: &Query, scope: &Scope, limit: usize) -> Result<Vec<Hit>, IndexError> {
        if query.terms.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let searcher = self.commits.searcher();
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

#[cfg(test)]
mod tests;
