//! Money in integer nano-units of the platform's currency. Never a float.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

/// An amount in nano-units: `1_000_000_000` is one unit of currency.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `n_tokens` at `per_million` for a million of them, rounded up so that a fraction is never given away.
    #[must_use]
    pub fn for_tokens(n_tokens: u64, per_million: Self) -> Self {
        let exact = i128::from(n_tokens) * i128::from(per_million.0);
        let rounded = (exact + 999_999).div_euclid(1_000_000);
        Self(i64::try_from(rounded).unwrap_or(i64::MAX))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_nano_unit_is_rounded_up() {
        assert_eq!(Money::for_tokens(1, Money(1)), Money(1));
        assert_eq!(Money::for_tokens(3, Money(2_500_000)), Money(8));
        assert_eq!(Money::for_tokens(0, Money(2_500_000)), Money::ZERO);
    }

    #[test]
    fn an_amount_prints_all_nine_digits() {
        assert_eq!(Money(-1_500_000_001).to_string(), "-1.500000001");
    }
}
