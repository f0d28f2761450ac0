//! Who is asking: people with passwords, sessions and access tokens; programs with API keys.
//!
//! Passwords and keys are checked by Management, which alone knows them. What this module owns is what happens after:
//! sessions, tokens, tickets, throttling of guesses, and revocation.

pub(crate) mod api_keys;
pub(crate) mod identity;
pub(crate) mod keys;
mod revocations;
mod sessions;
mod throttle;
pub(crate) mod tickets;
mod tokens;

use std::net::IpAddr;
use std::time::Duration;

use septet_contracts::management::{Credentials, Management, Permission, Standing, User};
use septet_database::Database;
use septet_kernel::{Caller, Clock, Ids, Kind, RequestId, Role, TenantId, UserId};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::api_keys::ApiKeys;
use self::identity::Identity;
use self::keys::{Jwks, Keys};
use self::revocations::{IdentityState, Revocations};
use self::sessions::{Session, Sessions};
use self::throttle::{Attempt, Throttle};
use self::tickets::Tickets;
use self::tokens::Tokens;
use crate::{Config, Error};

const MAX_EMAIL_BYTES: usize = 320;
const MAX_PASSWORD_BYTES: usize = 1024;

/// Everything about who is asking.
pub(crate) struct Auth {
    keys: Keys,
    tokens: Tokens,
    sessions: Sessions,
    throttle: Throttle,
    api_keys: ApiKeys,
    tickets: Tickets,
    revocations: Revocations,
    management: Management,
    clock: Clock,
    ids: Ids,
}

/// What somebody who signed in holds.
pub(crate) struct Grant {
    pub(crate) access_token: String,
    pub(crate) expires_in_s: i64,
    pub(crate) refresh_token: String,
    /// For how much longer the session lasts.
    pub(crate) session_left_s: u64,
    pub(crate) user: User,
}

impl Auth {
    pub(crate) async fn open(
        config: &Config,
        database: &Database,
        management: Management,
        clock: &Clock,
        ids: &Ids,
    ) -> anyhow::Result<Self> {
        let session_lifetime = Duration::from_secs(u64::from(config.session_days) * 86_400);
        let grace = Duration::from_secs(config.refresh_grace_s.into());
        let sessions = Sessions::new(database.clone(), clock.clone(), ids.clone(), session_lifetime, grace);
        Ok(Self {
            keys: Keys::open(&config.signing_key)?,
            tokens: Tokens::new(config.access_token_s, clock.clone(), ids.clone()),
            revocations: Revocations::new(
                management.clone(),
                sessions.clone(),
                clock.clone(),
                ids.clone(),
                config.rights_stale_s,
            ),
            sessions,
            throttle: Throttle::new(config.login_failures, clock.clone()),
            api_keys: ApiKeys::new(management.clone(), clock.clone()),
            tickets: Tickets::new(database.clone(), clock.clone()),
            management,
            clock: clock.clone(),
            ids: ids.clone(),
        })
    }

    /// The public keys.
    pub(crate) fn jwks(&self) -> Jwks {
        self.keys.jwks()
    }

    /// Whose access token or API key this is.
    ///
    /// # Errors
    /// [`Error::BadKey`], [`Error::BadToken`], [`Error::EndedSession`]; [`Error::ExpiredToken`] also when the rights
    /// behind the token have changed: refreshing gives the new ones, or tells that there are none.
    pub(crate) async fn identify(&self, bearer: &str, request: RequestId) -> Result<Identity, Error> {
        if bearer.starts_with(api_keys::PREFIX) {
            return self.api_keys.verify(&nobody(request), bearer, &self.revocations).await;
        }
        // Three parts with dots between are a token. Anything else was meant as a key, of another product perhaps.
        if bearer.split('.').count() != 3 {
            return Err(Error::BadKey);
        }
        let identity = self.tokens.verify(&self.keys, bearer).await?;
        match self.revocations.state(&identity) {
            IdentityState::Good => Ok(identity),
            IdentityState::Ended => Err(Error::EndedSession),
            IdentityState::Changed | IdentityState::Expired => Err(Error::ExpiredToken),
        }
    }

    /// Passes when it is known well enough whose access was taken back; reading needs less than anything else.
    ///
    /// # Errors
    /// [`Error::RightsUnknown`].
    pub(crate) async fn rights_must_be_known(&self, is_reading: bool) -> Result<(), Error> {
        self.revocations.must_be_known(is_reading).await
    }

    /// What an identity that was proven earlier may do now.
    ///
    /// # Errors
    /// Why they may do nothing any more; [`Error::Call`] when something changed and Management cannot be asked what.
    pub(crate) async fn current(&self, identity: &Identity) -> Result<Identity, Error> {
        match self.revocations.state(identity) {
            IdentityState::Good => return Ok(identity.clone()),
            IdentityState::Ended => return Err(Error::EndedSession),
            IdentityState::Expired => return Err(Error::BadKey),
            IdentityState::Changed => {}
        }
        let asked = nobody(self.ids.next());
        if let Some(sha256) = &identity.key_sha256 {
            return self.api_keys.ask(&asked, sha256.clone()).await;
        }
        match self.management.active_user(&asked, identity.person).await {
            Ok(standing) if standing.sessions_epoch > identity.epoch => Err(Error::EndedSession),
            Ok(standing) if standing.user.tenant.id != identity.tenant => Err(Error::EndedSession),
            Ok(Standing { user, epoch, .. }) => Ok(Identity { role: user.role, epoch, ..identity.clone() }),
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Forbidden) => Err(Error::EndedSession),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until an identity loses the permission that it is using, and says why. Changes that leave the permission
    /// are ignored.
    pub(crate) async fn taken_back(&self, mut identity: Identity, permission: Permission) -> Error {
        let mut news = self.revocations.news();
        loop {
            match self.current(&identity).await {
                Ok(now) if permission.is_granted_to(now.role) => identity = now,
                Ok(_) => return Error::Denied(permission),
                Err(error) => return error,
            }
            let left_s = identity.expires_at.map_or(i64::MAX, |at| at - self.clock.now_s());
            let left = Duration::from_secs(u64::try_from(left_s).unwrap_or(0).clamp(1, 3600));
            tokio::select! {
                _ = news.changed() => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Learns whose access is taken back, until the process stops.
    pub(crate) async fn keep_up(&self, stopping: CancellationToken) {
        self.revocations.keep_up(stopping).await;
    }

    /// Learns of a change that went through this gateway, before it is answered.
    pub(crate) async fn rights_changed(&self) {
        if let Err(error) = self.revocations.sync().await {
            // The change itself has succeeded. It takes effect here as soon as Management answers again.
            warn!(error.detail = %septet_kernel::causes(&error), "a change of rights is not known here yet");
        }
    }

    /// Signs a person in.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], [`Error::LoginThrottled`], or [`Error::Call`] when Management is away.
    pub(crate) async fn sign_in(
        &self,
        credentials: &Credentials,
        address: Option<IpAddr>,
        request: RequestId,
    ) -> Result<Grant, Error> {
        let attempt = self.throttle.attempt(&credentials.email, address)?;
        // Hashing time grows with the input, so its length is limited.
        if credentials.email.len() > MAX_EMAIL_BYTES || credentials.password.len() > MAX_PASSWORD_BYTES {
            return Err(Error::WrongPassword);
        }
        let standing = match self.management.verify_credentials(&nobody(request), credentials).await {
            Ok(standing) => standing,
            Err(error) if matches!(error.kind, Kind::Unauthenticated | Kind::NotFound | Kind::Unprocessable) => {
                info!("a sign-in failed");
                return Err(Error::WrongPassword);
            }
            Err(error) => {
                attempt.void();
                return Err(error.into());
            }
        };
        attempt.succeeded();
        let Standing { user, epoch, .. } = standing;
        let (session, refresh_token) = self.sessions.start(user.tenant.id, user.id, epoch).await?;
        info!(tenant.id = %user.tenant.id, user.id = %user.id, "signed in");
        self.grant(user, epoch, &session, refresh_token)
    }

    /// Counts that somebody who is signed in says their password once more.
    ///
    /// # Errors
    /// [`Error::LoginThrottled`] after too many wrong ones.
    pub(crate) fn say_password_again(&self, person: UserId) -> Result<Attempt<'_>, Error> {
        self.throttle.attempt_again(person)
    }

    /// Renews a session with its refresh token, which is used up.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Replayed`], [`Error::StaleRefresh`], or [`Error::Call`] when Management is away;
    /// the token is not used up then.
    pub(crate) async fn refresh(&self, token: &str, request: RequestId) -> Result<Grant, Error> {
        let session = self.sessions.find(token).await?;
        // Management is asked first: if it is away, the token must stay good for the next attempt.
        let (user, epoch) = match self.management.active_user(&nobody(request), session.person).await {
            Ok(Standing { user, epoch, sessions_epoch })
                if !user.disabled && user.tenant.id == session.tenant && sessions_epoch <= session.epoch =>
            {
                (user, epoch)
            }
            Ok(_) => return self.lock_out(&session.id).await,
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Forbidden) => {
                return self.lock_out(&session.id).await;
            }
            Err(error) => return Err(error.into()),
        };
        match self.sessions.use_up(token, &session, &self.keys).await {
            Ok(next) => self.grant(user, epoch, &session, next),
            Err(error) => {
                if matches!(error, Error::Replayed) {
                    warn!(tenant.id = %session.tenant, user.id = %session.person, "refresh token replayed, session ended");
                    self.revocations.end(&session.id);
                }
                Err(error)
            }
        }
    }

    async fn lock_out(&self, session: &str) -> Result<Grant, Error> {
        self.end(session, "account disabled, removed or given a new password").await?;
        Err(Error::NoSession)
    }

    fn grant(&self, user: User, epoch: i64, session: &Session, refresh_token: String) -> Result<Grant, Error> {
        let access_token = self.tokens.mint(&self.keys, &user, epoch, &session.id)?;
        let session_left_s = u64::try_from((session.expires_at_ms - self.clock.now_ms()) / 1000).unwrap_or(0);
        Ok(Grant { access_token, expires_in_s: self.tokens.lifetime_s(), refresh_token, session_left_s, user })
    }

    /// Signs out: the session of this refresh token ends, if there is one.
    pub(crate) async fn sign_out(&self, refresh_token: &str) -> Result<(), Error> {
        match self.sessions.find(refresh_token).await {
            Ok(session) => self.end(&session.id, "signed out").await,
            Err(Error::NoSession) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends a session and its access tokens.
    pub(crate) async fn end(&self, session: &str, why: &str) -> Result<(), Error> {
        self.revocations.end(session);
        self.sessions.end(session, why).await
    }

    /// A ticket that opens one WebSocket.
    pub(crate) async fn ticket(&self, identity: &Identity) -> Result<String, Error> {
        self.tickets.sell(identity).await
    }

    /// Whose ticket this is.
    pub(crate) async fn take_ticket(&self, ticket: &str) -> Result<Identity, Error> {
        let identity = self.tickets.take(ticket).await?;
        self.current(&identity).await
    }

    /// Forgets what ran out.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        self.sessions.sweep().await
    }
}

/// The caller before anybody is known. Its tenant exists nowhere and its role is the weakest.
pub(crate) fn nobody(request: RequestId) -> Caller {
    let tenant = <TenantId as septet_kernel::Id>::from_uuid(uuid::Uuid::nil());
    Caller { tenant, user: None, key: None, role: Role::Viewer, request, deadline: None }
}
