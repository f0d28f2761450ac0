//! The main job: a report goes in, a question is asked, a cited answer with a chart comes out.

use futures::StreamExt;
use septet_testkit::TestPlatform;
use serde_json::{Value, json};

use crate::{in_both, sample_report};

async fn ask(platform: &TestPlatform, store: &str, question: &str) -> Vec<(String, Value)> {
    let body = json!({
        "model": "agent:analyst", "input": question, "stream": true,
        "tools": [{"type": "file_search", "vector_store_ids": [store]}],
    });
    platform.client.events("/v1/responses", body).await.collect().await
}

fn annotations(response: &Value) -> Vec<&Value> {
    let parts =
        response["output"].as_array().into_iter().flatten().filter_map(|item| item["content"].as_array()).flatten();
    parts.filter_map(|part| part["annotations"].as_array()).flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_analysed_with_citations_and_a_chart() {
    in_both(async |platform, transcript| {
        let (store, state) = platform.client.add_document("annual-report-2025.pdf", sample_report()).await;
        assert_eq!(state["status"], "completed", "{state}");
        let events = ask(platform, &store, "帮我分析财报").await;
        transcript.events(&events);

        let response = &events.last().unwrap().1["response"];
        assert_eq!(response["status"], "completed", "{response}");
        let text = response.to_string();
        assert!(text.contains("512.39") || text.contains("51,238,609,924.44"), "the revenue is in the answer: {text}");
        let cited: Vec<_> = annotations(response).into_iter().filter(|one| one["type"] == "file_citation").collect();
        assert!(!cited.is_empty(), "the answer cites");
        assert!(
            cited.iter().all(|one| one["page"].as_u64().unwrap() >= 1 && !one["quote"].as_str().unwrap().is_empty())
        );
        let chart =
            annotations(response).into_iter().find(|one| one["type"] == "container_file_citation").expect("a chart");
        let path = format!(
            "/v1/containers/{}/files/{}/content",
            chart["container_id"].as_str().unwrap(),
            chart["file_id"].as_str().unwrap()
        );
        let png = platform.client.bytes(&path).await;
        assert_eq!(&png[..4], b"\x89PNG");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reconnects_anywhere_sees_exactly_the_rest() {
    in_both(async |platform, transcript| {
        let (store, _) = platform.client.add_document("annual-report-2025.pdf", sample_report()).await;
        let events = ask(platform, &store, "各季度营业收入是多少？").await;
        let id = events[0].1["response"]["id"].as_str().unwrap().to_owned();
        let numbers: Vec<u64> = events.iter().map(|(_, data)| data["sequence_number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>(), "numbers have no gap");
        for cut in [0, 1, events.len() / 2, events.len() - 2] {
            let path = format!("/v1/responses/{id}?stream=true&starting_after={cut}");
            let rest: Vec<_> = platform.client.get_events(&path).await.collect().await;
            assert_eq!(rest, events[cut + 1..], "after {cut}");
        }
        transcript.line("the same rest each time");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_and_is_listed() {
    in_both(async |platform, transcript| {
        let client = &platform.client;
        let (store, _) = client.add_document("annual-report-2025.pdf", sample_report()).await;
        let first = ask(platform, &store, "2025年营业收入是多少？").await;
        let first = first.last().unwrap().1["response"].clone();
        let conversation = first["conversation"]["id"].as_str().unwrap().to_owned();
        let body = json!({
            "model": "agent:analyst", "input": "净利润呢？", "previous_response_id": first["id"],
            "tools": [{"type": "file_search", "vector_store_ids": [store]}],
        });
        let second = client.post("/v1/responses", body).await.ok();
        assert_eq!(second["conversation"]["id"], conversation.as_str());
        transcript.value("second", &second["status"]);
        let items = client.get(&format!("/v1/conversations/{conversation}/items")).await.ok();
        let roles: Vec<_> = items["data"].as_array().unwrap().iter().filter_map(|item| item["role"].as_str()).collect();
        assert_eq!(roles.iter().filter(|role| **role == "user").count(), 2);
        transcript.value("list", &client.get("/api/conversations").await.ok());
        client.delete(&format!("/v1/conversations/{conversation}")).await.ok();
        transcript.reply("gone", &client.get(&format!("/v1/conversations/{conversation}")).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_documents_says_what_to_do() {
    in_both(async |platform, transcript| {
        let body = json!({"model": "agent:analyst", "input": "帮我分析财报"});
        let response = platform.client.post("/v1/responses", body).await.ok();
        assert_eq!(response["status"], "completed");
        assert!(annotations(&response).is_empty(), "nothing is cited");
        transcript.value("answer", &response);
    })
    .await;
}
