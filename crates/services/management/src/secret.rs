//! Secrets that Septet makes itself, and how a key is recognised without keeping it.

use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// What every API key starts with.
pub(crate) const KEY_PREFIX: &str = "sk-septet-";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
// Without what looks alike: this one is read from a screen and typed.
const TYPED_DIGITS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A new API key: 43 base62 characters, more than 32 random bytes could say.
pub(crate) fn api_key() -> SecretString {
    format!("{KEY_PREFIX}{}", random(DIGITS, 43)).into()
}

/// A new password of 100 random bits, in groups that can be read aloud.
pub(crate) fn password() -> SecretString {
    let text = random(TYPED_DIGITS, 20);
    let groups: Vec<&str> = (0..4).map(|group| &text[group * 5..group * 5 + 5]).collect();
    groups.join("-").into()
}

/// What is stored of a key: the SHA-256 of its text in hex. A slow hash would add nothing to 256 random bits.
pub(crate) fn sha256(key: &SecretString) -> String {
    hex::encode(Sha256::digest(key.expose_secret().as_bytes()))
}

/// What a person recognises a key by.
pub(crate) fn shown(key: &SecretString) -> String {
    key.expose_secret().chars().skip(KEY_PREFIX.len()).take(8).collect()
}

/// Random digits, each as likely as any other.
fn random(digits: &[u8], length: usize) -> String {
    // Bytes beyond the last whole multiple would favour the first digits.
    let limit = 256 - 256 % digits.len();
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
        let fitting = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < limit);
        text.extend(fitting.map(|byte| char::from(digits[byte % digits.len()])).take(length - text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_prefix_and_43_digits_of_which_8_are_shown() {
        let key = api_key();
        let digits = key.expose_secret().strip_prefix(KEY_PREFIX).unwrap();

        assert_eq!(digits.len(), 43);
        assert!(digits.bytes().all(|byte| DIGITS.contains(&byte)));
        assert_eq!(shown(&key), digits[..8]);
        assert_ne!(api_key().expose_secret(), key.expose_secret());
    }

    #[test]
    fn a_password_is_four_groups_of_five() {
        let password = password();
        let groups: Vec<&str> = password.expose_secret().split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [5, 5, 5, 5]);
    }

    #[test]
    fn every_digit_is_about_as_likely_as_any_other() {
        let text = random(DIGITS, 62 * 1000);
        for digit in DIGITS {
            let n = text.bytes().filter(|byte| byte == digit).count();
            assert!((800..1200).contains(&n), "{} came {n} times", char::from(*digit));
        }
    }
}
