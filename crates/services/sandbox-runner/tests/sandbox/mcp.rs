//! The tools, with the client of the official SDK.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig};
use rmcp::service::RunningService;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, ServiceExt};
use serde_json::{Value, json};

use crate::standalone::{ACME, OTHER, Standalone, standalone};

type Session = RunningService<RoleClient, ClientConfig>;

async fn session(service: &Standalone, key: &str) -> Session {
    let config =
        StreamableHttpClientTransportConfig::with_uri(format!("http://{}/mcp", service.address)).auth_header(key);
    let transport = StreamableHttpClientTransport::with_client(service.client(), config);
    ClientConfig::default().serve(transport).await.unwrap()
}

async fn call(session: &Session, tool: &'static str, arguments: Value) -> CallToolResult {
    let arguments = arguments.as_object().cloned().unwrap();
    session.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.unwrap()
}

fn text(result: &CallToolResult) -> String {
    result.content.iter().filter_map(|block| block.as_text()).map(|text| text.text.as_str()).collect()
}

fn data(result: &CallToolResult) -> &Value {
    result.structured_content.as_ref().unwrap()
}

#[tokio::test]
async fn a_session_keeps_its_variables_and_files() {
    let service = standalone().await;
    let session = session(&service, ACME).await;
    let tools: Vec<String> =
        session.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name.to_string()).collect();
    for tool in ["run_python", "run_sql", "upload_file", "list_files", "read_file", "fork_session", "interrupt"] {
        assert!(tools.iter().any(|known| known == tool), "{tool}: {tools:?}");
    }

    let uploaded = call(&session, "upload_file", json!({"path": "data/a.csv", "text": "x,y\n1,2\n3,4\n"})).await;
    assert_eq!(text(&uploaded), "/session/data/a.csv (text/csv, 12 bytes)");
    let bytes = STANDARD.encode([0_u8, 255, 7]);
    call(&session, "upload_file", json!({"path": "b.bin", "base64": bytes})).await;
    let first = call(
        &session,
        "run_python",
        json!({"code": "import pandas\nframe = pandas.read_csv('data/a.csv')\nint(frame.x.sum())"}),
    )
    .await;
    assert_eq!((first.is_error, text(&first).as_str()), (Some(false), "[result]\n4"));
    let second = call(&session, "run_python", json!({"code": "print(len(frame), open('b.bin', 'rb').read())"})).await;
    assert_eq!(text(&second), "2 b'\\x00\\xff\\x07'");
    assert_eq!(data(&first)["container"], data(&second)["container"]);
    let rows = call(&session, "run_sql", json!({"query": "SELECT sum(y) AS total FROM 'data/a.csv'"})).await;
    assert_eq!(data(&rows)["result"]["json"]["rows"], json!([[6]]));

    let listed = call(&session, "list_files", json!({})).await;
    assert_eq!(data(&listed)["files"].as_array().unwrap().len(), 2);
    assert_eq!(text(&call(&session, "read_file", json!({"path": "data/a.csv"})).await), "x,y\n1,2\n3,4\n");
    let binary = call(&session, "read_file", json!({"path": "/session/b.bin"})).await;
    assert!(serde_json::to_string(&binary.content).unwrap().contains(&bytes));
}

#[tokio::test]
async fn charts_are_images_and_errors_are_told_to_the_model() {
    let service = standalone().await;
    let session = session(&service, ACME).await;
    let chart = call(
        &session,
        "run_python",
        json!({"code": "import matplotlib.pyplot as plot\nplot.plot([1, 2]); plot.title('图')"}),
    )
    .await;
    let image = chart.content.iter().find_map(|block| block.as_image()).expect("an image");
    assert_eq!(image.mime_type, "image/png");
    assert!(STANDARD.decode(&image.data).unwrap().starts_with(b"\x89PNG"));
    assert!(text(&chart).contains("/session/chart-1.png (image/png"), "{}", text(&chart));

    let wrong = call(&session, "run_python", json!({"code": "nothing_of_this_name"})).await;
    assert_eq!((wrong.is_error, &data(&wrong)["error"]["name"]), (Some(true), &json!("NameError")));
    assert!(text(&wrong).contains("NameError"), "{}", text(&wrong));
    let wrong = call(&session, "run_sql", json!({"query": "SELECT 1 FROM nowhere"})).await;
    assert!(wrong.is_error == Some(true) && text(&wrong).contains("nowhere"), "{}", text(&wrong));
    for (tool, arguments, part) in [
        ("upload_file", json!({"path": "../x", "text": ""}), "not below /session"),
        ("upload_file", json!({"path": "x"}), "either text or base64"),
        ("upload_file", json!({"path": "x", "base64": "***"}), "base64 is not understood"),
        ("read_file", json!({"path": "nowhere.txt"}), "no such file"),
        ("run_python", json!({"code": "1", "container": "cntr_00000000000000000000000000000000"}), "does not exist"),
    ] {
        let refused = call(&session, tool, arguments).await;
        assert_eq!(refused.is_error, Some(true), "{tool}");
        assert!(text(&refused).contains(part), "{}", text(&refused));
    }
}

#[tokio::test]
async fn sessions_are_apart_and_another_tenants_container_is_not_there() {
    let service = standalone().await;
    let (one, two, other) =
        (session(&service, ACME).await, session(&service, ACME).await, session(&service, OTHER).await);
    let set = call(&one, "run_python", json!({"code": "secret = 1; print('set')"})).await;
    let container = data(&set)["container"].as_str().unwrap();
    let apart = call(&two, "run_python", json!({"code": "print('secret' in globals())"})).await;
    assert_eq!(text(&apart), "False");
    // The same tenant may go on in it by name; another one may not.
    let named = call(&two, "run_python", json!({"code": "print('secret' in globals())", "container": container})).await;
    assert_eq!(text(&named), "True");
    let foreign = call(&other, "list_files", json!({"container": container})).await;
    assert!(text(&foreign).contains("does not exist"));
}

#[tokio::test]
async fn a_session_is_forked() {
    let service = standalone().await;
    let session = session(&service, ACME).await;
    call(&session, "run_python", json!({"code": "n = 1\nopen('f.txt', 'w').write('f')"})).await;
    let forked = call(&session, "fork_session", json!({})).await;
    let copy = data(&forked)["container"].as_str().unwrap().to_owned();
    call(&session, "run_python", json!({"code": "n = 2"})).await;
    let there =
        call(&session, "run_python", json!({"code": "print(n, open('f.txt').read())", "container": copy})).await;
    assert_eq!(text(&there), "1 f");
}

#[tokio::test]
async fn running_code_is_interrupted_and_keeps_its_variables() {
    let service = standalone().await;
    let session = session(&service, ACME).await;
    let long = call(&session, "run_python", json!({"code": "n = 5; print('on')"})).await;
    let container = data(&long)["container"].as_str().unwrap().to_owned();
    let running = call(&session, "run_python", json!({"code": "import time\nn = 6\ntime.sleep(18)"}));
    let stopping = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            if call(&session, "interrupt", json!({"container": container})).await.is_error == Some(false) {
                return;
            }
        }
    };
    let (interrupted, ()) = tokio::join!(running, stopping);
    assert_eq!(data(&interrupted)["error"]["name"], "KeyboardInterrupt");
    assert_eq!(text(&call(&session, "run_python", json!({"code": "print(n)"})).await), "6");
}

#[tokio::test]
async fn a_wrong_key_opens_no_session() {
    let service = standalone().await;
    let config = StreamableHttpClientTransportConfig::with_uri(format!("http://{}/mcp", service.address))
        .auth_header("sk-wrong-0123456789abcdef")
        .custom_headers(HashMap::new());
    let transport = StreamableHttpClientTransport::with_client(service.client(), config);
    assert!(ClientConfig::default().serve(transport).await.is_err());
}
