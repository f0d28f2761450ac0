//! Dense search: every vector of a knowledge base is compared with the question's.
//!
//! Exact, nothing to build, nothing to go stale; fast enough up to some hundred thousand passages. The vectors come from
//! the table and are kept in memory while they are used; the cache is bounded and forgets what was idle.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use septet_kernel::VectorStoreId;
use simsimd::SpatialSimilarity;

use crate::Error;
use crate::index::Hit;
use crate::store::{Store, StoredVector};

/// Memory for vectors of all knowledge bases together.
const CACHE_BYTES: u64 = 256 << 20;
/// Vectors that nobody asked for this long are forgotten.
const IDLE: Duration = Duration::from_secs(300);

/// Vectors of one knowledge base, each of length 1.
#[derive(Debug, Default)]
struct Matrix {
    numbers: Vec<i64>,
    values: Vec<f32>,
    n_dimensions: usize,
}

/// Searches by vectors.
pub(crate) struct Vectors {
    /// By knowledge base and the sequence number it was read at: a change makes the next search read anew.
    cache: Cache<(VectorStoreId, i64), Arc<Matrix>>,
    model: String,
}

impl Vectors {
    pub(crate) fn new(model: &str) -> Self {
        let cache = Cache::builder()
            .weigher(|_key, matrix: &Arc<Matrix>| u32::try_from(matrix.values.len() * 4 + 64).unwrap_or(u32::MAX))
            .max_capacity(CACHE_BYTES)
            .time_to_idle(IDLE)
            .build();
        Self { cache, model: model.to_owned() }
    }

    /// The `limit` nearest passages of these knowledge bases, nearest first; scores are cosines.
    pub(crate) async fn search(
        &self,
        store: &Store,
        sequence: i64,
        stores: &[VectorStoreId],
        question: &[f32],
        limit: usize,
    ) -> Result<Vec<Hit>, Error> {
        let mut hits = Vec::new();
        for id in stores {
            let matrix = match self.cache.get(&(*id, sequence)).await {
                Some(matrix) => matrix,
                None => {
                    let matrix = Arc::new(matrix(store.vectors(*id, &self.model).await?));
                    self.cache.insert((*id, sequence), Arc::clone(&matrix)).await;
                    matrix
                }
            };
            hits.extend(nearest(&matrix, question, limit));
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.number.cmp(&b.number)));
        hits.truncate(limit);
        Ok(hits)
    }
}

/// Vectors of another length than most come from another model under the same name and are left out.
fn matrix(vectors: Vec<StoredVector>) -> Matrix {
    let n_dimensions = vectors.last().map_or(0, |vector| vector.numbers.len());
    let mut matrix = Matrix { n_dimensions, ..Matrix::default() };
    for vector in vectors {
        if vector.numbers.len() == n_dimensions && n_dimensions > 0 {
            matrix.numbers.push(vector.number);
            matrix.values.extend(unit(&vector.numbers));
        }
    }
    matrix
}

/// The vector stretched to length 1; one of length 0 stays.
fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 { vector.iter().map(|value| value / length).collect() } else { vector.to_vec() }
}

fn nearest(matrix: &Matrix, question: &[f32], limit: usize) -> Vec<Hit> {
    if matrix.n_dimensions != question.len() || question.is_empty() || limit == 0 {
        return Vec::new();
    }
    let question = unit(question);
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
        hits.select_nth_unstable_by(limit - 1, |a, b| b.score.total_cmp(&a.score));
        hits.truncate(limit);
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_vectors_come_first_whatever_their_length() {
        let stored = vec![
            StoredVector { number: 1, numbers: vec![10.0, 0.0] },
            StoredVector { number: 2, numbers: vec![0.1, 0.1] },
            StoredVector { number: 3, numbers: vec![0.0, 3.0] },
            StoredVector { number: 4, numbers: vec![-1.0, 0.0] },
        ];

        let mut hits = nearest(&matrix(stored), &[1.0, 0.1], 2);
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));

        assert_eq!(hits.iter().map(|hit| hit.number).collect::<Vec<_>>(), [1, 2]);
    }
}
