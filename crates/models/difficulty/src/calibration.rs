//! From scores to choices, and how a tenant's own outcomes set both right.
//!
//! The shipped scores were learned on exam questions and on two models of 2023. What holds elsewhere is their order, not
//! their height: a deployment that records which answers of its weak model were good fits a [`Calibration`] from them.

use serde::{Deserialize, Serialize};

use crate::weights::QUANTILES;
use crate::{Probability, Scorer};

/// Fewer outcomes than this say nothing about the tails.
const LEAST_OUTCOMES: usize = 50;
/// From here on the shape is learned too; below, only height and steepness.
const ISOTONIC_FROM: usize = 1_000;

/// One call that the weak model answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// What [`Scorer::score`] gave.
    pub score: Probability,
    /// Whether the answer of the weak model was good enough, by whatever the tenant measures.
    pub weak_was_good: bool,
}

/// The score from which on a call goes to the strong model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    score: Probability,
    /// Above every score: no call goes to the strong model.
    is_never: bool,
}

impl Threshold {
    /// About `share` (`0.0..=1.0`) of the calls go to the strong model, if prompts are spread as the exam questions that
    /// the weights were tested on. [`Calibration::for_share`] knows a tenant's own spread.
    #[must_use]
    pub fn for_share(share: f32) -> Self {
        Scorer::shipped().calibration().for_share(share)
    }

    /// Of 100 calls at least `floor` x 100 are answered as well as the strong model would have, at the lowest share of
    /// strong calls that reaches this; see [`Calibration::for_quality`].
    #[must_use]
    pub fn for_quality(floor: f32) -> Self {
        Scorer::shipped().calibration().for_quality(floor)
    }

    /// Strong from this score on.
    #[must_use]
    pub fn at(score: Probability) -> Self {
        Self { score, is_never: false }
    }

    /// Whether a prompt with this score (not the calibrated one) goes to the strong model.
    #[must_use]
    pub fn wants_strong(self, score: Probability) -> bool {
        !self.is_never && score >= self.score
    }

    /// The score from which on the strong model is called; `None` if it never is.
    #[must_use]
    pub fn score(self) -> Option<Probability> {
        (!self.is_never).then_some(self.score)
    }
}

/// What scores mean for one tenant or one deployment. Plain data, to be stored as it serialises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    shape: Shape,
    /// Scores of which 0 %, 1 %, .. 100 % of the calls lie below, rising.
    quantiles: Vec<Probability>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    /// Platt scaling: the logit is stretched and shifted.
    Logistic { slope: f32, offset: f32 },
    /// Straight lines between (score, probability), both rising.
    Steps(Vec<(Probability, Probability)>),
}

/// There are not enough outcomes to learn from.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{n_outcomes} outcomes with {n_bad} bad ones are too few: {LEAST_OUTCOMES} with 5 of either kind are needed")]
pub struct TooFew {
    /// How many were given.
    pub n_outcomes: usize,
    /// How many of them were bad.
    pub n_bad: usize,
}

impl Calibration {
    /// The scores as they come, spread as on the questions that the weights were tested on.
    #[must_use]
    pub fn shipped() -> Self {
        Scorer::shipped().calibration()
    }

    pub(crate) fn identity(quantiles: &[f32]) -> Self {
        let quantiles = quantiles.iter().map(|score| Probability::nearest(*score)).collect();
        Self { shape: Shape::Logistic { slope: 1.0, offset: 0.0 }, quantiles }
    }

    /// Learns from `outcomes` what a score is worth, and from `seen` how scores are spread.
    ///
    /// `seen` are the scores of all recent calls, whichever model answered them: outcomes alone are mostly the easy calls,
    /// since the hard ones went to the strong model. If `seen` has fewer than 50 the outcomes' own scores are taken.
    /// Below 1,000 outcomes Platt scaling is fitted, from there on an isotonic curve. A higher score never gets a lower
    /// probability.
    ///
    /// # Errors
    /// [`TooFew`] below 50 outcomes, or with fewer than 5 good or 5 bad ones.
    pub fn fit(outcomes: &[Outcome], seen: &[Probability]) -> Result<Self, TooFew> {
        let n_bad = outcomes.iter().filter(|outcome| !outcome.weak_was_good).count();
        if outcomes.len() < LEAST_OUTCOMES || n_bad < 5 || outcomes.len() - n_bad < 5 {
            return Err(TooFew { n_outcomes: outcomes.len(), n_bad });
        }
        let shape = if outcomes.len() < ISOTONIC_FROM { platt(outcomes) } else { isotonic(outcomes) };
        let mut scores: Vec<f32> = if seen.len() < LEAST_OUTCOMES {
            outcomes.iter().map(|outcome| outcome.score.value()).collect()
        } else {
            seen.iter().map(|score| score.value()).collect()
        };
        scores.sort_by(f32::total_cmp);
        let quantile = |percent: usize| scores[percent * (scores.len() - 1) / (QUANTILES - 1)];
        Ok(Self { shape, quantiles: (0..QUANTILES).map(quantile).map(Probability::nearest).collect() })
    }

    /// The probability that a prompt with this score needs the strong model.
    #[must_use]
    pub fn apply(&self, score: Probability) -> Probability {
        match &self.shape {
            Shape::Logistic { slope, offset } if *slope == 1.0 && *offset == 0.0 => score,
            Shape::Logistic { slope, offset } => Probability::logistic(slope * score.logit() + offset),
            Shape::Steps(points) => between(points, score),
        }
    }

    /// The threshold at which about `share` (`0.0..=1.0`) of the calls go to the strong model.
    #[must_use]
    pub fn for_share(&self, share: f32) -> Threshold {
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        let highest = self.quantiles.last().copied().unwrap_or(Probability::nearest(1.0));
        if share == 0.0 {
            return Threshold { score: highest, is_never: true };
        }
        if share == 1.0 {
            return Threshold::at(Probability::nearest(0.0));
        }
        let place = (1.0 - share) * (self.quantiles.len().saturating_sub(1)) as f32;
        let below = self.quantiles.get(place as usize).copied().unwrap_or(highest).value();
        let above = self.quantiles.get(place as usize + 1).copied().unwrap_or(highest).value();
        Threshold::at(Probability::nearest(below + (above - below) * place.fract()))
    }

    /// The threshold with the fewest strong calls at which the expected share of calls answered as well as by the strong
    /// model is at least `floor` (`0.0..=1.0`).
    ///
    /// What the weak model is expected to spoil is the probability of every call that stays with it; that it may
    /// also be right where the strong one is wrong is not counted in its favour.
    #[must_use]
    pub fn for_quality(&self, floor: f32) -> Threshold {
        let floor = if floor.is_nan() { 1.0 } else { floor.clamp(0.0, 1.0) };
        let n = self.quantiles.len().saturating_sub(1).max(1);
        let mut spoiled = 0.0;
        for (idx, pair) in self.quantiles.windows(2).enumerate() {
            let [low, high] = [self.apply(pair[0]).value(), self.apply(pair[1]).value()];
            spoiled += f32::midpoint(low, high) / n as f32;
            if 1.0 - spoiled < floor {
                return if idx == 0 { Threshold::at(Probability::nearest(0.0)) } else { Threshold::at(pair[0]) };
            }
        }
        self.for_share(0.0)
    }
}

/// Logistic regression of "bad" on the logit of the score, by Newton's method. The targets are smoothed as Platt does,
/// so that perfectly separable outcomes do not push the slope to infinity, and the slope never gets negative.
fn platt(outcomes: &[Outcome]) -> Shape {
    let n_bad = outcomes.iter().filter(|outcome| !outcome.weak_was_good).count() as f64;
    let n_good = outcomes.len() as f64 - n_bad;
    let (bad, good) = ((n_bad + 1.0) / (n_bad + 2.0), 1.0 / (n_good + 2.0));
    let (mut slope, mut offset) = (0.0_f64, (n_bad / n_good).ln());
    for _ in 0..30 {
        // A ridge penalty of 1 pulls the slope towards 1, the value without any outcomes.
        let (mut g_slope, mut g_offset) = (slope - 1.0, 0.0);
        let (mut h_ss, mut h_so, mut h_oo) = (1.0, 0.0, 1e-9);
        for outcome in outcomes {
            let x = f64::from(outcome.score.logit());
            let p = 1.0 / (1.0 + (-(slope * x + offset)).exp());
            let miss = p - if outcome.weak_was_good { good } else { bad };
            let weight = (p * (1.0 - p)).max(1e-9);
            g_slope += miss * x;
            g_offset += miss;
            h_ss += weight * x * x;
            h_so += weight * x;
            h_oo += weight;
        }
        let determinant = h_ss * h_oo - h_so * h_so;
        let d_slope = (g_slope * h_oo - g_offset * h_so) / determinant;
        let d_offset = (g_offset * h_ss - g_slope * h_so) / determinant;
        // Steps are clamped, so that Newton's method does not overshoot when it starts far from the solution.
        slope -= d_slope.clamp(-5.0, 5.0);
        offset -= d_offset.clamp(-5.0, 5.0);
        if d_slope.abs() + d_offset.abs() < 1e-9 {
            break;
        }
    }
    if slope <= 0.0 || !slope.is_finite() || !offset.is_finite() {
        return Shape::Logistic { slope: 0.0, offset: (n_bad / n_good).ln() as f32 };
    }
    Shape::Logistic { slope: slope as f32, offset: offset as f32 }
}

/// The rising curve with the least squared error (pool adjacent violators), one point at the middle of each block.
fn isotonic(outcomes: &[Outcome]) -> Shape {
    struct Block {
        scores: f64,
        bad: f64,
        n: f64,
    }
    let mut sorted: Vec<&Outcome> = outcomes.iter().collect();
    sorted.sort_by(|a, b| a.score.value().total_cmp(&b.score.value()));
    let mut blocks: Vec<Block> = Vec::new();
    let mut last_score = None;
    for outcome in sorted {
        let bad = if outcome.weak_was_good { 0.0 } else { 1.0 };
        match blocks.last_mut() {
            // Equal scores cannot be told apart.
            Some(block) if last_score == Some(outcome.score) => {
                block.scores += f64::from(outcome.score.value());
                block.bad += bad;
                block.n += 1.0;
            }
            _ => blocks.push(Block { scores: f64::from(outcome.score.value()), bad, n: 1.0 }),
        }
        last_score = Some(outcome.score);
    }
    let mut pooled: Vec<Block> = Vec::new();
    for block in blocks {
        pooled.push(block);
        while let [.., a, b] = pooled.as_slice() {
            if a.bad / a.n < b.bad / b.n {
                break;
            }
            let Some(b) = pooled.pop() else { break };
            if let Some(a) = pooled.last_mut() {
                a.scores += b.scores;
                a.bad += b.bad;
                a.n += b.n;
            }
        }
    }
    let point = |block: &Block| {
        // One pseudo-outcome of either kind keeps small blocks at the ends away from 0 and 1.
        let probability = (block.bad + 0.5) / (block.n + 1.0);
        (Probability::nearest((block.scores / block.n) as f32), Probability::nearest(probability as f32))
    };
    let mut points: Vec<(Probability, Probability)> = pooled.iter().map(point).collect();
    let mut highest = Probability::nearest(0.0);
    for (_, probability) in &mut points {
        if *probability < highest {
            *probability = highest;
        }
        highest = *probability;
    }
    Shape::Steps(points)
}

fn between(points: &[(Probability, Probability)], score: Probability) -> Probability {
    let after = points.partition_point(|(at, _)| *at <= score);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (None, None) => score,
        (Some((_, only)), None) | (None, Some((_, only))) => *only,
        (Some((x0, y0)), Some((x1, y1))) => {
            let part = (score.value() - x0.value()) / (x1.value() - x0.value()).max(f32::MIN_POSITIVE);
            Probability::nearest(y0.value() + (y1.value() - y0.value()) * part)
        }
    }
}
