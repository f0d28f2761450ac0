//! Who is asking: people with passwords, sessions and access tokens; programs with API keys.
//!
//! Passwords and keys are checked by Management, which alone knows them. What this module owns is what happens after:
//! sessions, tokens, tickets, and slowing down those who guess.

pub(crate) mod api_keys;
pub(crate) mod identity;
pub(crate) mod keys;
mod sessions;
mod throttle;
pub(crate) mod tickets;
mod tokens;

use std::net::IpAddr;
use std::time::Duration;

use septet_contracts::management::{Credentials, Management, User};
use septet_database::Database;
use septet_kernel::{ApiKeyId, Caller, Clock, Ids, Kind, RequestId, Role, TenantId, UserId};
use tracing::{info, warn};

use self::api_keys::ApiKeys;
use self::identity::Identity;
use self::keys::{Jwks, Keys};
use self::sessions::{Session, Sessions};
use self::throttle::Throttle;
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
    management: Management,
    clock: Clock,
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
        let auth = Self {
            keys: Keys::open(&config.signing_key)?,
            tokens: Tokens::new(config.access_token_s, clock.clone(), ids.clone()),
            sessions: Sessions::new(database.clone(), clock.clone(), ids.clone(), session_lifetime, grace),
            throttle: Throttle::new(config.login_failures, clock.clone()),
            api_keys: ApiKeys::new(management.clone(), clock.clone()),
            tickets: Tickets::new(database.clone(), clock.clone()),
            management,
            clock: clock.clone(),
        };
        // A restart must not bring the tokens of ended sessions back to life.
        for session in auth.sessions.ended_since(clock.now_ms() - i64::from(config.access_token_s) * 1000).await? {
            auth.tokens.end(&session).await;
        }
        Ok(auth)
    }

    /// The public keys.
    pub(crate) fn jwks(&self) -> Jwks {
        self.keys.jwks()
    }

    /// Whose access token or API key this is.
    pub(crate) async fn identify(&self, bearer: &str, request: RequestId) -> Result<Identity, Error> {
        if bearer.starts_with(api_keys::PREFIX) {
            return self.api_keys.verify(&nobody(request), bearer).await;
        }
        self.tokens.verify(&self.keys, bearer).await
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
        // Hashing takes as long as its input, so nobody gets to hash a book.
        if credentials.email.len() > MAX_EMAIL_BYTES || credentials.password.len() > MAX_PASSWORD_BYTES {
            return Err(Error::WrongPassword);
        }
        let user = match self.management.verify_credentials(&nobody(request), credentials).await {
            Ok(user) => user,
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
        let (session, refresh_token) = self.sessions.start(user.tenant.id, user.id).await?;
        info!(tenant.id = %user.tenant.id, user.id = %user.id, "signed in");
        self.grant(user, &session, refresh_token)
    }

    /// Renews a session with its refresh token, which is used up.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Replayed`], [`Error::StaleRefresh`], or [`Error::Call`] when Management is away;
    /// the token is not used up then.
    pub(crate) async fn refresh(&self, token: &str, request: RequestId) -> Result<Grant, Error> {
        let session = self.sessions.find(token).await?;
        // Management is asked first: if it is away, the token must stay good for the next attempt.
        let user = match self.management.active_user(&nobody(request), session.person).await {
            Ok(user) if !user.disabled && user.tenant.id == session.tenant => user,
            Ok(_) => return self.lock_out(&session.id).await,
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Forbidden) => {
                return self.lock_out(&session.id).await;
            }
            Err(error) => return Err(error.into()),
        };
        match self.sessions.use_up(token, &session, &self.keys).await {
            Ok(next) => self.grant(user, &session, next),
            Err(error) => {
                if matches!(error, Error::Replayed) {
                    warn!(tenant.id = %session.tenant, user.id = %session.person, "refresh token replayed, session ended");
                    self.tokens.end(&session.id).await;
                }
                Err(error)
            }
        }
    }

    async fn lock_out(&self, session: &str) -> Result<Grant, Error> {
        self.end(session, "account disabled or removed").await?;
        Err(Error::NoSession)
    }

    fn grant(&self, user: User, session: &Session, refresh_token: String) -> Result<Grant, Error> {
        let access_token = self.tokens.mint(&self.keys, user.tenant.id, user.id, user.role, &session.id)?;
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
        self.tokens.end(session).await;
        self.sessions.end(session, why).await
    }

    /// Whether an identity that was proven a while ago still is: its session may have ended since.
    pub(crate) fn still_good(&self, identity: &Identity) -> Result<(), Error> {
        match &identity.session {
            Some(session) if self.tokens.has_ended(session) => Err(Error::EndedSession),
            _ => Ok(()),
        }
    }

    /// A ticket that opens one WebSocket.
    pub(crate) async fn ticket(&self, identity: &Identity) -> Result<String, Error> {
        self.tickets.sell(identity).await
    }

    /// Whose ticket this is.
    pub(crate) async fn take_ticket(&self, ticket: &str) -> Result<Identity, Error> {
        self.tickets.take(ticket).await
    }

    /// An account was changed through this gateway: what tokens and remembered keys say about it is out of date.
    pub(crate) async fn account_changed(&self, person: UserId, is_out: bool) -> Result<(), Error> {
        self.tokens.outdate(person).await;
        self.api_keys.forget_all();
        if is_out {
            for session in self.sessions.end_all(person, "account disabled, removed or given a new password").await? {
                self.tokens.end(&session).await;
            }
        }
        Ok(())
    }

    /// What remembered API keys say may be out of date.
    pub(crate) fn keys_changed(&self) {
        self.api_keys.forget_all();
    }

    /// An API key was revoked through this gateway.
    pub(crate) fn key_revoked(&self, key: ApiKeyId) {
        self.api_keys.forget(key);
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
