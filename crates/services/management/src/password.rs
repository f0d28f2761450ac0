//! Passwords: Argon2id, at the floor that OWASP recommends (19 MiB, 2 passes, 1 lane).
//!
//! Hashing takes tens of milliseconds of a core and 19 MiB, so only a few run at a time, on blocking threads of their
//! own: a login must not wait behind the documents in the CPU pool. Nothing here is ever logged.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{Error, secret};

const N_AT_A_TIME: usize = 2;

/// Hashes and verifies passwords. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// The hash of a password that nobody knows: an unknown address is checked against it, so that it takes as long
    /// as a known one.
    nobody: Arc<str>,
}

impl Passwords {
    pub(crate) async fn new() -> Result<Self, Error> {
        let mut passwords = Self { permits: Arc::new(Semaphore::new(N_AT_A_TIME)), nobody: Arc::from("") };
        passwords.nobody = passwords.hash(secret::password()).await?.into();
        Ok(passwords)
    }

    /// The PHC string to store.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, Error> {
        self.blocking(move || {
            let hashed: Result<PasswordHash, _> = Argon2::default().hash_password(password.expose_secret().as_bytes());
            hashed.map(|hash| hash.to_string()).map_err(|_opaque| Error::Hash)
        })
        .await?
    }

    /// Whether `password` belongs to the stored hash. Without a hash the answer is no, after the same time.
    pub(crate) async fn verify(&self, password: SecretString, stored: Option<&str>) -> Result<bool, Error> {
        let is_known = stored.is_some();
        let hash = stored.unwrap_or(&self.nobody).to_owned();
        let fits = self
            .blocking(move || {
                let parsed = PasswordHash::new(&hash).map_err(|_opaque| Error::Hash)?;
                Ok::<bool, Error>(
                    Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok(),
                )
            })
            .await??;
        Ok(fits && is_known)
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_closed| Error::Hash)?;
        let task = tokio::task::spawn_blocking(move || {
            let _held_until_done = permit;
            work()
        });
        task.await.map_err(|_panicked| Error::Hash)
    }
}
