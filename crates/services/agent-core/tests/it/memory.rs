//! What a conversation keeps on the server: its agent and where it searches.

use septet_contracts::responses::{ConversationRef, CreateResponse, RequestTool, ResponseObject};
use septet_kernel::{ConversationId, Kind, VectorStoreId};
use serde_json::{Map, json};

use crate::harness::{Harness, request, searches, text};

fn conversation_of(response: &ResponseObject) -> ConversationId {
    response.conversation.unwrap().id
}

fn narrowed(bases: &[VectorStoreId]) -> Vec<RequestTool> {
    vec![RequestTool::FileSearch { vector_store_ids: bases.to_vec(), extra: Map::new() }]
}

#[tokio::test]
async fn a_conversation_that_is_opened_elsewhere_goes_on_with_its_agent_where_it_searched_before() {
    let script = [searches(1), text("one"), searches(1), text("two"), searches(1), text("three")];
    let harness = Harness::start(json!({}), script).await;
    let acme = harness.peers.add_base(harness.platform.ids.next());
    let other = harness.peers.add_base(harness.platform.ids.next());
    let first = CreateResponse { model: "agent:auditor".to_owned(), tools: narrowed(&[acme]), ..request("sales?") };
    let first = harness.agents.create(&harness.caller, &first).await.unwrap();
    let conversation = conversation_of(&first);

    // Another browser knows the conversation's id and nothing else.
    let on = |tools| CreateResponse {
        model: String::new(),
        default_model: Some("agent:analyst".to_owned()),
        conversation: Some(ConversationRef::Id(conversation)),
        tools,
        ..request("and profit?")
    };
    harness.agents.create(&harness.caller, &on(Vec::new())).await.unwrap();
    let shown = harness.agents.conversation(&harness.caller, conversation).await.unwrap();
    harness.agents.create(&harness.caller, &on(narrowed(&[other]))).await.unwrap();

    assert_eq!(harness.peers.named(), ["auditor", "auditor", "auditor"]);
    assert_eq!(harness.peers.searched(), [json!([acme]), json!([acme]), json!([other])]);
    assert_eq!((shown.model.as_deref(), shown.vector_store_ids), (Some("agent:auditor"), vec![acme]));
}

#[tokio::test]
async fn a_new_conversation_without_a_model_begins_with_the_default_one_everywhere() {
    let harness = Harness::start(json!({}), [searches(1)]).await;
    let default_model = Some("agent:analyst".to_owned());
    let asked = CreateResponse { model: String::new(), default_model, ..request("sales?") };

    let response = harness.agents.create(&harness.caller, &asked).await.unwrap();

    assert_eq!(harness.peers.named(), ["analyst"]);
    assert_eq!(harness.peers.searched(), [json!([])]);
    let shown = harness.agents.conversation(&harness.caller, conversation_of(&response)).await.unwrap();
    assert_eq!(shown.vector_store_ids, []);
}

#[tokio::test]
async fn a_knowledge_base_that_is_not_the_callers_is_not_found_and_no_run_begins() {
    let harness = Harness::start(json!({}), []).await;
    let foreign: VectorStoreId = harness.platform.ids.next();
    let own = harness.peers.add_base(harness.platform.ids.next());

    let asked = CreateResponse { tools: narrowed(&[own, foreign]), ..request("sales?") };
    let refused = harness.agents.create(&harness.caller, &asked).await.unwrap_err();

    assert_eq!(refused.kind, Kind::NotFound, "{refused}");
    assert_eq!(harness.peers.asked().len(), 0);
}
