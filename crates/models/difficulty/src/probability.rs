//! A number between 0 and 1.

use serde::{Deserialize, Serialize};

/// How likely it is that the weak model fails where the strong one does not; `0.0..=1.0`, never NaN.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Probability(f32);

impl Probability {
    /// The nearest probability; 0 for NaN.
    #[must_use]
    pub fn nearest(value: f32) -> Self {
        Self(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) })
    }

    /// `0.0..=1.0`.
    #[must_use]
    pub fn value(self) -> f32 {
        self.0
    }

    pub(crate) fn logistic(logit: f32) -> Self {
        Self::nearest(1.0 / (1.0 + (-logit).exp()))
    }

    /// Kept off the ends, so that a certain score stays finite.
    pub(crate) fn logit(self) -> f32 {
        let inside = self.0.clamp(1e-6, 1.0 - 1e-6);
        (inside / (1.0 - inside)).ln()
    }
}

/// What was read is no number between 0 and 1.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not between 0 and 1")]
pub struct OutOfRange(f32);

impl TryFrom<f32> for Probability {
    type Error = OutOfRange;

    fn try_from(value: f32) -> Result<Self, OutOfRange> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(OutOfRange(value)) }
    }
}

impl From<Probability> for f32 {
    fn from(probability: Probability) -> Self {
        probability.0
    }
}
