//! Secrets that code can use and cannot read.
//!
//! In the sandbox a secret is a placeholder in an environment variable. The proxy puts the value in its place, in
//! the headers of requests to the secret's own domains and nowhere else, and takes it out of what comes back.
//!
//! Values are kept in memory alone: not in a table, not in a log, not in an answer. After a restart of the service
//! they are gone; a request that needs one is then refused with that reason, and a new container takes a new value.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use septet_kernel::ContainerId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::policy::{Domain, Host};
use super::refusal::Refusal;

const VALUE_BYTES: std::ops::RangeInclusive<usize> = 8..=4096;
const NAME_MAX: usize = 64;
/// Variables that steer programs or are set by the sandbox itself.
const TAKEN: [&str; 14] = [
    "PATH",
    "HOME",
    "LANG",
    "SHELL",
    "USER",
    "TMPDIR",
    "IFS",
    "ENV",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];
const TAKEN_PREFIXES: [&str; 9] = ["LD_", "PYTHON", "PIP_", "SSL_", "MPL", "MATPLOTLIB", "OMP_", "OPENBLAS_", "LC_"];

/// A secret without its value: what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SecretName {
    pub(crate) domain: Domain,
    pub(crate) name: String,
}

/// The value of a secret, with where it belongs.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) place: SecretName,
    pub(crate) value: SecretString,
}

/// Says what is wrong with a name or value, if anything is. Never shows the value.
pub(crate) fn complaint(name: &str, value: &str) -> Option<String> {
    let is_word = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.as_bytes()[0].is_ascii_digit();
    let upper = name.to_ascii_uppercase();
    if !is_word {
        let shown: String = name.chars().take(NAME_MAX).collect();
        return Some(format!("the name {shown:?} of a secret is no name of an environment variable"));
    }
    if TAKEN.contains(&upper.as_str()) || TAKEN_PREFIXES.iter().any(|prefix| upper.starts_with(prefix)) {
        return Some(format!("the name {name} means something to programs already; choose another for the secret"));
    }
    if !VALUE_BYTES.contains(&value.len()) || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        let (min, max) = (VALUE_BYTES.start(), VALUE_BYTES.end());
        return Some(format!("the value of {name} must be {min} to {max} printable ASCII characters"));
    }
    None
}

/// The values of all containers of this process.
#[derive(Clone, Default)]
pub(super) struct Vault(Arc<Mutex<HashMap<ContainerId, Vec<Secret>>>>);

impl Vault {
    pub(super) fn put(&self, container: ContainerId, secrets: Vec<Secret>) {
        if !secrets.is_empty() {
            self.all().insert(container, secrets);
        }
    }

    pub(super) fn get(&self, container: ContainerId) -> Vec<Secret> {
        self.all().get(&container).cloned().unwrap_or_default()
    }

    pub(super) fn forget(&self, container: ContainerId) {
        self.all().remove(&container);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ContainerId, Vec<Secret>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The secrets of one session.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    /// By name.
    placeholders: BTreeMap<String, String>,
    places: Vec<SecretName>,
    values: Vec<Secret>,
}

impl Secrets {
    /// `places` are those the container was made with, `values` those that are still known.
    pub(super) fn new(places: &[SecretName], values: Vec<Secret>) -> Self {
        let placeholders = places.iter().map(|place| (place.name.clone(), placeholder(&place.name))).collect();
        Self { placeholders, places: places.to_vec(), values }
    }

    /// What code sees: the placeholders, by name.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&String, &String)> {
        self.placeholders.iter()
    }

    pub(super) fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.places.iter().map(|place| &place.domain)
    }

    /// Whether a secret belongs to this host.
    pub(super) fn concern(&self, host: &Host) -> bool {
        self.domains().any(|domain| domain.covers(host))
    }

    /// Puts the values that belong to `host` into the headers, and gives back those that were put in.
    ///
    /// # Errors
    /// When a value is not known any more, or `is_safe` is false and it would cross the network in the clear.
    pub(super) fn put_in(
        &self,
        host: &Host,
        headers: &mut HeaderMap,
        is_safe: bool,
    ) -> Result<Vec<SecretString>, Refusal> {
        let mut used = Vec::new();
        for place in self.places.iter().filter(|place| place.domain.covers(host)) {
            let Some(placeholder) = self.placeholders.get(&place.name) else { continue };
            for header in headers.values_mut() {
                let Some(form) = Form::of(header, placeholder) else { continue };
                if !is_safe {
                    return Err(Refusal::SecretInClear(place.name.clone()));
                }
                let value = self.values.iter().find(|secret| secret.place == *place);
                let Some(secret) = value else { return Err(Refusal::SecretLost(place.name.clone())) };
                *header = form.with(placeholder, secret.value.expose_secret()).ok_or(Refusal::BadHeader)?;
                used.push(secret.value.clone());
                if let Form::Basic(_) = form {
                    used.push(STANDARD.encode(form.text(placeholder, secret.value.expose_secret())).into());
                }
            }
        }
        Ok(used)
    }
}

/// How a placeholder stands in a header.
enum Form {
    Plain(String),
    /// Behind base64, as `Authorization: Basic` has it.
    Basic(String),
}

impl Form {
    fn of(header: &HeaderValue, placeholder: &str) -> Option<Self> {
        let text = header.to_str().ok()?;
        if text.contains(placeholder) {
            return Some(Self::Plain(text.to_owned()));
        }
        let (scheme, rest) = text.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        decoded.contains(placeholder).then_some(Self::Basic(decoded))
    }

    fn text(&self, placeholder: &str, value: &str) -> String {
        match self {
            Self::Plain(text) | Self::Basic(text) => text.replace(placeholder, value),
        }
    }

    fn with(&self, placeholder: &str, value: &str) -> Option<HeaderValue> {
        let text = self.text(placeholder, value);
        let text = match self {
            Self::Plain(_) => text,
            Self::Basic(_) => format!("Basic {}", STANDARD.encode(text)),
        };
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// The same after a restart and in a copy of the session, so that what code wrote down stays true. It is no secret:
/// it stands for a value only in sessions that were given one of this name.
fn placeholder(name: &str) -> String {
    let hash = Sha256::digest(name);
    format!("septet-secret-{}", hex::encode(&hash[..12]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> Host {
        name.parse().unwrap()
    }

    fn secrets(is_known: bool) -> Secrets {
        let place = SecretName { domain: "*.api.example".parse().unwrap(), name: "API_KEY".to_owned() };
        let values = is_known.then(|| Secret { place: place.clone(), value: "sk-0123456789".into() });
        Secrets::new(&[place], values.into_iter().collect())
    }

    fn bearer(secrets: &Secrets) -> HeaderMap {
        let (_, placeholder) = secrets.environment().next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {placeholder}").parse().unwrap());
        headers
    }

    #[test]
    fn a_value_takes_the_place_of_its_placeholder() {
        let secrets = secrets(true);
        let mut headers = bearer(&secrets);
        let used = secrets.put_in(&host("v1.api.example"), &mut headers, true).unwrap();
        assert_eq!(headers["authorization"], "Bearer sk-0123456789");
        assert_eq!(used.len(), 1);
        assert!(!format!("{headers:?}").contains("sk-0123456789"));
    }

    #[test]
    fn a_value_goes_into_a_password_too() {
        let secrets = secrets(true);
        let (_, placeholder) = secrets.environment().next().unwrap();
        let mut headers = HeaderMap::new();
        let basic = STANDARD.encode(format!("user:{placeholder}"));
        headers.insert("authorization", format!("basic {basic}").parse().unwrap());
        secrets.put_in(&host("v1.api.example"), &mut headers, true).unwrap();
        assert_eq!(headers["authorization"], format!("Basic {}", STANDARD.encode("user:sk-0123456789")));
    }

    #[test]
    fn another_domain_gets_the_placeholder_only() {
        let secrets = secrets(true);
        for other in ["api.example", "api.example.evil.example", "evil.example"] {
            let mut headers = bearer(&secrets);
            let before = headers.clone();
            assert!(secrets.put_in(&host(other), &mut headers, true).unwrap().is_empty());
            assert_eq!(headers, before, "{other}");
        }
    }

    #[test]
    fn a_value_is_never_sent_in_the_clear_and_a_lost_one_is_said_to_be_lost() {
        let known = secrets(true);
        let mut headers = bearer(&known);
        let refusal = known.put_in(&host("v1.api.example"), &mut headers, false).unwrap_err();
        assert!(matches!(refusal, Refusal::SecretInClear(name) if name == "API_KEY"));
        let lost = secrets(false);
        let refusal = lost.put_in(&host("v1.api.example"), &mut bearer(&lost), true).unwrap_err();
        assert!(matches!(refusal, Refusal::SecretLost(name) if name == "API_KEY"));
    }

    #[test]
    fn a_name_that_programs_know_is_refused() {
        for name in
            ["", "1A", "A-B", "A=B", "path", "LD_PRELOAD", "PYTHONPATH", "https_proxy", "PIP_INDEX_URL", "A\nB", "é"]
        {
            assert!(complaint(name, "0123456789").is_some(), "{name:?}");
        }
        for value in ["", "short", "with\nnewline", "with\0nul", "käse-käse-käse"] {
            let said = complaint("API_KEY", value).unwrap();
            assert!(value.is_empty() || !said.contains(value), "{said}");
        }
        assert_eq!(complaint("API_KEY", "sk-0123456789"), None);
    }
}
