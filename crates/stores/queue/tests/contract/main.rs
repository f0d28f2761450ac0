//! One suite that every driver of the queue passes: SQLite always, PostgreSQL when `SEPTET_TEST_POSTGRES` names a
//! server where databases may be made (`postgres://user@127.0.0.1:5432/postgres`).

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod bench;

use std::collections::BTreeSet;
use std::time::Duration;

use bench::{Bench, new};
use septet_kernel::{Failure, JobId, Kind, Role};
use septet_queue::{Backoff, Error, Failed, Filter, NewJob, Progress, Requester, State};
use serde_json::json;

const LEASE: Duration = Duration::from_secs(15);

fn everything() -> Filter {
    Filter { state: None, kind: None, after: None, limit: 100 }
}

fn broke() -> Failed {
    Failed { code: "disk_full".to_owned(), message: "the disk is full".to_owned() }
}

suite! {
    async fn a_job_is_claimed_once_and_completed(bench: Bench) {
        let tenant = bench.tenant();
        let made = bench.queue.enqueue(tenant, new("test.count")).await.unwrap();
        assert_eq!((made.state, made.attempt, made.worker.clone()), (State::Ready, 0, None));

        let lease = bench.queue.claim("first", LEASE).await.unwrap().unwrap();
        assert!(bench.queue.claim("second", LEASE).await.unwrap().is_none());
        assert_eq!((lease.id(), lease.job.state, lease.job.attempt), (made.id, State::Running, 1));
        assert_eq!(lease.job.worker.as_deref(), Some("first"));

        let done = bench.queue.complete(lease, &json!({"n": 7})).await.unwrap();
        assert_eq!((done.state, done.result, done.worker), (State::Done, Some(json!({"n": 7})), None));
        assert!(bench.queue.claim("first", LEASE).await.unwrap().is_none());
        assert_eq!(bench.queue.get(tenant, made.id).await.unwrap().state, State::Done);
    }

    async fn a_lease_that_runs_out_gives_the_job_to_another_worker(bench: Bench) {
        let tenant = bench.tenant();
        bench.queue.enqueue(tenant, new("test.count")).await.unwrap();
        let lost = bench.queue.claim("killed", LEASE).await.unwrap().unwrap();

        bench.clock.advance(LEASE - Duration::from_millis(1));
        assert!(bench.queue.claim("other", LEASE).await.unwrap().is_none(), "the lease still holds");
        bench.clock.advance(Duration::from_millis(1));
        let taken = bench.queue.claim("other", LEASE).await.unwrap().unwrap();

        assert_eq!((taken.id(), taken.job.attempt), (lost.id(), 2));
        assert_eq!(taken.job.error.as_ref().unwrap().code, "worker_lost");
    }

    async fn a_worker_that_comes_back_from_the_dead_changes_nothing(bench: Bench) {
        let tenant = bench.tenant();
        bench.queue.enqueue(tenant, new("test.count")).await.unwrap();
        let ghost = bench.queue.claim("ghost", LEASE).await.unwrap().unwrap();
        bench.clock.advance(LEASE);
        let taken = bench.queue.claim("other", LEASE).await.unwrap().unwrap();

        let id = ghost.id();
        let progress = Progress { done: 9, total: 9, note: "from the grave".to_owned() };
        assert!(matches!(bench.queue.renew(&ghost, LEASE).await, Err(Error::LeaseLost(job)) if job == id));
        assert!(matches!(bench.queue.progress(&ghost, &progress).await, Err(Error::LeaseLost(_))));
        assert!(matches!(bench.queue.complete(ghost, &json!("wrong")).await, Err(Error::LeaseLost(_))));

        let now = bench.queue.get(tenant, id).await.unwrap();
        assert_eq!((now.state, now.worker.as_deref(), now.result), (State::Running, Some("other"), None));
        bench.queue.complete(taken, &json!("right")).await.unwrap();
    }

    async fn the_same_worker_does_not_mistake_its_second_lease_for_its_first(bench: Bench) {
        bench.queue.enqueue(bench.tenant(), new("test.count")).await.unwrap();
        let first = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        bench.clock.advance(LEASE);
        let second = bench.queue.claim("w", LEASE).await.unwrap().unwrap();

        assert!(matches!(bench.queue.release(first).await, Err(Error::LeaseLost(_))));
        bench.queue.complete(second, &json!(null)).await.unwrap();
    }

    async fn a_renewed_lease_holds_on(bench: Bench) {
        bench.queue.enqueue(bench.tenant(), new("test.count")).await.unwrap();
        let lease = bench.queue.claim("first", LEASE).await.unwrap().unwrap();
        for _ in 0..4 {
            bench.clock.advance(LEASE / 3);
            assert!(!bench.queue.renew(&lease, LEASE).await.unwrap().cancel_requested);
            assert!(bench.queue.claim("second", LEASE).await.unwrap().is_none());
        }
        bench.queue.complete(lease, &json!(null)).await.unwrap();
    }

    async fn a_late_worker_keeps_its_job_while_nobody_else_took_it(bench: Bench) {
        bench.queue.enqueue(bench.tenant(), new("test.count")).await.unwrap();
        let lease = bench.queue.claim("first", LEASE).await.unwrap().unwrap();
        bench.clock.advance(LEASE * 3);
        assert!(bench.queue.renew(&lease, LEASE).await.is_ok());
        assert!(bench.queue.claim("second", LEASE).await.unwrap().is_none());
        bench.queue.complete(lease, &json!(null)).await.unwrap();
    }

    async fn a_failure_waits_out_its_back_off_and_the_last_one_is_dead(bench: Bench) {
        let queue = bench.queue.clone().with_backoff(Backoff { base: Duration::from_secs(4), cap: Duration::from_secs(6) });
        let tenant = bench.tenant();
        let mut wanted = new("test.count");
        wanted.max_attempts = 3;
        let id = queue.enqueue(tenant, wanted).await.unwrap().id;

        for (attempt, ceiling_ms) in [(1, 4000), (2, 6000)] {
            let lease = queue.claim("w", LEASE).await.unwrap().unwrap();
            assert_eq!(lease.job.attempt, attempt);
            let failed = queue.fail(lease, &broke(), true).await.unwrap();
            assert_eq!((failed.state, failed.error, failed.worker), (State::Ready, Some(broke()), None));
            let wait = failed.run_at_ms - bench.clock.now_ms();
            assert!((0..=ceiling_ms).contains(&wait), "waits {wait} ms");
            if wait > 0 {
                assert!(queue.claim("w", LEASE).await.unwrap().is_none(), "its time has not come");
            }
            bench.clock.advance(Duration::from_secs(6));
        }
        let lease = queue.claim("w", LEASE).await.unwrap().unwrap();
        let dead = queue.fail(lease, &broke(), true).await.unwrap();

        assert_eq!((dead.state, dead.attempt, dead.id), (State::Dead, 3, id));
        assert_eq!(dead.finished_at_ms, Some(bench.clock.now_ms()));
        bench.clock.advance(Duration::from_secs(3600));
        assert!(queue.claim("w", LEASE).await.unwrap().is_none());
    }

    async fn a_failure_that_no_retry_helps_is_dead_at_once(bench: Bench) {
        bench.queue.enqueue(bench.tenant(), new("test.count")).await.unwrap();
        let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        assert_eq!(bench.queue.fail(lease, &broke(), false).await.unwrap().state, State::Dead);
    }

    async fn a_job_that_kills_its_worker_every_time_ends_as_a_dead_letter(bench: Bench) {
        let tenant = bench.tenant();
        let mut wanted = new("test.bomb");
        wanted.max_attempts = 2;
        let id = bench.queue.enqueue(tenant, wanted).await.unwrap().id;
        for _ in 0..2 {
            bench.queue.claim("w", LEASE).await.unwrap().unwrap();
            bench.clock.advance(LEASE);
        }
        assert!(bench.queue.claim("w", LEASE).await.unwrap().is_none());

        let dead = bench.queue.get(tenant, id).await.unwrap();
        assert_eq!((dead.state, dead.error.unwrap().code), (State::Dead, "worker_lost".to_owned()));
    }

    async fn a_dead_letter_is_retried_with_all_its_attempts(bench: Bench) {
        let tenant = bench.tenant();
        let id = bench.queue.enqueue(tenant, new("test.count")).await.unwrap().id;
        let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        bench.queue.fail(lease, &broke(), false).await.unwrap();

        let again = bench.queue.retry(tenant, id).await.unwrap();

        assert_eq!((again.state, again.attempt, again.finished_at_ms), (State::Ready, 0, None));
        let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        assert!(matches!(bench.queue.retry(tenant, id).await, Err(Error::Finished { state: State::Running, .. })));
        bench.queue.complete(lease, &json!(null)).await.unwrap();
        assert!(matches!(bench.queue.retry(tenant, id).await, Err(Error::Finished { state: State::Done, .. })));
    }

    async fn an_owner_that_is_away_costs_no_attempt(bench: Bench) {
        bench.queue.enqueue(bench.tenant(), new("test.count")).await.unwrap();
        for n in 1..=20 {
            let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
            let put_off = bench.queue.defer(lease, &broke()).await.unwrap();
            assert_eq!((put_off.state, put_off.attempt, put_off.n_deferrals), (State::Ready, 0, n));
            bench.clock.advance(Backoff::default().cap);
        }
    }

    async fn a_released_job_is_taken_up_at_once_without_counting(bench: Bench) {
        bench.queue.enqueue(bench.tenant(), new("test.count")).await.unwrap();
        let lease = bench.queue.claim("stopping", LEASE).await.unwrap().unwrap();
        bench.queue.release(lease).await.unwrap();

        let taken = bench.queue.claim("next", LEASE).await.unwrap().unwrap();

        assert_eq!(taken.job.attempt, 1);
    }

    async fn a_dead_process_s_jobs_come_back_without_waiting_for_the_lease(bench: Bench) {
        let tenant = bench.tenant();
        bench.queue.enqueue(tenant, new("test.count")).await.unwrap();
        bench.queue.enqueue(tenant, new("test.count")).await.unwrap();
        let lost = bench.queue.claim("killed", LEASE).await.unwrap().unwrap();
        let alive = bench.queue.claim("alive", LEASE).await.unwrap().unwrap();

        assert_eq!(bench.queue.recover_lost("killed").await.unwrap(), 1);

        let taken = bench.queue.claim("next", LEASE).await.unwrap().unwrap();
        assert_eq!((taken.id(), taken.job.attempt), (lost.id(), 2));
        assert!(bench.queue.renew(&alive, LEASE).await.is_ok());
    }

    async fn a_waiting_job_is_cancelled_at_once_and_twice_is_no_error(bench: Bench) {
        let tenant = bench.tenant();
        let id = bench.queue.enqueue(tenant, new("test.count")).await.unwrap().id;
        assert_eq!(bench.queue.cancel(tenant, id).await.unwrap().state, State::Cancelled);
        assert_eq!(bench.queue.cancel(tenant, id).await.unwrap().state, State::Cancelled);
        assert!(bench.queue.claim("w", LEASE).await.unwrap().is_none());
        assert_eq!(bench.queue.retry(tenant, id).await.unwrap().state, State::Ready);
    }

    async fn a_running_job_learns_that_it_should_stop(bench: Bench) {
        let tenant = bench.tenant();
        let id = bench.queue.enqueue(tenant, new("test.count")).await.unwrap().id;
        let mut cancellations = bench.queue.cancellations();
        let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();

        let asked = bench.queue.cancel(tenant, id).await.unwrap();

        assert_eq!((asked.state, asked.cancel_requested), (State::Running, true));
        assert_eq!(cancellations.recv().await.unwrap(), id);
        assert!(bench.queue.renew(&lease, LEASE).await.unwrap().cancel_requested);
        let stopped = bench.queue.stopped(lease).await.unwrap();
        assert_eq!((stopped.state, stopped.finished_at_ms.is_some()), (State::Cancelled, true));
    }

    async fn a_job_that_was_asked_to_stop_never_starts_again(bench: Bench) {
        let tenant = bench.tenant();
        for _ in 0..4 {
            bench.queue.enqueue(tenant, new("test.count")).await.unwrap();
        }
        let mut leases = Vec::new();
        for _ in 0..4 {
            let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
            bench.queue.cancel(tenant, lease.id()).await.unwrap();
            leases.push(lease);
        }
        let killed = leases.pop().unwrap();
        assert_eq!(bench.queue.fail(leases.pop().unwrap(), &broke(), true).await.unwrap().state, State::Cancelled);
        assert_eq!(bench.queue.release(leases.pop().unwrap()).await.unwrap().state, State::Cancelled);
        assert_eq!(bench.queue.defer(leases.pop().unwrap(), &broke()).await.unwrap().state, State::Cancelled);
        bench.clock.advance(LEASE * 100);
        assert!(bench.queue.claim("w", LEASE).await.unwrap().is_none());
        assert_eq!(bench.queue.get(tenant, killed.id()).await.unwrap().state, State::Cancelled);
    }

    async fn work_that_finished_before_it_heard_of_the_stop_is_done(bench: Bench) {
        let tenant = bench.tenant();
        let id = bench.queue.enqueue(tenant, new("test.count")).await.unwrap().id;
        let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        bench.queue.cancel(tenant, id).await.unwrap();
        let done = bench.queue.complete(lease, &json!(1)).await.unwrap();
        assert_eq!((done.state, done.cancel_requested), (State::Done, false));
        assert!(matches!(bench.queue.cancel(tenant, id).await, Err(Error::Finished { state: State::Done, .. })));
    }

    async fn an_idempotency_key_makes_one_job_per_tenant_and_kind(bench: Bench) {
        let (here, there) = (bench.tenant(), bench.tenant());
        let keyed = |kind: &str| {
            let mut wanted = new(kind);
            wanted.idempotency_key = Some("vs_1/file-1".to_owned());
            wanted
        };
        let first = bench.queue.enqueue(here, keyed("a.b")).await.unwrap();

        assert_eq!(bench.queue.enqueue(here, keyed("a.b")).await.unwrap(), first);
        assert_ne!(bench.queue.enqueue(here, keyed("a.c")).await.unwrap().id, first.id);
        assert_ne!(bench.queue.enqueue(there, keyed("a.b")).await.unwrap().id, first.id);
        let mut other = keyed("a.b");
        other.payload = json!({"file": 2});
        let refusal = bench.queue.enqueue(here, other).await.unwrap_err();
        assert!(matches!(refusal, Error::KeyReused(job) if job == first.id));
        assert_eq!(refusal.kind(), Kind::Conflict);
        assert_ne!(
            bench.queue.enqueue(here, new("a.b")).await.unwrap().id,
            bench.queue.enqueue(here, new("a.b")).await.unwrap().id,
            "without a key every job is its own"
        );
    }

    async fn a_hundred_enqueues_of_one_key_at_once_make_one_job(bench: Bench) {
        let tenant = bench.tenant();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let queue = bench.queue.clone();
            let mut wanted = new("a.b");
            wanted.idempotency_key = Some("once".to_owned());
            tasks.spawn(async move { queue.enqueue(tenant, wanted).await.unwrap().id });
        }
        let ids: BTreeSet<JobId> = tasks.join_all().await.into_iter().collect();
        assert_eq!(ids.len(), 1);
    }

    async fn two_workers_never_hold_one_job_at_the_same_time(bench: Bench) {
        let tenant = bench.tenant();
        for _ in 0..60 {
            bench.queue.enqueue(tenant, new("test.count")).await.unwrap();
        }
        let mut tasks = tokio::task::JoinSet::new();
        for worker in 0..6 {
            let queue = bench.queue.clone();
            tasks.spawn(async move {
                let mut held = Vec::new();
                // A worker that finds every row taken by others at this moment looks again.
                for _ in 0..200 {
                    match queue.claim(&format!("w{worker}"), LEASE).await.unwrap() {
                        Some(lease) => held.push(lease.id()),
                        None if queue.stats().await.unwrap().n_ready == 0 => break,
                        None => tokio::task::yield_now().await,
                    }
                }
                held
            });
        }
        let held: Vec<JobId> = tasks.join_all().await.into_iter().flatten().collect();
        let distinct: BTreeSet<JobId> = held.iter().copied().collect();
        assert_eq!((held.len(), distinct.len()), (60, 60));
    }

    async fn one_tenant_with_many_jobs_does_not_keep_another_waiting(bench: Bench) {
        let (big, small) = (bench.tenant(), bench.tenant());
        for _ in 0..50 {
            let mut urgent = new("test.count");
            urgent.priority = 100;
            bench.queue.enqueue(big, urgent).await.unwrap();
        }
        for _ in 0..2 {
            bench.queue.enqueue(small, new("test.count")).await.unwrap();
        }
        let mut turns = Vec::new();
        for _ in 0..4 {
            bench.clock.advance(Duration::from_millis(5));
            let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
            turns.push(lease.tenant() == small);
            bench.queue.complete(lease, &json!(null)).await.unwrap();
        }
        let alternates = turns.windows(2).all(|pair| pair[0] != pair[1]);
        assert!(alternates, "the tenants take turns even with one slot: {turns:?}");

        for _ in 0..3 {
            bench.queue.enqueue(small, new("test.count")).await.unwrap();
        }
        let mut n_held = [0, 0];
        for _ in 0..6 {
            let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
            n_held[usize::from(lease.tenant() == small)] += 1;
        }
        assert_eq!(n_held, [3, 3], "slots are shared evenly");
    }

    async fn priority_and_time_order_the_jobs_of_a_tenant(bench: Bench) {
        let tenant = bench.tenant();
        let mut ids = Vec::new();
        for priority in [0, -5, 10, 0] {
            let mut wanted = new("test.count");
            wanted.priority = priority;
            bench.clock.advance(Duration::from_millis(2));
            ids.push(bench.queue.enqueue(tenant, wanted).await.unwrap().id);
        }
        let mut later = new("test.count");
        later.priority = 100;
        later.run_at_ms = Some(bench.clock.now_ms() + 60_000);
        ids.push(bench.queue.enqueue(tenant, later).await.unwrap().id);

        let mut order = Vec::new();
        while let Some(lease) = bench.queue.claim("w", LEASE).await.unwrap() {
            order.push(ids.iter().position(|id| *id == lease.id()).unwrap());
        }
        assert_eq!(order, [2, 0, 3, 1]);
        bench.clock.advance(Duration::from_secs(60));
        let mut last = None;
        while let Some(lease) = bench.queue.claim("w2", LEASE).await.unwrap() {
            last = last.or(Some(lease.id()));
        }
        assert_eq!(last, Some(ids[4]));
    }

    async fn another_tenant_s_job_does_not_exist(bench: Bench) {
        let (mine, yours) = (bench.tenant(), bench.tenant());
        let id = bench.queue.enqueue(mine, new("test.count")).await.unwrap().id;

        for refusal in [
            bench.queue.get(yours, id).await.unwrap_err(),
            bench.queue.cancel(yours, id).await.unwrap_err(),
            bench.queue.retry(yours, id).await.unwrap_err(),
        ] {
            assert!(matches!(refusal, Error::NoJob(job) if job == id));
        }
        assert!(bench.queue.list(yours, &everything()).await.unwrap().is_empty());
        assert_eq!(bench.queue.get(mine, id).await.unwrap().state, State::Ready);
    }

    async fn jobs_are_listed_newest_first_by_state_and_kind_in_pages(bench: Bench) {
        let tenant = bench.tenant();
        let mut ids = Vec::new();
        for kind in ["a.x", "a.y", "a.x", "a.x"] {
            bench.clock.advance(Duration::from_millis(2));
            ids.push(bench.queue.enqueue(tenant, new(kind)).await.unwrap().id);
        }
        bench.queue.cancel(tenant, ids[3]).await.unwrap();
        let found = async |filter: Filter| -> Vec<usize> {
            let jobs = bench.queue.list(tenant, &filter).await.unwrap();
            jobs.iter().map(|job| ids.iter().position(|id| *id == job.id).unwrap()).collect()
        };

        assert_eq!(found(everything()).await, [3, 2, 1, 0]);
        assert_eq!(found(Filter { kind: Some("a.x".to_owned()), ..everything() }).await, [3, 2, 0]);
        assert_eq!(found(Filter { state: Some(State::Ready), ..everything() }).await, [2, 1, 0]);
        assert_eq!(found(Filter { after: Some(ids[2]), limit: 1, ..everything() }).await, [1]);
    }

    async fn odd_text_and_large_numbers_survive_the_table(bench: Bench) {
        let tenant = bench.tenant();
        let mut wanted = new("test.count");
        wanted.payload = json!({"name": "年报'; DROP TABLE worker_jobs; -- \u{1f4c8}\n", "n": 9_007_199_254_740_993_i64, "none": null});
        let made = bench.queue.enqueue(tenant, wanted.clone()).await.unwrap();
        let lease = bench.queue.claim("w$1?", LEASE).await.unwrap().unwrap();
        let progress = Progress { done: u64::MAX, total: 12, note: "第 3 页 %s $1 ?".to_owned() };
        let _held = bench.queue.progress(&lease, &progress).await.unwrap();

        let stored = bench.queue.get(tenant, made.id).await.unwrap();

        assert_eq!(stored.payload, wanted.payload);
        assert_eq!(stored.progress.note, progress.note);
        assert_eq!(stored.progress.done, u64::try_from(i64::MAX).unwrap(), "counts beyond the column are cut");
    }

    async fn old_jobs_are_purged_and_dead_letters_stay(bench: Bench) {
        let tenant = bench.tenant();
        let done = bench.queue.enqueue(tenant, new("test.count")).await.unwrap().id;
        let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        bench.queue.complete(lease, &json!(null)).await.unwrap();
        let dead = bench.queue.enqueue(tenant, new("test.count")).await.unwrap().id;
        let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        bench.queue.fail(lease, &broke(), false).await.unwrap();

        assert_eq!(bench.queue.purge(bench.clock.now_ms()).await.unwrap(), 0, "nothing is older than now");
        assert_eq!(bench.queue.purge(bench.clock.now_ms() + 1).await.unwrap(), 1);

        assert!(matches!(bench.queue.get(tenant, done).await, Err(Error::NoJob(_))));
        assert_eq!(bench.queue.get(tenant, dead).await.unwrap().state, State::Dead);
    }

    async fn an_operator_sees_what_waits_runs_and_died(bench: Bench) {
        assert_eq!(bench.queue.stats().await.unwrap(), septet_queue::Stats::default());
        let tenant = bench.tenant();
        for _ in 0..3 {
            bench.queue.enqueue(tenant, new("test.count")).await.unwrap();
        }
        bench.clock.advance(Duration::from_millis(700));
        let _running = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        let lease = bench.queue.claim("w", LEASE).await.unwrap().unwrap();
        bench.queue.fail(lease, &broke(), false).await.unwrap();

        let stats = bench.queue.stats().await.unwrap();

        assert_eq!((stats.n_ready, stats.n_running, stats.n_dead, stats.oldest_ready_ms), (1, 1, 1, 700));
    }

    async fn opening_again_keeps_what_is_there(bench: Bench) {
        let tenant = bench.tenant();
        let id = bench.queue.enqueue(tenant, new("test.count")).await.unwrap().id;
        let again = bench.reopen().await;
        assert_eq!(again.get(tenant, id).await.unwrap().id, id);
    }

    async fn an_enqueue_wakes_a_waiting_worker(bench: Bench) {
        bench.queue.enqueue(bench.tenant(), new("test.count")).await.unwrap();
        bench.queue.woken().await;
    }

    async fn a_job_keeps_who_asked_and_with_which_rights(bench: Bench) {
        let tenant = bench.tenant();
        let requester = Requester { user: Some(bench.id()), key: Some(bench.id()), role: Role::Editor };
        let made = bench.queue.enqueue(tenant, NewJob { requester, ..new("test.count") }).await.unwrap();

        assert_eq!(bench.queue.get(tenant, made.id).await.unwrap().requester, requester);
    }

    async fn a_job_from_before_rights_were_kept_gets_the_least_that_works(bench: Bench) {
        let tenant = bench.tenant();
        let requester = Requester { user: None, key: None, role: Role::Owner };
        let old = bench.queue.enqueue(tenant, NewJob { requester, ..new("test.count") }).await.unwrap().id;
        bench.forget_rights().await;

        let queue = bench.reopen().await;

        assert_eq!(queue.get(tenant, old).await.unwrap().requester.role, Role::Member);
    }
}
