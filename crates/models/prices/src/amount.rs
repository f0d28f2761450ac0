//! Amounts as providers write them into their answers.

/// The amount `text` in 10^-9 of its unit, rounded half up; `None` for what is no decimal number, is negative, or does not
/// fit.
///
/// Unlike a price it may be finer than can be billed: providers print what their floating point came to.
#[must_use]
pub fn nano(text: &str) -> Option<i64> {
    let (mantissa, exponent) = match text.trim().split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text.trim(), 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let (mut value, mut n_digits) = (0_i128, 0);
    for byte in whole.bytes().chain(part.bytes()) {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        value = value * 10 + digit;
        n_digits += u32::from(value > 0);
        // More digits than any amount has.
        if n_digits > 30 {
            return None;
        }
    }
    // How far the point still has to move to the right.
    let places = i64::from(exponent) + 9 - i64::try_from(part.len()).ok()?;
    let power = |places: i64| 10_i128.checked_pow(u32::try_from(places).ok()?);
    let nano = if value == 0 {
        0
    } else if places >= 0 {
        value.checked_mul(power(places)?)?
    } else {
        // Beyond the last digit there is nothing left to round up.
        power(-places).map_or(0, |unit| (value + unit / 2) / unit)
    };
    i64::try_from(nano).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_to_the_nearest_nano() {
        let amounts = [
            ("0.00014", Some(140_000)),
            ("1.2e-05", Some(12_000)),
            ("2E3", Some(2_000_000_000_000)),
            ("0.0000000014", Some(1)),
            ("0.0000000015", Some(2)),
            ("0.00000123456789012345", Some(1_235)),
            ("5e-324", Some(0)),
            ("0", Some(0)),
            ("0e99", Some(0)),
        ];
        for (text, nano) in amounts {
            assert_eq!(super::nano(text), nano, "{text}");
        }
        for wrong in ["", ".", "-0.1", "NaN", "1e40", "1,5", "9".repeat(31).as_str()] {
            assert_eq!(nano(wrong), None, "{wrong}");
        }
    }
}
