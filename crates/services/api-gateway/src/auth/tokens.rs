//! Access tokens: minted here, verified here, and by anybody who reads the JWKS.
//!
//! Only EdDSA under our own key is accepted; the algorithm in the token's header is ignored. Whether the session and
//! the rights behind a token still are what it says is for [`super::revocations`] to know.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation};
use moka::future::Cache;
use septet_contracts::management::User;
use septet_kernel::{Clock, Ids, RecordId, Role, TenantId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::identity::Identity;
use super::keys::Keys;
use crate::Error;

const ISSUER: &str = "septet";
const AUDIENCE: &str = "septet-api";
// Verifying costs about 60 µs and a console asks many things with one token.
const CACHE_TTL: Duration = Duration::from_secs(60);

/// Mints and verifies access tokens.
pub(crate) struct Tokens {
    lifetime_s: i64,
    clock: Clock,
    ids: Ids,
    verified: Cache<[u8; 32], Claims>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    tenant: TenantId,
    role: Role,
    sid: String,
    /// The number of the newest change of rights when the role was read.
    #[serde(default)]
    epoch: i64,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Tokens {
    pub(crate) fn new(lifetime_s: u32, clock: Clock, ids: Ids) -> Self {
        Self {
            lifetime_s: lifetime_s.into(),
            clock,
            ids,
            verified: Cache::builder().max_capacity(50_000).time_to_live(CACHE_TTL).build(),
        }
    }

    /// How long a token is good for, in seconds.
    pub(crate) fn lifetime_s(&self) -> i64 {
        self.lifetime_s
    }

    /// A token for a person in a session.
    pub(crate) fn mint(&self, keys: &Keys, user: &User, epoch: i64, session: &str) -> Result<String, Error> {
        let iat = self.clock.now_s();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.id,
            tenant: user.tenant.id,
            role: user.role,
            sid: session.to_owned(),
            epoch,
            iat,
            exp: iat + self.lifetime_s,
            jti: self.ids.next::<RecordId>().to_string(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(keys.kid.clone());
        jsonwebtoken::encode(&header, &claims, &keys.encoding)
            .map_err(|_| Error::Bug("an access token cannot be signed"))
    }

    /// Whose token this is; what it says may be out of date.
    ///
    /// # Errors
    /// [`Error::BadToken`] or [`Error::ExpiredToken`].
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
        Ok(Identity {
            tenant: claims.tenant,
            person: claims.sub,
            key: None,
            role: claims.role,
            session: Some(claims.sid),
            requests_per_minute: None,
            key_sha256: None,
            expires_at: None,
            epoch: claims.epoch,
        })
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
