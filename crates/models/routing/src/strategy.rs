//! Brings the deployments of a route into the order in which a call should try them.
//!
//! Whatever the strategy: a deployment with an open breaker comes last and is marked; one with no weight is never the
//! first while another is well (it is there to fall back on); and after the first choice its own tier comes before the
//! others, so that a prompt for the strong model does not go to the weak one after a single failure.

mod rank;

use rand::Rng;

use crate::pace::Pace;
use crate::reason::{Reason, Why};
use crate::tier::Tier;

/// How a route chooses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strategy {
    /// By chance, in proportion to the weights.
    Weighted,
    /// Of `draws` candidates drawn at random, the one with the least predicted time x root of (calls in flight + 1).
    /// Two is the power of two choices; with the whole route drawn the best always wins, which is better where one
    /// process makes all the calls, and worse where several processes do without knowing of each other's. One that was
    /// not tried lately wins its first draw.
    Latency {
        /// How many are compared; at least 1.
        draws: usize,
    },
    /// The least expected price for what this call will probably read and write. Among equals, chance by weight.
    Cost,
    /// Prompts whose score reaches the threshold go to the strong tier, the others to the weak one; within a tier chance
    /// by weight. A prompt without a score is taken for hard.
    Difficulty {
        /// In 0..=1, on the scale of [`CallEstimate::score`].
        threshold: f32,
    },
    /// The least weighted sum.
    Blend(Blend),
}

/// What counts how much in a blend. Each part is brought to 0..=1 among the candidates (largest = 1), so that the
/// weights mean the same on every route.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Blend {
    /// Predicted time x root of (calls under way + 1); 0 for one that was not tried lately.
    pub latency: f64,
    /// Expected price; 1 where none is known.
    pub cost: f64,
    /// The expected loss of quality with a weaker model: the prompt's score for the weak tier, half of it where no tier
    /// is given, nothing for the strong one.
    pub quality: f64,
    /// Calls started lately in proportion to the weight: the one that is behind its share is preferred.
    pub share: f64,
}

/// What a call costs on a deployment.
pub trait Price: Send + Sync {
    /// Nano-units for `input` tokens read, of which `cached` from the provider's cache, and `output` written. `None` when
    /// no price is known, which is not the same as free.
    fn cost_nano(&self, input: u64, cached: u64, output: u64) -> Option<u64>;
}

impl<F: Fn(u64, u64, u64) -> Option<u64> + Send + Sync> Price for F {
    fn cost_nano(&self, input: u64, cached: u64, output: u64) -> Option<u64> {
        self(input, cached, output)
    }
}

/// One deployment of the route, as it is now.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// The caller's own number for it; given back in [`Ranked`].
    pub index: usize,
    /// As it is shown in the reason.
    pub name: &'a str,
    /// Its share among the others; 0 (or nonsense) for one that is only fallen back on.
    pub weight: f64,
    /// Strong, weak or not said.
    pub tier: Tier,
    /// What it costs.
    pub price: &'a dyn Price,
    /// How busy and quick it is.
    pub pace: &'a Pace,
    /// The share of the input that its cache will probably hold, in 0..=1.
    pub cached_share: f64,
    /// Whether its breaker lets nothing through now.
    pub is_open: bool,
}

/// What is known of the call.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CallEstimate {
    /// Now, on the clock of [`Pace`].
    pub now_ms: u64,
    /// Tokens to be read.
    pub input: u64,
    /// Tokens that will probably be written: [`crate::Expected::output`].
    pub expected_output: u64,
    /// How probably the prompt needs the strong model, in 0..=1.
    pub score: Option<f32>,
}

/// The order to try in, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// All candidates, best first.
    pub order: Vec<Ranked>,
    /// Why the first is the first.
    pub reason: Reason,
}

/// A candidate in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// [`Candidate::index`].
    pub index: usize,
    /// [`Candidate::tier`].
    pub tier: Tier,
    /// [`Candidate::is_open`].
    pub is_open: bool,
}

impl Strategy {
    /// Power of two choices.
    pub const LATENCY: Self = Self::Latency { draws: 2 };

    /// Brings all candidates into order. Without candidates the order is empty.
    pub fn choose(&self, call: &CallEstimate, candidates: &[Candidate<'_>], rng: &mut impl Rng) -> Choice {
        let figures = rank::figures(self, call, candidates, rng);
        let first = rank::first(self, call, candidates, &figures, rng);
        let Some(first) = first else {
            return Choice {
                order: Vec::new(),
                reason: Reason { chosen: String::new(), why: Why::Nothing, open: Vec::new() },
            };
        };
        let tier = candidates[first.place].tier;
        let mut places: Vec<usize> = (0..candidates.len()).collect();
        places.sort_by(|&a, &b| {
            let key = |place: usize| {
                let candidate = &candidates[place];
                (place != first.place, candidate.is_open, tier.distance(candidate.tier), !rank::has_weight(candidate))
            };
            key(a).cmp(&key(b)).then(rank::compare(&figures[a], &figures[b])).then(a.cmp(&b))
        });
        let order = places
            .iter()
            .map(|&place| &candidates[place])
            .map(|c| Ranked { index: c.index, tier: c.tier, is_open: c.is_open })
            .collect();
        let open = candidates
            .iter()
            .enumerate()
            .filter(|(place, candidate)| candidate.is_open && *place != first.place)
            .map(|(_, candidate)| candidate.name.to_owned())
            .collect();
        let why = if candidates.len() == 1 { Why::Only } else { first.why };
        Choice { order, reason: Reason { chosen: candidates[first.place].name.to_owned(), why, open } }
    }
}

#[cfg(test)]
mod tests;
