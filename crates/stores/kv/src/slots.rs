//! A count of the last sixty seconds, kept by the second.

use std::collections::VecDeque;

/// Sixty seconds touch at most this many seconds of the clock.
const N_SLOTS: i64 = 61;

/// How long one slot is.
const SLOT_MS: i64 = 1000;

/// One second of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    /// Which second since 1970.
    second: i64,
    /// Used and held together; it may be below what is held for no longer than a settlement takes.
    taken: i64,
    held: i64,
}

/// The seconds of a counter in which something was taken, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    slots: VecDeque<Slot>,
    taken: i64,
    held: i64,
    /// The newest second seen. A clock that goes back a little does not bring anything back.
    head: i64,
}

impl Slots {
    /// The second that a moment lies in.
    pub(crate) fn second(now_ms: i64) -> i64 {
        now_ms.div_euclid(SLOT_MS)
    }

    /// Builds the counter from stored slots: (second, taken, held) in any order.
    pub(crate) fn from_stored(head: i64, stored: impl IntoIterator<Item = (i64, i64, i64)>) -> Self {
        let mut slots: Vec<_> = stored.into_iter().map(|(second, taken, held)| Slot { second, taken, held }).collect();
        slots.sort_by_key(|slot| slot.second);
        Self {
            taken: slots.iter().map(|slot| slot.taken).sum(),
            held: slots.iter().map(|slot| slot.held).sum(),
            slots: slots.into(),
            head,
        }
    }

    /// Forgets what is older than sixty seconds.
    pub(crate) fn roll(&mut self, now_ms: i64) {
        let second = Self::second(now_ms);
        if second <= self.head - N_SLOTS {
            // The clock was ahead and was put right: what it counted then must not stand in the way until it is there
            // again, which may be in hours.
            *self = Self { head: second, ..Self::default() };
        }
        self.head = self.head.max(second);
        while let Some(oldest) = self.slots.front().filter(|slot| slot.second <= self.head - N_SLOTS) {
            self.taken -= oldest.taken;
            self.held -= oldest.held;
            self.slots.pop_front();
        }
    }

    /// Takes `amount` now and returns the second that it is counted in. Roll first.
    pub(crate) fn take(&mut self, amount: i64) -> i64 {
        match self.slots.back_mut() {
            Some(newest) if newest.second == self.head => {
                newest.taken += amount;
                newest.held += amount;
            }
            _older => self.slots.push_back(Slot { second: self.head, taken: amount, held: amount }),
        }
        self.taken += amount;
        self.held += amount;
        self.head
    }

    /// Changes what was taken in `second`; one that is forgotten stays so.
    pub(crate) fn change(&mut self, second: i64, taken: i64, held: i64) {
        let Ok(idx) = self.slots.binary_search_by_key(&second, |slot| slot.second) else { return };
        if let Some(slot) = self.slots.get_mut(idx) {
            slot.taken += taken;
            slot.held += held;
            self.taken += taken;
            self.held += held;
        }
    }

    /// Used and held together.
    pub(crate) fn taken(&self) -> i64 {
        self.taken
    }

    pub(crate) fn held(&self) -> i64 {
        self.held
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// When no more than `room` is left of what is there now; nothing when there is no need to wait.
    pub(crate) fn free_at_ms(&self, room: i64) -> Option<i64> {
        let mut left = self.taken;
        let mut until = None;
        for slot in &self.slots {
            if left <= room {
                break;
            }
            left -= slot.taken;
            until = Some((slot.second + N_SLOTS) * SLOT_MS);
        }
        until
    }

    /// When everything that is there now is forgotten.
    pub(crate) fn empty_at_ms(&self) -> Option<i64> {
        self.slots.back().map(|slot| (slot.second + N_SLOTS) * SLOT_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_at(moments_ms: &[i64]) -> Slots {
        let mut slots = Slots::default();
        for now_ms in moments_ms {
            slots.roll(*now_ms);
            slots.take(1);
        }
        slots
    }

    #[test]
    fn what_was_taken_is_forgotten_after_sixty_seconds_and_not_before() {
        let mut slots = taken_at(&[999]);

        slots.roll(60_999);
        assert_eq!(slots.taken(), 1, "exactly sixty seconds later");
        slots.roll(61_000);
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn the_wait_ends_when_enough_is_forgotten() {
        let slots = taken_at(&[1_000, 2_000, 2_500, 30_000]);

        assert_eq!(slots.free_at_ms(4), None);
        assert_eq!(slots.free_at_ms(3), Some(62_000));
        assert_eq!(slots.free_at_ms(2), Some(63_000));
        assert_eq!(slots.free_at_ms(0), Some(91_000));
    }

    #[test]
    fn a_clock_that_goes_back_a_little_forgets_nothing() {
        let mut slots = taken_at(&[100_000, 60_000]);

        slots.roll(40_000);

        assert_eq!((slots.taken(), slots.free_at_ms(0)), (2, Some(161_000)));
    }

    #[test]
    fn a_clock_that_was_hours_ahead_does_not_stop_the_counter_for_hours() {
        let mut slots = taken_at(&[9_000_000]);

        slots.roll(100_000);

        assert_eq!(slots.taken(), 0);
    }
}
