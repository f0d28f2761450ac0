//! From questions to passages: each question is ranked by words, and by vectors where there is an embedding model;
//! the rankings are fused by reciprocal rank, so that their scales never meet.
//!
//! Several questions are usually several facets ("net sales", "capital expenditure"), so the best passages of each are
//! kept, and pages that were shown already give way a little to others.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::index::Hit;
use crate::store::StoredChunk;

/// How fast a rank loses weight; the usual constant of reciprocal rank fusion.
const RANK: f32 = 60.0;
/// Weight of the third and further passages of one page, each time again.
const SAME_PAGE: f32 = 0.93;

/// One ranking: passages by number, best first, with its weight.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranking {
    pub question: usize,
    pub weight: f32,
    pub hits: Vec<Hit>,
}

/// Fuses rankings into one list, best first; scores are in `0.0..=1.0`.
pub(crate) fn fuse(rankings: &[Ranking]) -> Vec<Hit> {
    // A single ranking keeps its own distances, which say more than ranks do.
    if let [only] = rankings {
        let best = only.hits.first().map_or(1.0, |hit| hit.score.max(f32::MIN_POSITIVE));
        return only.hits.iter().map(|hit| Hit { score: (hit.score / best).clamp(0.0, 1.0), ..*hit }).collect();
    }
    let mut scores: HashMap<i64, f32> = HashMap::new();
    for ranking in rankings {
        let best = ranking.hits.first().map_or(1.0, |hit| hit.score.max(f32::MIN_POSITIVE));
        let mut rank = 0.0;
        for hit in &ranking.hits {
            rank += 1.0;
            // Ranks, a little bent by distance: a far second is not as good as a close one.
            let share = 0.5 + 0.5 * (hit.score / best).clamp(0.0, 1.0);
            *scores.entry(hit.number).or_default() += ranking.weight * share / (RANK + rank);
        }
    }
    let possible: f32 = rankings.iter().map(|ranking| ranking.weight / (RANK + 1.0)).sum();
    let mut fused: Vec<Hit> = scores
        .into_iter()
        .map(|(number, score)| Hit { number, score: (score / possible.max(f32::MIN_POSITIVE)).clamp(0.0, 1.0) })
        .collect();
    sort(&mut fused);
    fused
}

fn sort(hits: &mut [Hit]) {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.number.cmp(&b.number)));
}

/// Chooses `limit` of the fused passages. The best two of each question are in, as far as there is room; passages that
/// say the same word for word are shown once.
pub(crate) fn choose(
    fused: Vec<Hit>,
    rankings: &[Ranking],
    chunks: &HashMap<i64, StoredChunk>,
    limit: usize,
) -> Vec<Hit> {
    let mut seen_texts: HashSet<(septet_kernel::FileId, u32, &str)> = HashSet::new();
    let mut on_page: BTreeMap<(septet_kernel::FileId, u32), u32> = BTreeMap::new();
    let mut ordered: Vec<Hit> = Vec::new();
    for hit in fused {
        let Some(chunk) = chunks.get(&hit.number) else { continue };
        if !seen_texts.insert((chunk.file, chunk.page, chunk.text.as_str())) {
            continue;
        }
        let n_before = on_page.entry((chunk.file, chunk.page)).or_default();
        let weight = SAME_PAGE.powi(i32::try_from(n_before.saturating_sub(1)).unwrap_or(0));
        *n_before += 1;
        ordered.push(Hit { score: hit.score * weight, ..hit });
    }
    sort(&mut ordered);
    let n_questions = rankings.iter().map(|ranking| ranking.question).collect::<HashSet<_>>().len();
    if n_questions < 2 || ordered.len() <= limit {
        ordered.truncate(limit);
        return ordered;
    }
    let each = (limit / n_questions).min(2);
    let kept: HashSet<i64> = rankings
        .iter()
        .flat_map(|ranking| {
            ranking.hits.iter().filter(|hit| chunks.contains_key(&hit.number)).take(each).map(|hit| hit.number)
        })
        .collect();
    let n_kept = ordered.iter().filter(|hit| kept.contains(&hit.number)).count();
    let mut room = limit.saturating_sub(n_kept);
    ordered.retain(|hit| {
        if kept.contains(&hit.number) {
            return true;
        }
        let fits = room > 0;
        room = room.saturating_sub(1);
        fits
    });
    ordered.truncate(limit);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(question: usize, hits: &[(i64, f32)]) -> Ranking {
        Ranking {
            question,
            weight: 1.0,
            hits: hits.iter().map(|(number, score)| Hit { number: *number, score: *score }).collect(),
        }
    }

    #[test]
    fn what_both_rankings_have_comes_first() {
        let fused = fuse(&[ranking(0, &[(1, 9.0), (2, 8.0)]), ranking(0, &[(3, 0.9), (2, 0.8)])]);

        assert_eq!(fused.first().map(|hit| hit.number), Some(2));
        assert!(fused.iter().all(|hit| (0.0..=1.0).contains(&hit.score)));
    }

    #[test]
    fn one_ranking_keeps_its_distances() {
        let fused = fuse(&[ranking(0, &[(1, 8.0), (2, 2.0)])]);

        assert_eq!(fused, [Hit { number: 1, score: 1.0 }, Hit { number: 2, score: 0.25 }]);
    }

    #[test]
    fn nothing_found_is_nothing() {
        assert!(fuse(&[]).is_empty());
        assert!(fuse(&[ranking(0, &[]), ranking(1, &[])]).is_empty());
    }
}
