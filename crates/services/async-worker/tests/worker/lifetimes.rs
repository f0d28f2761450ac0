use std::time::Duration;

use septet_async_worker::Config;
use septet_contracts::jobs::JobState;
use septet_kernel::Caller;
use septet_queue::State;
use serde_json::json;

use crate::bench::{Bench, job};

#[tokio::test]
async fn only_so_many_jobs_run_at_a_time() {
    let bench = Bench::new().await;
    let process = bench.start(Config { concurrency: 4, ..bench.config() }).await;
    let mut ids = Vec::new();
    for _ in 0..9 {
        ids.push(process.enqueue(&bench, json!({"hang": true})).await);
    }
    bench.owner.until(|seen| seen.n_running == 3).await;
    for n_begun in 4..=9 {
        bench.owner.gate.notify_one();
        bench.owner.until(|seen| seen.runs.len() == n_begun && seen.n_running == 3).await;
    }
    for _ in 0..3 {
        bench.owner.gate.notify_one();
    }
    for id in ids {
        process.until(&bench, id, |job| job.state == JobState::Done).await;
    }
    assert_eq!(bench.owner.seen().most_running, 3);
}

#[tokio::test]
async fn a_tenant_whose_jobs_hang_keeps_no_neighbour_from_having_one_done() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    for _ in 0..9 {
        process.enqueue(&bench, json!({"hang": true})).await;
    }
    bench.owner.until(|seen| seen.n_running == 2).await;

    let neighbour = Caller { tenant: bench.ids.next(), ..bench.caller() };
    let made = process.jobs.enqueue(&neighbour, &job(json!({}))).await.unwrap();

    bench.owner.until(|seen| seen.runs.iter().any(|(id, _, _)| *id == made.id)).await;
    assert!(bench.owner.seen().n_running >= 2, "the jobs that hang still do");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_workers_never_run_one_job_at_the_same_time_and_none_twice() {
    let bench = Bench::new().await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(bench.start(Config { concurrency: 4, ..bench.config() }).await);
    }
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(processes[n % 3].enqueue(&bench, json!({"note": "x"})).await);
    }
    for id in ids {
        processes[0].until(&bench, id, |job| job.state == JobState::Done).await;
    }
    let seen = bench.owner.seen();
    assert_eq!((seen.runs.len(), seen.most_of_one, seen.n_dropped), (60, 1, 0));
}

/// A worker process that can be killed: its tasks live in a run-time of their own, which is thrown away.
struct Killable(tokio::runtime::Runtime);

impl Killable {
    fn start(bench: &Bench, config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(bench.start_apart(config))).join().unwrap();
        });
        Self(runtime)
    }

    /// Ends every task where it stands, without a word to anybody.
    fn kill(self) {
        std::thread::spawn(move || self.0.shutdown_timeout(Duration::from_secs(5))).join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_followed_at_once_in_its_own_data_folder() {
    let bench = Bench::new().await;
    let config = Config { instance_file: bench.instance_file(), ..bench.config() };
    let killed = Killable::start(&bench, config.clone());
    let client = bench.start_alone(bench.config()).await;
    client.platform.lifecycle.stop();
    let id = client.enqueue(&bench, json!({"hang": true})).await;
    bench.owner.until(|seen| seen.n_running == 1).await;

    killed.kill();
    let running = client.jobs.get(&bench.caller(), id).await.unwrap();
    assert_eq!(running.state, JobState::Running, "nobody gave it back");
    let next = bench.start(config).await;

    bench.owner.until(|seen| seen.runs.len() == 2).await;
    bench.owner.gate.notify_one();
    let done = next.until(&bench, id, |job| job.state == JobState::Done).await;
    assert_eq!((done.attempt, bench.owner.seen().most_of_one), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_elsewhere_is_followed_when_its_lease_ends() {
    let bench = Bench::new().await;
    let killed = Killable::start(&bench, bench.config());
    let client = bench.start_alone(bench.config()).await;
    client.platform.lifecycle.stop();
    let id = client.enqueue(&bench, json!({"hang": true})).await;
    bench.owner.until(|seen| seen.n_running == 1).await;
    killed.kill();
    let next = bench.start(Config { instance_file: bench.instance_file(), ..bench.config() }).await;

    bench.clock.advance(Duration::from_secs(14));
    let probe = next.enqueue(&bench, json!({})).await;
    next.until(&bench, probe, |job| job.state == JobState::Done).await;
    assert_eq!(client.jobs.get(&bench.caller(), id).await.unwrap().state, JobState::Running, "the lease still holds");
    bench.clock.advance(Duration::from_secs(2));

    bench.owner.until(|seen| seen.runs.len() == 3).await;
    bench.owner.gate.notify_one();
    let done = next.until(&bench, id, |job| job.state == JobState::Done).await;
    assert_eq!(done.attempt, 2);
}

#[tokio::test]
async fn a_living_process_in_the_same_data_folder_keeps_its_jobs() {
    let bench = Bench::new().await;
    let config = Config { instance_file: bench.instance_file(), ..bench.config() };
    let first = bench.start(config.clone()).await;
    let id = first.enqueue(&bench, json!({"hang": true})).await;
    bench.owner.until(|seen| seen.n_running == 1).await;

    let second = bench.start(config.clone()).await;
    let third = bench.start(config).await;
    let probe = second.enqueue(&bench, json!({})).await;
    third.until(&bench, probe, |job| job.state == JobState::Done).await;

    assert_eq!(first.queue.get(bench.tenant, id).await.unwrap().attempt, 1);
    bench.owner.gate.notify_one();
    first.until(&bench, id, |job| job.state == JobState::Done && job.attempt == 1).await;
    assert_eq!(bench.owner.seen().most_of_one, 1);
}

#[tokio::test]
async fn a_torn_instance_file_names_nobody() {
    let bench = Bench::new().await;
    let path = bench.folder().join("worker.instance");
    for odd in [&b""[..], b"\xff\xfe\x00", b"someone else", b"worker-"] {
        std::fs::write(&path, odd).unwrap();
        let process = bench.start(Config { instance_file: Some(path.clone()), ..bench.config() }).await;
        let id = process.enqueue(&bench, json!({})).await;
        process.until(&bench, id, |job| job.state == JobState::Done).await;
        process.platform.lifecycle.finish(Duration::from_secs(10)).await;
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("worker-") && text.len() == 39, "{text:?}");
    }
}

#[tokio::test]
async fn an_orderly_stop_gives_jobs_back_and_does_not_count_the_attempt() {
    let bench = Bench::new().await;
    let first = bench.start(bench.config()).await;
    let id = first.enqueue(&bench, json!({"hang": true})).await;
    bench.owner.until(|seen| seen.n_running == 1).await;

    first.platform.lifecycle.finish(Duration::from_secs(10)).await;

    let given_back = first.queue.get(bench.tenant, id).await.unwrap();
    assert_eq!((given_back.state, given_back.attempt, given_back.error), (State::Ready, 0, None));
    assert_eq!(bench.owner.seen().n_dropped, 1);
    let second = bench.start(bench.config()).await;
    bench.owner.until(|seen| seen.runs.len() == 2).await;
    bench.owner.gate.notify_one();
    assert_eq!(second.until(&bench, id, |job| job.state == JobState::Done).await.attempt, 1);
}

#[tokio::test]
async fn a_job_longer_than_its_lease_keeps_it() {
    let bench = Bench::new().await;
    let process = bench.start(Config { lease_s: 1, ..bench.config() }).await;
    let id = process.enqueue(&bench, json!({"chatter": true})).await;
    bench.owner.until(|seen| seen.n_running == 1).await;
    for _ in 0..4 {
        bench.clock.advance(Duration::from_millis(900));
        let until = bench.clock.now_ms() + 1000;
        // The next renewal comes by real time, within a third of a second.
        while process.queue.get(bench.tenant, id).await.unwrap().lease_until_ms != Some(until) {
            assert!(process.queue.claim("thief", Duration::from_secs(1)).await.unwrap().is_none());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(bench.owner.attempts(), [1]);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_stops_and_writes_nothing() {
    let bench = Bench::new().await;
    let process = bench.start(Config { lease_s: 1, concurrency: 1, ..bench.config() }).await;
    let id = process.enqueue(&bench, json!({"hang": true})).await;
    bench.owner.until(|seen| seen.n_running == 1).await;
    bench.clock.advance(Duration::from_secs(2));
    let stolen = process.queue.claim("thief", Duration::from_secs(3600)).await.unwrap().unwrap();
    assert_eq!(stolen.id(), id);

    bench.owner.until(|seen| seen.n_dropped == 1).await;

    let now = process.queue.get(bench.tenant, id).await.unwrap();
    assert_eq!((now.state, now.worker.as_deref()), (State::Running, Some("thief")));
    process.queue.complete(stolen, &json!("by the thief")).await.unwrap();
    let done = process.jobs.get(&bench.caller(), id).await.unwrap();
    assert_eq!((done.state, done.result), (JobState::Done, Some(json!("by the thief"))));
    let probe = process.enqueue(&bench, json!({})).await;
    process.until(&bench, probe, |job| job.state == JobState::Done).await;
}
