//! The description of the API is true: a program that knows nothing else asks everything that it describes, rightly and
//! wrongly, and compares the answers with it.

use std::time::Duration;

use septet_testkit::platform::{self, Topology};

use crate::sdk::sdks;

// A few questions for each operation; the whole takes about a minute.
const N_QUESTIONS: &str = "6";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    negative_data_rejection";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_the_description_of_the_api_says() {
    let folder = sdks();
    let platform = platform::start_with(Topology::Together, |config| {
        config.gateway.requests_per_minute = 1_000_000;
        config.gateway.tenant_requests_per_minute = 1_000_000;
        // Lists that are one too long come with fields by the thousand, and are to be refused for what they are.
        config.gateway.json_limit_mib = 64;
    })
    .await;
    let mut command = tokio::process::Command::new(format!("{folder}/venv/bin/schemathesis"));
    command
        .args(["run", &format!("http://{}/openapi.json", platform.address)])
        .args(["--header", &format!("Authorization: Bearer {}", platform.client.key)])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", N_QUESTIONS, "--seed", "7"])
        .args(["--checks", CHECKS])
        .args(["--request-timeout", "120", "--generation-database", "none", "--no-color", "--continue-on-failure"])
        // The page for people is no part of the API.
        .args(["--exclude-path", "/docs"])
        .current_dir(&folder)
        .env_remove("OPENAI_API_KEY");
    let output = tokio::time::timeout(Duration::from_secs(900), command.output()).await.expect("an end").unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the description is not true:\n{said}");
    platform.stop().await;
}
