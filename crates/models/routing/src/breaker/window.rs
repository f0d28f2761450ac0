//! Counts of the last seconds, in ten slices, so that they slide without keeping each call.

const N_SLICES: u64 = 10;

#[derive(Debug)]
pub(super) struct Window {
    slice_ms: u64,
    slices: [Slice; N_SLICES as usize],
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    number: u64,
    n_calls: u32,
    n_failed: u32,
}

impl Window {
    pub(super) fn new(window_ms: u64) -> Self {
        Self { slice_ms: (window_ms / N_SLICES).max(1), slices: Default::default() }
    }

    pub(super) fn add(&mut self, now_ms: u64, n_calls: u32, n_failed: u32) {
        let number = now_ms / self.slice_ms;
        let slice = &mut self.slices[(number % N_SLICES) as usize];
        // A slice that lies in the future (the times of two threads may be slightly out of order) is added to, not
        // cleared.
        if slice.number < number {
            *slice = Slice { number, n_calls: 0, n_failed: 0 };
        }
        slice.n_calls = slice.n_calls.saturating_add(n_calls);
        slice.n_failed = slice.n_failed.saturating_add(n_failed);
    }

    /// Calls and failures within the window.
    pub(super) fn sum(&self, now_ms: u64) -> (u32, u32) {
        let number = now_ms / self.slice_ms;
        self.slices
            .iter()
            .filter(|slice| slice.number + N_SLICES > number)
            .fold((0, 0), |(n, bad), slice| (slice.n_calls.saturating_add(n), slice.n_failed.saturating_add(bad)))
    }

    pub(super) fn clear(&mut self) {
        self.slices = Default::default();
    }
}

/// The share that failed, in 0..=1.
#[expect(clippy::cast_precision_loss, reason = "counts of one window")]
pub(super) fn ratio(n_calls: u32, n_failed: u32) -> f32 {
    if n_calls == 0 { 0.0 } else { (n_failed as f32 / n_calls as f32).min(1.0) }
}

/// How many failures in a row a deployment makes by chance less than once in a million calls, judged by the calls of the
/// window before the run. 1 when there were too few to judge by.
pub(super) fn surprising_run(n_calls: u32, n_failed: u32, n_in_a_row: u32, min_calls: u32) -> u32 {
    const ONCE_IN: f32 = 1e6;
    let n_before = n_calls.saturating_sub(n_in_a_row);
    let usual = ratio(n_before, n_failed.saturating_sub(n_in_a_row));
    if n_before < min_calls || usual <= 0.0 {
        return 1;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates; positive")]
    let run = (ONCE_IN.ln() / -usual.min(0.9).ln()).ceil() as u32;
    run
}
