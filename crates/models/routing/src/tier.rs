//! Which of two models a deployment serves.

use serde::Serialize;

/// Which model of two a deployment serves, for difficulty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The better and dearer one.
    Strong,
    /// The cheaper one.
    Weak,
    /// Not said.
    #[default]
    None,
}

impl Tier {
    /// As it is written in reasons.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Weak => "weak",
            Self::None => "no tier",
        }
    }

    /// How far a fallback is from what was wanted.
    pub(crate) const fn distance(self, other: Self) -> u8 {
        match (self, other) {
            (Self::Strong, Self::Strong) | (Self::Weak, Self::Weak) | (Self::None, Self::None) => 0,
            (Self::None, Self::Strong | Self::Weak) | (Self::Strong | Self::Weak, Self::None) => 1,
            (Self::Strong, Self::Weak) | (Self::Weak, Self::Strong) => 2,
        }
    }
}
