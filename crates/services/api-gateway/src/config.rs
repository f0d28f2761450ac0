//! The settings of the API gateway, section `[gateway]`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use septet_contracts::gateway::BillingMode;
use serde::{Deserialize, Serialize};

/// Settings of the API gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The PEM file with the Ed25519 key that signs access tokens. Made at the first start when it is not there.
    /// Several gateways need the same file. Default `keys/gateway-ed25519.pem`.
    pub signing_key: PathBuf,
    /// How long an access token is good for, in seconds, 60 to 86 400. Default 900.
    pub access_token_s: u32,
    /// How long a session lasts without signing in again, in days, 1 to 365. Default 30.
    pub session_days: u32,
    /// For how long a refresh token that was just used gives the same answer once more, in seconds, 0 to 60: two tabs
    /// of one browser refresh at the same moment. Default 10.
    pub refresh_grace_s: u32,
    /// Failed sign-ins per mail address and network address before further ones are refused for a while, 1 to 100.
    /// Default 5.
    pub login_failures: u32,
    /// For how long runs are begun and things are changed while Management cannot be asked whose access was revoked, in
    /// seconds, 1 to 900. Reading goes on for 900. Default 60.
    pub rights_stale_s: u32,
    /// Requests per minute of one person, with all keys, and of one key, 1 to 1 000 000; a key may have a lower limit
    /// of its own. Default 600.
    pub requests_per_minute: u32,
    /// Requests per minute of a whole tenant, 1 to 10 000 000. Default 6000.
    pub tenant_requests_per_minute: u32,
    /// The largest JSON body in MiB, 1 to 64. Default 8.
    pub json_limit_mib: u64,
    /// The largest upload in MiB, 1 to 65 536. Default 512.
    pub upload_limit_mib: u64,
    /// How long an ordinary request may take, in seconds. Default 60.
    pub request_timeout_s: u32,
    /// How long a run, an upload or a model call may take until its answer begins, in seconds. Default 3600.
    pub run_timeout_s: u32,
    /// How often a silent event stream gets a keep-alive, in seconds, 1 to 60. Default 15.
    pub keep_alive_s: u32,
    /// How long a WebSocket may stay open, in minutes, 1 to 1440. Default 60.
    pub socket_minutes: u32,
    /// How often the blob store is swept for blobs that nothing refers to any more, in seconds, 1 to 86 400. Default
    /// 900.
    pub blob_sweep_s: u32,
    /// How old a blob that no row names must be before it is deleted, in seconds, 1 to 604 800: longer than an upload or an
    /// execution takes to write its rows. Default 900.
    pub blob_grace_s: u32,
    /// Networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, such as
    /// `10.0.0.0/8`. Default none.
    pub trusted_proxies: Vec<String>,
    /// The model that the console and `/api/status` name as the one to talk to. Default `agent:analyst`.
    pub default_agent: String,
    /// A folder with a built console, instead of the one inside the binary. Default none.
    pub console_folder: Option<PathBuf>,
    /// Money.
    pub billing: BillingConfig,
}

/// Settings of billing, section `[gateway.billing]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BillingConfig {
    /// How a tenant starts: `unlimited` (usage is only written down) or `prepaid` (stops when the balance is used up). Default
    /// `unlimited`.
    pub default_mode: BillingMode,
    /// For how many seconds money is held back for a call whose process died, 30 to 86 400. While a call runs its hold is
    /// renewed. Default 900.
    pub hold_expiry_s: u32,
    /// How often usage is fetched into the ledger, in milliseconds, 50 to 60 000. Default 2000.
    pub feed_every_ms: u32,
}

impl Default for BillingConfig {
    fn default() -> Self {
        Self { default_mode: BillingMode::Unlimited, hold_expiry_s: 900, feed_every_ms: 2000 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signing_key: PathBuf::from("keys/gateway-ed25519.pem"),
            access_token_s: 900,
            session_days: 30,
            refresh_grace_s: 10,
            login_failures: 5,
            rights_stale_s: 60,
            requests_per_minute: 600,
            tenant_requests_per_minute: 6000,
            json_limit_mib: 8,
            upload_limit_mib: 512,
            request_timeout_s: 60,
            run_timeout_s: 3600,
            keep_alive_s: 15,
            socket_minutes: 60,
            blob_sweep_s: 900,
            blob_grace_s: 900,
            trusted_proxies: Vec::new(),
            default_agent: "agent:analyst".to_owned(),
            console_folder: None,
            billing: BillingConfig::default(),
        }
    }
}

impl BillingConfig {
    /// How long a hold lasts unless it is renewed.
    pub(crate) fn hold_ms(&self) -> i64 {
        i64::from(self.hold_expiry_s) * 1000
    }
}

impl Config {
    /// Whether the settings can be used.
    ///
    /// # Errors
    /// A sentence that names the setting and what it may be.
    pub fn check(&self) -> Result<(), String> {
        within("access_token_s", self.access_token_s.into(), 60, 86_400)?;
        within("session_days", self.session_days.into(), 1, 365)?;
        within("refresh_grace_s", self.refresh_grace_s.into(), 0, 60)?;
        within("login_failures", self.login_failures.into(), 1, 100)?;
        within("rights_stale_s", self.rights_stale_s.into(), 1, 900)?;
        within("requests_per_minute", self.requests_per_minute.into(), 1, 1_000_000)?;
        within("tenant_requests_per_minute", self.tenant_requests_per_minute.into(), 1, 10_000_000)?;
        within("json_limit_mib", self.json_limit_mib, 1, 64)?;
        within("upload_limit_mib", self.upload_limit_mib, 1, 65_536)?;
        within("request_timeout_s", self.request_timeout_s.into(), 1, 3600)?;
        within("run_timeout_s", self.run_timeout_s.into(), 1, 86_400)?;
        within("keep_alive_s", self.keep_alive_s.into(), 1, 60)?;
        within("socket_minutes", self.socket_minutes.into(), 1, 1440)?;
        within("blob_sweep_s", self.blob_sweep_s.into(), 1, 86_400)?;
        within("blob_grace_s", self.blob_grace_s.into(), 1, 604_800)?;
        within("billing.hold_expiry_s", self.billing.hold_expiry_s.into(), 30, 86_400)?;
        within("billing.feed_every_ms", self.billing.feed_every_ms.into(), 50, 60_000)?;
        for network in &self.trusted_proxies {
            crate::address::Network::parse(network).map_err(|error| format!("gateway.trusted_proxies: {error}"))?;
        }
        Ok(())
    }

    /// Whether an address is one of a trusted proxy, behind which there are many people.
    ///
    /// # Errors
    /// When a network of `trusted_proxies` is none.
    pub fn proxies(&self) -> Result<impl Fn(IpAddr) -> bool + Send + Sync + use<>, String> {
        let proxies = crate::address::Proxies::new(&self.trusted_proxies)?;
        Ok(move |address| proxies.trusts(address))
    }

    pub(crate) fn json_limit_bytes(&self) -> u64 {
        self.json_limit_mib << 20
    }

    pub(crate) fn upload_limit_bytes(&self) -> u64 {
        self.upload_limit_mib << 20
    }

    pub(crate) fn run_timeout(&self) -> Duration {
        Duration::from_secs(self.run_timeout_s.into())
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s.into())
    }

    pub(crate) fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_s.into())
    }
}

fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("gateway.{name} is {value}; it may be {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_pass_and_a_wrong_network_is_named() {
        assert_eq!(Config::default().check(), Ok(()));

        let error =
            Config { trusted_proxies: vec!["10.0.0.0/40".to_owned()], ..Config::default() }.check().unwrap_err();

        assert!(error.contains("10.0.0.0/40"), "{error}");
    }
}
