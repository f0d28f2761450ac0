//! One provider, and what must be sent to it.

use http::{HeaderMap, Method};
use jiff::Timestamp;
use reqwest::Url;
use septet_protocols::Dialect;

use crate::address::{self, Address};
use crate::call::{Operation, Options, Prepared, ProviderRequest};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::kind::ProviderKind;
use crate::{headers, path, sign};

/// A provider at an address.
#[derive(Debug, Clone)]
pub struct Endpoint {
    kind: ProviderKind,
    address: Address,
    dialects: &'static [Dialect],
    region: Option<String>,
    extra: HeaderMap,
}

impl Endpoint {
    /// A provider at `base_url`, or at the usual address of its kind. Bedrock needs its region in one of the two.
    ///
    /// # Errors
    /// [`Error::NoAddress`], [`Error::Address`] and [`Error::Option`], each in words for who writes the settings.
    pub fn new(kind: ProviderKind, base_url: Option<&str>, options: &Options) -> Result<Self, Error> {
        if kind == ProviderKind::Local {
            return Err(Error::NotOffered { kind, what: "endpoint" });
        }
        let region = options.region.as_deref().map(str::trim).filter(|region| !region.is_empty());
        if region.is_some_and(|region| !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')) {
            return Err(Error::Option { option: "region", what: "must be a name such as eu-central-1" });
        }
        let usual = match region {
            Some(region) if kind == ProviderKind::Bedrock => {
                let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
                Some(format!("https://bedrock-runtime.{region}.amazonaws.com{suffix}"))
            }
            _ => kind.facts().base_url.map(str::to_owned),
        };
        let given = base_url.map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned);
        let mut address = address::read(kind, &given.or(usual).ok_or(Error::NoAddress(kind))?)?;
        let version = options.api_version.as_deref().map(str::trim).filter(|version| !version.is_empty());
        address.version = version.map(str::to_owned).or(address.version);
        let region = region.map(str::to_owned).or_else(|| region_in(&address.root));
        let dialects = dialects(kind, &parse(&address.root)?);
        Ok(Self { kind, address, dialects, region, extra: headers::extra(kind, options)? })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ProviderKind {
        self.kind
    }

    /// What it can be asked in, best first. A relay under another domain is only sure to have what most clients use.
    #[must_use]
    pub fn dialects(&self) -> &'static [Dialect] {
        self.dialects
    }

    /// Its address in its usual form, for people and for [`crate::Policy::check`].
    ///
    /// # Errors
    /// [`Error::Address`]; not seen, since the address was read before.
    pub fn url(&self) -> Result<Url, Error> {
        parse(&self.address.base())
    }

    /// What to send for a call.
    ///
    /// # Errors
    /// [`Error::NotOffered`], [`Error::Model`], [`Error::Credentials`] and [`Error::Key`].
    pub fn prepare(
        &self,
        call: &ProviderRequest<'_>,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<Prepared, Error> {
        let url = parse(&path::of(self.kind, &self.address, call.operation, call.model)?)?;
        let method = if call.operation == Operation::Models { Method::GET } else { Method::POST };
        let mut headers = headers::plain(call);
        match credentials {
            Credentials::None => {}
            Credentials::Bearer(key) => headers::key(self.kind, call.operation, key, &mut headers)?,
            Credentials::Aws { access_key, secret_key, session_token } => {
                if self.kind != ProviderKind::Bedrock {
                    return Err(Error::Credentials { kind: self.kind, what: "an API key" });
                }
                let region = self.region.as_deref();
                let region = region.ok_or(Error::Option { option: "region", what: "is needed to sign with it" })?;
                let signer = sign::Signer { region, access_key, secret_key, session_token: session_token.as_ref() };
                signer.sign(&method, &url, call.body, now, &mut headers)?;
            }
        }
        for (name, value) in &self.extra {
            headers.insert(name.clone(), value.clone());
        }
        Ok(Prepared { method, url, headers })
    }
}

fn dialects(kind: ProviderKind, url: &Url) -> &'static [Dialect] {
    let facts = kind.facts();
    let host = url.host_str().unwrap_or_default();
    let is_below = |home: &str| host.strip_suffix(home).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let is_home = facts.homes.is_empty() || facts.homes.iter().any(|home| is_below(home));
    if is_home { facts.dialects } else { facts.dialects.get(..1).unwrap_or_default() }
}

fn parse(text: &str) -> Result<Url, Error> {
    Url::parse(text).map_err(|_| Error::Address { what: "is no address" })
}

/// `bedrock-runtime.eu-west-1.amazonaws.com`, also with `-fips` and behind a private endpoint.
fn region_in(root: &str) -> Option<String> {
    let host = Url::parse(root).ok()?.host_str()?.to_owned();
    let parts: Vec<&str> = host.split('.').collect();
    let at = parts.iter().position(|part| matches!(*part, "bedrock-runtime" | "bedrock-runtime-fips"))?;
    host.contains("amazonaws.com").then(|| parts.get(at + 1).map(|region| (*region).to_owned()))?
}

#[cfg(test)]
mod tests;
