//! How hard a call is: the shipped scorer, and the thresholds of routes.

use septet_difficulty::{Scorer, Threshold};

use crate::asked::Asked;
use crate::config::RouteConfig;

/// Judges calls.
#[derive(Clone, Copy, Default)]
pub(crate) struct Difficulty;

impl Difficulty {
    /// How probably the call needs the strong model, 0 to 1; nothing for one without a text of the user.
    pub(crate) fn score(self, asked: &Asked) -> Option<f32> {
        Some(Scorer::shipped().score(&asked.question()?).value())
    }

    /// From which score on a route's calls go to its strong models.
    #[expect(clippy::cast_possible_truncation, reason = "shares between 0 and 1")]
    pub(crate) fn threshold(self, route: &RouteConfig) -> f32 {
        let threshold = match route.quality_floor {
            Some(floor) => Threshold::for_quality(floor as f32),
            None => Threshold::for_share(route.strong_share as f32),
        };
        // Without a score from which on they do, none does.
        threshold.score().map_or(f32::INFINITY, |score| score.value())
    }
}
