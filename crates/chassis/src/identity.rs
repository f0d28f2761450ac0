//! The internal token: who is calling, signed by one service and verified by the next.
//!
//! It lives for a minute and is bound to the service that it is sent to, so that a leaked one opens little.
//! The secret is shared by all services of one installation and never leaves them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use septet_kernel::{BoxError, Caller, Clock, ServiceName, Timestamp};
use serde::{Deserialize, Serialize};

/// Carries the signed identity.
pub const IDENTITY_HEADER: &str = "x-septet-identity";
/// Carries the moment at which the outermost caller stops waiting, in milliseconds since 1970.
pub const DEADLINE_HEADER: &str = "x-septet-deadline";
/// Carries the id of the request from outside; it is the trace id too.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

const LIFETIME_S: i64 = 60;

/// Signs and verifies identities. Cheap to clone.
#[derive(Clone)]
pub struct Signer {
    keys: Arc<Keys>,
    clock: Clock,
}

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    exp: i64,
    #[serde(flatten)]
    caller: Caller,
}

impl Signer {
    /// A signer over the secret that all services of this installation share.
    #[must_use]
    pub fn new(secret: &SecretString, clock: Clock) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let keys = Keys { encoding: EncodingKey::from_secret(bytes), decoding: DecodingKey::from_secret(bytes) };
        Self { keys: Arc::new(keys), clock }
    }

    /// A secret for one purpose, the same for everybody who shares ours. It tells nothing about ours or about those for
    /// other purposes.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> SecretString {
        // The signed part of a token contains no space, so a derived secret can never equal a token's signature.
        let message = format!("secret for {purpose}");
        jsonwebtoken::crypto::sign(message.as_bytes(), &self.keys.encoding, Algorithm::HS256)
            .expect("HMAC takes keys of any length")
            .into()
    }

    /// Moves the caller from the request's extensions into signed headers.
    ///
    /// A request without a caller stays anonymous; the other side refuses it where it needs one.
    pub(crate) fn sign(&self, to: ServiceName, request: &mut Request<Body>) -> Result<(), BoxError> {
        let Some(caller) = request.extensions_mut().remove::<Caller>() else { return Ok(()) };
        let claims = Claims { aud: to.as_str().to_owned(), exp: self.clock.now_s() + LIFETIME_S, caller };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.encoding)?;
        let headers = request.headers_mut();
        headers.insert(IDENTITY_HEADER, HeaderValue::try_from(token)?);
        headers.insert(REQUEST_ID_HEADER, HeaderValue::try_from(claims.caller.request.to_string())?);
        if let Some(deadline) = claims.caller.deadline {
            headers.insert(DEADLINE_HEADER, HeaderValue::from(deadline.as_millisecond()));
        }
        Ok(())
    }

    /// The caller behind a token that was sent to `service`; nothing when the token is forged, stale or meant for
    /// another service.
    pub(crate) fn verify(&self, service: ServiceName, token: &str) -> Option<Caller> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[service.as_str()]);
        // The clock is ours, so that tests can move it.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.keys.decoding, &validation).ok()?.claims;
        (claims.exp >= self.clock.now_s()).then_some(claims.caller)
    }
}

/// The deadline that a header carries.
pub(crate) fn deadline(headers: &axum::http::HeaderMap) -> Option<Timestamp> {
    let ms = headers.get(DEADLINE_HEADER)?.to_str().ok()?.parse().ok()?;
    Timestamp::from_millisecond(ms).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use septet_kernel::Ids;
    use std::time::Duration;

    fn signed(signer: &Signer, clock: &Clock) -> Request<Body> {
        let ids = Ids::new(clock.clone());
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(Caller::background(ids.next(), ids.next()));
        signer.sign(ServiceName::AgentCore, &mut request).unwrap();
        request
    }

    fn token(request: &Request<Body>) -> &str {
        request.headers()[IDENTITY_HEADER].to_str().unwrap()
    }

    #[test]
    fn an_identity_is_good_for_one_service_and_one_minute() {
        let clock = Clock::manual(1_000_000);
        let signer = Signer::new(&"a secret".into(), clock.clone());
        let request = signed(&signer, &clock);

        assert!(signer.verify(ServiceName::AgentCore, token(&request)).is_some());
        assert!(signer.verify(ServiceName::SandboxRunner, token(&request)).is_none());
        clock.advance(Duration::from_secs(61));
        assert!(signer.verify(ServiceName::AgentCore, token(&request)).is_none());
    }

    #[test]
    fn derived_secrets_are_the_same_for_all_who_share_ours_and_differ_by_purpose() {
        let derive = |secret: &str, purpose: &str| {
            let signer = Signer::new(&secret.into(), Clock::manual(0));
            signer.derive(purpose).expose_secret().to_owned()
        };
        assert_eq!(derive("a secret", "pods"), derive("a secret", "pods"));
        assert_ne!(derive("a secret", "pods"), derive("a secret", "other pods"));
        assert_ne!(derive("a secret", "pods"), derive("another secret", "pods"));
        assert!(derive("a secret", "pods").len() >= 43, "256 bits");
    }

    #[test]
    fn an_identity_of_another_installation_is_refused() {
        let clock = Clock::manual(1_000_000);
        let request = signed(&Signer::new(&"another secret".into(), clock.clone()), &clock);

        assert!(Signer::new(&"a secret".into(), clock).verify(ServiceName::AgentCore, token(&request)).is_none());
    }
}
