//! A tenant that floods, and a neighbour who only wants one answer.

use std::time::Duration;

use septet_contracts::responses::CreateResponse;
use septet_kernel::{Caller, Kind, ResponseId};
use serde_json::json;

use crate::harness::{Answer, Harness, Turn, request};

impl Harness {
    async fn status(&self, run: ResponseId) -> String {
        self.agents.get(&self.caller, run).await.unwrap().status.as_str().to_owned()
    }

    async fn until(&self, run: ResponseId, status: &str) {
        for _ in 0..1000 {
            if self.status(run).await == status {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{run} never was {status}");
    }

    /// Another tenant asks and waits for the end of the run.
    async fn ask_as_neighbour(&self) -> Answer {
        let neighbour = Caller { tenant: self.platform.ids.next(), ..self.caller.clone() };
        let request = request("hello");
        let asked = self.agents.create(&neighbour, &request);
        tokio::time::timeout(Duration::from_secs(60), asked)
            .await
            .expect("a neighbour is not kept waiting")
            .unwrap()
            .into()
    }
}

#[tokio::test]
async fn a_tenant_with_more_runs_than_there_are_places_keeps_nobody_else_from_having_one() {
    let hanging = [Turn::Hangs, Turn::Hangs, Turn::Hangs];
    let harness = Harness::start_with(json!({}), hanging, |config| config.max_active_runs = 4).await;
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(harness.begin("go").await);
    }
    harness.peers.n_asked(3).await;

    assert_eq!(harness.ask_as_neighbour().await.output_text(), "done");
    assert_eq!(harness.peers.asked().len(), 4, "one place is kept for others");
    assert_eq!(harness.status(runs[7]).await, "in_progress", "it waits");

    // What waits ends at once when it is cancelled; what ends lets the others in, in their turn.
    harness.agents.cancel(&harness.caller, runs[7]).await.unwrap();
    harness.until(runs[7], "cancelled").await;
    assert_eq!(harness.peers.asked().len(), 4, "no model was asked for it");
    harness.agents.cancel(&harness.caller, runs[0]).await.unwrap();
    for run in &runs[3..7] {
        harness.until(*run, "completed").await;
    }
}

#[tokio::test]
async fn runs_that_wait_are_bounded_for_each_tenant() {
    let change = |config: &mut septet_agent_core::Config| {
        config.max_active_runs = 2;
        config.max_waiting_runs = 3;
    };
    let harness = Harness::start_with(json!({}), [Turn::Hangs], change).await;
    harness.begin("go").await;
    harness.peers.n_asked(1).await;
    for _ in 0..3 {
        harness.begin("go").await;
    }

    let one_more = CreateResponse { background: Some(true), ..request("go") };
    let refused = harness.agents.create(&harness.caller, &one_more).await.unwrap_err();

    assert_eq!((refused.kind, refused.code.as_str()), (Kind::Exhausted, "too_many_runs"));
    assert_eq!(harness.ask_as_neighbour().await.output_text(), "done");
}
