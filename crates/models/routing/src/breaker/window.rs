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
        // A slice of the future (the caller's time went back a little between threads) is counted into, not cleared.
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
