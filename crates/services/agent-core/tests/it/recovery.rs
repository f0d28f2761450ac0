//! A run whose process stops at any event of its journal ends as one that nobody disturbed.

use std::time::Duration;

use futures::StreamExt;
use septet_kernel::ResponseId;
use serde_json::{Value, json};

use crate::harness::{Harness, Turn, text};
use crate::parallel::turn;

/// A turn with calls, under the names of the tools that it tries.
struct Case {
    tools: &'static [&'static str],
    calls: Vec<(&'static str, Value)>,
    is_networked: bool,
}

fn case(tools: &'static [&'static str], calls: Vec<(&'static str, Value)>) -> Case {
    Case { tools, calls, is_networked: false }
}

fn code(name: &'static str) -> (&'static str, Value) {
    (name, json!({"code": "1"}))
}

fn search(question: &str) -> (&'static str, Value) {
    ("knowledge_search", json!({"queries": [question]}))
}

fn time() -> (&'static str, Value) {
    ("current_time", json!({"time_zone": "Asia/Shanghai"}))
}

fn cases() -> Vec<Case> {
    vec![
        case(&["knowledge_search"], vec![search("net sales")]),
        case(&["run_python"], vec![code("run_python")]),
        case(&["run_sql"], vec![code("run_sql")]),
        case(&["current_time"], vec![time()]),
        case(&[], vec![("send_rocket", json!({})), ("run_python", json!({"code": ""})), code("run_python")]),
        case(&[], vec![search("a"), code("run_python"), search("bb"), code("run_sql"), time(), search("a")]),
        Case { is_networked: true, ..case(&[], vec![search("a"), code("run_python"), search("bb")]) },
    ]
}

async fn start(case: &Case) -> Harness {
    let script: [Turn; 2] = [turn(&case.calls), text("so it is [1]")];
    let harness = Harness::start(json!({}), script).await;
    harness.peers.keep_answers();
    if case.is_networked {
        harness.peers.sandbox.reach_a_network();
    }
    harness
}

/// What a run came to, without what is another each time.
fn essence(response: &Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for name in ["id", "created_at", "conversation", "started_at_ms", "duration_ms", "recoveries"] {
                    object.remove(name);
                }
                // The time that a clock tells.
                if object.get("name").is_some_and(|name| name == "current_time") {
                    object.remove("output");
                }
                object.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut essence = response.clone();
    strip(&mut essence);
    essence
}

async fn ended(harness: &Harness, run: ResponseId) -> Value {
    let events = harness.events(run).await;
    let (name, last) = events.last().expect("a run has events");
    assert!(matches!(&**name, "response.completed" | "response.failed" | "response.incomplete"), "{name}");
    last["response"].clone()
}

async fn journal(harness: &Harness, run: ResponseId) -> Vec<Value> {
    let rows = harness.rows(&format!("SELECT event FROM agent_journal WHERE run = '{run}' ORDER BY seq")).await;
    rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// From now on nothing is journaled behind this event: for what is durable, the process has stopped.
async fn stop_after(harness: &Harness, seq: usize) {
    harness
        .sql(&format!(
            "CREATE TRIGGER stopped BEFORE INSERT ON agent_journal WHEN NEW.seq > {seq}
             BEGIN SELECT RAISE(ABORT, 'the process has stopped'); END"
        ))
        .await;
}

/// Ends when the runner has given up, or hangs in a call.
async fn stopped(harness: &Harness, run: ResponseId) {
    let sql = format!(
        "SELECT CAST(epoch > 0 AND owner = '' AND status = 'in_progress' AS TEXT) FROM agent_runs WHERE id = '{run}'"
    );
    let given_up = async {
        while harness.rows(&sql).await != ["1"] {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), given_up).await.expect("it comes to the event");
}

async fn restart(harness: Harness) -> Harness {
    harness
        .restart(async |database| {
            // The process that has stopped took the run up again and again, which a real one could not.
            let sql = "DROP TRIGGER IF EXISTS stopped; UPDATE agent_runs SET n_recoveries = 1";
            sea_orm::ConnectionTrait::execute_unprepared(database.writer(), sql).await.unwrap();
        })
        .await
}

#[tokio::test]
async fn a_run_that_stops_at_any_event_ends_as_an_undisturbed_one_for_every_tool() {
    let tried: Vec<&str> = cases().iter().flat_map(|case| case.tools).copied().collect();
    let harness = Harness::start(json!({}), []).await;
    let tools = harness.agents.tools(&harness.caller).await.unwrap();
    assert_eq!(tried, tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), "every tool has a case");

    futures::stream::iter(cases()).for_each_concurrent(None, stop_at_every_event).await;
}

async fn stop_at_every_event(case: Case) {
    let harness = start(&case).await;
    let run = harness.begin("go").await;
    let undisturbed = Undisturbed {
        end: essence(&ended(&harness, run).await),
        n_started: harness.peers.sandbox.started().len(),
        prompt: harness.peers.asked()[1].clone(),
    };
    let n_events = journal(&harness, run).await.len();
    assert!(n_events > 6, "{n_events}");
    for seq in 0..n_events - 1 {
        stop_at(&case, seq, &undisturbed).await;
    }
}

/// What came of a run that nobody disturbed.
struct Undisturbed {
    end: Value,
    n_started: usize,
    /// What the model was shown last.
    prompt: Value,
}

async fn stop_at(case: &Case, seq: usize, undisturbed: &Undisturbed) {
    let what = format!("{:?} stopped after event {seq}", case.calls);
    let harness = start(case).await;
    stop_after(&harness, seq).await;
    let run = harness.begin("go").await;
    stopped(&harness, run).await;

    let harness = restart(harness).await;

    assert_eq!(essence(&ended(&harness, run).await), undisturbed.end, "{what}");
    assert_eq!(harness.peers.sandbox.started().len(), undisturbed.n_started, "{what}: code runs once");
    if !case.calls.contains(&time()) {
        assert_eq!(harness.peers.asked().last(), Some(&undisturbed.prompt), "{what}: the model is shown the same");
    }
    let journal = journal(&harness, run).await;
    let finished = journal.iter().filter(|event| event["kind"] == "tool_finished");
    let finished: Vec<&str> = finished.map(|event| event["call_id"].as_str().unwrap()).collect();
    let in_call_order: Vec<String> = (0..case.calls.len()).map(|number| format!("call_0_{number}")).collect();
    assert_eq!(finished, in_call_order, "{what}: each call has one output, in call order");
}

/// Stops the whole process, sandboxes and all, while code runs.
async fn crash_in_mid_code(is_networked: bool) -> (Harness, Value) {
    let case = Case { is_networked, ..case(&[], vec![code("run_python")]) };
    let harness = start(&case).await;
    harness.peers.sandbox.hang_next();
    let run = harness.begin("go").await;
    while !journal(&harness, run).await.iter().any(|event| event["kind"] == "tool_progress") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let peers = harness.peers.clone();
    let harness = harness
        .restart(async |_| {
            peers.sandbox.crash();
            // It takes the runner of sandboxes longer to come up again.
            peers.sandbox.refuse_next(usize::from(is_networked));
        })
        .await;
    let ended = ended(&harness, run).await;
    (harness, ended)
}

#[tokio::test]
async fn code_that_a_crash_broke_off_runs_once_more_where_nothing_of_it_lasts() {
    let (harness, ended) = crash_in_mid_code(false).await;

    assert_eq!(harness.peers.sandbox.started(), ["1", "1"]);
    assert_eq!(ended["output"][0]["outputs"][0]["logs"], "1 ran\n");
}

/// The sandboxes alone die while code runs; the agent lives and hears of it.
#[tokio::test]
async fn code_that_its_sandbox_broke_off_is_not_run_again_where_it_may_reach_a_network() {
    let case = Case { is_networked: true, ..case(&[], vec![code("run_python")]) };
    let harness = start(&case).await;
    harness.peers.sandbox.hang_next();
    let run = harness.begin("go").await;
    while !journal(&harness, run).await.iter().any(|event| event["kind"] == "tool_progress") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    harness.peers.sandbox.crash();

    let ended = ended(&harness, run).await;
    assert_eq!(harness.peers.sandbox.started(), ["1"]);
    assert_eq!((&ended["status"], &ended["output"][0]["status"]), (&json!("completed"), &json!("failed")));
}

#[tokio::test]
async fn what_is_asked_of_others_is_journaled_before_they_are_asked() {
    let case = case(&[], vec![code("run_python")]);
    let harness = start(&case).await;
    harness.hold_against_the_journal();
    let run = harness.begin("go").await;
    ended(&harness, run).await;

    assert_eq!(harness.intents(), [("model", true), ("code", true), ("model", true)]);
}

#[tokio::test]
async fn code_that_a_crash_broke_off_is_not_run_again_where_it_may_reach_a_network() {
    let (harness, ended) = crash_in_mid_code(true).await;

    assert_eq!(harness.peers.sandbox.started(), ["1"]);
    assert_eq!((&ended["status"], &ended["output"][0]["status"]), (&json!("completed"), &json!("failed")));
    assert_eq!(ended["output"][0]["septet"]["error"]["code"], "interrupted");
    let told = harness.peers.asked().last().unwrap()["messages"].to_string();
    assert!(told.contains("nobody knows how far it came"), "{told}");
}
