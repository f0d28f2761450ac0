//! All counters and holds of this process. Knows no IO and no clock; who calls it holds the lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::counter::{Count, Taken};
use super::recent::Recent;
use super::unsaved::{Name, Unsaved};
use crate::hold::{Ask, Correction, Counter, EXPIRED_KEPT, OnExpiry, Refused, Reserved, Settled, ms};
use crate::limit::{Amounts, Limit, What, signed, tightest, unsigned};
use crate::window::{Bounds, Span};
use crate::{Error, hold};

/// How often a scope is looked at, whether anything of it is still needed.
const SWEEP_MS: i64 = 60_000;

/// A counter that is on disk and was not asked for this long leaves the memory.
const IDLE_MS: i64 = 600_000;

/// More holds than this that ran out are not kept for a late settlement.
const MOST_EXPIRED: usize = 65_536;

/// Corrections are made by people: so many are a long time.
const MOST_CORRECTIONS: usize = 1024;

/// All counters and holds.
#[derive(Debug, Default)]
pub(super) struct CounterState {
    scopes: HashMap<Arc<str>, Vec<Count>>,
    holds: HashMap<Arc<str>, Hold>,
    /// Which hold to look at when: at the end of its lease, and once more when it need not be kept any longer.
    due: BTreeMap<(i64, u64), Arc<str>>,
    /// Tells holds apart that are due in the same millisecond.
    n_due_ever: u64,
    n_expired: usize,
    settled: Recent,
    /// The scopes in the order in which they are to be looked at.
    sweeps: VecDeque<(i64, Arc<str>)>,
    /// The ids of the last corrections.
    corrections: VecDeque<Box<str>>,
    /// Present when there is a disk to write to.
    pub(super) unsaved: Option<Unsaved>,
}

#[derive(Debug)]
struct Hold {
    amounts: Vec<HeldAmount>,
    is_expired: bool,
    is_charged_on_expiry: bool,
    due: (i64, u64),
}

/// What a hold has of one counter.
#[derive(Debug)]
struct HeldAmount {
    name: Name,
    taken: Taken,
}

impl CounterState {
    /// An empty one; `is_lasting` when there is a disk to write to.
    pub(super) fn new(is_lasting: bool) -> Self {
        Self { unsaved: is_lasting.then(Unsaved::default), ..Self::default() }
    }

    pub(super) fn reserve(&mut self, ask: &Ask<'_>, now_ms: i64) -> Result<Reserved, Error> {
        self.tick(now_ms);
        if let Some(hold) = self.holds.get(ask.hold).filter(|hold| !hold.is_expired) {
            return Ok(Reserved { expires_at_ms: hold.due.0, is_repeated: true });
        }
        if self.holds.contains_key(ask.hold) || self.settled.contains(ask.hold) {
            return Err(Error::Over(ask.hold.to_owned()));
        }
        for limit in tightest(ask.limits) {
            self.check(limit, ask.amounts.held(limit.what), now_ms)?;
        }
        let is_charged_on_expiry = ask.on_expiry == OnExpiry::Charge;
        let mut amounts = Vec::with_capacity(ask.limits.len());
        for limit in tightest(ask.limits) {
            let (span, amount) = (limit.span(), signed(ask.amounts.held(limit.what)));
            let is_charged = is_charged_on_expiry && limit.what != What::Concurrency;
            let taken = self.counter(limit, now_ms).take(amount, is_charged);
            let name = Name { scope: Arc::clone(&limit.scope), what: limit.what, span };
            if is_charged && span.is_lasting() {
                self.changed(&name);
            }
            amounts.push(HeldAmount { name, taken });
        }
        let id: Arc<str> = ask.hold.into();
        let expires_at_ms = now_ms + ms(ask.lease);
        let due = self.look_again(expires_at_ms, &id);
        self.holds.insert(id, Hold { amounts, is_expired: false, is_charged_on_expiry, due });
        Ok(Reserved { expires_at_ms, is_repeated: false })
    }

    /// Whether `wanted` fits under the limit.
    fn check(&mut self, limit: &Limit, wanted: u64, now_ms: i64) -> Result<(), Error> {
        let (room, span) = (limit.room(wanted), limit.span());
        match self.existing(&limit.scope, limit.what, span) {
            Some(count) => {
                count.roll(now_ms);
                if count.taken() <= room { Ok(()) } else { Err(refused(limit, wanted, count, now_ms)) }
            }
            None if room >= 0 => Ok(()),
            None => Err(refused(limit, wanted, &Count::new(limit.what, span, now_ms), now_ms)),
        }
    }

    pub(super) fn settle(&mut self, id: &str, real: &Amounts, now_ms: i64) -> Settled {
        self.tick(now_ms);
        let Some((id, hold)) = self.holds.remove_entry(id) else {
            return if self.settled.contains(id) { Settled::Before } else { Settled::Unknown };
        };
        let is_expired = hold.is_expired;
        self.finish(hold, real);
        self.settled.insert(&id, now_ms);
        if is_expired { Settled::Late } else { Settled::Now }
    }

    /// Takes a reservation back as if it had never been made.
    pub(super) fn undo(&mut self, id: &str) {
        if let Some(hold) = self.holds.remove(id) {
            self.finish(hold, &Amounts::NOTHING);
        }
    }

    fn finish(&mut self, mut hold: Hold, real: &Amounts) {
        self.due.remove(&hold.due);
        if hold.is_expired {
            self.n_expired -= 1;
        }
        for amount in &mut hold.amounts {
            let spent = signed(real.spent(amount.name.what));
            self.give_back(amount, spent, hold.is_charged_on_expiry, true);
        }
    }

    pub(super) fn extend(&mut self, id: &str, lease: Duration, now_ms: i64) -> Result<i64, Error> {
        self.tick(now_ms);
        let Some((key, hold)) = self.holds.get_key_value(id) else {
            let id = id.to_owned();
            return Err(if self.settled.contains(id.as_str()) { Error::Over(id) } else { Error::NoHold(id) });
        };
        if hold.is_expired {
            return Err(Error::Over(id.to_owned()));
        }
        let (key, before) = (Arc::clone(key), hold.due);
        self.due.remove(&before);
        let due = self.look_again(now_ms + ms(lease), &key);
        if let Some(hold) = self.holds.get_mut(id) {
            hold.due = due;
        }
        Ok(due.0)
    }

    pub(super) fn look(&mut self, limits: &[Limit], now_ms: i64) -> Vec<Counter> {
        self.tick(now_ms);
        limits
            .iter()
            .map(|limit| {
                let span = limit.span();
                let counter = |count: &Count| hold::Counter {
                    limit: limit.clone(),
                    used: unsigned(count.taken() - count.held()),
                    reserved: unsigned(count.held()),
                    resets_at_ms: count.resets_at_ms(),
                };
                match self.existing(&limit.scope, limit.what, span) {
                    Some(count) => {
                        count.roll(now_ms);
                        counter(count)
                    }
                    None => counter(&Count::new(limit.what, span, now_ms)),
                }
            })
            .collect()
    }

    /// Corrects what is used, unless a correction of this id was made before.
    pub(super) fn correct_once(&mut self, id: &str, limit: &Limit, correction: Correction, now_ms: i64) -> bool {
        self.tick(now_ms);
        if self.is_corrected(id) {
            return false;
        }
        self.counter(limit, now_ms).correct(correction);
        self.changed(&Name { scope: Arc::clone(&limit.scope), what: limit.what, span: limit.span() });
        if self.corrections.len() >= MOST_CORRECTIONS {
            self.corrections.pop_front();
        }
        self.corrections.push_back(id.into());
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.corrected(id.to_owned());
        }
        true
    }

    /// Whether a correction of this id was made; the last thousand are known here.
    pub(super) fn is_corrected(&self, id: &str) -> bool {
        self.corrections.iter().any(|made| &**made == id)
    }

    /// Which of these counters are on disk, if anywhere. The others are in use from now on, so they stay here.
    pub(super) fn absent(&mut self, limits: &[Limit], now_ms: i64) -> Vec<Limit> {
        let mut absent = Vec::new();
        for limit in limits.iter().filter(|limit| limit.span().is_lasting()) {
            match self.existing(&limit.scope, limit.what, limit.span()) {
                Some(count) => count.touched_ms = now_ms,
                None => absent.push(limit.clone()),
            }
        }
        absent
    }

    /// Puts a counter in as it is on disk; one that came in meanwhile is newer and stays.
    pub(super) fn loaded(&mut self, limit: &Limit, stored: Option<(Bounds, i64)>, now_ms: i64) {
        let span = limit.span();
        if self.existing(&limit.scope, limit.what, span).is_none() {
            let count = match stored {
                Some((bounds, used)) => Count::stored(limit.what, span, bounds, used, now_ms),
                None => Count::new(limit.what, span, now_ms),
            };
            self.counts(&limit.scope, now_ms).push(count);
        }
    }

    /// What has to be on disk of a counter.
    pub(super) fn lasting(&mut self, name: &Name) -> Option<(Bounds, i64)> {
        self.existing(&name.scope, name.what, name.span).and_then(|count| count.lasting())
    }

    /// How many things are kept: counters, holds.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.scopes.values().map(Vec::len).sum(), self.holds.len())
    }

    /// What is over by now is over, before anything else is counted.
    pub(super) fn tick(&mut self, now_ms: i64) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now_ms) {
            let id = entry.remove();
            self.run_out(id, now_ms);
        }
        self.settled.forget(now_ms);
        // A few at a time: nobody waits for a hundred thousand tenants to be looked at.
        for _ in 0..4 {
            let Some((_, scope)) = self.sweeps.pop_front_if(|(at_ms, _)| *at_ms <= now_ms) else { break };
            self.sweep(scope, now_ms);
        }
    }

    /// The lease of a hold is over, or the time in which it could be settled late.
    fn run_out(&mut self, id: Arc<str>, now_ms: i64) {
        let Some(mut hold) = self.holds.remove(&id) else { return };
        let is_charged = hold.is_charged_on_expiry;
        if !hold.is_expired {
            for amount in &mut hold.amounts {
                let is_spent = is_charged && amount.name.what != What::Concurrency;
                let spent = if is_spent { amount.taken.counted } else { 0 };
                self.give_back(amount, spent, is_charged, false);
            }
            if self.n_expired < MOST_EXPIRED {
                hold.is_expired = true;
                hold.due = self.look_again(now_ms + ms(EXPIRED_KEPT), &id);
                self.n_expired += 1;
                self.holds.insert(id, hold);
                return;
            }
        } else {
            self.n_expired -= 1;
        }
        for amount in &hold.amounts {
            self.let_go(amount);
        }
    }

    fn sweep(&mut self, scope: Arc<str>, now_ms: i64) {
        let Some(counts) = self.scopes.get_mut(&scope) else { return };
        let unsaved = self.unsaved.as_ref();
        counts.retain_mut(|count| {
            count.roll(now_ms);
            let is_on_disk = unsaved.is_some_and(|unsaved| {
                count.n_holds == 0
                    && count.span.is_lasting()
                    && now_ms - count.touched_ms >= IDLE_MS
                    && !unsaved.has(&Name { scope: Arc::clone(&scope), what: count.what, span: count.span })
            });
            !(is_on_disk || (unsaved.is_none() || !count.span.is_lasting()) && count.is_empty())
        });
        if counts.is_empty() {
            self.scopes.remove(&scope);
            // After a rush of a hundred thousand the space itself is given back.
            if self.scopes.capacity() > 1024 && self.scopes.len() * 8 < self.scopes.capacity() {
                self.scopes.shrink_to(self.scopes.len() * 2);
                self.sweeps.shrink_to(self.sweeps.len() * 2);
            }
        } else {
            self.sweeps.push_back((now_ms + SWEEP_MS, scope));
        }
    }

    fn look_again(&mut self, at_ms: i64, id: &Arc<str>) -> (i64, u64) {
        self.n_due_ever += 1;
        let due = (at_ms, self.n_due_ever);
        self.due.insert(due, Arc::clone(id));
        due
    }

    /// Lets `spent` count in place of what was taken; the counter need not stay for an amount that is `done`.
    fn give_back(&mut self, amount: &mut HeldAmount, spent: i64, is_charged_on_expiry: bool, is_done: bool) {
        let HeldAmount { name, taken } = amount;
        let is_charged = is_charged_on_expiry && name.what != What::Concurrency;
        let Some(count) = self.existing(&name.scope, name.what, name.span) else { return };
        let before = count.lasting();
        count.replace(taken, spent, is_charged);
        if is_done {
            count.n_holds = count.n_holds.saturating_sub(1);
        }
        // A refund changes nothing on disk, for what is only held was never there.
        if name.span.is_lasting() && count.lasting() != before {
            self.changed(name);
        }
    }

    /// The counter need not stay for this amount any longer.
    fn let_go(&mut self, amount: &HeldAmount) {
        if let Some(count) = self.existing(&amount.name.scope, amount.name.what, amount.name.span) {
            count.n_holds = count.n_holds.saturating_sub(1);
        }
    }

    fn changed(&mut self, name: &Name) {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.changed(name.clone());
        }
    }

    fn existing(&mut self, scope: &str, what: What, span: Span) -> Option<&mut Count> {
        self.scopes.get_mut(scope)?.iter_mut().find(|count| count.what == what && count.span == span)
    }

    /// The counter in its present window, made when it is not there.
    fn counter(&mut self, limit: &Limit, now_ms: i64) -> &mut Count {
        let (what, span) = (limit.what, limit.span());
        let counts = self.counts(&limit.scope, now_ms);
        let idx = counts.iter().position(|count| count.what == what && count.span == span).unwrap_or_else(|| {
            counts.push(Count::new(what, span, now_ms));
            counts.len() - 1
        });
        let count = &mut counts[idx];
        count.roll(now_ms);
        count.touched_ms = now_ms;
        count
    }

    /// The counters of a scope; one that is new is looked at in a while.
    fn counts(&mut self, scope: &Arc<str>, now_ms: i64) -> &mut Vec<Count> {
        self.scopes.entry(Arc::clone(scope)).or_insert_with(|| {
            self.sweeps.push_back((now_ms + SWEEP_MS, Arc::clone(scope)));
            Vec::new()
        })
    }
}

fn refused(limit: &Limit, wanted: u64, count: &Count, now_ms: i64) -> Error {
    let used = count.taken() - count.held();
    let free_at_ms = count.free_at_ms(limit.room(wanted));
    Error::Refused(Box::new(Refused::new(limit, wanted, used, count.held(), free_at_ms, now_ms)))
}
