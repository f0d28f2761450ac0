//! What the agent knows of its token: enough to verify it, not enough to reveal it.
//!
//! So a pod may carry it in its arguments, where code and whoever may list pods can read it.

use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// What to remember of a token.
    pub(super) fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether this is the token.
    pub(super) fn is_of(&self, token: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(token).into();
        given.ct_eq(&self.0).into()
    }
}

impl FromStr for TokenDigest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| format!("{text:?} is not the SHA-256 of a token in hexadecimal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_digest() {
        let digest = TokenDigest::new("a token that nobody guesses");
        let written = hex::encode(Sha256::digest("a token that nobody guesses"));
        assert_eq!(written.parse(), Ok(digest.clone()));
        assert!(digest.is_of(b"a token that nobody guesses"));
        assert!(!digest.is_of(written.as_bytes()), "the digest does not open what the token opens");
        assert!("abc".parse::<TokenDigest>().is_err());
    }
}
