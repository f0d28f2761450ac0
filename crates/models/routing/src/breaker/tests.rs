use proptest::prelude::*;

use super::*;

const SICK: Fault = Fault::new(FaultKind::Overloaded);

fn breaker() -> Breaker {
    Breaker::new(Settings::default(), 7)
}

fn fail(breaker: &Breaker, now_ms: u64, fault: Fault) {
    breaker.try_enter(now_ms).expect("a call should pass").bad(now_ms, fault);
}

fn succeed(breaker: &Breaker, now_ms: u64) {
    breaker.try_enter(now_ms).expect("a call should pass").good(now_ms);
}

fn trip(breaker: &Breaker, now_ms: u64) -> u64 {
    for _ in 0..5 {
        fail(breaker, now_ms, SICK);
    }
    breaker.state(now_ms).until_ms.expect("five failures in a row should open it")
}

#[test]
fn five_failures_in_a_row_open_it_and_four_do_not() {
    let breaker = breaker();
    for _ in 0..4 {
        fail(&breaker, 0, SICK);
    }
    succeed(&breaker, 0);
    for _ in 0..4 {
        fail(&breaker, 1, SICK);
    }
    assert!(breaker.is_available(1));

    fail(&breaker, 1, SICK);

    assert!(!breaker.is_available(1));
    assert!(breaker.try_enter(5_000).is_none());
    let state = breaker.state(2);
    assert_eq!((state.name, state.since_ms, state.n_calls, state.n_opened), (Name::Open, 1, 10, 1));
    assert!((state.error_ratio - 0.9).abs() < 1e-6);
    assert_eq!(state.last_fault, Some(SICK));
    let until = state.until_ms.unwrap();
    assert!((5_001..=6_001).contains(&until), "{until}");
}

#[test]
fn more_than_half_of_ten_calls_failing_opens_it() {
    let breaker = breaker();
    for now in 0..5 {
        fail(&breaker, now, SICK);
        succeed(&breaker, now);
    }
    assert_eq!(breaker.state(5).name, Name::Closed, "half is not more than half");

    fail(&breaker, 6, SICK);

    assert_eq!(breaker.state(6).name, Name::Open);
}

#[test]
fn failures_of_half_a_minute_ago_are_forgotten() {
    let breaker = breaker();
    for _ in 0..4 {
        fail(&breaker, 100, SICK);
        succeed(&breaker, 100);
    }
    assert_eq!(breaker.state(100).n_calls, 8);
    assert_eq!(breaker.state(29_999).n_calls, 8);
    assert_eq!(breaker.state(30_100).n_calls, 0);
}

#[test]
fn two_good_probes_one_at_a_time_close_it() {
    let breaker = breaker();
    let until = trip(&breaker, 1_000);
    assert!(breaker.try_enter(until - 1).is_none());
    assert_eq!(breaker.state(until).name, Name::HalfOpen);

    let probe = breaker.try_enter(until).unwrap();
    assert!(probe.is_probe());
    assert!(breaker.try_enter(until).is_none(), "one probe at a time");
    assert_eq!(breaker.state(until).n_probes, 1);
    probe.good(until + 10);
    assert_eq!(breaker.state(until + 10).name, Name::HalfOpen);
    succeed(&breaker, until + 11);

    let state = breaker.state(until + 11);
    assert_eq!((state.name, state.n_calls, state.n_probes), (Name::Closed, 0, 0));
}

#[test]
fn a_probe_that_never_reports_frees_its_place() {
    let breaker = breaker();
    let until = trip(&breaker, 0);
    drop(breaker.try_enter(until).unwrap());
    breaker.try_enter(until).unwrap().neither();
    breaker.try_enter(until).unwrap().bad(until, FaultKind::Refused.into());
    breaker.try_enter(until).unwrap().bad(until, FaultKind::Cancelled.into());
    let state = breaker.state(until);
    assert_eq!((state.name, state.n_probes, state.n_opened), (Name::HalfOpen, 0, 1));
    assert_eq!(state.last_fault, Some(SICK));
}

#[test]
fn a_probe_that_fails_doubles_the_cool_down_up_to_two_minutes() {
    let breaker = breaker();
    let mut until = trip(&breaker, 0);
    for expected in [10_000, 20_000, 40_000, 80_000, 120_000, 120_000, 120_000] {
        fail(&breaker, until, SICK);
        let next = breaker.state(until).until_ms.unwrap();
        let pause = next - until;
        assert!(pause >= expected && pause <= expected + expected / 5, "{pause} for {expected}");
        until = next;
    }
}

#[test]
fn once_closed_the_doubling_starts_anew() {
    let breaker = breaker();
    let until = trip(&breaker, 0);
    fail(&breaker, until, SICK);
    let until = breaker.state(until).until_ms.unwrap();
    succeed(&breaker, until);
    succeed(&breaker, until);
    assert!(trip(&breaker, until + 1) - until <= 6_001);
}

#[test]
fn of_one_that_fails_often_a_longer_run_is_needed_than_of_one_that_is_well() {
    let flaky = breaker();
    for now in 0..70 {
        succeed(&flaky, now);
        if now % 7 < 3 {
            fail(&flaky, now, SICK);
        }
    }
    for _ in 0..11 {
        fail(&flaky, 100, SICK);
        assert_eq!(flaky.state(100).name, Name::Closed, "three in ten: eleven in a row come by chance");
    }
    for _ in 0..3 {
        if flaky.is_available(100) {
            fail(&flaky, 100, SICK);
        }
    }
    assert_eq!(flaky.state(100).name, Name::Open);

    let well = breaker();
    for now in 0..99 {
        succeed(&well, now);
    }
    fail(&well, 99, SICK);
    succeed(&well, 99);
    trip(&well, 100);
}

#[test]
fn breakers_that_trip_together_do_not_come_back_together() {
    let until: std::collections::HashSet<u64> =
        (0..20).map(|seed| trip(&Breaker::new(Settings::default(), seed), 0)).collect();
    assert!(until.len() > 15, "{until:?}");
}

#[test]
fn a_rate_limit_with_a_time_opens_at_once_for_just_that_time() {
    let breaker = breaker();
    fail(&breaker, 1_000, Fault::after(FaultKind::RateLimited, 20_000));
    assert_eq!(breaker.state(1_000).until_ms, Some(21_000));
    assert!(breaker.try_enter(20_999).is_none());
    assert!(breaker.try_enter(21_000).is_some());
}

#[test]
fn a_rate_limit_without_a_time_counts_like_any_failure() {
    let breaker = breaker();
    for _ in 0..2 {
        fail(&breaker, 0, FaultKind::RateLimited.into());
        fail(&breaker, 0, Fault::after(FaultKind::RateLimited, 0));
    }
    assert!(breaker.is_available(0));
    fail(&breaker, 0, FaultKind::RateLimited.into());
    assert!(!breaker.is_available(0));
}

#[test]
fn a_late_rate_limit_prolongs_and_a_shorter_one_does_not_shorten() {
    let breaker = breaker();
    let (first, second) = (breaker.try_enter(0).unwrap(), breaker.try_enter(0).unwrap());
    fail(&breaker, 0, Fault::after(FaultKind::RateLimited, 20_000));
    first.bad(1, Fault::after(FaultKind::RateLimited, 60_000));
    second.bad(2, Fault::after(FaultKind::RateLimited, 1_000));
    let state = breaker.state(2);
    assert_eq!((state.until_ms, state.n_opened), (Some(60_001), 1));
}

#[test]
fn an_absurd_time_is_cut_to_an_hour() {
    let breaker = breaker();
    fail(&breaker, 5, Fault::after(FaultKind::RateLimited, u64::MAX));
    assert_eq!(breaker.state(5).until_ms, Some(3_600_005));
}

#[test]
fn an_overload_with_a_time_does_not_open_at_once_but_stays_open_for_it() {
    let breaker = breaker();
    let told = Fault::after(FaultKind::Overloaded, 45_000);
    fail(&breaker, 0, told);
    assert!(breaker.is_available(0));
    for _ in 0..4 {
        fail(&breaker, 0, told);
    }
    assert_eq!(breaker.state(0).until_ms, Some(45_000));
}

#[test]
fn what_does_not_heal_by_itself_opens_at_once_for_a_minute() {
    for kind in [FaultKind::Auth, FaultKind::Unpaid, FaultKind::NoModel] {
        let breaker = breaker();
        fail(&breaker, 0, kind.into());
        assert_eq!(breaker.state(0).until_ms, Some(60_000), "{kind:?}");
    }
}

#[test]
fn requests_that_are_wrong_themselves_say_nothing() {
    let breaker = breaker();
    for _ in 0..100 {
        fail(&breaker, 0, FaultKind::Refused.into());
        fail(&breaker, 0, FaultKind::Cancelled.into());
        fail(&breaker, 0, FaultKind::NotCalled.into());
    }
    let state = breaker.state(0);
    assert_eq!((state.name, state.n_calls, state.last_fault), (Name::Closed, 0, None));
}

#[test]
fn reports_from_before_a_change_are_ignored() {
    let breaker = breaker();
    let mut old: Vec<Permit> = (0..6).map(|_| breaker.try_enter(0).unwrap()).collect();
    let until = trip(&breaker, 0);
    let probe = breaker.try_enter(until).unwrap();
    old.pop().unwrap().bad(until, SICK);
    for permit in old {
        permit.good(until);
    }
    assert_eq!(breaker.state(until).name, Name::HalfOpen);
    assert_eq!(breaker.state(until).n_probes, 1);
    probe.good(until);
}

#[test]
fn a_hung_probe_keeps_its_place_over_a_second_opening() {
    let breaker = breaker();
    let late = breaker.try_enter(0).unwrap();
    let until = trip(&breaker, 0);
    let hung = breaker.try_enter(until).unwrap();
    late.bad(until, Fault::after(FaultKind::RateLimited, 1_000));
    assert_eq!(breaker.state(until).name, Name::Open);
    assert!(!breaker.is_available(until + 1_000));
    assert!(breaker.try_enter(until + 1_000).is_none());
    drop(hung);
    assert!(breaker.is_available(until + 1_000));
    assert!(breaker.try_enter(until + 1_000).is_some());
}

#[test]
fn a_stream_frees_the_probes_place_at_its_first_token() {
    let breaker = breaker();
    let until = trip(&breaker, 0);
    let mut probe = breaker.try_enter(until).unwrap();
    probe.alive(until + 1);
    probe.alive(until + 2);
    assert_eq!(breaker.state(until + 2).name, Name::HalfOpen, "told twice counts once");
    succeed(&breaker, until + 2);
    assert_eq!(breaker.state(until + 2).name, Name::Closed);
    probe.good(until + 3);
}

#[test]
fn streams_that_start_and_break_count_as_failures() {
    let breaker = breaker();
    for _ in 0..10 {
        let mut permit = breaker.try_enter(0).unwrap();
        permit.alive(0);
        permit.bad(0, FaultKind::Broken.into());
    }
    let state = breaker.state(0);
    assert_eq!((state.name, state.n_calls), (Name::Open, 10));
    assert!((state.error_ratio - 1.0).abs() < 1e-6);
}

#[test]
fn an_operator_closes_it_at_once() {
    let breaker = breaker();
    fail(&breaker, 0, FaultKind::Auth.into());
    breaker.reset(10);
    let state = breaker.state(10);
    assert_eq!((state.name, state.last_fault), (Name::Closed, None));
    assert!(breaker.try_enter(10).is_some());
}

#[test]
fn the_state_reads_well_as_json() {
    let breaker = breaker();
    fail(&breaker, 1_000, Fault::after(FaultKind::RateLimited, 20_000));
    assert_eq!(
        serde_json::to_value(breaker.state(1_000)).unwrap(),
        serde_json::json!({
            "name": "open", "since_ms": 1_000, "until_ms": 21_000, "n_calls": 0, "error_ratio": 0.0, "n_probes": 0,
            "n_opened": 1, "last_fault": {"kind": "rate_limited", "retry_after_ms": 20_000},
        })
    );
}

#[test]
fn many_threads_never_have_more_probes_than_allowed() {
    let breaker = Breaker::new(Settings { probes: 3, n_good: 1_000_000, ..Settings::default() }, 1);
    let until = trip(&breaker, 0);
    let most = std::sync::atomic::AtomicU32::new(0);
    let now_out = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..2_000 {
                    let Some(permit) = breaker.try_enter(until) else { continue };
                    let out = now_out.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                    most.fetch_max(out, std::sync::atomic::Ordering::SeqCst);
                    std::thread::yield_now();
                    now_out.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    if n % 2 == 0 { permit.good(until) } else { permit.neither() }
                }
            });
        }
    });
    assert!(most.into_inner() <= 3);
    assert_eq!(breaker.state(until).n_probes, 0);
}

proptest! {
    #[test]
    fn whatever_happens_probes_keep_to_their_budget_and_nothing_stays_shut_for_ever(
        seed in any::<u64>(), probes in 1_u32..4, n_good in 1_u32..4,
        steps in proptest::collection::vec((0_u64..20_000, 0_u8..12, 0_usize..8), 1..300),
    ) {
        let settings = Settings { probes, n_good, ..Settings::default() };
        let breaker = Breaker::new(settings, seed);
        let mut out: Vec<Permit> = Vec::new();
        let mut now = 0;
        for (wait, act, which) in steps {
            now += wait;
            let available = breaker.is_available(now);
            if act < 6 {
                let entered = breaker.try_enter(now);
                prop_assert_eq!(entered.is_some(), available);
                out.extend(entered);
            } else if !out.is_empty() {
                let mut permit = out.swap_remove(which % out.len());
                match act {
                    6 => permit.good(now),
                    7 => permit.bad(now, SICK),
                    8 => permit.bad(now, Fault::after(FaultKind::RateLimited, wait)),
                    9 => permit.bad(now, FaultKind::Auth.into()),
                    10 => { permit.alive(now); permit.bad(now, FaultKind::Broken.into()) }
                    _ => drop(permit),
                }
            }
            let n_probes = out.iter().filter(|permit| permit.is_probe()).count();
            prop_assert!(n_probes <= probes as usize);
            let state = breaker.state(now);
            prop_assert_eq!(state.n_probes as usize, n_probes);
            prop_assert!((0.0..=1.0).contains(&state.error_ratio));
            if let Some(until) = state.until_ms {
                prop_assert!(until > now && until - now <= 144_000);
            }
        }
        drop(out);
        prop_assert!(breaker.is_available(now + 144_001));
    }
}
