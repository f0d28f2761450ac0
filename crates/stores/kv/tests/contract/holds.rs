//! What becomes of a hold.

use std::time::Duration;

use septet_kernel::{Failure, Kind};
use septet_kv::{Amounts, Ask, Error, Limit, Settled, Window};

use crate::bench::{Bench, LEASE, UTC_DAY, call, money, requests, tokens};
use crate::suite;

const MOMENT: Duration = Duration::from_millis(1);

suite! {
    async fn a_settlement_counts_what_was_real_and_only_once(bench: Bench) {
        let limits = [money("tenant:a", Window::Total, 100), tokens("tenant:a", Window::Minute, 100), Limit::concurrency("tenant:a", 5)];

        let reserved = bench.reserve("h", &limits, call(50, 60)).await.unwrap();
        assert_eq!((reserved.expires_at_ms, reserved.is_repeated), (bench.now_ms() + 600_000, false));
        assert_eq!(bench.numbers(&limits[0]).await, (0, 60));
        assert_eq!(bench.numbers(&limits[1]).await, (0, 50));
        assert_eq!(bench.numbers(&limits[2]).await, (0, 1));

        assert_eq!(bench.settle("h", call(7, 9)).await, Settled::Now);
        assert_eq!(bench.settle("h", call(7, 9)).await, Settled::Before);
        assert_eq!(bench.settle("never", call(7, 9)).await, Settled::Unknown);

        assert_eq!(bench.numbers(&limits[0]).await, (9, 0));
        assert_eq!(bench.numbers(&limits[1]).await, (7, 0));
        assert_eq!(bench.numbers(&limits[2]).await, (0, 0));
    }

    async fn the_same_hold_reserved_twice_counts_once(bench: Bench) {
        let limits = [money("tenant:a", Window::Total, 100)];
        let first = bench.reserve("h", &limits, call(0, 60)).await.unwrap();
        bench.advance(Duration::from_secs(5));

        let again = bench.reserve("h", &limits, call(0, 99)).await.unwrap();

        assert_eq!((again.expires_at_ms, again.is_repeated), (first.expires_at_ms, true));
        assert_eq!(bench.numbers(&limits[0]).await, (0, 60));
    }

    async fn a_hold_that_is_over_cannot_be_taken_again(bench: Bench) {
        let limits = [money("tenant:a", Window::Total, 100)];
        bench.reserve("settled", &limits, call(0, 10)).await.unwrap();
        bench.settle("settled", call(0, 10)).await;
        bench.reserve("lost", &limits, call(0, 10)).await.unwrap();
        bench.advance(LEASE);
        bench.reserve("open", &limits, call(0, 10)).await.unwrap();

        let lost = bench.reserve("lost", &limits, call(0, 10)).await.unwrap_err();
        assert!(matches!(&lost, Error::Over(hold) if hold == "lost"));
        assert_eq!(lost.kind(), Kind::Conflict);
        assert_eq!(bench.numbers(&limits[0]).await, (10, 10));
    }

    async fn a_settlement_is_recognised_for_a_minute(bench: Bench) {
        let limits = [money("tenant:a", Window::Total, 100)];
        bench.reserve("h", &limits, call(0, 10)).await.unwrap();
        bench.settle("h", call(0, 10)).await;

        bench.advance(Duration::from_secs(59));
        assert_eq!(bench.settle("h", call(0, 10)).await, Settled::Before);
        assert!(matches!(bench.reserve("h", &limits, call(0, 10)).await, Err(Error::Over(_))));
        assert_eq!(bench.numbers(&limits[0]).await, (10, 0));
    }

    async fn a_released_hold_leaves_nothing(bench: Bench) {
        let limits = [requests("k", Window::Minute, 1), tokens("k", UTC_DAY, 10), money("k", Window::Total, 10), Limit::concurrency("k", 1)];
        bench.reserve("h", &limits, call(10, 10)).await.unwrap();

        assert_eq!(bench.counters.release("h").await.unwrap(), Settled::Now);

        for limit in &limits {
            assert_eq!(bench.numbers(limit).await, (0, 0));
        }
        bench.reserve("next", &limits, call(10, 10)).await.unwrap();
    }

    async fn what_was_really_spent_counts_beyond_the_limit(bench: Bench) {
        let limit = money("tenant:a", Window::Total, 100);
        let limits = [limit.clone()];
        bench.reserve("h", &limits, call(0, 60)).await.unwrap();

        bench.settle("h", call(0, 250)).await;

        assert_eq!(bench.numbers(&limit).await, (250, 0));
        let refused = bench.refused("next", &limits, call(0, 0)).await;
        assert_eq!((refused.used, refused.reserved, refused.wanted, refused.retry_after), (250, 0, 0, None));
    }

    async fn a_hold_that_nobody_settles_is_refunded_when_its_lease_runs_out(bench: Bench) {
        let limits = [requests("k", UTC_DAY, 10), money("k", Window::Total, 10), Limit::concurrency("k", 1)];
        bench.reserve("lost", &limits, call(0, 10)).await.unwrap();

        bench.advance(LEASE - MOMENT);
        bench.refused("next", &limits, call(0, 10)).await;
        bench.advance(MOMENT);
        bench.reserve("next", &limits, call(0, 10)).await.unwrap();

        assert_eq!(bench.numbers(&limits[0]).await, (0, 1));
        assert_eq!(bench.numbers(&limits[1]).await, (0, 10));
        assert_eq!(bench.numbers(&limits[2]).await, (0, 1));
    }

    async fn a_hold_may_be_charged_when_its_lease_runs_out(bench: Bench) {
        let limits = [requests("k", UTC_DAY, 10), money("k", Window::Total, 10), Limit::concurrency("k", 1)];
        let ask = Ask::new("lost", &limits, call(0, 8), LEASE).charged_on_expiry();
        bench.counters.reserve(&ask).await.unwrap();
        assert_eq!(bench.numbers(&limits[1]).await, (0, 8));

        bench.advance(LEASE);

        assert_eq!(bench.numbers(&limits[0]).await, (1, 0));
        assert_eq!(bench.numbers(&limits[1]).await, (8, 0));
        assert_eq!(bench.numbers(&limits[2]).await, (0, 0), "nobody runs any more");
        assert_eq!(bench.settle("lost", call(0, 5)).await, Settled::Late);
        assert_eq!(bench.numbers(&limits[1]).await, (5, 0), "the real amount comes in place of the charged one");
    }

    async fn a_late_settlement_still_counts_once(bench: Bench) {
        let limits = [money("k", Window::Total, 10), Limit::concurrency("k", 1)];
        bench.reserve("slow", &limits, call(0, 10)).await.unwrap();
        bench.advance(LEASE);
        bench.reserve("other", &limits, call(0, 10)).await.unwrap();

        assert_eq!(bench.settle("slow", call(0, 9)).await, Settled::Late);
        assert_eq!(bench.settle("slow", call(0, 9)).await, Settled::Before);

        assert_eq!(bench.numbers(&limits[0]).await, (9, 10));
        assert_eq!(bench.numbers(&limits[1]).await, (0, 1), "the other one still runs");
    }

    async fn an_extended_hold_lives_on(bench: Bench) {
        let limits = [Limit::concurrency("k", 1)];
        bench.reserve("stream", &limits, Amounts::NOTHING).await.unwrap();
        for _ in 0..5 {
            bench.advance(LEASE - MOMENT);
            let until_ms = bench.counters.extend("stream", LEASE).await.unwrap();
            assert_eq!(until_ms, bench.now_ms() + 600_000);
        }
        bench.refused("next", &limits, Amounts::NOTHING).await;

        bench.advance(LEASE);
        bench.reserve("next", &limits, Amounts::NOTHING).await.unwrap();
        assert!(matches!(bench.counters.extend("stream", LEASE).await, Err(Error::Over(_))));
        assert!(matches!(bench.counters.extend("never", LEASE).await, Err(Error::NoHold(_))));
        bench.settle("next", Amounts::NOTHING).await;
        assert!(matches!(bench.counters.extend("next", LEASE).await, Err(Error::Over(_))));
    }

    async fn a_thousand_leases_that_run_out_at_once_give_all_room_back(bench: Bench) {
        let limits = [Limit::concurrency("k", 1000), money("k", Window::Total, 1000)];
        for n in 0..1000 {
            bench.reserve(&format!("lost-{n}"), &limits, call(0, 1)).await.unwrap();
        }
        bench.refused("next", &limits, call(0, 1)).await;

        bench.advance(LEASE);

        bench.reserve("next", &limits, call(0, 1000)).await.unwrap();
        assert_eq!(bench.numbers(&limits[0]).await, (0, 1));
    }

    async fn fifty_at_once_with_money_for_ten_are_ten(bench: Bench) {
        let limits = [money("tenant:a", UTC_DAY, 1000), money("user:b", Window::Total, 109), Limit::concurrency("key:c", 50)];
        let mut calls = tokio::task::JoinSet::new();
        for n in 0..50 {
            let (counters, limits) = (bench.counters.clone(), limits.clone());
            calls.spawn(async move { counters.reserve(&Ask::new(&format!("h{n}"), &limits, call(1, 10), LEASE)).await });
        }
        let answers = calls.join_all().await;

        let n_reserved = answers.iter().filter(|answer| answer.is_ok()).count();
        let n_refused = answers.iter().filter(|answer| matches!(answer, Err(Error::Refused(refused)) if refused.limit == limits[1])).count();
        assert_eq!((n_reserved, n_refused), (10, 40));
        assert_eq!(bench.numbers(&limits[0]).await, (0, 100));
        assert_eq!(bench.numbers(&limits[2]).await, (0, 10));
    }
}
