//! The service by itself: keys, forms, bytes, and code without a container.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use septet_sandbox_runner::Config;
use serde_json::{Value, json};

use crate::standalone::{ACME, OTHER, Standalone, good, refusal, standalone, standalone_with};
use crate::support::config;

async fn container(service: &Standalone) -> String {
    good(service.post("/v1/containers", &json!({"name": "c"}))).await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn without_a_key_nothing_is_answered() {
    let service = standalone().await;
    for (method, path) in [
        (Method::GET, "/v1/containers"),
        (Method::POST, "/v1/execute"),
        (Method::GET, "/internal/doctor"),
        (Method::POST, "/mcp"),
    ] {
        for key in [None, Some("sk-wrong-0123456789abcdef"), Some("")] {
            let request = service.ask(method.clone(), path).json(&json!({"code": "1"}));
            let request = key.into_iter().fold(request, |request, key| request.bearer_auth(key));
            let (status, body) = refusal(request).await;
            assert_eq!((status, &body["error"]["type"]), (401, &json!("authentication_error")), "{path} {key:?}");
            assert!(!body.to_string().contains("wrong"), "{body}");
        }
    }
    let (status, body) = refusal(service.ask(Method::GET, "/v1/containers/x").header("x-api-key", ACME)).await;
    assert_eq!((status, &body["error"]["type"]), (400, &json!("invalid_request_error")), "{body}");
}

#[tokio::test]
async fn a_forged_identity_is_not_accepted() {
    let service = standalone().await;
    let request = service.get("/v1/containers").header("x-septet-identity", "forged");
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let service = standalone().await;
    let mine = container(&service).await;
    let other = |method, path: String| service.ask(method, &path).bearer_auth(OTHER).json(&json!({"code": "1"}));

    let listed = good(service.ask(Method::GET, "/v1/containers").bearer_auth(OTHER)).await;
    assert_eq!(listed["data"], json!([]));
    for (method, path) in [
        (Method::GET, format!("/v1/containers/{mine}")),
        (Method::DELETE, format!("/v1/containers/{mine}")),
        (Method::POST, format!("/v1/containers/{mine}/executions")),
        (Method::POST, format!("/v1/containers/{mine}/files")),
    ] {
        let (status, body) = refusal(other(method, path.clone())).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("not_found")), "{path}");
    }
    let (status, _) = refusal(
        service.ask(Method::POST, "/v1/execute").bearer_auth(OTHER).json(&json!({"code": "1", "container": mine})),
    )
    .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_file_goes_in_as_a_form_and_comes_out_as_bytes_that_run_nowhere() {
    let service = standalone().await;
    let container = container(&service).await;
    let files = format!("/v1/containers/{container}/files");
    let upload = |name: &str, bytes: &str| {
        let part = Part::bytes(bytes.as_bytes().to_vec()).file_name(name.to_owned());
        service.ask(Method::POST, &files).bearer_auth(ACME).multipart(Form::new().part("file", part))
    };
    let file = good(upload("销售.csv", "a\n1\n")).await;
    assert_eq!((&file["path"], &file["source"]), (&json!("/session/销售.csv"), &json!("user")));
    let page = good(upload("../../etc/page.html", "<script>1</script>")).await;
    assert_eq!(page["path"], "/session/page.html");

    let content = |file: &Value| format!("{files}/{}/content", file["id"].as_str().unwrap());
    let response = service.get(&content(&page)).send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/octet-stream");
    assert!(header("content-disposition").starts_with("attachment; filename=\"page.html\""));
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let tag = header("etag");
    assert_eq!(response.text().await.unwrap(), "<script>1</script>");
    let again = service.get(&content(&page)).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    let report =
        good(service.post("/v1/execute", &json!({"container": container, "code": "print(open('销售.csv').read())"})))
            .await;
    assert_eq!(report["stdout"], "a\n1\n\n");
}

#[tokio::test]
async fn a_form_is_read_no_further_than_there_is_space() {
    let service = standalone_with(Config { tenant_storage_bytes: 1000, ..config() }).await;
    let container = container(&service).await;
    let upload = |name: &str, n_bytes: usize| {
        let form = Form::new().part("file", Part::bytes(vec![b'x'; n_bytes]).file_name(name.to_owned()));
        service.ask(Method::POST, &format!("/v1/containers/{container}/files")).bearer_auth(ACME).multipart(form)
    };
    let full = (413, json!("storage_quota_exceeded"));
    let refused = async |upload| {
        let (status, body) = refusal(upload).await;
        (status, body["error"]["code"].clone())
    };

    assert_eq!(refused(upload("a.txt", 1001)).await, full);
    good(upload("b.txt", 1000)).await;
    assert_eq!(refused(upload("c.txt", 1)).await, full);
}

#[tokio::test]
async fn whoever_has_a_key_names_no_blob() {
    let service = standalone().await;
    let container = container(&service).await;
    let files = format!("/v1/containers/{container}/files");
    let body = json!({"blob": "a".repeat(64), "path": "stolen.txt"});
    let (status, body) = refusal(service.post(&files, &body)).await;
    assert_eq!((status, &body["error"]["param"]), (400, &json!("file")), "{body}");

    let two = Form::new().part("file", Part::bytes(b"1".to_vec())).part("file", Part::bytes(b"2".to_vec()));
    for form in [Form::new().text("purpose", "x"), two] {
        let (status, body) = refusal(service.ask(Method::POST, &files).bearer_auth(ACME).multipart(form)).await;
        assert_eq!((status, &body["error"]["param"]), (400, &json!("file")), "{body}");
    }
}

#[tokio::test]
async fn code_runs_without_a_container_and_leaves_nothing_behind() {
    let service = standalone().await;
    let report = good(
        service.post("/v1/execute", &json!({"code": "import sys\nprint('out'); print('err', file=sys.stderr)\n6 * 7"})),
    )
    .await;

    assert_eq!((&report["outcome"], &report["exit_code"]), (&json!("ok"), &json!(0)), "{report}");
    assert_eq!((&report["stdout"], &report["stderr"]), (&json!("out\n"), &json!("err\n")));
    assert_eq!((&report["result"]["text"], &report["container"]), (&json!("42"), &Value::Null));
    for _ in 0..100 {
        if good(service.get("/v1/containers")).await["data"] == json!([]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the container stays");
}

#[tokio::test]
async fn files_of_code_without_a_container_can_be_fetched() {
    let service = standalone().await;
    let report = good(service.post("/v1/execute", &json!({"code": "open('a.txt', 'w').write('made')"}))).await;
    let (container, file) = (report["container"].as_str().unwrap(), report["files"][0]["id"].as_str().unwrap());
    let path = format!("/v1/containers/{container}/files/{file}/content");
    assert_eq!(service.get(&path).send().await.unwrap().text().await.unwrap(), "made");
    // It is a container like others.
    let next = json!({"code": "print(open('a.txt').read())", "container": container});
    assert_eq!(good(service.post("/v1/execute", &next)).await["stdout"], "made\n");
}

#[tokio::test]
async fn an_error_of_the_code_is_a_result() {
    let service = standalone().await;
    let report = good(service.post("/v1/execute", &json!({"code": "1 / 0"}))).await;
    assert_eq!((&report["outcome"], &report["error"]["name"]), (&json!("error"), &json!("ZeroDivisionError")));
    let report = good(service.post("/v1/execute", &json!({"language": "sql", "code": "SELECT 1 AS one"}))).await;
    assert_eq!(report["result"]["json"]["rows"], json!([[1]]));
    let (status, body) = refusal(service.post("/v1/execute", &json!({"language": "cobol", "code": ""}))).await;
    assert_eq!((status, &body["error"]["type"]), (400, &json!("invalid_request_error")), "{body}");
}

#[tokio::test]
async fn a_key_makes_code_run_once_even_without_a_container() {
    let service = standalone().await;
    let body = json!({"code": "import uuid; print(uuid.uuid4())"});
    let ask = |body: &Value| good(service.post("/v1/execute", body).header("idempotency-key", "once"));
    let (first, second) = tokio::join!(ask(&body), ask(&body));
    assert_eq!(first["outcome"], "ok", "{first}");
    assert_eq!(first, second);
    assert_eq!(first, ask(&body).await);

    let other =
        service.ask(Method::POST, "/v1/execute").bearer_auth(OTHER).json(&body).header("idempotency-key", "once");
    assert_ne!(first["stdout"], good(other).await["stdout"]);
    let changed = service.post("/v1/execute", &json!({"code": "2"})).header("idempotency-key", "once");
    let (status, refused) = refusal(changed).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("idempotency_key_reused")));
}

#[tokio::test]
async fn events_come_as_lines_or_as_server_sent_events() {
    let service = standalone().await;
    let body = json!({"code": "print('one')", "stream": true});
    let lines = service.post("/v1/execute", &body).send().await.unwrap();
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    assert!(lines.headers()["x-septet-container"].to_str().unwrap().starts_with("cntr_"));
    let text = lines.text().await.unwrap();
    let kinds: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone()).collect();
    assert_eq!(kinds, ["started", "stdout", "done"]);

    let sent = service.post("/v1/execute", &body).header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(sent.headers()["content-type"], "text/event-stream");
    let text = sent.text().await.unwrap();
    assert!(text.contains("event: stdout\ndata: {\"type\":\"stdout\",\"text\":\"one\\n\"}\n\n"), "{text}");
    assert!(text.contains("event: done\n"), "{text}");
}

#[tokio::test]
async fn code_whose_reader_goes_away_is_killed() {
    let service = standalone().await;
    let body = json!({"code": "import time; print('on', flush=True); time.sleep(15)", "stream": true});
    let mut response = service.post("/v1/execute", &body).send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    drop(response);
    for _ in 0..200 {
        if good(service.get("/v1/containers")).await["data"] == json!([]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the code goes on");
}
