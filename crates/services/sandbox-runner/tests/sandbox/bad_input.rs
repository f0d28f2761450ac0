//! What is not understood gets a clear error; what is too much is cut and said to be; every answer is JSON.

use axum::body::Body;
use axum::http::Request;
use septet_contracts::sandbox::{ExecutionEvent, Limits, MAX_TIMEOUT_MS, NewExecution, Outcome, Output};
use septet_kernel::{Failure, Kind, ServiceName};
use septet_sandbox_runner::Config;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Harness, config, harness, harness_with, names, ok, python};

/// The status and body of a POST of bytes as they are.
async fn post(harness: &Harness, body: impl Into<Body>) -> (u16, Vec<u8>) {
    let container = harness.container().await;
    let request = Request::post(format!("/v1/containers/{container}/executions"))
        .extension(harness.caller.clone())
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap();
    let transport = harness.platform.directory.transport(ServiceName::SandboxRunner);
    let response = transport.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (status, axum::body::to_bytes(Body::new(response.into_body()), 64 << 20).await.unwrap().to_vec())
}

async fn refusal(harness: &Harness, body: impl Into<Body>) -> (u16, String) {
    let (status, body) = post(harness, body).await;
    let problem: Value = serde_json::from_slice(&body).unwrap();
    (status, problem["detail"].as_str().unwrap().to_owned())
}

/// Every line of the answer, parsed.
async fn events(harness: &Harness, code: &str) -> Vec<Value> {
    let (status, body) = post(harness, json!({ "code": code }).to_string()).await;
    assert_eq!(status, 200);
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn is_truncated(output: &Output) -> bool {
    matches!(output.done, Some(ExecutionEvent::Done { truncated: true, .. }))
}

#[tokio::test]
async fn requests_that_are_not_understood_are_refused_with_a_reason() {
    let harness = harness().await;
    for (body, reason) in [
        (br#"{"code": "1", "language": "perl"}"#.to_vec(), "unknown variant `perl`, expected `python` or `sql`"),
        (b"{\"code\": \"print('\xff\xfe')\"}".to_vec(), "invalid unicode"),
        (br#"{"code": "\ud800"}"#.to_vec(), "hex escape"),
        (br#"{"code": 7}"#.to_vec(), "expected a string"),
        (b"{}".to_vec(), "missing field `code`"),
        (br#"{"code": "1", "timeout_ms": -1}"#.to_vec(), "invalid value"),
        (br#"{"code": "1", "limits": {"processes": 1e99}}"#.to_vec(), "invalid"),
        (br#"{"code": "1""#.to_vec(), "EOF"),
    ] {
        let (status, said) = refusal(&harness, body).await;
        assert_eq!(status, 400, "{said}");
        assert!(said.contains(reason), "{reason}: {said}");
    }
}

#[tokio::test]
async fn limits_of_zero_and_beyond_every_machine_are_refused_by_name() {
    let harness = harness().await;
    let container = harness.container().await;
    let none = Limits::default();
    for (name, new) in [
        ("timeout_ms", NewExecution { timeout_ms: Some(0), ..python("1") }),
        ("limits.memory_bytes", NewExecution { limits: Limits { memory_bytes: Some(0), ..none }, ..python("1") }),
        ("limits.processes", NewExecution { limits: Limits { processes: Some(0), ..none }, ..python("1") }),
        ("timeout_ms", NewExecution { timeout_ms: Some(MAX_TIMEOUT_MS + 1), ..python("1") }),
        (
            "limits.memory_bytes",
            NewExecution { limits: Limits { memory_bytes: Some(u64::MAX), ..none }, ..python("1") },
        ),
        ("limits.processes", NewExecution { limits: Limits { processes: Some(u32::MAX), ..none }, ..python("1") }),
        (
            "limits.output_bytes",
            NewExecution { limits: Limits { output_bytes: Some(u64::MAX), ..none }, ..python("1") },
        ),
    ] {
        let refusal = harness.client.run(&harness.caller, container, &new, None).await.unwrap_err();
        assert_eq!((refusal.kind(), refusal.param()), (Kind::BadRequest, Some(name)));
        assert!(refusal.detail.contains(name), "{refusal:?}");
    }
    let silent = NewExecution { limits: Limits { output_bytes: Some(0), ..none }, ..python("print('x')") };
    let output = harness.run_in(container, silent).await;
    assert_eq!(ok(&output), "");
    assert!(is_truncated(&output));
}

#[tokio::test]
async fn text_that_is_none_is_told_as_json() {
    let harness = harness().await;
    let code = "import os, sys\n\
                os.write(1, b'\\xff\\xc3\\x28 \\x00 \\x1b[2J \\xed\\xa0\\x80 \\xe4\\xb8'); os.write(1, b'\\xad\\n')\n\
                print('\\ud800 \\u2028'); sys.stderr.write('\\udfff\\n')\n\
                raise ValueError('\\ud800 \\x00 \\x1b[31m')";
    let events = events(&harness, code).await;
    let done = events.last().unwrap();
    assert_eq!(
        (&done["type"], &done["outcome"], &done["error"]["name"]),
        (&json!("done"), &json!("error"), &json!("ValueError")),
        "{done}"
    );
    let told: String = events.iter().filter_map(|event| event["text"].as_str()).collect();
    assert!(told.contains('\u{fffd}') && told.contains("\\ud800"), "{told}");

    let shown = self::events(&harness, "'\\ud800 \\x00'").await;
    assert_eq!(shown.last().unwrap()["outcome"], "ok", "{shown:?}");
    assert!(shown.last().unwrap()["result"]["text"].is_string(), "{shown:?}");
}

#[tokio::test]
async fn a_line_of_48_mib_is_cut() {
    let harness = harness().await;
    let code = "import sys\nfor i in range(48): sys.stdout.write('中' * 349525)\nprint('end')";
    let output = harness.run(python(code)).await;
    ok(&output);
    assert!(output.stdout.len() <= 1 << 20 && output.stdout.starts_with("中中"), "{} bytes", output.stdout.len());
    assert!(is_truncated(&output) && !output.stdout.contains("end"));
}

#[tokio::test]
async fn standard_input_ends_at_once() {
    let harness = harness().await;
    let output = harness
        .run(python("import sys\nprint(repr(sys.stdin.read()))\ntry: input()\nexcept EOFError: print('EOF')"))
        .await;
    assert_eq!(ok(&output), "''\nEOF\n");
}

#[tokio::test]
async fn names_that_lead_out_or_deceive_are_refused() {
    let harness = harness().await;
    let container = harness.container().await;
    for path in [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a\nb.csv",
        "a\0b",
        "a\u{202e}vsc.exe",
        "\u{2066}a.csv",
        "a\rb",
        ".",
        "..",
        "a//b",
    ] {
        let refusal = harness.upload(container, path, "x").await.unwrap_err();
        assert_eq!((refusal.kind(), refusal.param()), (Kind::BadRequest, Some("path")), "{path:?}");
    }
    assert_eq!(harness.upload(container, &"x".repeat(256), "x").await.unwrap_err().kind(), Kind::BadRequest);
}

#[tokio::test]
async fn a_bomb_of_artifacts_is_cut_and_the_sandbox_goes_on() {
    let harness = harness_with(Config { session_bytes: 32 << 20, n_files: 8, ..config() }).await;
    let container = harness.container().await;
    // Files with holes: half a GiB to look at, some kilobytes in the folder.
    let holes = "for i in range(8):\n    with open('hole-%d' % i, 'wb') as f: f.truncate(60 << 20); f.seek(i); f.write(b'x')\nopen('plain', 'w').write('x')";
    let output = harness.run_in(container, python(holes)).await;
    ok(&output);
    assert!(is_truncated(&output), "{output:?}");
    let n_bytes: u64 = output.files.iter().map(|file| file.bytes).sum();
    assert!(n_bytes <= 32 << 20 && names(&output).contains(&"/session/plain"), "{n_bytes}");

    let many = "import os, zipfile\n[os.remove(f) for f in os.listdir()]\nfor i in range(3000): open('f%d' % i, 'w').write(str(i))";
    let output = harness.run_in(container, python(many)).await;
    assert!(is_truncated(&output) && output.files.len() == 8, "{} files", output.files.len());

    let zip = "import os, zipfile\n[os.remove(f) for f in os.listdir()]\nz = zipfile.ZipFile('bomb.zip', 'w', zipfile.ZIP_DEFLATED); z.writestr('x', b'\\0' * (64 << 20)); z.close()";
    let output = harness.run_in(container, python(zip)).await;
    assert_eq!((ok(&output), names(&output)), ("", vec!["/session/bomb.zip"]));
    assert!(output.files[0].bytes < 1 << 20);
}

#[tokio::test]
async fn a_crash_is_reported_with_its_signal() {
    let harness = harness().await;
    for (code, number) in [
        ("import ctypes; ctypes.string_at(1)", 11),
        ("import os; os.abort()", 6),
        ("import os; os.kill(os.getpid(), 9)", 9),
    ] {
        let output = harness.run(python(code)).await;
        let Some(ExecutionEvent::Done { outcome: Outcome::Error, exit_code, error: Some(error), .. }) = &output.done
        else {
            panic!("{code}: {output:?}");
        };
        assert_eq!(*exit_code, -number, "{code}");
        assert!(error.message.contains(&number.to_string()), "{error:?}");
    }
    assert_eq!(ok(&harness.run(python("print(1)")).await), "1\n");
}
