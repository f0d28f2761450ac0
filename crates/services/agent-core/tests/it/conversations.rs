//! What the model is shown of a conversation.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use septet_contracts::agents::ConversationQuery;
use septet_contracts::responses::{CreateResponse, ResponseInput};
use septet_kernel::{Caller, ConversationId, Kind, Role};
use serde_json::{Value, json};

use crate::harness::{Harness, request, searches, text};

fn roles(body: &Value) -> Vec<&str> {
    body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_next_question_sees_earlier_calls_and_their_outputs() {
    let harness = Harness::start(json!({}), [searches(2), text("12 billion [1]"), text("yes")]).await;

    let first = harness.ask("How much?").await;
    harness.ask_on(&first, "Are you sure?").await;

    let asked = &harness.peers.asked()[2];
    assert_eq!(roles(asked), ["system", "user", "assistant", "tool", "tool", "assistant", "user"]);
    let output = asked["messages"][3]["content"].as_str().unwrap();
    assert!(output.contains("report.pdf, page 3: Net sales were 12 billion."), "{output}");
    assert!(!output.contains("[1]"), "numbers are each run's own: {output}");
    assert_eq!(asked["messages"][2]["tool_calls"][0]["function"]["arguments"], r#"{"queries":["net sales"]}"#);
}

/// Services act for a tenant without being anybody in it, so nothing but the tenant holds them apart.
#[tokio::test]
async fn another_tenant_reaches_neither_a_run_nor_its_conversation() {
    let harness = Harness::start(json!({}), [text("12 billion")]).await;
    let run = harness.begin("How much?").await;
    harness.events(run).await;
    let agents = &harness.agents;
    let conversation = agents.get(&harness.caller, run).await.unwrap().conversation.unwrap().id;
    let ids = &harness.platform.ids;
    let stranger = Caller { role: Role::Owner, ..Caller::background(ids.next(), ids.next()) };
    let kind = |refused: septet_contracts::call::CallError| refused.kind;

    let refusals = [
        agents.get(&stranger, run).await.map(drop).map_err(kind),
        agents.events(&stranger, run, None).await.map(drop).map_err(kind),
        agents.input_items(&stranger, run).await.map(drop).map_err(kind),
        agents.cancel(&stranger, run).await.map(drop).map_err(kind),
        agents.delete(&stranger, run).await.map(drop).map_err(kind),
        agents.conversation(&stranger, conversation).await.map(drop).map_err(kind),
        agents.conversation_items(&stranger, conversation).await.map(drop).map_err(kind),
        agents.delete_conversation(&stranger, conversation).await.map(drop).map_err(kind),
    ];

    assert_eq!(refusals, [Err(Kind::NotFound); 8]);
    assert!(agents.conversations(&stranger, &ConversationQuery::default()).await.unwrap().data.is_empty());
    assert_eq!(agents.get(&harness.caller, run).await.unwrap().output_text(), "12 billion");
}

#[tokio::test]
async fn a_long_conversation_keeps_its_answers_and_its_latest_calls() {
    let harness = Harness::start(json!({}), []).await;
    harness.peers.script([searches(1), text("first")]);
    let mut last = harness.ask("q0").await;
    for _ in 1..6 {
        harness.peers.script([searches(32), text("later")]);
        last = harness.ask_on(&last, "q").await;
    }
    let n_before = harness.peers.asked().len();
    harness.ask_on(&last, "end").await;

    let asked = &harness.peers.asked()[n_before];
    assert!(asked.to_string().len() < 100_000, "{}", asked.to_string().len());
    let roles = roles(asked);
    assert_eq!(roles.iter().filter(|role| **role == "user").count(), 7);
    assert!(roles.contains(&"tool"), "the latest calls are there");
    assert!(roles.iter().filter(|role| **role == "tool").count() < 5 * 32, "the earliest are not");
}

#[tokio::test]
async fn messages_are_in_an_order_that_every_template_takes() {
    let harness = Harness::start(json!({}), []).await;
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    let input = ResponseInput::Items(vec![
        said("user", "one"),
        said("developer", "be short"),
        said("user", "two"),
        said("user", " "),
        said("assistant", "three"),
        said("user", "four"),
    ]);
    let first = harness.agents.create(&harness.caller, &CreateResponse { input, ..request("") }).await.unwrap();

    let asked = &harness.peers.asked()[0];
    assert_eq!(roles(asked), ["system", "user", "assistant", "user"]);
    assert_eq!(asked["messages"][0]["content"], "You help.\n\nbe short");
    assert_eq!(asked["messages"][1]["content"], "one\n\ntwo");

    // They last as other items do.
    let input = ResponseInput::Items(vec![said("user", "five"), said("developer", "and kind")]);
    let previous = Some(first.id);
    let next = CreateResponse { input, previous_response_id: previous, ..request("") };
    harness.agents.create(&harness.caller, &next).await.unwrap();
    let asked = &harness.peers.asked()[1];
    assert_eq!(asked["messages"][0]["content"], "You help.\n\nbe short\n\nand kind");
    assert_eq!(asked["messages"].as_array().unwrap().last().unwrap()["content"], "five");

    let input = ResponseInput::Items(vec![said("system", "Say hello.")]);
    harness.agents.create(&harness.caller, &CreateResponse { input, ..request("") }).await.unwrap();
    assert_eq!(roles(&harness.peers.asked()[2]), ["system", "user"]);
}

#[tokio::test]
async fn the_sandboxes_of_a_deleted_conversation_go_however_long_their_service_is_away() {
    let harness = Harness::start(json!({}), [text("yes")]).await;
    let answer = harness.ask("Is it?").await;
    let conversation: ConversationId = answer.extra["conversation"]["id"].as_str().unwrap().parse().unwrap();
    harness.peers.sandbox.is_away(true);
    harness.agents.delete_conversation(&harness.caller, conversation).await.unwrap();
    assert_eq!(harness.peers.sandbox.let_go(), Vec::<String>::new());

    harness.peers.sandbox.is_away(false);
    let harness = harness.restart(async |_database| {}).await;

    let let_go = async {
        while harness.peers.sandbox.let_go() != [conversation.to_string()] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), let_go).await.expect("they are let go");
    let to_do = async |database: &septet_database::Database| {
        let sql = Statement::from_string(database.backend(), "SELECT conversation FROM agent_gone");
        assert!(database.reader().query_one_raw(sql).await.unwrap().is_none());
    };
    harness.restart(to_do).await;
}
