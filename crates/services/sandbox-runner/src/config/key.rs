//! Keys of clients that come without the API gateway.

use septet_chassis::Secret;
use septet_chassis::service_keys::{KeyHash, key_hash};
use serde::{Deserialize, Serialize};

const CHARS_MIN: usize = 16;

/// A client that comes without the API gateway: `septet serve sandbox-runner` needs nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// What it sends as `Authorization: Bearer` or `x-api-key`; at least 16 characters.
    #[serde(default)]
    pub key: Option<Secret>,
    /// In its place the SHA-256 of the key, in hex, so that the key itself stands nowhere.
    #[serde(default)]
    pub key_sha256: Option<String>,
    /// Whose it is, by any name; tenants do not see each other's containers. Default `default`.
    #[serde(default = "default_tenant")]
    pub tenant: String,
}

fn default_tenant() -> String {
    "default".to_owned()
}

impl KeyConfig {
    /// A key of a tenant.
    #[must_use]
    pub fn new(key: &str, tenant: &str) -> Self {
        Self { key: Some(Secret::new(key)), key_sha256: None, tenant: tenant.to_owned() }
    }

    /// What it is known by.
    pub(crate) fn sha256(&self) -> Result<KeyHash, &'static str> {
        match (&self.key, &self.key_sha256) {
            (Some(key), None) if key.expose().len() >= CHARS_MIN => Ok(key_hash(key.expose())),
            (Some(_), None) => Err("write at least 16 characters, so that nobody guesses it"),
            (None, Some(hex)) => {
                let mut bytes = [0; 32];
                hex::decode_to_slice(hex.trim(), &mut bytes).map_err(|_| "key_sha256 has 64 hex digits")?;
                Ok(bytes)
            }
            (None, None) | (Some(_), Some(_)) => Err("write either key or key_sha256"),
        }
    }

    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        if self.tenant.is_empty() {
            return Err(format!("sandbox.keys.{name}.tenant: a tenant has a name"));
        }
        self.sha256().map(drop).map_err(|what| format!("sandbox.keys.{name}: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(toml: serde_json::Value) -> KeyConfig {
        serde_json::from_value(toml).unwrap()
    }

    #[test]
    fn a_key_and_its_hash_are_the_same_key() {
        let plain = KeyConfig::new("sk-0123456789abcdef", "acme");
        let hashed = parsed(serde_json::json!({"key_sha256": hex::encode(key_hash("sk-0123456789abcdef"))}));
        assert_eq!(plain.sha256(), hashed.sha256());
        assert_eq!(hashed.tenant, "default");
        assert!(!format!("{plain:?}{}", serde_json::to_string(&plain).unwrap()).contains("0123456789"));
    }

    #[test]
    fn keys_that_cannot_work_are_named() {
        for wrong in [
            serde_json::json!({"key": "short"}),
            serde_json::json!({}),
            serde_json::json!({"key": "sk-0123456789abcdef", "key_sha256": "00"}),
            serde_json::json!({"key_sha256": "00"}),
            serde_json::json!({"key": "sk-0123456789abcdef", "tenant": ""}),
        ] {
            assert!(parsed(wrong.clone()).check("k").unwrap_err().starts_with("sandbox.keys.k"), "{wrong}");
        }
    }
}
