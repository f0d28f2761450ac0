//! What each store keeps, how long, and what happens when it is away.

use std::time::Duration;

use septet_kernel::{Clock, Failure, Kind};
use septet_kv::{Ask, Correction, Counters, Error, Limit, Settings, Window};

use crate::bench::{Bench, LEASE, UTC_DAY, call, money, requests, tokens, unique};
use crate::server::Server;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn what_was_spent_survives_a_restart_and_what_was_held_does_not() {
    let bench = Bench::sqlite().await.unwrap();
    let limits = [
        money("k", Window::Total, 1000),
        money("k", UTC_DAY, 1000),
        tokens("k", Window::Month { utc_offset_s: 0 }, 1000),
        tokens("k", Window::Minute, 1000),
        Limit::concurrency("k", 5),
    ];
    bench.reserve("settled", &limits, call(70, 80)).await.unwrap();
    bench.settle("settled", call(7, 8)).await;
    bench.reserve("open", &limits, call(70, 80)).await.unwrap();
    let charged = Ask::new("charged", &limits, call(300, 400), LEASE).charged_on_expiry();
    bench.counters.reserve(&charged).await.unwrap();
    bench.counters.correct("c1", &limits[0], Correction::Add(100)).await.unwrap();

    let after = bench.reopen().await;

    let numbers: Vec<_> =
        after.look(&limits).await.unwrap().iter().map(|counter| (counter.used, counter.reserved)).collect();
    // Whoever asked to be charged when its lease runs out is charged when its process does.
    assert_eq!(numbers, [(508, 0), (408, 0), (307, 0), (0, 0), (0, 0)]);
    assert!(!after.correct("c1", &limits[0], Correction::Add(100)).await.unwrap());
}

#[tokio::test]
async fn a_day_that_ended_while_nobody_ran_is_over() {
    let bench = Bench::sqlite().await.unwrap();
    let limit = money("k", UTC_DAY, 10);
    bench.reserve("h", std::slice::from_ref(&limit), call(0, 10)).await.unwrap();
    bench.settle("h", call(0, 10)).await;
    bench.advance(12 * HOUR);

    let after = bench.reopen().await;

    after.reserve(&Ask::new("next", &[limit], call(0, 10), LEASE)).await.unwrap();
}

#[tokio::test]
async fn a_hundred_thousand_tenants_leave_the_memory_again() {
    for (bench, lasts) in [(Bench::memory().await.unwrap(), false), (Bench::sqlite().await.unwrap(), true)] {
        let n_tenants: u32 = if lasts { 2_000 } else { 100_000 };
        let limits_of = |n: u32| {
            let scope = format!("tenant:{n}");
            [requests(&scope, Window::Minute, 9), money(&scope, UTC_DAY, 9), Limit::concurrency(scope, 9)]
        };
        for n in 0..n_tenants {
            bench.reserve(&format!("h{n}"), &limits_of(n), call(0, 1)).await.unwrap();
            // Every tenth never says a word again.
            if n % 10 > 0 {
                bench.settle(&format!("h{n}"), call(0, 1)).await;
            }
        }
        assert!(bench.counters.n_kept().0 >= 3 * n_tenants as usize);

        for _ in 0..4 {
            bench.advance(13 * HOUR);
            for _ in 0..n_tenants {
                bench.look(&money("one", UTC_DAY, 1)).await;
            }
        }

        let (n_counters, n_holds) = bench.counters.n_kept();
        assert!(n_counters <= 2 && n_holds == 0, "{n_counters} counters, {n_holds} holds");
    }
}

#[tokio::test]
async fn a_total_that_left_the_memory_comes_back_from_the_disk() {
    let bench = Bench::sqlite().await.unwrap();
    let limit = money("k", Window::Total, 10);
    bench.reserve("h", std::slice::from_ref(&limit), call(0, 9)).await.unwrap();
    bench.settle("h", call(0, 9)).await;
    for _ in 0..3 {
        bench.advance(HOUR);
        bench.look(&requests("other", Window::Minute, 1)).await;
    }
    assert_eq!(bench.counters.n_kept(), (0, 0));

    assert_eq!(bench.numbers(&limit).await, (9, 0));
    assert_eq!(bench.refused("next", &[limit], call(0, 2)).await.used, 9);
}

#[tokio::test]
async fn a_store_that_is_not_known_is_named_without_its_password() {
    for uri in ["", "memory", "memory:x", "sqlite:///x", "etcd://me:secret@host"] {
        let Err(error) = Counters::open(Settings::new(uri, Clock::system())).await else { panic!("{uri} was opened") };
        assert_eq!(error.kind(), Kind::BadRequest);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let Err(error) = Counters::open(Settings::new("redis://me:secret@host:notaport", Clock::system())).await else {
        panic!("that is no port")
    };
    assert!(!septet_kernel::causes(&error).contains("secret"), "{}", septet_kernel::causes(&error));
}

#[tokio::test]
async fn a_redis_that_is_away_is_unavailable() {
    let Some(mut server) = Server::own().await else { return };
    let counters = Counters::open(Settings::new(server.uri(), Clock::system())).await.unwrap();
    let limits = [money("k", UTC_DAY, 10)];
    counters.reserve(&Ask::new("h", &limits, call(0, 1), LEASE)).await.unwrap();

    server.kill();

    let refusals = [
        counters.reserve(&Ask::new("next", &limits, call(0, 1), LEASE)).await.unwrap_err(),
        counters.settle("h", call(0, 1)).await.unwrap_err(),
        counters.extend("h", LEASE).await.unwrap_err(),
        counters.look(&limits).await.unwrap_err(),
        counters.correct("c", &limits[0], Correction::Set(0)).await.unwrap_err(),
        Counters::open(Settings::new(server.uri(), Clock::system())).await.err().unwrap(),
    ];
    for error in refusals {
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(!septet_kernel::causes(&error).contains("default:"));
    }
}

/// Speaks to the server past the driver.
async fn ask<T: redis::FromRedisValue>(server: &Server, words: &[&str]) -> T {
    let client = redis::Client::open(server.uri()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_connection_that_broke_and_scripts_that_were_forgotten_are_not_noticed() {
    let Some(server) = Server::own().await else { return };
    let counters = Counters::open(Settings::new(server.uri(), Clock::system())).await.unwrap();
    let limit = money("k", Window::Total, 100);
    let limits = [limit.clone()];
    counters.reserve(&Ask::new("h", &limits, call(0, 1), LEASE)).await.unwrap();

    let _n_killed: i64 = ask(&server, &["CLIENT", "KILL", "TYPE", "normal"]).await;
    let _done: String = ask(&server, &["SCRIPT", "FLUSH"]).await;

    counters.reserve(&Ask::new("next", &limits, call(0, 1), LEASE)).await.unwrap();
    counters.settle("h", call(0, 5)).await.unwrap();
    let counter = counters.look(&limits).await.unwrap().remove(0);
    assert_eq!((counter.used, counter.reserved), (5, 1));
}

#[tokio::test]
async fn redis_forgets_windows_and_holds_by_itself_and_totals_never() {
    let Some(server) = Server::own().await else { return };
    let counters = Counters::open(Settings::new(server.uri(), Clock::system())).await.unwrap();
    let limits = [
        money("k", Window::Total, 100),
        money("k", UTC_DAY, 100),
        money("k", Window::Month { utc_offset_s: 0 }, 100),
        tokens("k", Window::Minute, 100),
        Limit::concurrency("k", 5),
    ];
    counters.reserve(&Ask::new("h", &limits, call(1, 1), LEASE)).await.unwrap();
    counters.settle("h", call(1, 1)).await.unwrap();

    let mut lives = Vec::new();
    let names: Vec<String> = ask(&server, &["KEYS", "*"]).await;
    for name in names {
        let left_ms: i64 = ask(&server, &["PTTL", &name]).await;
        let days = left_ms.max(0) / 86_400_000;
        lives.push((
            name.replace("{septet:kv}:", ""),
            if left_ms < 0 {
                "for ever"
            } else if days <= 1 {
                "a day"
            } else {
                "a month"
            },
        ));
    }
    lives.sort();

    let now = Clock::system().now().to_string();
    let is_last_of_month = now[8..10].parse::<u32>().unwrap() >= 27;
    let month =
        if is_last_of_month { lives.iter().find(|(name, _)| name.contains("month")).unwrap().1 } else { "a month" };
    let expected = [
        ("c:money:day+0:k".to_owned(), "a day"),
        ("c:money:month+0:k".to_owned(), month),
        ("c:money:total:k".to_owned(), "for ever"),
        ("c:tokens:minute:k".to_owned(), "a day"),
        ("h:h".to_owned(), "a day"),
    ];
    assert_eq!(lives, expected);
}

#[tokio::test]
async fn by_itself_redis_goes_by_its_own_clock() {
    let Some(server) = Server::any().await else { return };
    let prefix = unique();
    let settings = |clock| Settings::new(server.uri(), clock).with_prefix(prefix.clone());
    let hours_ahead = Clock::manual(Clock::system().now_ms() + 7_200_000);
    let limits = [Limit::concurrency("k", 1), requests("k", Window::Minute, 100)];
    let here = Counters::open(settings(Clock::system())).await.unwrap();
    let there = Counters::open(settings(hours_ahead)).await.unwrap();
    here.reserve(&Ask::new("h", &limits, call(0, 0), LEASE)).await.unwrap();

    let refused = there.reserve(&Ask::new("next", &limits, call(0, 0), LEASE)).await;

    assert!(matches!(refused, Err(Error::Refused(_))), "the lease of the other holds: {refused:?}");
}
