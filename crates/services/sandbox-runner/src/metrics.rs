//! What the sandbox runner counts.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

const EXECUTIONS: &str = "septet_sandbox_executions_total";
const EGRESS: &str = "septet_sandbox_egress_requests_total";
const EGRESS_BYTES: &str = "septet_sandbox_egress_bytes_total";
const SECONDS: &str = "septet_sandbox_execution_seconds";

pub(crate) fn describe() {
    describe_counter!(EXECUTIONS, "Executions that ended, by language and outcome");
    describe_counter!(EGRESS, "What sandboxes asked to reach, by kind (http, tunnel, opened, refused) and outcome");
    describe_counter!(EGRESS_BYTES, Unit::Bytes, "Bytes that crossed the egress of sandboxes, by direction");
    describe_histogram!(SECONDS, Unit::Seconds, "Wall time of the code");
}

pub(crate) fn executed(language: &'static str, outcome: &'static str, duration: Duration) {
    counter!(EXECUTIONS, "language" => language, "outcome" => outcome).increment(1);
    histogram!(SECONDS, "language" => language).record(duration.as_secs_f64());
}

pub(crate) fn egress(kind: &'static str, outcome: &'static str) {
    counter!(EGRESS, "kind" => kind, "outcome" => outcome).increment(1);
}

pub(crate) fn egress_bytes(direction: &'static str, n_bytes: usize) {
    counter!(EGRESS_BYTES, "direction" => direction).increment(n_bytes as u64);
}
