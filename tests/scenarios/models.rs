//! What the model or its endpoint does wrong ends in words, and the run in a stated end.

use septet_testkit::model::Turn;
use serde_json::{Value, json};

use crate::{in_both, in_both_with_model};

fn ask() -> Value {
    json!({"model": "agent:analyst", "input": "go"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_for_good_fails_the_run_in_words() {
    let script = vec![Turn::Fail(401), Turn::Fail(401), Turn::Fail(401), Turn::Fail(401)];
    in_both_with_model(script, async |platform, _model, transcript| {
        let response = platform.client.post("/v1/responses", ask()).await.ok();
        assert_eq!(response["status"], "failed", "{response}");
        let message = response["error"]["message"].as_str().unwrap();
        assert!(message.contains("key"), "it says what to check: {message}");
        transcript.value("code", &response["error"]["code"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_stumbles_once_is_asked_again() {
    let script = vec![Turn::Fail(503), Turn::Say("all is well".to_owned())];
    in_both_with_model(script, async |platform, model, transcript| {
        let response = platform.client.post("/v1/responses", ask()).await.ok();
        assert_eq!(response["status"], "completed", "{response}");
        assert_eq!(model.n_calls(), 2);
        transcript.value("response", &response);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_broke_off_are_not_part_of_the_answer() {
    let script = vec![Turn::BreakOff("half an ans".to_owned()), Turn::Say("the whole answer".to_owned())];
    in_both_with_model(script, async |platform, _model, transcript| {
        let response = platform.client.post("/v1/responses", ask()).await.ok();
        assert_eq!(response["status"], "completed", "{response}");
        let output = response["output"].as_array().unwrap();
        assert_eq!(output.last().unwrap()["content"][0]["text"], "the whole answer");
        assert!(output.iter().rev().skip(1).all(|item| item["status"] == "incomplete"));
        transcript.line("whole");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_is_not_there_is_told_to_the_model() {
    let script = vec![Turn::Call("send_rocket".to_owned(), json!({})), Turn::Say("then not".to_owned())];
    in_both_with_model(script, async |platform, model, transcript| {
        let response = platform.client.post("/v1/responses", ask()).await.ok();
        assert_eq!(response["status"], "completed");
        let told = model.asked()[1]["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
        assert!(told.contains("knowledge_search"), "it names the tools there are: {told}");
        transcript.value("response", &response);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_takes_too_long_is_stopped_and_told() {
    let call = json!({"code": "import time\nprint('begun', flush=True)\ntime.sleep(100)"});
    let script = vec![Turn::Call("run_python".to_owned(), call), Turn::Say("it took too long".to_owned())];
    in_both_with_model(script, async |platform, model, transcript| {
        let response = platform.client.post("/v1/responses", ask()).await.ok();
        assert_eq!(response["status"], "completed", "{response}");
        let item = &response["output"][0];
        assert_eq!(item["status"], "failed");
        assert_eq!(item["septet"]["error"]["code"], "code_timeout");
        assert!(item["outputs"][0]["logs"].as_str().unwrap().contains("begun"));
        let told = model.asked()[1]["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
        assert!(told.contains("timeout"), "{told}");
        transcript.value("error", &item["septet"]["error"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_model_is_refused_with_what_there_is() {
    in_both(async |platform, transcript| {
        for model in ["agent:nobody", "no-such-model"] {
            let reply = platform.client.post("/v1/responses", json!({"model": model, "input": "hi"})).await;
            assert!(matches!(reply.status, 400 | 404), "{:?}", reply);
            transcript.line(format!("{model}: {} {}", reply.status, reply.sentence()));
        }
        let chat = json!({"model": "offline-analist", "messages": [{"role": "user", "content": "hi"}]});
        let reply = platform.client.post("/v1/chat/completions", chat).await;
        assert_eq!(reply.status, 404);
        assert!(reply.sentence().contains("offline-analyst"), "it names the nearest: {}", reply.sentence());
        transcript.line(reply.sentence());
    })
    .await;
}
