//! Money as integers.

/// The price of one unit (a token, a query), in 10^-15 of a unit of currency: 0.15 dollars per million tokens are
/// 150,000,000 of these. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(i64);

/// The text is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no price: {reason}")]
pub struct NotAPrice {
    text: String,
    reason: &'static str,
}

impl Price {
    /// A price in 10^-15 of a unit of currency; `None` below 0.
    #[must_use]
    pub fn from_femto(femto: i64) -> Option<Self> {
        (femto >= 0).then_some(Self(femto))
    }

    /// In 10^-15 of a unit of currency.
    #[must_use]
    pub fn femto(self) -> i64 {
        self.0
    }

    /// Reads a price per unit, as price tables write it: `1.5e-07`, `0.00000015`, `2`. The conversion is exact.
    ///
    /// # Errors
    /// [`NotAPrice`] for what is no decimal number, is negative, too large, or finer than 10^-15.
    pub fn per_unit(text: &str) -> Result<Self, NotAPrice> {
        decimal(text, 15).map(Self)
    }

    /// Reads a price per million units, as providers print it: `0.15`. The conversion is exact.
    ///
    /// # Errors
    /// As [`Price::per_unit`]; the finest is 10^-9 per million.
    pub fn per_million(text: &str) -> Result<Self, NotAPrice> {
        decimal(text, 9).map(Self)
    }
}

/// `text` x 10^`digits`, which must be whole.
fn decimal(text: &str, digits: i32) -> Result<i64, NotAPrice> {
    let wrong = |reason| NotAPrice { text: text.to_owned(), reason };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| wrong("no decimal number"))?),
        None => (text, 0),
    };
    if mantissa.starts_with('-') {
        return Err(wrong("it is negative"));
    }
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || (whole.is_empty() && part.is_empty()) {
        return Err(wrong("no decimal number"));
    }
    let part = part.trim_end_matches('0');
    let mut value: i128 = 0;
    for byte in whole.bytes().chain(part.bytes()) {
        value = value * 10 + i128::from(byte - b'0');
        if value >= 1 << 100 {
            return Err(wrong("too many digits"));
        }
    }
    // Places that the decimal point still has to move to the right.
    let places = i64::from(digits) + i64::from(exponent) - i64::try_from(part.len()).unwrap_or(i64::MAX);
    let mut left = if value == 0 { 0 } else { places };
    while left > 0 {
        value =
            value.checked_mul(10).filter(|value| *value <= i128::from(i64::MAX)).ok_or_else(|| wrong("too large"))?;
        left -= 1;
    }
    while left < 0 {
        if value % 10 != 0 {
            return Err(wrong("finer than can be billed"));
        }
        value /= 10;
        left += 1;
    }
    i64::try_from(value).map_err(|_| wrong("too large"))
}

/// What prices are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Currency {
    /// United States dollars: the whole shipped table.
    Usd,
    /// Chinese yuan: rows of operators.
    Cny,
}

impl Currency {
    /// `USD`, `CNY`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Cny => "CNY",
        }
    }
}
