//! Slows down guessing of passwords.
//!
//! Attempts are counted before the password is looked at, so that a hundred at once do not slip through together.
//! They are counted per mail address *and* network address, so that nobody can lock another person out from elsewhere,
//! and per network address alone, so that trying one password on many accounts stops too.
//!
//! Kept in memory: a restart forgets the attempts, which gains an attacker less than it costs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use septet_kernel::{Clock, UserId};
use sha2::{Digest, Sha256};

use crate::Error;

// Attempts are forgotten this long after the last one.
const FORGET_AFTER_MS: i64 = 15 * 60 * 1000;
const FIRST_WAIT_MS: i64 = 30_000;
// One office behind one address has many people who mistype.
const PER_ADDRESS_FACTOR: u32 = 10;
const MAX_TALLIES: usize = 50_000;

type Name = [u8; 32];

/// Counts sign-ins. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Throttle {
    tallies: Arc<Mutex<HashMap<Name, Tally>>>,
    limit: u32,
    clock: Clock,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    n_attempts: u32,
    last_ms: i64,
    closed_until_ms: i64,
}

/// One counted attempt. Say how it went; an attempt that is dropped counts as failed.
#[must_use]
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    person: Name,
    /// Nothing where the network address does not count.
    address: Option<Name>,
}

impl Throttle {
    pub(crate) fn new(limit: u32, clock: Clock) -> Self {
        Self { tallies: Arc::default(), limit, clock }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// [`Error::LoginThrottled`] when sign-ins are blocked for this account from this address, or for all accounts from
    /// it.
    pub(crate) fn attempt(&self, mail: &str, address: Option<IpAddr>) -> Result<Attempt<'_>, Error> {
        let from = address.map_or_else(|| "in process".to_owned(), network_of);
        let person = name(&format!("person\n{}\n{from}", mail.trim().to_lowercase()));
        let address = name(&format!("address\n{from}"));
        let limits = [(person, self.limit), (address, self.limit.saturating_mul(PER_ADDRESS_FACTOR))];
        self.count(&limits)?;
        Ok(Attempt { throttle: self, person, address: Some(address) })
    }

    /// Counts an attempt of somebody who is signed in to say their password once more, wherever it comes from: whoever
    /// holds a stolen session has many addresses.
    ///
    /// # Errors
    /// [`Error::LoginThrottled`] when sign-ins are blocked for this account.
    pub(crate) fn attempt_again(&self, person: UserId) -> Result<Attempt<'_>, Error> {
        let person = name(&format!("again\n{person}"));
        self.count(&[(person, self.limit)])?;
        Ok(Attempt { throttle: self, person, address: None })
    }

    fn count(&self, limits: &[(Name, u32)]) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() > MAX_TALLIES {
            tallies.retain(|_, tally| now_ms - tally.last_ms < FORGET_AFTER_MS);
        }
        for (name, _) in limits {
            let closed_until_ms = tallies.get(name).map_or(0, |tally| tally.closed_until_ms);
            if now_ms < closed_until_ms {
                let wait_ms = u64::try_from(closed_until_ms - now_ms).unwrap_or(0);
                return Err(Error::LoginThrottled { retry_after_s: wait_ms.div_ceil(1000) });
            }
        }
        for (name, limit) in limits {
            tallies.entry(*name).or_default().count(*limit, now_ms);
        }
        Ok(())
    }
}

impl Tally {
    fn count(&mut self, limit: u32, now_ms: i64) {
        if now_ms - self.last_ms > FORGET_AFTER_MS {
            *self = Self::default();
        }
        self.n_attempts += 1;
        self.last_ms = now_ms;
        if let Some(n_over) = self.n_attempts.checked_sub(limit) {
            let wait_ms = FIRST_WAIT_MS.saturating_mul(1 << n_over.min(10)).min(FORGET_AFTER_MS);
            self.closed_until_ms = now_ms + wait_ms;
        }
    }
}

impl Attempt<'_> {
    /// The password was right: the person starts afresh.
    pub(crate) fn succeeded(self) {
        let mut tallies = self.throttle.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.remove(&self.person);
        self.address.into_iter().for_each(|address| take_back(&mut tallies, address));
    }

    /// The password could not be checked, so the attempt does not count.
    pub(crate) fn void(self) {
        let mut tallies = self.throttle.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        take_back(&mut tallies, self.person);
        self.address.into_iter().for_each(|address| take_back(&mut tallies, address));
    }
}

fn take_back(tallies: &mut HashMap<Name, Tally>, name: Name) {
    if let Some(tally) = tallies.get_mut(&name) {
        tally.n_attempts = tally.n_attempts.saturating_sub(1);
        tally.closed_until_ms = 0;
    }
}

/// One household has a /64 of IPv6 addresses to choose from.
fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x?}", &address.segments()[..4]),
    }
}

fn name(text: &str) -> Name {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    fn fails(throttle: &Throttle, mail: &str, address: Option<IpAddr>) -> bool {
        throttle.attempt(mail, address).map(drop).is_ok()
    }

    #[test]
    fn sign_ins_are_blocked_for_one_account_from_one_address_and_allowed_again() {
        let clock = Clock::manual(1_000_000_000);
        let throttle = Throttle::new(3, clock.clone());

        assert!((0..3).all(|_| fails(&throttle, "a@example.org", HERE)));
        assert!(!fails(&throttle, "A@example.org ", HERE), "spelling does not matter");
        assert!(fails(&throttle, "a@example.org", THERE), "the owner elsewhere is not locked out");
        assert!(fails(&throttle, "b@example.org", HERE));

        clock.advance(Duration::from_secs(31));
        assert!(fails(&throttle, "a@example.org", HERE));
        assert!(!fails(&throttle, "a@example.org", HERE), "and closes sooner the next time");
    }

    #[test]
    fn one_password_on_many_accounts_stops_too() {
        let throttle = Throttle::new(2, Clock::manual(1_000_000_000));

        let n_let_in = (0..100).filter(|n| fails(&throttle, &format!("{n}@example.org"), HERE)).count();

        assert_eq!(n_let_in, 20);
    }

    #[test]
    fn a_success_and_a_failure_of_ours_do_not_count() {
        let throttle = Throttle::new(2, Clock::manual(1_000_000_000));
        for _ in 0..50 {
            throttle.attempt("a@example.org", HERE).ok().unwrap().succeeded();
            throttle.attempt("a@example.org", HERE).ok().unwrap().void();
        }
        assert!(fails(&throttle, "a@example.org", HERE));
    }
}
