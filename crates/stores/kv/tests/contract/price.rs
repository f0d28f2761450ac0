//! Prints what a call costs; asserts nothing, for machines differ.
//!
//! An optimised build tells the truth:
//! `cargo test --config 'profile.dev.package.septet-kv.opt-level=3' -p septet-kv price -- --nocapture`

use std::time::Instant;

use septet_kv::{Ask, Limit, Window};

use crate::bench::{Bench, LEASE, call, money, requests, tokens};

fn limits() -> [Limit; 4] {
    [
        money("tenant:0197a1b2-0000-7000-8000-000000000001", Window::Total, u64::MAX),
        tokens("group:0197a1b2-0000-7000-8000-000000000002", Window::Minute, u64::MAX),
        requests("user:0197a1b2-0000-7000-8000-000000000003", Window::Minute, u64::MAX),
        Limit::concurrency("key:0197a1b2-0000-7000-8000-000000000004", u64::MAX),
    ]
}

/// How long this thread was on a processor, in microseconds; other work on the machine does not count.
fn processor_us() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1000.0
}

async fn one_after_the_other(driver: &str, bench: &Bench, limits: &[Limit], n_calls: u32) {
    let holds: Vec<_> = (0..n_calls).map(|n| format!("{}-{n:032}", limits.len())).collect();
    let (begun, processor) = (Instant::now(), processor_us());
    for hold in &holds {
        bench.counters.reserve(&Ask::new(hold, limits, call(100, 1000), LEASE)).await.unwrap();
        bench.counters.settle(hold, call(50, 500)).await.unwrap();
    }
    let each = |us: f64| us / f64::from(n_calls);
    eprintln!(
        "{driver}: reserve and settle of {} limits takes {:.2} µs, {:.2} µs of this thread's processor",
        limits.len(),
        each(begun.elapsed().as_secs_f64() * 1e6),
        each(processor_us() - processor),
    );
}

async fn many_at_once(driver: &str, bench: &Bench, n_at_once: u32, n_each: u32) {
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..n_at_once {
        let counters = bench.counters.clone();
        tasks.spawn(async move {
            let limits = limits();
            for n in 0..n_each {
                let hold = format!("many-{task}-{n}");
                counters.reserve(&Ask::new(&hold, &limits, call(100, 1000), LEASE)).await.unwrap();
                counters.settle(&hold, call(50, 500)).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let n_calls = f64::from(n_at_once * n_each) / begun.elapsed().as_secs_f64();
    eprintln!("{driver}: {n_calls:.0} calls of 4 limits in a second, {n_at_once} at once");
}

#[tokio::test]
async fn the_price_of_a_call_is_printed() {
    let bench = Bench::memory().await.unwrap();
    one_after_the_other("memory", &bench, &limits(), 200_000).await;
    let bench = Bench::sqlite().await.unwrap();
    one_after_the_other("memory with SQLite", &bench, &limits(), 1_000).await;
    one_after_the_other("memory with SQLite, nothing that lasts", &bench, &limits()[1..], 100_000).await;
    many_at_once("memory with SQLite", &bench, 64, 100).await;
    let Some(bench) = Bench::redis().await else { return };
    one_after_the_other("redis", &bench, &limits(), 1_000).await;
    many_at_once("redis", &bench, 64, 100).await;
}
