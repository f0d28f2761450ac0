//! One provider, and what must be sent to it.

use std::fmt;

use http::{HeaderMap, HeaderName, Method};
use jiff::Timestamp;
use reqwest::Url;
use septet_protocols::{Dialect, Framing};

use crate::address::{self, Address};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::kind::Kind;
use crate::{headers, path, sign};

/// What a provider is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// To answer.
    Chat {
        /// In which dialect. One that the kind does not list in [`crate::Facts::dialects`] is addressed as well, where
        /// servers of its kind have it in a usual place: newer versions of vLLM, LM Studio or a proxy do.
        dialect: Dialect,
        /// In pieces.
        stream: bool,
    },
    /// To embed.
    Embeddings,
    /// To put documents in order.
    Rerank,
    /// To list its models. It is asked with GET; there is no body.
    Models,
}

/// What differs between providers of one kind.
#[derive(Clone, Default)]
pub struct Options {
    /// Azure's `api-version`. One with a date asks for the older form with deployments in its addresses.
    pub api_version: Option<String>,
    /// Amazon's region.
    pub region: Option<String>,
    /// Which of OpenAI's organizations pays.
    pub organization: Option<String>,
    /// Which of OpenAI's projects pays.
    pub project: Option<String>,
    /// More headers; they win over our own. Taken for secret.
    pub headers: HeaderMap,
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        out.debug_struct("Options")
            .field("api_version", &self.api_version)
            .field("region", &self.region)
            .field("organization", &self.organization)
            .field("project", &self.project)
            .field("headers", &headers)
            .finish()
    }
}

/// A provider at an address.
#[derive(Debug, Clone)]
pub struct Endpoint {
    kind: Kind,
    address: Address,
    dialects: &'static [Dialect],
    region: Option<String>,
    extra: HeaderMap,
}

/// A request that is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What it asks for.
    pub operation: Operation,
    /// The model as the provider names it; part of the address for some.
    pub model: &'a str,
    /// The body, in bytes as they will be sent: some sign it.
    pub body: &'a [u8],
    /// What the client sent along. `anthropic-beta` and `openai-beta` are passed on, where they are understood.
    pub client: Option<&'a HeaderMap>,
}

/// What to send, apart from the body.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// GET or POST.
    pub method: Method,
    /// Where. Holds no key.
    pub url: Url,
    /// With which headers. Those that hold a key are marked as sensitive and do not print.
    pub headers: HeaderMap,
}

impl Endpoint {
    /// A provider at `base_url`, or at the usual address of its kind. Bedrock needs its region in one of the two.
    ///
    /// # Errors
    /// [`Error::NoAddress`], [`Error::Address`] and [`Error::Option`], each in words for who writes the settings.
    pub fn new(kind: Kind, base_url: Option<&str>, options: &Options) -> Result<Self, Error> {
        if kind == Kind::Local {
            return Err(Error::NotOffered { kind, what: "endpoint" });
        }
        let region = options.region.as_deref().map(str::trim).filter(|region| !region.is_empty());
        if region.is_some_and(|region| !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')) {
            return Err(Error::Option { option: "region", what: "must be a name such as eu-central-1" });
        }
        let usual = match region {
            Some(region) if kind == Kind::Bedrock => {
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
    pub fn kind(&self) -> Kind {
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
    pub fn prepare(&self, call: &Call<'_>, credentials: &Credentials, now: Timestamp) -> Result<Prepared, Error> {
        let url = parse(&path::of(self.kind, &self.address, call.operation, call.model)?)?;
        let method = if call.operation == Operation::Models { Method::GET } else { Method::POST };
        let mut headers = headers::plain(call);
        match credentials {
            Credentials::None => {}
            Credentials::Bearer(key) => headers::key(self.kind, call.operation, key, &mut headers)?,
            Credentials::Aws { access_key, secret_key, session_token } => {
                if self.kind != Kind::Bedrock {
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

/// How the pieces of an answer are told apart.
#[must_use]
pub fn framing(dialect: Dialect) -> Framing {
    match dialect {
        Dialect::Chat | Dialect::Responses | Dialect::Anthropic | Dialect::Gemini | Dialect::Cohere => Framing::Sse,
        Dialect::Ollama => Framing::Lines,
        Dialect::Bedrock => Framing::EventStream,
    }
}

fn dialects(kind: Kind, url: &Url) -> &'static [Dialect] {
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
