//! Scenarios that cross services, through the public surface.
//!
//! Each runs with the services together in one process and apart behind seven listeners, and both must see the same.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod bodies;
mod cancel;
mod command_line;
mod crash;
mod documents;
mod hostile;
#[path = "../../crates/services/sandbox-runner/tests/hostile/suite.rs"]
mod hostile_suite;
mod identity;
mod litellm;
mod main_job;
mod models;
mod openapi;
mod process;
mod sandbox_alone;
mod sdk;
mod sdk_models;
mod storage;
mod strangers;
mod two_gateways;

use septet_testkit::platform::{self, TestPlatform, Topology};
use septet_testkit::{ScriptedModel, Transcript};

/// Runs a scenario in both topologies and compares what it saw.
async fn in_both(scenario: impl AsyncFn(&TestPlatform, &mut Transcript)) {
    let mut seen = Vec::new();
    for topology in [Topology::Together, Topology::Apart] {
        let platform = platform::start(topology).await;
        let mut transcript = Transcript::default();
        scenario(&platform, &mut transcript).await;
        platform.stop().await;
        seen.push(transcript.text());
    }
    similar(&seen[0], &seen[1]);
}

/// The same with a scripted model in place of the offline one; the script is the same in both.
async fn in_both_with_model(
    script: Vec<septet_testkit::model::Turn>,
    scenario: impl AsyncFn(&TestPlatform, &ScriptedModel, &mut Transcript),
) {
    let mut seen = Vec::new();
    for topology in [Topology::Together, Topology::Apart] {
        let model = ScriptedModel::start(script.clone()).await;
        let platform = platform::start_with_model(topology, &model).await;
        let mut transcript = Transcript::default();
        scenario(&platform, &model, &mut transcript).await;
        platform.stop().await;
        seen.push(transcript.text());
    }
    similar(&seen[0], &seen[1]);
}

/// Compares two transcripts and names the first line that differs.
fn similar(together: &str, apart: &str) {
    assert!(!together.is_empty(), "the scenario saw nothing");
    for (number, (one, other)) in together.lines().zip(apart.lines()).enumerate() {
        assert_eq!(one, other, "line {number} differs between together and apart");
    }
    assert_eq!(together.lines().count(), apart.lines().count(), "one transcript is longer");
}

/// The sample report of the repository.
fn sample_report() -> Vec<u8> {
    std::fs::read(septet_fixtures::repository().join("examples/annual-report-2025.pdf")).expect("the sample report")
}
