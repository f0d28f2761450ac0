//! Who is there. Asked by the API gateway before any tenant is known; every refusal is the same refusal.

use secrecy::SecretString;
use septet_contracts::management as wire;
use septet_kernel::{ApiKeyId, TenantId, UserId};
use tracing::warn;

use crate::check::{self, normal_email};
use crate::store::{tenants, users};
use crate::{Error, Management};

// Which second a key was last used is worth no write per request.
const NOTED_EVERY_MS: i64 = 60_000;
// Longer than any access token lives.
const TOLD_FOR_MS: i64 = 25 * 3_600_000;

impl Management {
    /// The user with this address and password. An unknown address takes as long as a known one.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`].
    pub async fn verify_credentials(&self, credentials: wire::Credentials) -> Result<wire::Standing, Error> {
        let installation = self.store.installation();
        let epoch = installation.epoch().await?;
        let email = normal_email(&credentials.email);
        // Text that no address looks like (a NUL, which PostgreSQL refuses) belongs to nobody.
        let found = match check::email(&email) {
            Ok(()) => installation.user_by_email(&email).await?,
            Err(_no_address) => None,
        };
        let stored = found.as_ref().map(|(user, _tenant)| user.password_hash.as_str());
        let fits = self.passwords.verify(SecretString::from(credentials.password), stored).await?;
        let Some((mut user, tenant)) = found.filter(|_| fits) else { return Err(Error::WrongCredentials) };
        if user.disabled != 0 || tenant.disabled != 0 {
            return Err(Error::WrongCredentials);
        }
        let now = self.clock.now_ms();
        installation.signed_in(&user.id, now).await?;
        user.last_login_at = Some(now);
        self.standing(&user, &tenant, epoch).await
    }

    /// What the key with this hash may do now.
    ///
    /// # Errors
    /// [`Error::BadKey`].
    pub async fn verify_key(&self, proof: &wire::KeyProof) -> Result<wire::KeyGrant, Error> {
        let installation = self.store.installation();
        let epoch = installation.epoch().await?;
        let now = self.clock.now_ms();
        if proof.sha256.len() != 64 || !proof.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::BadKey);
        }
        // The index compares hashes, which tell nothing about the key that a caller could use.
        let key = installation.key_by_sha256(&proof.sha256).await?.ok_or(Error::BadKey)?;
        let is_expired = key.expires_at.is_some_and(|at| at <= now);
        if key.revoked_at.is_some() || is_expired {
            return Err(Error::BadKey);
        }
        let (user, tenant) = installation.user(&key.owner).await?.ok_or(Error::BadKey)?;
        if user.disabled != 0 || tenant.disabled != 0 || user.tenant != key.tenant {
            return Err(Error::BadKey);
        }
        if key.last_used_at.is_none_or(|at| now - at >= NOTED_EVERY_MS)
            && let Err(error) = installation.key_used(&key.id, now).await
        {
            warn!(error.detail = %septet_kernel::causes(&error), "the last use of a key could not be noted");
        }
        let shown = crate::mapping::key(&key)?;
        let person = crate::mapping::user(&user, &tenant)?;
        Ok(wire::KeyGrant {
            key: shown.id,
            tenant: person.tenant.id,
            user: person.id,
            role: shown.role.min(person.role),
            name: shown.name,
            requests_per_minute: shown.requests_per_minute,
            expires_at: shown.expires_at,
            epoch,
        })
    }

    /// A user of any tenant who may still sign in.
    ///
    /// # Errors
    /// [`Error::Missing`], also for a disabled account or tenant.
    pub async fn active_user(&self, id: UserId) -> Result<wire::Standing, Error> {
        let epoch = self.store.installation().epoch().await?;
        let missing = || Error::Missing { noun: "user", id: id.to_string() };
        let (user, tenant) = self.store.installation().user(&id.to_string()).await?.ok_or_else(missing)?;
        if user.disabled != 0 || tenant.disabled != 0 {
            return Err(missing());
        }
        self.standing(&user, &tenant, epoch).await
    }

    async fn standing(
        &self,
        user: &users::Model,
        tenant: &tenants::Model,
        epoch: i64,
    ) -> Result<wire::Standing, Error> {
        let sessions_epoch = self.store.installation().sessions_epoch(&user.id, &tenant.id).await?;
        Ok(wire::Standing { user: crate::mapping::user(user, tenant)?, epoch, sessions_epoch })
    }

    /// Whose rights changed after a number, within the last day.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn rights_changes(&self, after: i64) -> Result<wire::RightsChanges, Error> {
        let since_ms = self.clock.now_ms() - TOLD_FOR_MS;
        let (changes, has_more) = self.store.installation().rights_changes(after, since_ms).await?;
        let changes = changes
            .into_iter()
            .map(|change| Ok(wire::RightsChange { subject: subject(&change.subject)?, epoch: change.epoch }));
        Ok(wire::RightsChanges { data: changes.collect::<Result<_, Error>>()?, has_more })
    }
}

/// Ids tell by their beginning what they are of.
fn subject(text: &str) -> Result<wire::Subject, Error> {
    let tenant = text.parse::<TenantId>().map(wire::Subject::Tenant);
    let user = tenant.or_else(|_other| text.parse::<UserId>().map(wire::Subject::User));
    let key = user.or_else(|_other| text.parse::<ApiKeyId>().map(wire::Subject::Key));
    key.map_err(|error| Error::BadRow { table: "management_rights_changes", detail: error.to_string() })
}
