//! The index of vectors: derived from the passage table and the embeddings kept beside it.
//!
//! Exact: every vector of a knowledge base is compared with the question's, which is fast enough up to some hundred thousand
//! passages and has nothing to build. The vectors lie in a folder, and those of a knowledge base that is asked are held in
//! memory while they are used; the cache is bounded and forgets what was idle.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use septet_chassis::cpu::CpuPool;
use septet_kernel::{TenantId, VectorStoreId};
use simsimd::SpatialSimilarity;
use tantivy::collector::DocSetCollector;
use tantivy::query::{BooleanQuery, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, STRING, Schema, Value};
use tantivy::{DocAddress, Searcher, TantivyDocument, TantivyError, Term, doc};

use super::commits::Commits;
use super::{Hit, IndexError, Scope, source};
use crate::Error;
use crate::change_feed::{Changes, Position, Removal};
use crate::follow::Follower;

/// Raised whenever fields change; an index of another version is rebuilt.
const VERSION: &str = "1";
/// Memory for vectors of all knowledge bases together. One with more is held alone.
const CACHE_BYTES: u32 = 256 << 20;
/// Vectors that nobody asked for this long are forgotten.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Vectors of one knowledge base, each of length 1.
#[derive(Debug, Default)]
struct Matrix {
    numbers: Vec<i64>,
    values: Vec<f32>,
    n_dimensions: usize,
}

impl Matrix {
    /// Without any vectors yet, with room for `n`.
    fn new(n_dimensions: usize, n: usize) -> Self {
        Self { numbers: Vec::with_capacity(n), values: Vec::with_capacity(n * n_dimensions), n_dimensions }
    }

    /// One of another length comes from another model under the same name and is left out.
    fn push(&mut self, number: i64, vector: &[f32]) {
        if vector.len() == self.n_dimensions && !vector.is_empty() {
            self.numbers.push(number);
            self.values.extend(unit(vector));
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.numbers) + size_of_val(&*self.values)
    }
}

#[derive(Clone, Copy)]
struct Fields {
    number: Field,
    tenant: Field,
    store: Field,
    source: Field,
    vector: Field,
}

/// The vectors of one embedding model, of all tenants of this installation.
#[derive(Clone)]
pub(crate) struct Vectors {
    commits: Arc<Commits>,
    fields: Fields,
    model: Arc<str>,
    cpu: CpuPool,
    changed: Arc<Mutex<Changed>>,
    cache: Cache<(TenantId, VectorStoreId, u64), Arc<Matrix>>,
}

/// When each knowledge base changed last, counted in changes since the index was opened.
#[derive(Default)]
struct Changed {
    n_changes: u64,
    /// When all of them changed.
    all: u64,
    stores: HashMap<VectorStoreId, u64>,
}

impl Changed {
    fn at(&self, store: VectorStoreId) -> u64 {
        self.stores.get(&store).copied().unwrap_or_default().max(self.all)
    }
}

impl Vectors {
    /// Opens the index in `folder`, empty when there is none, when it cannot be used, or when it is another model's.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn open(folder: &Path, model: &str, cpu: CpuPool) -> Result<Self, IndexError> {
        let mut schema = Schema::builder();
        let fields = Fields {
            number: schema.add_u64_field("number", NumericOptions::from(FAST | INDEXED)),
            tenant: schema.add_text_field("tenant", STRING),
            store: schema.add_text_field("store", STRING),
            source: schema.add_text_field("source", STRING),
            vector: schema.add_bytes_field("vector", STORED),
        };
        let named = model.replace('%', "%25").replace(':', "%3A");
        let cache = Cache::builder()
            .weigher(|_key, matrix: &Arc<Matrix>| u32::try_from(matrix.bytes()).unwrap_or(u32::MAX).min(CACHE_BYTES))
            .max_capacity(CACHE_BYTES.into())
            // What is asked now is held, however often something else was asked before.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE_TIMEOUT)
            .build();
        Ok(Self {
            commits: Arc::new(Commits::open(folder, schema.build(), format!("{VERSION}-{named}"))?),
            fields,
            model: model.into(),
            cpu,
            changed: Arc::default(),
            cache,
        })
    }

    /// The `limit` nearest passages of the knowledge bases of a scope, nearest first; scores are cosines.
    pub(crate) async fn search(&self, scope: &Scope, question: &[f32], limit: usize) -> Result<Vec<Hit>, Error> {
        let mut hits = Vec::new();
        for store in &scope.stores {
            // Before the vectors are looked at: those of a later change under an earlier number are only read once more.
            let at = self.changed.lock().unwrap_or_else(PoisonError::into_inner).at(*store);
            let (own, tenant, store) = (self.clone(), scope.tenant, *store);
            // Whoever asks while it is read waits for that reading.
            let read = self.cache.try_get_with((tenant, store, at), async move {
                let read = self.cpu.run(move || own.matrix(tenant, store)).await;
                read.unwrap_or_else(|panicked| Err(TantivyError::InternalError(panicked.to_string()))).map(Arc::new)
            });
            let matrix = read.await.map_err(|error| IndexError::from(TantivyError::clone(&error)))?;
            hits.extend(nearest(&matrix, question, limit));
        }
        hits.sort_by(nearer);
        hits.truncate(limit);
        Ok(hits)
    }

    fn matrix(&self, tenant: TenantId, store: VectorStoreId) -> Result<Matrix, TantivyError> {
        let exactly = |field: Field, text: String| -> Box<dyn tantivy::query::Query> {
            Box::new(TermQuery::new(Term::from_field_text(field, &text), IndexRecordOption::Basic))
        };
        let within = BooleanQuery::intersection(vec![
            exactly(self.fields.tenant, tenant.to_string()),
            exactly(self.fields.store, store.to_string()),
        ]);
        let searcher = self.commits.searcher();
        // In their order on disk, for they lie there block by block.
        let places: BTreeSet<DocAddress> = searcher.search(&within, &DocSetCollector)?.into_iter().collect();
        let mut numbered = Vec::with_capacity(places.len());
        for place in places {
            numbered.push((self.number(&searcher, place)?, place));
        }
        let Some((_, newest)) = numbered.iter().max() else { return Ok(Matrix::default()) };
        let mut matrix = Matrix::new(self.vector(&searcher, *newest)?.len(), numbered.len());
        for (number, place) in numbered {
            matrix.push(number, &self.vector(&searcher, place)?);
        }
        Ok(matrix)
    }

    fn number(&self, searcher: &Searcher, place: DocAddress) -> Result<i64, TantivyError> {
        let column = searcher.segment_reader(place.segment_ord).fast_fields().u64("number")?;
        Ok(column.first(place.doc_id).and_then(|number| i64::try_from(number).ok()).unwrap_or(0))
    }

    fn vector(&self, searcher: &Searcher, place: DocAddress) -> Result<Vec<f32>, TantivyError> {
        let stored: TantivyDocument = searcher.doc(place)?;
        let bytes = stored.get_first(self.fields.vector).and_then(|value| value.as_bytes()).unwrap_or_default();
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn take_in(&self, changes: Changes) -> Result<(), IndexError> {
        let fields = self.fields;
        let mut touched: BTreeSet<VectorStoreId> = BTreeSet::new();
        self.commits.write(changes.position, |writer| {
            for removal in &changes.removals {
                let (store, term) = match removal {
                    Removal::File(store, file) => (store, Term::from_field_text(fields.source, &source(*store, *file))),
                    Removal::Store(store) => (store, Term::from_field_text(fields.store, &store.to_string())),
                };
                touched.insert(*store);
                writer.delete_term(term);
            }
            for entry in changes.entries {
                let Some(vector) = entry.vector else { continue };
                let number = u64::try_from(entry.number).unwrap_or(0);
                touched.insert(entry.store);
                // A change that is taken in twice must not stand twice.
                writer.delete_term(Term::from_field_u64(fields.number, number));
                writer.add_document(doc!(
                    fields.number => number,
                    fields.tenant => entry.tenant.to_string(),
                    fields.store => entry.store.to_string(),
                    fields.source => source(entry.store, entry.file),
                    fields.vector => vector.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
                ))?;
            }
            Ok(())
        })?;
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.n_changes += 1;
        let now = changed.n_changes;
        changed.stores.extend(touched.into_iter().map(|store| (store, now)));
        Ok(())
    }

    fn forget(&self) -> Result<(), IndexError> {
        self.commits.wipe()?;
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.n_changes += 1;
        *changed = Changed { n_changes: changed.n_changes, all: changed.n_changes, stores: HashMap::new() };
        Ok(())
    }
}

#[async_trait]
impl Follower for Vectors {
    fn name(&self) -> &'static str {
        "vectors"
    }

    fn model(&self) -> Option<&str> {
        Some(&self.model)
    }

    fn is_essential(&self) -> bool {
        false
    }

    async fn position(&self) -> Result<Position, Error> {
        let own = self.clone();
        Ok(self.cpu.run(move || own.commits.position()).await?)
    }

    async fn wipe(&self) -> Result<(), Error> {
        let own = self.clone();
        Ok(self.cpu.run(move || own.forget()).await??)
    }

    async fn apply(&self, changes: Changes) -> Result<(), Error> {
        let own = self.clone();
        Ok(self.cpu.run(move || own.take_in(changes)).await??)
    }
}

/// The vector stretched to length 1; one of length 0 stays.
fn unit(vector: &[f32]) -> impl Iterator<Item = f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter().map(move |value| if length > 0.0 { value / length } else { *value })
}

/// Nearest first; of those that are as near, the older first.
fn nearer(a: &Hit, b: &Hit) -> Ordering {
    b.score.total_cmp(&a.score).then(a.number.cmp(&b.number))
}

fn nearest(matrix: &Matrix, question: &[f32], limit: usize) -> Vec<Hit> {
    if matrix.n_dimensions != question.len() || question.is_empty() || limit == 0 {
        return Vec::new();
    }
    let question: Vec<f32> = unit(question).collect();
    let mut hits: Vec<Hit> = matrix
        .values
        .chunks_exact(matrix.n_dimensions)
        .zip(&matrix.numbers)
        .map(|(values, number)| {
            #[expect(clippy::cast_possible_truncation, reason = "a cosine needs no double precision")]
            let score = f32::dot(&question, values).unwrap_or(0.0) as f32;
            Hit { number: *number, score }
        })
        .collect();
    let limit = limit.min(hits.len());
    if limit > 0 {
        hits.select_nth_unstable_by(limit - 1, nearer);
        hits.truncate(limit);
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_vectors_come_first_whatever_their_length() {
        let stored: [(i64, &[f32]); 6] =
            [(1, &[10.0, 0.0]), (2, &[0.1, 0.1]), (3, &[0.0, 3.0]), (6, &[1.0]), (4, &[-1.0, 0.0]), (5, &[1.0, 0.1])];
        let mut matrix = Matrix::new(2, stored.len());
        stored.iter().for_each(|(number, vector)| matrix.push(*number, vector));

        let mut hits = nearest(&matrix, &[1.0, 0.1], 2);
        hits.sort_by(nearer);

        assert_eq!(hits.iter().map(|hit| hit.number).collect::<Vec<_>>(), [5, 1]);
        assert_eq!(matrix.numbers.len(), 5, "one of another length is left out");
    }
}
