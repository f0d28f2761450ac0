//! Which limit refuses, when, and when it begins anew.

use std::time::Duration;

use septet_kernel::{Failure, Kind, Timestamp};
use septet_kv::{Amounts, Correction, Error, Limit, Refused, What, Window};

use crate::bench::{Bench, START_MS, UTC_DAY, call, money, requests, tokens};
use crate::suite;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn at(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().unwrap().as_millisecond())
}

suite! {
    async fn all_limits_have_room_or_nothing_is_counted(bench: Bench) {
        let limits = [
            money("tenant:a", Window::Total, 1000),
            money("group:b", UTC_DAY, 1000),
            tokens("user:c", Window::Minute, 99),
            requests("key:d", Window::Minute, 1000),
            Limit::concurrency("deployment:e", 1000),
        ];

        let refused = bench.refused("h", &limits, call(100, 100)).await;

        let expected = Refused { limit: limits[2].clone(), used: 0, reserved: 0, wanted: 100, retry_after: None };
        assert_eq!(refused, expected);
        for limit in &limits {
            assert_eq!(bench.numbers(limit).await, (0, 0));
        }
    }

    async fn money_is_payment_and_the_rest_is_a_rate(bench: Bench) {
        for (limit, kind) in [
            (money("a", UTC_DAY, 0), Kind::PaymentRequired),
            (tokens("a", UTC_DAY, 0), Kind::Exhausted),
            (requests("a", Window::Minute, 0), Kind::Exhausted),
            (Limit::concurrency("a", 0), Kind::Exhausted),
        ] {
            let error = bench.reserve("h", &[limit], call(1, 1)).await.unwrap_err();
            assert_eq!(error.kind(), kind);
        }
    }

    async fn sixty_seconds_never_hold_more_than_the_limit(bench: Bench) {
        let limit = requests("k", Window::Minute, 3);
        let limits = [limit.clone()];
        let mut passed_at = Vec::new();
        for n in 0..600 {
            if bench.reserve(&format!("h{n}"), &limits, call(0, 0)).await.is_ok() {
                bench.settle(&format!("h{n}"), call(0, 0)).await;
                passed_at.push(bench.now_ms());
            }
            bench.advance(Duration::from_millis(700));
        }

        assert!(passed_at.windows(4).all(|four| four[3] - four[0] > 60_000), "four within a minute: {passed_at:?}");
        assert!(passed_at.len() >= 3 * 6, "in seven minutes: {passed_at:?}");
    }

    async fn a_minute_says_when_to_come_again(bench: Bench) {
        let limit = tokens("k", Window::Minute, 100);
        let limits = [limit.clone()];
        for (hold, amount) in [("a", 40), ("b", 30), ("c", 30)] {
            bench.reserve(hold, &limits, call(amount, 0)).await.unwrap();
            bench.settle(hold, call(amount, 0)).await;
            bench.advance(10 * SECOND);
        }
        // It is 30 s after the first, which is forgotten 61 s after the beginning of its second.
        let wait = |ms| Some(Duration::from_millis(ms));
        assert_eq!(bench.refused("d", &limits, call(1, 0)).await.retry_after, wait(30_750));
        assert_eq!(bench.refused("d", &limits, call(41, 0)).await.retry_after, wait(40_750));
        assert_eq!(bench.refused("d", &limits, call(100, 0)).await.retry_after, wait(50_750));
        assert_eq!(bench.refused("d", &limits, call(101, 0)).await.retry_after, None);
        assert_eq!(bench.look(&limit).await.resets_at_ms, Some(START_MS - 250 + 81_000));

        bench.advance(Duration::from_millis(30_749));
        bench.refused("d", &limits, call(1, 0)).await;
        bench.advance(Duration::from_millis(1));
        bench.reserve("d", &limits, call(40, 0)).await.unwrap();
        assert_eq!(bench.numbers(&limit).await, (60, 40));
    }

    async fn a_minute_that_is_over_is_not_touched_by_its_settlement(bench: Bench) {
        let limit = tokens("k", Window::Minute, 100);
        bench.reserve("long", std::slice::from_ref(&limit), call(100, 0)).await.unwrap();
        bench.advance(61 * SECOND);
        bench.reserve("next", std::slice::from_ref(&limit), call(70, 0)).await.unwrap();

        bench.settle("long", call(90, 0)).await;

        assert_eq!(bench.numbers(&limit).await, (0, 70));
    }

    async fn a_day_ends_at_midnight_of_its_place(bench: Bench) {
        let peking = money("k", Window::Day { utc_offset_s: 8 * 3600 }, 10);
        let limits = [peking.clone()];
        bench.reserve("h", &limits, call(0, 10)).await.unwrap();
        bench.settle("h", call(0, 10)).await;

        let refused = bench.refused("next", &limits, call(0, 1)).await;
        assert_eq!(refused.retry_after, Some(4 * HOUR - Duration::from_millis(250)));
        assert_eq!(bench.look(&peking).await.resets_at_ms, at("2025-06-18T16:00:00Z"));
        bench.advance(4 * HOUR - Duration::from_millis(251));
        bench.refused("next", &limits, call(0, 1)).await;
        bench.advance(Duration::from_millis(1));
        bench.reserve("next", &limits, call(0, 10)).await.unwrap();

        let counter = bench.look(&peking).await;
        assert_eq!((counter.used, counter.reserved, counter.resets_at_ms), (0, 10, at("2025-06-19T16:00:00Z")));
    }

    async fn a_month_ends_on_the_first(bench: Bench) {
        let limit = money("k", Window::Month { utc_offset_s: 0 }, 10);
        let limits = [limit.clone()];
        bench.reserve("h", &limits, call(0, 10)).await.unwrap();
        bench.settle("h", call(0, 10)).await;

        bench.advance(12 * 24 * HOUR);
        bench.refused("next", &limits, call(0, 1)).await;
        assert_eq!(bench.look(&limit).await.resets_at_ms, at("2025-07-01T00:00:00Z"));
        bench.advance(12 * HOUR);
        bench.reserve("next", &limits, call(0, 10)).await.unwrap();
        assert_eq!(bench.look(&limit).await.resets_at_ms, at("2025-08-01T00:00:00Z"));
    }

    async fn a_total_never_ends(bench: Bench) {
        let limit = money("k", Window::Total, 10);
        bench.reserve("h", std::slice::from_ref(&limit), call(0, 10)).await.unwrap();
        bench.settle("h", call(0, 10)).await;

        bench.advance(3650 * 24 * HOUR);

        let refused = bench.refused("next", std::slice::from_ref(&limit), call(0, 1)).await;
        assert_eq!((refused.used, refused.retry_after), (10, None));
        assert_eq!(bench.look(&limit).await.resets_at_ms, None);
    }

    async fn what_began_yesterday_is_paid_by_yesterday(bench: Bench) {
        let limits = [money("k", UTC_DAY, 10), money("k", Window::Total, 100)];
        bench.reserve("h", &limits, call(0, 10)).await.unwrap();
        for _ in 0..80 {
            bench.advance(Duration::from_secs(599));
            bench.counters.extend("h", crate::bench::LEASE).await.unwrap();
        }
        bench.reserve("today", &limits, call(0, 3)).await.unwrap();

        bench.settle("h", call(0, 9)).await;

        assert_eq!(bench.numbers(&limits[0]).await, (0, 3));
        assert_eq!(bench.numbers(&limits[1]).await, (9, 3));
    }

    async fn when_only_the_holds_of_others_are_in_the_way_a_second_is_worth_waiting(bench: Bench) {
        let limits = [money("k", Window::Total, 10), Limit::concurrency("k", 1)];
        bench.reserve("h", &limits, call(0, 5)).await.unwrap();

        let concurrent = bench.refused("next", &limits, call(0, 5)).await;
        assert_eq!((concurrent.limit, concurrent.retry_after), (limits[1].clone(), Some(SECOND)));
        let spent = bench.refused("next", &limits[..1], call(0, 6)).await;
        assert_eq!((spent.reserved, spent.wanted, spent.retry_after), (5, 6, Some(SECOND)));
        let never = bench.refused("next", &limits[..1], call(0, 11)).await;
        assert_eq!(never.retry_after, None);
    }

    async fn the_same_counter_named_twice_counts_once_under_the_tighter_limit(bench: Bench) {
        let limits = [money("k", UTC_DAY, 50), money("k", UTC_DAY, 20), money("k", UTC_DAY, 20), money("k", Window::Total, 30)];

        bench.reserve("h", &limits, call(0, 15)).await.unwrap();
        let refused = bench.refused("next", &limits, call(0, 6)).await;

        assert_eq!((refused.limit.max, refused.reserved), (20, 15));
        bench.settle("h", call(0, 15)).await;
        assert_eq!(bench.numbers(&limits[0]).await, (15, 0));
    }

    async fn a_limit_may_be_changed_at_any_moment(bench: Bench) {
        bench.reserve("h", &[money("k", UTC_DAY, 10)], call(0, 8)).await.unwrap();

        bench.reserve("more", &[money("k", UTC_DAY, 20)], call(0, 8)).await.unwrap();
        let refused = bench.refused("less", &[money("k", UTC_DAY, 5)], call(0, 1)).await;

        assert_eq!((refused.reserved, refused.limit.max), (16, 5));
    }

    async fn amounts_are_exact_beyond_what_a_double_holds(bench: Bench) {
        let max = 9_007_199_254_740_993; // 2^53 + 1
        let limit = money("k", Window::Total, max);
        bench.counters.correct("c", &limit, Correction::Set(max - 2)).await.unwrap();

        bench.reserve("a", std::slice::from_ref(&limit), call(0, 1)).await.unwrap();
        bench.reserve("b", std::slice::from_ref(&limit), call(0, 1)).await.unwrap();
        let refused = bench.refused("c", std::slice::from_ref(&limit), call(0, 1)).await;

        assert_eq!((refused.used, refused.reserved), (max - 2, 2));
        bench.settle("a", call(0, 1_000_000_000_000_000)).await;
        assert_eq!(bench.numbers(&limit).await, (max - 2 + 1_000_000_000_000_000, 1));
    }

    async fn a_limit_without_end_is_no_limit(bench: Bench) {
        let limit = money("k", Window::Total, u64::MAX);
        for n in 0..100 {
            bench.reserve(&format!("h{n}"), std::slice::from_ref(&limit), call(0, 1_000_000_000_000_000)).await.unwrap();
        }
        assert_eq!(bench.numbers(&limit).await, (0, 100_000_000_000_000_000));
    }

    async fn an_operator_corrects_what_is_spent_once(bench: Bench) {
        let limit = money("k", Window::Total, 100);
        let limits = [limit.clone()];
        bench.reserve("spent", &limits, call(0, 30)).await.unwrap();
        bench.settle("spent", call(0, 30)).await;
        bench.reserve("open", &limits, call(0, 10)).await.unwrap();

        assert!(bench.counters.correct("c1", &limit, Correction::Add(-20)).await.unwrap());
        assert!(!bench.counters.correct("c1", &limit, Correction::Add(-20)).await.unwrap());
        assert_eq!(bench.numbers(&limit).await, (10, 10));
        assert!(bench.counters.correct("c2", &limit, Correction::Add(-20)).await.unwrap());
        assert_eq!(bench.numbers(&limit).await, (0, 10), "never below nothing");
        assert!(bench.counters.correct("c3", &limit, Correction::Set(70)).await.unwrap());
        assert!(bench.counters.correct("c4", &limit, Correction::Add(5)).await.unwrap());
        assert_eq!(bench.numbers(&limit).await, (75, 10));

        bench.settle("open", call(0, 12)).await;
        assert_eq!(bench.numbers(&limit).await, (87, 0));
        let fresh = money("never-used", UTC_DAY, 100);
        assert!(bench.counters.correct("c5", &fresh, Correction::Set(100)).await.unwrap());
        assert_eq!(bench.refused("h", &[fresh], call(0, 1)).await.used, 100);
    }

    async fn what_passes_by_itself_is_not_corrected(bench: Bench) {
        for limit in [tokens("k", Window::Minute, 1), Limit::concurrency("k", 1)] {
            let answer = bench.counters.correct("c", &limit, Correction::Set(0)).await;
            assert!(matches!(answer, Err(Error::NotCorrectable)));
        }
    }

    async fn a_scope_may_be_any_text(bench: Bench) {
        let scopes = ["用户:张三", "a:b:c", "a b", "{x}", "%", "*", "\u{0}", "' OR 1=1 --", "\"\n", "tenant", "Tenant"];
        for (n, scope) in scopes.iter().enumerate() {
            let limits = [money(scope, Window::Total, 10), requests(scope, Window::Minute, 10)];
            bench.reserve(scope, &limits, call(0, 1 + n as u64 % 9)).await.unwrap();
            bench.settle(scope, call(0, 1 + n as u64 % 9)).await;
        }
        for (n, scope) in scopes.iter().enumerate() {
            assert_eq!(bench.numbers(&money(scope, Window::Total, 10)).await, (1 + n as u64 % 9, 0), "{scope:?}");
        }
    }

    async fn what_makes_no_sense_is_refused_and_named(bench: Bench) {
        let ok = [money("k", UTC_DAY, 10)];
        let long = "x".repeat(513);
        assert!(matches!(bench.reserve("", &ok, call(0, 1)).await, Err(Error::BadId)));
        assert!(matches!(bench.reserve(&long, &ok, call(0, 1)).await, Err(Error::BadId)));
        assert!(matches!(bench.reserve("h", &ok, call(0, u64::MAX)).await, Err(Error::TooMuch)));
        assert!(matches!(bench.counters.settle("h", call(u64::MAX, 1)).await, Err(Error::TooMuch)));
        for bad in [money("", UTC_DAY, 1), money(&long, UTC_DAY, 1), money("k", Window::Day { utc_offset_s: i32::MIN }, 1)] {
            assert!(matches!(bench.reserve("h", &[bad], call(0, 1)).await, Err(Error::BadLimit(_))));
        }
        let many: Vec<_> = (0..65).map(|n| money(&n.to_string(), UTC_DAY, 1)).collect();
        assert!(matches!(bench.reserve("h", &many, call(0, 1)).await, Err(Error::BadLimit(_))));
    }

    async fn a_call_under_no_limit_passes(bench: Bench) {
        bench.reserve("h", &[], call(5, 5)).await.unwrap();

        assert_eq!(bench.settle("h", call(5, 5)).await, septet_kv::Settled::Now);
        assert_eq!(bench.counters.look(&[]).await.unwrap(), Vec::new());
    }

    async fn nothing_asked_for_counts_nothing(bench: Bench) {
        let limits = [money("k", UTC_DAY, 0), tokens("k", Window::Minute, 0), Limit::new("k", What::Requests, Window::Total, 0)];

        bench.reserve("h", &limits, Amounts::NOTHING).await.unwrap();
        bench.settle("h", Amounts::NOTHING).await;

        for limit in &limits {
            assert_eq!(bench.numbers(limit).await, (0, 0));
        }
    }
}
