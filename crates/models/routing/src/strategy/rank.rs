//! The figure of each candidate under a strategy, and which one is the first.

use std::cmp::Ordering;

use rand::Rng;
use rand::seq::index;

use super::{Blend, CallEstimate, Candidate, Strategy};
use crate::reason::{Rival, Why};
use crate::tier::Tier;

/// What a candidate is ordered by: the lower the better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    /// What the strategy looks at.
    main: f64,
    /// Decides between equals.
    tie: f64,
    /// Predicted time, where the strategy looks at it.
    ms: Option<f64>,
    /// Expected price, where the strategy looks at it.
    nano: Option<u64>,
}

pub(super) struct First {
    pub(super) place: usize,
    pub(super) why: Why,
}

pub(super) fn has_weight(candidate: &Candidate<'_>) -> bool {
    candidate.weight > 0.0
}

pub(super) fn compare(a: &Figure, b: &Figure) -> Ordering {
    a.main.total_cmp(&b.main).then(a.tie.total_cmp(&b.tie))
}

/// One figure per candidate, in their order.
pub(super) fn figures(
    strategy: &Strategy,
    call: &CallEstimate,
    candidates: &[Candidate<'_>],
    rng: &mut impl Rng,
) -> Vec<Figure> {
    let blank = Figure { main: 0.0, tie: 0.0, ms: None, nano: None };
    match strategy {
        Strategy::Weighted | Strategy::Difficulty { .. } => {
            candidates.iter().map(|candidate| Figure { main: race(candidate.weight, rng), ..blank }).collect()
        }
        Strategy::Latency { .. } => busy_times(call, candidates)
            .into_iter()
            .map(|(main, ms)| Figure { main, ms, tie: rng.random(), ..blank })
            .collect(),
        Strategy::Cost => candidates
            .iter()
            .map(|candidate| {
                let nano = cost(call, candidate);
                Figure { main: nano.map_or(f64::INFINITY, float), tie: race(candidate.weight, rng), nano, ..blank }
            })
            .collect(),
        Strategy::Blend(blend) => {
            sums(blend, call, candidates).into_iter().map(|main| Figure { main, ..blank }).collect()
        }
    }
}

/// The first choice; `None` without candidates.
pub(super) fn first(
    strategy: &Strategy,
    call: &CallEstimate,
    candidates: &[Candidate<'_>],
    figures: &[Figure],
    rng: &mut impl Rng,
) -> Option<First> {
    let eligible = eligible(candidates);
    let wanted = match strategy {
        Strategy::Difficulty { threshold } => Some(wanted(call.score, *threshold)),
        Strategy::Weighted | Strategy::Latency { .. } | Strategy::Cost | Strategy::Blend(_) => None,
    };
    let mut drawn: Vec<usize> = match strategy {
        Strategy::Latency { draws } if *draws < eligible.len() => {
            index::sample(rng, eligible.len(), (*draws).max(1)).iter().map(|idx| eligible[idx]).collect()
        }
        Strategy::Latency { .. }
        | Strategy::Weighted
        | Strategy::Cost
        | Strategy::Difficulty { .. }
        | Strategy::Blend(_) => eligible,
    };
    let distance = |place: usize| wanted.map_or(0, |wanted| wanted.distance(candidates[place].tier));
    drawn.sort_by(|&a, &b| distance(a).cmp(&distance(b)).then(compare(&figures[a], &figures[b])).then(a.cmp(&b)));
    let place = *drawn.first()?;
    let rival = drawn.get(1).copied();
    let in_flight = |place: usize| candidates[place].pace.in_flight();
    let name = |place: usize| candidates[place].name.to_owned();
    let ms = |place: usize| figures[place].ms.map(whole);
    let why = match strategy {
        Strategy::Weighted => Why::Weighted {
            weight: candidates[place].weight,
            total: drawn.iter().map(|&place| candidates[place].weight).filter(|weight| *weight > 0.0).sum(),
        },
        Strategy::Latency { .. } => Why::Latency {
            ms: ms(place),
            in_flight: in_flight(place),
            against: rival.map(|at| Rival { name: name(at), figure: ms(at), in_flight: in_flight(at) }),
        },
        Strategy::Cost => Why::Cost {
            nano: figures[place].nano,
            against: rival.map(|at| Rival { name: name(at), figure: figures[at].nano, in_flight: in_flight(at) }),
        },
        Strategy::Difficulty { threshold } => Why::Difficulty {
            score: call.score,
            threshold: *threshold,
            wanted: wanted.unwrap_or_default(),
            got: candidates[place].tier,
        },
        Strategy::Blend(_) => Why::Blend {
            sum: figures[place].main,
            against: rival.map(|at| Rival { name: name(at), figure: figures[at].main, in_flight: in_flight(at) }),
        },
    };
    Some(First { place, why })
}

/// Those that may be first: well and with weight, else well, else all.
fn eligible(candidates: &[Candidate<'_>]) -> Vec<usize> {
    let pick = |wanted: &dyn Fn(&Candidate<'_>) -> bool| -> Vec<usize> {
        (0..candidates.len()).filter(|&place| wanted(&candidates[place])).collect()
    };
    let mut places = pick(&|candidate| !candidate.is_open && has_weight(candidate));
    if places.is_empty() {
        places = pick(&|candidate| !candidate.is_open);
    }
    if places.is_empty() {
        places = pick(&|_| true);
    }
    places
}

/// No score, or one that is not a number, counts as hard: an expensive answer is better than a bad one.
fn wanted(score: Option<f32>, threshold: f32) -> Tier {
    match score {
        Some(score) if score < threshold => Tier::Weak,
        Some(_) | None => Tier::Strong,
    }
}

/// An exponentially distributed time with rate `weight`: the smallest belongs to each candidate with a probability in
/// proportion to its weight, so sorting by it is weighted sampling without replacement.
fn race(weight: f64, rng: &mut impl Rng) -> f64 {
    let chance: f64 = rng.random();
    if weight > 0.0 { -(1.0 - chance).ln() / weight } else { f64::INFINITY }
}

fn cost(call: &CallEstimate, candidate: &Candidate<'_>) -> Option<u64> {
    let share = if candidate.cached_share > 0.0 { candidate.cached_share.min(1.0) } else { 0.0 };
    let cached = whole(float(call.input) * share).min(call.input);
    candidate.price.cost_nano(call.input, cached, call.expected_output)
}

/// Root of (calls under way + 1) x predicted time, and the predicted time.
fn busy_times(call: &CallEstimate, candidates: &[Candidate<'_>]) -> Vec<(f64, Option<f64>)> {
    let predicted: Vec<Option<f64>> =
        candidates.iter().map(|c| c.pace.predicted_ms(call.now_ms, call.expected_output)).collect();
    let best = predicted.iter().flatten().copied().min_by(f64::total_cmp).unwrap_or(1.0);
    candidates
        .iter()
        .zip(predicted)
        .map(|(candidate, ms)| {
            let in_flight = candidate.pace.in_flight();
            let busy = match ms {
                // One call explores it; while that is in flight the others assume that it is as good as the best known.
                None if in_flight == 0 => 0.0,
                None => best * load(in_flight),
                Some(ms) => ms * load(in_flight),
            };
            (busy, ms)
        })
        .collect()
}

/// How much calls under way count. The root, because the measured times hold most of the load already: in simulations
/// the plain number loses twice as much against an oracle where upstreams are wide, and about the same where they serve
/// few calls at a time; leaving them out loses four times as much where upstreams are crowded.
fn load(in_flight: u32) -> f64 {
    (f64::from(in_flight) + 1.0).sqrt()
}

fn sums(blend: &Blend, call: &CallEstimate, candidates: &[Candidate<'_>]) -> Vec<f64> {
    let latency = of_largest(busy_times(call, candidates).into_iter().map(|(busy, _)| Some(busy)).collect());
    let cost = of_largest(candidates.iter().map(|candidate| cost(call, candidate).map(float)).collect());
    let share = of_largest(
        candidates.iter().map(|c| has_weight(c).then(|| (c.pace.recent(call.now_ms) + 1.0) / c.weight)).collect(),
    );
    let score = call.score.filter(|score| score.is_finite()).map_or(1.0, |score| f64::from(score.clamp(0.0, 1.0)));
    let quality = candidates.iter().map(|candidate| match candidate.tier {
        Tier::Strong => 0.0,
        Tier::None => score / 2.0,
        Tier::Weak => score,
    });
    quality
        .enumerate()
        .map(|(at, quality)| {
            blend.latency * latency[at] + blend.cost * cost[at] + blend.quality * quality + blend.share * share[at]
        })
        .collect()
}

/// Each as a part of the largest; what is not known is as bad as the largest.
fn of_largest(values: Vec<Option<f64>>) -> Vec<f64> {
    let largest = values.iter().flatten().copied().fold(0.0, f64::max);
    values
        .into_iter()
        .map(|value| match value {
            Some(value) if largest > 0.0 => value / largest,
            Some(_) => 0.0,
            None => 1.0,
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "tokens and prices of one call are far below 2^52")]
fn float(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates; none is negative")]
fn whole(x: f64) -> u64 {
    x.round() as u64
}
