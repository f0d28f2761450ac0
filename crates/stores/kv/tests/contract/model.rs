//! Random histories, compared with a model that keeps everything and adds it up anew at every question.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use septet_kv::{Amounts, Ask, Error, Limit, OnExpiry, Settled, What, Window};

use crate::bench::{Bench, UTC_DAY, money, requests, tokens};

const MINUTE_MS: i64 = 60_000;

#[derive(Debug, Clone)]
enum Step {
    Reserve {
        hold: usize,
        limits: Vec<bool>,
        amounts: Amounts,
        lease_s: u64,
        on_expiry: OnExpiry,
    },
    /// The share of the reservation, in quarters, that was real.
    Settle {
        hold: usize,
        quarters: u64,
    },
    Extend {
        hold: usize,
        lease_s: u64,
    },
    Advance {
        ms: u64,
    },
}

fn limits() -> Vec<Limit> {
    vec![
        money("tenant", Window::Total, 400),
        money("group", UTC_DAY, 120),
        tokens("user", Window::Minute, 60),
        requests("key", Window::Minute, 4),
        Limit::concurrency("deployment", 3),
        tokens("tenant", Window::Month { utc_offset_s: 3600 }, 300),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let amounts = (0..3u64, 0..40u64, 0..50u64).prop_map(|(requests, tokens, money_nano)| Amounts {
        requests,
        tokens,
        money_nano,
    });
    let expiry = prop_oneof![Just(OnExpiry::Refund), Just(OnExpiry::Charge)];
    let reserve = (0..12usize, prop::collection::vec(any::<bool>(), 6), amounts, 1..400u64, expiry).prop_map(
        |(hold, limits, amounts, lease_s, on_expiry)| Step::Reserve { hold, limits, amounts, lease_s, on_expiry },
    );
    prop_oneof![
        6 => reserve,
        4 => (0..12usize, 0..=4u64).prop_map(|(hold, quarters)| Step::Settle { hold, quarters }),
        1 => (0..12usize, 1..400u64).prop_map(|(hold, lease_s)| Step::Extend { hold, lease_s }),
        3 => (0..30_000u64).prop_map(|ms| Step::Advance { ms }),
        1 => (0..30_000_000u64).prop_map(|ms| Step::Advance { ms }),
    ]
}

/// Every hold that ever was.
#[derive(Default)]
struct Model {
    holds: Vec<Past>,
}

struct Past {
    /// Its number among the holds of the steps, and how often that was used before.
    name: (usize, usize),
    at_ms: i64,
    ends_ms: i64,
    limits: Vec<Limit>,
    reserved: Amounts,
    on_expiry: OnExpiry,
    real: Option<Amounts>,
    is_late: bool,
}

impl Past {
    fn is_expired(&self, now_ms: i64) -> bool {
        self.real.is_none() && self.ends_ms <= now_ms
    }

    /// Used and held of one limit, now.
    fn counts(&self, limit: &Limit, now_ms: i64) -> (u64, u64) {
        let of = |amounts: &Amounts| match limit.what {
            What::Requests => amounts.requests,
            What::Tokens => amounts.tokens,
            What::Money => amounts.money_nano,
            What::Concurrency => 0,
        };
        let is_in_window = match (limit.what, limit.window) {
            (What::Concurrency, _) | (_, Window::Total) => true,
            // Seconds are forgotten as a whole.
            (_, Window::Minute) => self.at_ms.div_euclid(1000) * 1000 + MINUTE_MS + 1000 > now_ms,
            (_, Window::Day { .. }) => day(self.at_ms) == day(now_ms),
            (_, Window::Month { utc_offset_s }) => month(self.at_ms, utc_offset_s) == month(now_ms, utc_offset_s),
        };
        let is_named = self
            .limits
            .iter()
            .any(|own| own.scope == limit.scope && own.what == limit.what && own.window == limit.window);
        match &self.real {
            _ if !is_in_window || !is_named => (0, 0),
            Some(real) => (of(real), 0),
            None if !self.is_expired(now_ms) && limit.what == What::Concurrency => (0, 1),
            None if !self.is_expired(now_ms) => (0, of(&self.reserved)),
            None if self.on_expiry == OnExpiry::Charge => (of(&self.reserved), 0),
            None => (0, 0),
        }
    }
}

fn day(ms: i64) -> i64 {
    ms.div_euclid(86_400_000)
}

fn month(ms: i64, utc_offset_s: i32) -> String {
    let moved = septet_kernel::Timestamp::from_millisecond(ms + i64::from(utc_offset_s) * 1000).unwrap();
    moved.to_string()[..7].to_owned()
}

impl Model {
    fn numbers(&self, limit: &Limit, now_ms: i64) -> (u64, u64) {
        self.holds.iter().map(|past| past.counts(limit, now_ms)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    fn fits(&self, limits: &[Limit], amounts: &Amounts, now_ms: i64) -> Option<usize> {
        limits.iter().position(|limit| {
            let wanted = match limit.what {
                What::Requests => amounts.requests,
                What::Tokens => amounts.tokens,
                What::Money => amounts.money_nano,
                What::Concurrency => 1,
            };
            let (used, held) = self.numbers(limit, now_ms);
            used + held + wanted > limit.max
        })
    }

    fn latest(&mut self, hold: usize) -> Option<&mut Past> {
        self.holds.iter_mut().rev().find(|past| past.name.0 == hold)
    }
}

async fn play(bench: &Bench, steps: &[Step]) {
    let mut model = Model::default();
    for (n, step) in steps.iter().enumerate() {
        let now_ms = bench.now_ms();
        let name = |(hold, turn): (usize, usize)| format!("h{hold}-{turn}");
        match step {
            Step::Advance { ms } => bench.advance(Duration::from_millis(*ms)),
            Step::Reserve { hold, limits: chosen, amounts, lease_s, on_expiry } => {
                let limits: Vec<_> = limits()
                    .into_iter()
                    .zip(chosen)
                    .filter(|(_, is_chosen)| **is_chosen)
                    .map(|(limit, _)| limit)
                    .collect();
                // A hold that is open is asked for again; one that is over gets another name.
                let (turn, open) = match model.latest(*hold) {
                    None => (0, None),
                    Some(past) if past.real.is_some() || past.is_expired(now_ms) => (past.name.1 + 1, None),
                    Some(past) => (past.name.1, Some(past.ends_ms)),
                };
                let (id, lease) = (name((*hold, turn)), Duration::from_secs(*lease_s));
                let ask = Ask { hold: &id, limits: &limits, amounts: *amounts, lease, on_expiry: *on_expiry };
                let answer = bench.counters.reserve(&ask).await;
                if let Some(ends_ms) = open {
                    let again = answer.unwrap();
                    assert_eq!((again.expires_at_ms, again.is_repeated), (ends_ms, true), "step {n}");
                    continue;
                }
                match model.fits(&limits, amounts, now_ms) {
                    Some(first) => match answer {
                        Err(Error::Refused(refused)) => assert_eq!(refused.limit, limits[first], "step {n}"),
                        other => panic!("step {n} was to be refused by {:?}: {other:?}", limits[first]),
                    },
                    None => {
                        let ends_ms = answer.unwrap().expires_at_ms;
                        let (name, reserved) = ((*hold, turn), *amounts);
                        let on_expiry = *on_expiry;
                        model.holds.push(Past {
                            name,
                            at_ms: now_ms,
                            ends_ms,
                            limits,
                            reserved,
                            on_expiry,
                            real: None,
                            is_late: false,
                        });
                    }
                }
            }
            Step::Settle { hold, quarters } => {
                let Some(past) = model.latest(*hold) else { continue };
                let part = |amount: u64| amount * quarters / 4;
                let real = Amounts {
                    requests: part(past.reserved.requests),
                    tokens: part(past.reserved.tokens),
                    money_nano: part(past.reserved.money_nano),
                };
                let settled = bench.counters.settle(&name(past.name), real).await.unwrap();
                match settled {
                    Settled::Now => assert!(past.real.is_none() && !past.is_expired(now_ms), "step {n}"),
                    Settled::Late => assert!(past.is_expired(now_ms), "step {n}"),
                    Settled::Before => assert!(past.real.is_some(), "step {n}"),
                    Settled::Unknown => assert!(past.real.is_some() || past.ends_ms + 3_600_000 <= now_ms, "step {n}"),
                }
                if matches!(settled, Settled::Now | Settled::Late) {
                    past.real = Some(real);
                    past.is_late = settled == Settled::Late;
                }
            }
            Step::Extend { hold, lease_s } => {
                let Some(past) = model.latest(*hold) else { continue };
                let answer = bench.counters.extend(&name(past.name), Duration::from_secs(*lease_s)).await;
                match answer {
                    Ok(ends_ms) => {
                        assert!(past.real.is_none() && !past.is_expired(now_ms), "step {n}");
                        past.ends_ms = ends_ms;
                    }
                    Err(_over) => assert!(past.real.is_some() || past.is_expired(now_ms), "step {n}"),
                }
            }
        }
        let (limits, now_ms) = (limits(), bench.now_ms());
        for counter in bench.counters.look(&limits).await.unwrap() {
            let wanted = model.numbers(&counter.limit, now_ms);
            assert_eq!((counter.used, counter.reserved), wanted, "step {n}: {step:?}: {:?}", counter.limit);
            // A late settlement may exceed: its room was given away. Otherwise nothing does.
            let n_late = model.holds.iter().filter(|past| past.is_late).count();
            assert!(n_late > 0 || wanted.0 + wanted.1 <= counter.limit.max, "step {n} exceeds {:?}", counter.limit);
        }
    }
}

/// Plays `n_histories` on stores that `open` makes.
fn check<F: Future<Output = Option<Bench>>>(n_histories: u32, open: impl Fn() -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases: n_histories, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let histories = prop::collection::vec(step(), 1..60);
    runner
        .run(&histories, |steps| {
            runtime.block_on(async {
                let Some(bench) = open().await else { return };
                play(&bench, &steps).await;
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_history_in_memory_is_as_the_model_says() {
    check(256, Bench::memory);
}

#[test]
fn any_history_in_memory_with_sqlite_is_as_the_model_says() {
    check(24, Bench::sqlite);
}

#[test]
fn any_history_in_redis_is_as_the_model_says() {
    check(48, Bench::redis);
}
