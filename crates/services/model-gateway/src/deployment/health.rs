//! Whether a deployment takes calls: of everybody, and of one tenant.
//!
//! Some requests make healthy servers fail: a template that cannot be filled is a 500 at llama.cpp, a prompt that is
//! too long takes down the connection of others. A single failure of this kind looks like an outage. What distinguishes
//! them is whose calls fail: so every tenant whose calls fail has a breaker of its own, and the one of all counts a
//! failure only when the one before it was another tenant's. A refused key, an empty account and a rate limit do not
//! depend on the request, and count for all tenants at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use septet_kernel::TenantId;
use septet_routing::breaker::{BreakerState, Permit, Settings};
use septet_routing::{Breaker, Fault, FaultKind};

// More than the tenants that usually fail at one deployment at a time, and little memory.
const MAX_TENANTS: usize = 1_024;

/// The breakers of one deployment.
#[derive(Debug)]
pub(crate) struct Health {
    all: Breaker,
    seed: u64,
    failing: Mutex<Failing>,
}

#[derive(Debug, Default)]
struct Failing {
    /// Those of tenants that failed, until they are well again.
    breakers: HashMap<TenantId, Breaker>,
    /// Whose call failed last.
    last: Option<TenantId>,
}

/// Permission to make one call.
#[must_use = "a permit that is dropped says nothing about the call"]
pub(crate) struct CallPermit<'a> {
    health: &'a Health,
    tenant: TenantId,
    all: Permit,
    own: Option<Permit>,
}

impl Health {
    pub(crate) fn new(seed: u64) -> Self {
        Self { all: Breaker::new(Settings::default(), seed), seed, failing: Mutex::default() }
    }

    /// A permit for a call of a tenant, or until when there is none, where that is known.
    pub(crate) fn enter(&self, tenant: TenantId, now_ms: u64) -> Result<CallPermit<'_>, Option<u64>> {
        let own = self.own(tenant);
        let own = own.map(|own| own.try_enter(now_ms).ok_or_else(|| own.state(now_ms).until_ms)).transpose()?;
        let all = self.all.try_enter(now_ms).ok_or_else(|| self.all.state(now_ms).until_ms)?;
        Ok(CallPermit { health: self, tenant, all, own })
    }

    /// Whether [`Self::enter`] would let a call of the tenant in.
    pub(crate) fn is_available(&self, tenant: TenantId, now_ms: u64) -> bool {
        self.all.is_available(now_ms) && self.own(tenant).is_none_or(|own| own.is_available(now_ms))
    }

    /// The state of the breaker for all tenants; where that lets calls through, the state for the tenant that is
    /// blocked for longest. With the number of tenants whose calls are not let through.
    pub(crate) fn state(&self, now_ms: u64) -> (BreakerState, usize) {
        let all = self.all.state(now_ms);
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let resting: Vec<&Breaker> = failing.breakers.values().filter(|own| !own.is_available(now_ms)).collect();
        let n_resting = resting.len();
        let worst = resting.into_iter().map(|own| own.state(now_ms)).max_by_key(|state| state.until_ms);
        let is_well = self.all.is_available(now_ms);
        (worst.filter(|_| is_well).unwrap_or(all), n_resting)
    }

    fn own(&self, tenant: TenantId) -> Option<Breaker> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).breakers.get(&tenant).cloned()
    }
}

impl Failing {
    /// The breaker of a tenant whose call failed.
    fn breaker(&mut self, tenant: TenantId, seed: u64, now_ms: u64) -> Breaker {
        if self.breakers.len() >= MAX_TENANTS && !self.breakers.contains_key(&tenant) {
            self.breakers.retain(|_, own| !own.is_available(now_ms));
            if self.breakers.len() >= MAX_TENANTS {
                self.breakers.clear();
            }
        }
        self.breakers.entry(tenant).or_insert_with(|| Breaker::new(Settings::default(), seed)).clone()
    }
}

impl CallPermit<'_> {
    /// The first token came.
    pub(crate) fn alive(&mut self, now_ms: u64) {
        self.all.alive(now_ms);
        if let Some(own) = &mut self.own {
            own.alive(now_ms);
        }
    }

    /// The call went well.
    pub(crate) fn good(self, now_ms: u64) {
        self.all.good(now_ms);
        if let Some(own) = self.own {
            own.good(now_ms);
        }
    }

    /// The call failed, and the provider may be at fault.
    pub(crate) fn bad(self, now_ms: u64, fault: Fault) {
        let Self { health, tenant, all, own } = self;
        if matches!(fault.kind, FaultKind::Auth | FaultKind::Unpaid | FaultKind::RateLimited) {
            return all.bad(now_ms, fault);
        }
        let mut failing = health.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_another = failing.last.replace(tenant).is_some_and(|last| last != tenant);
        let breaker = failing.breaker(tenant, health.seed, now_ms);
        drop(failing);
        if let Some(own) = own.or_else(|| breaker.try_enter(now_ms)) {
            own.bad(now_ms, fault);
        }
        if is_another {
            all.bad(now_ms, fault);
        } else {
            all.neither();
        }
    }

    /// The call says nothing about the deployment.
    pub(crate) fn neither(self) {
        self.all.neither();
        if let Some(own) = self.own {
            own.neither();
        }
    }
}

#[cfg(test)]
mod tests {
    use septet_kernel::{Clock, Ids};

    use super::*;

    /// Calls of a tenant that fail, as far as they are let in: how many were.
    fn fail(health: &Health, tenant: TenantId, n: usize, kind: FaultKind) -> usize {
        let permits = (0..n).filter_map(|at| Some((at, health.enter(tenant, at as u64).ok()?)));
        permits.map(|(at, permit)| permit.bad(at as u64, kind.into())).count()
    }

    fn tenants() -> [TenantId; 3] {
        let ids = Ids::new(Clock::system());
        [ids.next(), ids.next(), ids.next()]
    }

    #[test]
    fn the_failures_of_one_tenant_block_its_own_calls_alone() {
        let (health, [failing, other, _]) = (Health::new(1), tenants());
        for kind in [FaultKind::Overloaded, FaultKind::Broken, FaultKind::Timeout, FaultKind::Connect] {
            assert!(fail(&health, failing, 100, kind) < 20, "{kind:?}");
        }
        assert!(!health.is_available(failing, 100) && health.enter(failing, 100).is_err());

        // A single failure of somebody else changes nothing for anybody else.
        health.enter(other, 100).unwrap().bad(100, FaultKind::Overloaded.into());
        assert!(health.is_available(other, 101));
        health.enter(other, 101).unwrap().good(101);
        assert_eq!(health.state(101).1, 1);
    }

    #[test]
    fn failures_of_several_tenants_block_everybody() {
        let (health, [one, two, three]) = (Health::new(1), tenants());
        for at in 0..8 {
            for tenant in [one, two] {
                let permit = health.enter(tenant, at);
                permit.into_iter().for_each(|permit| permit.bad(at, FaultKind::Overloaded.into()));
            }
        }
        assert!(health.enter(three, 9).is_err());
    }

    #[test]
    fn what_does_not_depend_on_the_request_blocks_everybody_at_once() {
        for fault in [Fault::new(FaultKind::Auth), FaultKind::Unpaid.into(), Fault::after(FaultKind::RateLimited, 900)]
        {
            let (health, [one, two, _]) = (Health::new(1), tenants());
            health.enter(one, 0).unwrap().bad(0, fault);
            assert!(health.enter(two, 1).is_err(), "{fault:?}");
        }
    }

    #[test]
    fn a_tenant_that_is_well_again_is_let_in_again() {
        let (health, [failing, ..]) = (Health::new(1), tenants());
        fail(&health, failing, 5, FaultKind::Overloaded);
        let until = health.enter(failing, 10).err().flatten().unwrap();
        for _ in 0..2 {
            health.enter(failing, until).unwrap().good(until);
        }
        assert!(health.is_available(failing, until));
    }
}
