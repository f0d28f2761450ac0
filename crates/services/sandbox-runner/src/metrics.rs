//! What the sandbox runner counts.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

const EXECUTIONS: &str = "septet_sandbox_executions_total";
const SECONDS: &str = "septet_sandbox_execution_seconds";

pub(crate) fn describe() {
    describe_counter!(EXECUTIONS, "Executions that ended, by language and outcome");
    describe_histogram!(SECONDS, Unit::Seconds, "Wall time of the code");
}

pub(crate) fn executed(language: &'static str, outcome: &'static str, duration: Duration) {
    counter!(EXECUTIONS, "language" => language, "outcome" => outcome).increment(1);
    histogram!(SECONDS, "language" => language).record(duration.as_secs_f64());
}
