//! When a breaker trips and for how long.

/// When a breaker trips and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Trips after so many failures in a row.
    pub consecutive: u32,
    /// Trips when a larger share of the window's calls failed, in 0..=1.
    pub error_ratio: f32,
    /// The share says nothing below so many calls in the window.
    pub min_calls: u32,
    /// How far back calls are counted.
    pub window_ms: u64,
    /// The first cool-down; each failed probe doubles it.
    pub cool_down_ms: u64,
    /// The longest cool-down, before up to a fifth of jitter.
    pub cool_down_max_ms: u64,
    /// The least cool-down after a fault that does not heal by itself: a bad key, no money, no such model.
    pub stubborn_ms: u64,
    /// A provider that asks for a longer wait than this is tried again after this time all the same.
    pub told_max_ms: u64,
    /// How many probes may be under way at a time.
    pub probes: u32,
    /// How many probes must go well before it closes.
    pub n_good: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            consecutive: 5,
            error_ratio: 0.5,
            min_calls: 10,
            window_ms: 30_000,
            cool_down_ms: 5_000,
            cool_down_max_ms: 120_000,
            stubborn_ms: 60_000,
            told_max_ms: 3_600_000,
            probes: 1,
            n_good: 2,
        }
    }
}
