//! Access tokens: minted here, verified here, and by anybody who reads the JWKS.
//!
//! Only EdDSA under our own key is looked at; what the token's header says it would like to be verified with plays no
//! part. A token outlives its session by nothing: ended sessions are remembered until their last token has run out.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation};
use moka::future::Cache;
use septet_kernel::{Clock, Ids, RecordId, Role, TenantId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::identity::Identity;
use super::keys::Keys;
use crate::Error;

const ISSUER: &str = "septet";
const AUDIENCE: &str = "septet-api";
// Verifying costs about 60 µs and a console asks many things with one token.
const CACHED_FOR: Duration = Duration::from_secs(60);

/// Mints and verifies access tokens.
pub(crate) struct Tokens {
    lifetime_s: i64,
    clock: Clock,
    ids: Ids,
    verified: Cache<[u8; 32], Claims>,
    /// Sessions that ended while tokens of theirs may still be good.
    ended: Cache<String, ()>,
    /// People whose rights changed: their tokens from before that second no longer count.
    changed: Cache<UserId, i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    tenant: TenantId,
    role: Role,
    sid: String,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Tokens {
    pub(crate) fn new(lifetime_s: u32, clock: Clock, ids: Ids) -> Self {
        let remembered = Duration::from_secs(u64::from(lifetime_s) + 60);
        Self {
            lifetime_s: lifetime_s.into(),
            clock,
            ids,
            verified: Cache::builder().max_capacity(50_000).time_to_live(CACHED_FOR).build(),
            ended: Cache::builder().time_to_live(remembered).build(),
            changed: Cache::builder().time_to_live(remembered).build(),
        }
    }

    /// How long a token is good for, in seconds.
    pub(crate) fn lifetime_s(&self) -> i64 {
        self.lifetime_s
    }

    /// A token for a person in a session.
    pub(crate) fn mint(
        &self,
        keys: &Keys,
        tenant: TenantId,
        person: UserId,
        role: Role,
        session: &str,
    ) -> Result<String, Error> {
        let iat = self.clock.now_s();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: person,
            tenant,
            role,
            sid: session.to_owned(),
            iat,
            exp: iat + self.lifetime_s,
            jti: self.ids.next::<RecordId>().to_string(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(keys.kid.clone());
        jsonwebtoken::encode(&header, &claims, &keys.encoding)
            .map_err(|_| Error::Bug("an access token cannot be signed"))
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`Error::BadToken`], [`Error::ExpiredToken`] or [`Error::EndedSession`].
    pub(crate) async fn verify(&self, keys: &Keys, token: &str) -> Result<Identity, Error> {
        let name: [u8; 32] = Sha256::digest(token).into();
        let claims = match self.verified.get(&name).await {
            Some(claims) => claims,
            None => {
                let claims = check(keys, token)?;
                self.verified.insert(name, claims.clone()).await;
                claims
            }
        };
        if claims.exp <= self.clock.now_s() {
            return Err(Error::ExpiredToken);
        }
        if self.ended.contains_key(&claims.sid) {
            return Err(Error::EndedSession);
        }
        // A token of the same second may be the new one; it is let through rather than asked to refresh for ever.
        if self.changed.get(&claims.sub).await.is_some_and(|changed_s| claims.iat < changed_s) {
            return Err(Error::ExpiredToken);
        }
        Ok(Identity {
            tenant: claims.tenant,
            person: claims.sub,
            key: None,
            role: claims.role,
            session: Some(claims.sid),
            requests_per_minute: None,
        })
    }

    /// Refuses the tokens of a session from now on.
    pub(crate) async fn end(&self, session: &str) {
        self.ended.insert(session.to_owned(), ()).await;
    }

    /// Whether a session ended.
    pub(crate) fn has_ended(&self, session: &str) -> bool {
        self.ended.contains_key(session)
    }

    /// Makes a person refresh: what the tokens so far say about the rights is out of date.
    pub(crate) async fn outdate(&self, person: UserId) {
        self.changed.insert(person, self.clock.now_s()).await;
    }
}

fn check(keys: &Keys, token: &str) -> Result<Claims, Error> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The clock is ours, so that tests can move it.
    validation.validate_exp = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, &keys.decoding, &validation).map_err(|_| Error::BadToken)?;
    Ok(decoded.claims)
}
