//! Amazon's signature, version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, Method};
use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tracing::subscriber::{NoSubscriber, with_default};

use crate::error::Error;
use crate::headers;
use crate::kind::ProviderKind;

/// Signs requests for one region.
pub(crate) struct Signer<'a> {
    pub region: &'a str,
    pub access_key: &'a SecretString,
    pub secret_key: &'a SecretString,
    pub session_token: Option<&'a SecretString>,
}

impl Signer<'_> {
    /// Adds what proves that the request is ours.
    pub(crate) fn sign(
        &self,
        method: &Method,
        url: &Url,
        body: &[u8],
        now: Timestamp,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        // The library writes the request into its traces, including body and session token.
        let added = with_default(NoSubscriber::default(), || self.added(method, url, body, now, headers));
        for (name, value) in added.ok_or(Error::Key(ProviderKind::Bedrock))? {
            let value = headers::secret(&value).ok_or(Error::Key(ProviderKind::Bedrock))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(())
    }

    fn added(
        &self,
        method: &Method,
        url: &Url,
        body: &[u8],
        now: Timestamp,
        headers: &HeaderMap,
    ) -> Option<Vec<(&'static str, String)>> {
        let token = self.session_token.map(|token| token.expose_secret().to_owned());
        let (access, secret) = (self.access_key.expose_secret(), self.secret_key.expose_secret());
        let identity = Credentials::new(access, secret, token, None, "septet").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("bedrock")
            .time(SystemTime::from(now))
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        // Only what no proxy on the way would touch.
        let signed = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let signed = signed.map(|value| ("content-type", value)).into_iter();
        let request = SignableRequest::new(method.as_str(), url.as_str(), signed, SignableBody::Bytes(body)).ok()?;
        let (added, _params) = sign(request, &params).ok()?.into_parts().0.into_parts();
        Some(added.into_iter().map(|header| (header.name(), header.value().to_owned())).collect())
    }
}
