//! By how much the usage that a deployment reports exceeds the estimated maximum.
//!
//! The most that a call can cost is known from its bytes, its limit and the prices, if the provider counts tokens in
//! the usual way. A deviation is noticed at the first call and expected from then on: the excess share is kept back as
//! well, and halved after each call that stays below it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// What is known of a deployment.
#[derive(Debug, Default)]
pub(crate) struct Excess {
    /// In thousandths of the estimated maximum.
    permille: AtomicI64,
    /// In nano-units, where the estimated maximum was zero.
    nano: AtomicI64,
    is_known: AtomicBool,
}

impl Excess {
    /// What is to be kept back for a call that could cost `most`.
    pub(crate) fn on(&self, most: i64) -> i64 {
        if most <= 0 {
            return self.nano.load(Ordering::Relaxed);
        }
        let beyond = i128::from(most) * i128::from(self.permille.load(Ordering::Relaxed)) / 1_000;
        i64::try_from(i128::from(most) + beyond).unwrap_or(i64::MAX)
    }

    /// Whether any call has shown how the deployment counts.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// A call was answered whole, and the deployment said nothing of what it used.
    pub(crate) fn counted_here(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// A call that could cost `most` cost `real`.
    pub(crate) fn learn(&self, most: i64, real: i64) {
        let beyond = real.saturating_sub(most).max(0);
        let (known, beyond) = if most <= 0 {
            (&self.nano, beyond)
        } else {
            let share = (i128::from(beyond) * 1_000 + i128::from(most) - 1) / i128::from(most);
            (&self.permille, i64::try_from(share).unwrap_or(i64::MAX))
        };
        let _always = known.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| Some((known / 2).max(beyond)));
        self.is_known.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_beyond_is_believed_and_forgotten_by_halves() {
        let excess = Excess::default();
        assert_eq!((excess.on(100), excess.is_known()), (100, false));

        excess.learn(100, 1_100);
        assert_eq!((excess.on(100), excess.on(10), excess.is_known()), (1_100, 110, true));
        excess.learn(100, 90);
        assert_eq!(excess.on(100), 600);
        excess.learn(100, 800);
        assert_eq!(excess.on(100), 800);
        excess.learn(0, 7);
        assert_eq!((excess.on(0), excess.on(i64::MAX)), (7, i64::MAX));
    }
}
