//! What an operator watches.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use septet_queue::Stats;

const READY: &str = "septet_worker_ready_jobs";
const RUNNING: &str = "septet_worker_running_jobs";
const DEAD: &str = "septet_worker_dead_jobs";
const OLDEST: &str = "septet_worker_oldest_ready_seconds";
const ENDED: &str = "septet_worker_attempts_total";
const WAITED: &str = "septet_worker_start_delay_seconds";

pub(crate) fn describe() {
    describe_gauge!(READY, "Jobs that wait for a worker or for their time, over all processes");
    describe_gauge!(RUNNING, "Jobs that a worker holds, over all processes");
    describe_gauge!(DEAD, "Jobs that gave up and wait for a person");
    describe_gauge!(OLDEST, "How long the job that waits longest has been due");
    describe_counter!(ENDED, "Attempts that ended in this process, by outcome");
    describe_histogram!(WAITED, "From the moment that a job was due until it started");
}

pub(crate) fn queue(stats: &Stats) {
    gauge!(READY).set(float(stats.n_ready));
    gauge!(RUNNING).set(float(stats.n_running));
    gauge!(DEAD).set(float(stats.n_dead));
    gauge!(OLDEST).set(Duration::from_millis(stats.oldest_ready_ms).as_secs_f64());
}

pub(crate) fn started(waited_ms: i64) {
    histogram!(WAITED).record(Duration::from_millis(u64::try_from(waited_ms).unwrap_or(0)).as_secs_f64());
}

pub(crate) fn ended(outcome: &'static str) {
    counter!(ENDED, "outcome" => outcome).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge of 2^53 jobs may be off by one")]
fn float(count: u64) -> f64 {
    count as f64
}
