//! The small functions between the multiplications, written as plain loops that the compiler turns into vector code.
//!
//! `f32::exp` and the like are called for one number at a time, and an encoder calls them for millions.

use std::f32::consts::{FRAC_1_SQRT_2, LN_2, LOG2_E};

/// The activation function between the two halves of a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Gelu,
    /// The approximation of GELU by a hyperbolic tangent.
    GeluTanh,
    Relu,
}

impl Activation {
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Self::Gelu => values.iter_mut().for_each(|x| *x = 0.5 * *x * (1.0 + erf(*x * FRAC_1_SQRT_2))),
            Self::GeluTanh => values.iter_mut().for_each(|x| {
                // 0.797.. is the root of 2 / pi.
                let inner = 0.797_884_6 * (*x + 0.044_715 * *x * *x * *x);
                *x *= 1.0 - 1.0 / (exp(2.0 * inner) + 1.0);
            }),
            Self::Relu => values.iter_mut().for_each(|x| *x = x.max(0.0)),
        }
    }
}

/// e to the `x`, to about 1e-7 of its value.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding this pushes the fraction out of an f32, which rounds, and leaves the whole number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    // ln 2 in two parts, the first with few bits, so that n times it is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -0.000_212_194_44;
    debug_assert!((LN_2_HIGH + LN_2_LOW - LN_2).abs() < 1e-7);
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    // The power series; |r| <= ln 2 / 2, so the first term left out is below 6e-9.
    let series = 1.0 / 5040.0;
    let series = series * r + 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r + 1.0;
    let series = series * r + 1.0;
    let power = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    series * f32::from_bits(power)
}

/// The error function, to 2e-7: formula 7.1.26 of Abramowitz and Stegun.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let sum = 1.061_405_4 * t - 1.453_152;
    let sum = sum * t + 1.421_413_7;
    let sum = sum * t - 0.284_496_74;
    let sum = sum * t + 0.254_829_6;
    (1.0 - sum * t * exp(-size * size)).copysign(x)
}

/// Softmax: turns scores into shares that add up to 1.
pub(crate) fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|score| *score = exp(*score - most));
    let share = 1.0 / sum(scores, |score| score);
    scores.iter_mut().for_each(|score| *score *= share);
}

/// Adds `values` to `row` and normalises the sum (layer norm): mean 0 and variance 1, then scaled and shifted.
pub(crate) fn add_and_norm(row: &mut [f32], values: &[f32], scale: &[f32], shift: &[f32], epsilon: f32) {
    row.iter_mut().zip(values).for_each(|(x, value)| *x += value);
    let n = row.len() as f32;
    let mean = sum(row, |x| x) / n;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / n;
    let factor = 1.0 / (variance + epsilon).sqrt();
    for ((x, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
        *x = (*x - mean) * factor * scale + shift;
    }
}

/// A sum in eight lanes that do not wait for one another.
#[inline(always)]
fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += of(*value);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| of(*value)).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_the_last_bits() {
        for step in -8700..8800 {
            let x = step as f32 / 100.0;
            let known = f64::from(x).exp();
            assert!((f64::from(exp(x)) / known - 1.0).abs() < 3e-7, "exp({x}) = {}", exp(x));
        }
        assert!(exp(-1000.0) < 1e-37 && exp(1000.0).is_finite());
    }

    #[test]
    fn the_error_function_is_right_to_six_digits() {
        let known = [(0.0, 0.0), (0.1, 0.112_462_92), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (2.0, 0.995_322_3)];
        for (x, value) in known {
            assert!((erf(x) - value).abs() < 5e-7 && (erf(-x) + value).abs() < 5e-7, "erf({x}) = {}", erf(x));
        }
        assert!((erf(9.0) - 1.0).abs() < 1e-7);
    }

    #[test]
    fn the_bends_are_those_that_the_names_stand_for() {
        let known = [
            (Activation::Gelu, [-0.158_655_26, 0.0, 0.345_731_23, 2.995_950_2]),
            (Activation::GeluTanh, [-0.158_808_01, 0.0, 0.345_714, 2.996_362_7]),
            (Activation::Relu, [0.0, 0.0, 0.5, 3.0]),
        ];
        for (activation, wanted) in known {
            let mut values = [-1.0, 0.0, 0.5, 3.0];
            activation.apply(&mut values);
            let is_near = values.iter().zip(&wanted).all(|(value, wanted)| (value - wanted).abs() < 1e-6);
            assert!(is_near, "{activation:?}: {values:?}");
        }
    }

    #[test]
    fn shares_add_up_to_one_whatever_the_scores() {
        for mut scores in [vec![0.0; 13], vec![-1e30, 5.0, 4.0], vec![700.0, -700.0], vec![1.0]] {
            softmax(&mut scores);
            assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{scores:?}");
        }
    }
}
