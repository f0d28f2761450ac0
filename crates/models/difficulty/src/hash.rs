//! Hashes of words and of pairs of them, built up character by character: nothing is allocated.
//!
//! The weights were trained on these hashes: another function here needs another weights file.

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where the hash of a word begins.
pub(crate) const WORD: u64 = 0x51ed_270b_0a1c_7b01;
/// Where the hash of Chinese, Japanese and Korean characters begins.
pub(crate) const CJK: u64 = 0x2545_f491_4f6c_dd1d;
/// Where the hash of a number's shape begins.
pub(crate) const NUMBER: u64 = 0x8ebc_6af0_9c88_c6e3;
/// Where the hash of a punctuation mark begins.
pub(crate) const MARK: u64 = 0x3c79_ac49_2ba7_b653;

/// Adds a character.
#[inline]
pub(crate) fn push(hash: u64, character: char) -> u64 {
    (hash.rotate_left(5) ^ u64::from(u32::from(character))).wrapping_mul(STEP)
}

/// The hash of two neighbours.
#[inline]
pub(crate) fn pair(first: u64, second: u64) -> u64 {
    (first.rotate_left(23) ^ second).wrapping_mul(STEP)
}

/// The upper half, which is the better mixed one.
#[inline]
pub(crate) fn fold(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Whether a character stands for a syllable or a word by itself.
#[inline]
pub(crate) fn is_cjk(character: char) -> bool {
    matches!(u32::from(character), 0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x2_0000..=0x3_134f)
}
