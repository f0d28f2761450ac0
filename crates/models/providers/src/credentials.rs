//! What proves to a provider who pays.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A provider's key. Never prints.
#[derive(Clone, Default)]
pub enum Credentials {
    /// An API key, in whatever header the provider wants it.
    Bearer(SecretString),
    /// A key of Amazon's, to sign with.
    Aws {
        /// Which key; not secret, but not for publication either.
        access_key: SecretString,
        /// The key.
        secret_key: SecretString,
        /// Comes with keys that were lent for a while.
        session_token: Option<SecretString>,
    },
    /// None: a server that asks for none.
    #[default]
    None,
}

impl Credentials {
    /// An API key. White space around it, which comes with copying, is left out; nothing is no key.
    #[must_use]
    pub fn bearer(key: impl Into<String>) -> Self {
        match key.into().trim() {
            "" => Self::None,
            key => Self::Bearer(SecretString::from(key)),
        }
    }

    /// A key of Amazon's.
    #[must_use]
    pub fn aws(access_key: impl Into<String>, secret_key: impl Into<String>, session_token: Option<String>) -> Self {
        Self::Aws {
            access_key: SecretString::from(access_key.into().trim()),
            secret_key: SecretString::from(secret_key.into().trim()),
            session_token: session_token.map(|token| SecretString::from(token.trim())),
        }
    }

    /// Whether there is something to show.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The text without the keys, should it hold them: some providers repeat the key that they refuse.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let secrets: Vec<&SecretString> = match self {
            Self::Bearer(key) => vec![key],
            Self::Aws { access_key, secret_key, session_token } => {
                [Some(access_key), Some(secret_key), session_token.as_ref()].into_iter().flatten().collect()
            }
            Self::None => Vec::new(),
        };
        let mut text = text.to_owned();
        for secret in secrets {
            let secret = secret.expose_secret();
            // A key of a few letters is a placeholder for a server that wants none; its letters may be part of ordinary
            // words.
            if secret.len() >= 6 {
                text = text.replace(secret, "[key]");
            }
        }
        text
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Bearer(_) => "Bearer([hidden])",
            Self::Aws { .. } => "Aws([hidden])",
            Self::None => "None",
        })
    }
}
