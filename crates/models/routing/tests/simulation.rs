//! What routing does to a stream of calls, compared with the best that was possible. The figures are printed; only
//! generous bounds are asserted.

mod world;

use rand::rngs::StdRng;
use septet_routing::{Blend, Fault, FaultKind, Strategy};

use self::world::{Chooser, Outcome, Upstream, normal, ratio, run};

const MINUTE: u64 = 60_000;

fn healthy(_: u64, _: f64) -> Option<Fault> {
    None
}

/// 30 % fail, in all the ways that there are before the first token.
fn thirty_percent(_: u64, chance: f64) -> Option<Fault> {
    match chance {
        ..0.15 => Some(FaultKind::Overloaded.into()),
        0.15..0.20 => Some(FaultKind::Connect.into()),
        0.20..0.25 => Some(FaultKind::Broken.into()),
        0.25..0.27 => Some(FaultKind::Timeout.into()),
        0.27..0.30 => Some(FaultKind::RateLimited.into()),
        _ => None,
    }
}

fn upstream(fault: fn(u64, f64) -> Option<Fault>) -> Upstream {
    Upstream { first_ms: |_| 300.0, token_ms: |_| 5.0, capacity: 1_000.0, fault }
}

fn lengths(rng: &mut StdRng) -> u64 {
    (5.0 + normal(rng)).exp().clamp(1.0, 4_000.0) as u64
}

fn show(what: &str, outcome: &Outcome) {
    eprintln!(
        "{what}: {} calls, client errors {:.3} % ({}), asked {:?}, opened {:?}, most probes {:?}, p50 {:.0} ms, p99 {:.0} ms",
        outcome.n_calls,
        outcome.error_rate() * 100.0,
        outcome.n_errors,
        outcome.n_asked,
        outcome.n_opened,
        outcome.most_probes,
        outcome.percentile_ms(0.5),
        outcome.percentile_ms(0.99),
    );
}

/// The same, and down for one minute of five.
fn thirty_percent_with_outages(now: u64, chance: f64) -> Option<Fault> {
    if now / MINUTE % 5 == 2 { Some(FaultKind::Connect.into()) } else { thirty_percent(now, chance) }
}

#[test]
fn with_a_second_deployment_clients_hardly_see_one_that_fails_thirty_percent() {
    for (who, fault) in [
        ("one of two fails 30 %", thirty_percent as fn(u64, f64) -> Option<Fault>),
        ("one of two fails 30 % and is down one minute of five", thirty_percent_with_outages),
    ] {
        for (name, strategy) in [("weighted", Strategy::Weighted), ("latency", Strategy::LATENCY)] {
            let outcome =
                run(&[upstream(fault), upstream(healthy)], &Chooser::Strategy(strategy), 20_000, 50.0, lengths);
            show(&format!("{who}, {name}"), &outcome);
            assert!(outcome.error_rate() < 0.01);
            assert!(outcome.most_probes.iter().all(|most| *most <= 1));
        }
    }
}

#[test]
fn two_that_fail_thirty_percent_each_and_one_that_is_alone_are_still_worth_asking() {
    let route = [upstream(thirty_percent), upstream(thirty_percent)];
    let outcome = run(&route, &Chooser::Strategy(Strategy::Weighted), 20_000, 50.0, lengths);
    show("both of two fail 30 %", &outcome);
    assert!(outcome.error_rate() < 0.05);
    assert!(outcome.most_probes.iter().all(|most| *most <= 1));

    let outcome = run(&[upstream(thirty_percent)], &Chooser::Strategy(Strategy::Weighted), 20_000, 50.0, lengths);
    show("one alone fails 30 %", &outcome);
    assert!(outcome.most_probes.iter().all(|most| *most <= 1));
}

#[test]
fn one_that_is_down_for_minutes_is_hardly_asked_and_comes_back() {
    let down = |now: u64, _: f64| (5 * MINUTE..15 * MINUTE).contains(&now).then_some(Fault::new(FaultKind::Connect));
    let route = [upstream(down), upstream(healthy)];
    let outcome = run(&route, &Chooser::Strategy(Strategy::Weighted), 24_000, 50.0, lengths);
    show("down for 10 of 20 minutes", &outcome);
    assert!(outcome.n_errors == 0);
    assert!(outcome.most_probes[0] <= 1);
    // Half of the calls of the ten good minutes, and a few on top.
    let share = ratio(outcome.n_asked[0], outcome.n_calls);
    assert!((0.18..0.27).contains(&share), "{share}");
}

#[test]
fn one_that_asks_to_be_left_alone_is_left_alone() {
    let limited = |now: u64, _: f64| {
        let second = now / 1_000 % 60;
        (second >= 40).then(|| Fault::after(FaultKind::RateLimited, 60_000 - now % 60_000))
    };
    let route = [upstream(limited), upstream(healthy)];
    let outcome = run(&route, &Chooser::Strategy(Strategy::Weighted), 20_000, 50.0, lengths);
    show("rate limit for 20 s of every minute, with a time", &outcome);
    eprintln!("asked before the time it told: {:?}", outcome.n_too_early);
    assert_eq!(outcome.n_errors, 0);
    assert_eq!(outcome.n_too_early[0], 0);
}

/// Three that differ in start and in pace; the best one is slow for five minutes, and another is for two.
fn trace() -> [Upstream; 3] {
    [
        Upstream {
            first_ms: |_| 300.0,
            token_ms: |now| if (10 * MINUTE..15 * MINUTE).contains(&now) { 60.0 } else { 8.0 },
            capacity: 60.0,
            fault: healthy,
        },
        Upstream {
            first_ms: |now| if (20 * MINUTE..22 * MINUTE).contains(&now) { 4_000.0 } else { 600.0 },
            token_ms: |_| 12.0,
            capacity: 60.0,
            fault: healthy,
        },
        Upstream { first_ms: |_| 250.0, token_ms: |_| 30.0, capacity: 60.0, fault: healthy },
    ]
}

#[test]
fn latency_comes_near_to_one_who_knows_everything() {
    let blend = Strategy::Blend(Blend { latency: 1.0, ..Blend::default() });
    let mut means = Vec::new();
    for (name, gap_ms, capacity) in [
        ("1 call a second", 1_000.0, 60.0),
        ("4 calls a second", 250.0, 60.0),
        ("4 calls a second, crowded", 250.0, 12.0),
        ("own machines, 1 call in 3 s", 3_000.0, 1.0),
    ] {
        let n_calls = (30.0 * MINUTE as f64 / gap_ms) as usize;
        let trace = || trace().map(|upstream| Upstream { capacity, ..upstream });
        let oracle = run(&trace(), &Chooser::Oracle, n_calls, gap_ms, lengths).mean_ms();
        eprintln!("{name}, {n_calls} calls: oracle {oracle:.0} ms");
        for (who, strategy) in [
            ("weighted (blind)", Strategy::Weighted),
            ("latency, 2 drawn", Strategy::LATENCY),
            ("latency, all drawn", Strategy::Latency { draws: 3 }),
            ("blend of latency", blend),
        ] {
            let outcome = run(&trace(), &Chooser::Strategy(strategy), n_calls, gap_ms, lengths);
            let regret = outcome.mean_ms() / oracle - 1.0;
            eprintln!(
                "  {who}: mean {:.0} ms, p50 {:.0}, p95 {:.0}, regret {:.1} %, shares {:?}",
                outcome.mean_ms(),
                outcome.percentile_ms(0.5),
                outcome.percentile_ms(0.95),
                regret * 100.0,
                outcome.n_asked,
            );
            means.push(regret);
        }
    }
    for regrets in means.chunks(4) {
        assert!(regrets[1] < regrets[0] && regrets[2] < regrets[0] && regrets[3] < regrets[0], "{regrets:?}");
    }
}
