use http::{HeaderName, HeaderValue};

use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn wait(status: u16, pairs: &[(&'static str, &'static str)]) -> Option<u64> {
    failure(Dialect::Chat, status, &headers(pairs), b"{}", now()).retry_after_ms
}

#[test]
fn a_provider_says_in_many_ways_when_to_come_back() {
    for (pairs, expected) in [
        (&[("retry-after", "7")][..], Some(7_000)),
        (&[("retry-after", "0.25")], Some(250)),
        (&[("retry-after", " 12 ")], Some(12_000)),
        (&[("retry-after-ms", "1234"), ("retry-after", "9")], Some(1_234)),
        (&[("retry-after", "Sun, 01 Mar 2026 12:00:30 GMT")], Some(30_000)),
        (&[("retry-after", "Sun, 01 Mar 2026 11:00:00 GMT")], Some(0)),
        (&[("retry-after", "Sun, 01 Mar 2026 15:00:30 GMT"), ("date", "Sun, 01 Mar 2026 15:00:00 GMT")], Some(30_000)),
        (&[("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "6m0s")], Some(360_000)),
        (
            &[
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-requests", "120ms"),
                ("x-ratelimit-remaining-tokens", "4000"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ],
            Some(120),
        ),
        (&[("x-ratelimit-reset-tokens", "7.66s")], Some(7_660)),
        (&[("x-ratelimit-reset-requests", "2m59.56s")], Some(179_560)),
        (&[("x-ratelimit-reset-tokens-minute", "33.0108")], Some(33_011)),
        (&[("anthropic-ratelimit-tokens-reset", "2026-03-01T12:01:00Z")], Some(60_000)),
        (&[("x-ratelimit-reset", "1772366410000")], Some(10_000)),
        (&[("x-ratelimit-reset", "1772366410")], Some(10_000)),
        (&[("retry-after", "soon"), ("x-ratelimit-reset-requests", "1s")], Some(1_000)),
        (&[("retry-after", "-5")], None),
        (&[("retry-after", "NaN")], None),
        (&[("retry-after", "1e300")], Some(86_400_000)),
        (&[("x-ratelimit-reset-requests", "5 fortnights")], None),
        (&[], None),
    ] {
        assert_eq!(wait(429, pairs), expected, "{pairs:?}");
    }
}

#[test]
fn limits_that_every_answer_carries_mean_nothing_without_429() {
    assert_eq!(wait(500, &[("x-ratelimit-reset-requests", "1s")]), None);
    assert_eq!(wait(503, &[("retry-after", "3")]), Some(3_000));
}

#[test]
fn each_provider_is_understood() {
    let amazon = headers(&[("x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/coral/")]);
    let none = HeaderMap::new();
    for (dialect, status, headers, body, code, message, wait) in [
        (
            Dialect::Chat,
            401,
            &none,
            r#"{"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            "invalid_api_key",
            "Incorrect API key",
            None,
        ),
        (
            Dialect::Anthropic,
            529,
            &none,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
            "overloaded_error",
            "Overloaded",
            None,
        ),
        (
            Dialect::Gemini,
            429,
            &none,
            r#"[{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"31.5s"}]}}]"#,
            "RESOURCE_EXHAUSTED",
            "Quota",
            Some(31_500),
        ),
        (Dialect::Bedrock, 429, &amazon, r#"{"message":"Too many"}"#, "ThrottlingException", "Too many", None),
        (Dialect::Ollama, 404, &none, r#"{"error":"model 'x' not found"}"#, "", "model 'x' not found", None),
        (Dialect::Cohere, 401, &none, r#"{"message":"invalid api token"}"#, "", "invalid api token", None),
        (
            Dialect::Chat,
            502,
            &none,
            "<html><head><title>502 Bad Gateway</title><style>b{}</style></head>\n<body>nginx</body></html>",
            "",
            "502 Bad Gateway nginx",
            None,
        ),
        (Dialect::Chat, 500, &none, "upstream  went\naway", "", "upstream went away", None),
        (Dialect::Chat, 503, &none, "", "", "HTTP 503 without a word", None),
    ] {
        let failure = failure(dialect, status, headers, body.as_bytes(), now());
        assert_eq!(
            (failure.status, failure.code.as_str(), failure.message.as_str(), failure.retry_after_ms),
            (status, code, message, wait),
            "{body}"
        );
    }
}

#[test]
fn a_body_that_is_anything_breaks_nothing() {
    for body in [
        &b"\xff\xfe"[..],
        b"null",
        b"[]",
        b"[1]",
        b"3",
        b"\"no\"",
        b"{\"error\":null}",
        b"<",
        b"{\"error\":{\"message\":5}}",
    ] {
        for dialect in Dialect::ALL {
            assert_eq!(failure(dialect, 500, &HeaderMap::new(), body, now()).status, 500);
        }
    }
    let long = failure(Dialect::Chat, 500, &HeaderMap::new(), "字".repeat(100_000).as_bytes(), now());
    assert!(long.message.chars().count() <= 500);
}

#[test]
fn google_and_xai_call_a_wrong_key_a_bad_request_and_it_counts_as_unauthorised() {
    let google = |reason: &str, message: &str| {
        let info = format!(r#"{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{reason}"}}"#);
        format!(r#"{{"error":{{"code":400,"message":"{message}","status":"INVALID_ARGUMENT","details":[{info}]}}}}"#)
    };
    let xai = r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***en."}"#;
    for (dialect, body, code) in [
        (Dialect::Gemini, google("API_KEY_INVALID", "No."), "API_KEY_INVALID"),
        (Dialect::Gemini, google("API_KEY_EXPIRED", "No."), "API_KEY_EXPIRED"),
        (Dialect::Gemini, google("OTHER", "API key not valid. Please pass a valid API key."), "INVALID_ARGUMENT"),
        (Dialect::Chat, xai.to_owned(), "Client specified an invalid argument"),
        (Dialect::Responses, xai.to_owned(), "Client specified an invalid argument"),
    ] {
        let failure = failure(dialect, 400, &HeaderMap::new(), body.as_bytes(), now());
        assert_eq!((failure.status, failure.code.as_str()), (401, code), "{body}");
    }
    let other = google("BILLING_DISABLED", "Request contains an invalid argument.");
    assert_eq!(failure(Dialect::Gemini, 400, &HeaderMap::new(), other.as_bytes(), now()).status, 400);
}

#[test]
fn an_empty_account_is_no_fault_of_the_request() {
    for (dialect, status, body) in [
        (
            Dialect::Anthropic,
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#,
        ),
        (Dialect::Chat, 400, r#"{"error":{"code":"Arrearage","message":"Access denied."}}"#),
        (Dialect::Chat, 403, r#"{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}"#),
        (Dialect::Chat, 429, r#"{"error":{"code":"1113","message":"您的账户已欠费,余额不足"}}"#),
    ] {
        assert_eq!(failure(dialect, status, &HeaderMap::new(), body.as_bytes(), now()).status, 402, "{body}");
    }
}

#[test]
fn the_name_of_amazons_exception_tells_what_went_wrong() {
    let named = |status: u16, header: &'static str, body: &str| {
        let failure =
            failure(Dialect::Bedrock, status, &headers(&[("x-amzn-errortype", header)]), body.as_bytes(), now());
        (failure.status, failure.code)
    };
    for (status, header, fits, code) in [
        (400, "ThrottlingException:http://internal.amazon.com/coral/", 429, "ThrottlingException"),
        (400, "com.amazon.coral.service#ThrottlingException", 429, "ThrottlingException"),
        (400, "throttlingException", 429, "ThrottlingException"),
        (400, "ServiceQuotaExceededException", 429, "ServiceQuotaExceededException"),
        (400, "ValidationException", 400, "ValidationException"),
        (400, "AccessDeniedException", 403, "AccessDeniedException"),
        (400, "ExpiredTokenException", 401, "ExpiredTokenException"),
        (403, "UnrecognizedClientException", 401, "UnrecognizedClientException"),
        (400, "ResourceNotFoundException", 404, "ResourceNotFoundException"),
        (400, "ModelTimeoutException", 408, "ModelTimeoutException"),
        (400, "ModelNotReadyException", 429, "ModelNotReadyException"),
        (400, "ModelErrorException", 424, "ModelErrorException"),
        (400, "InternalServerException", 500, "InternalServerException"),
        (400, "ServiceUnavailableException", 503, "ServiceUnavailableException"),
        (418, "SomethingNewException", 418, "SomethingNewException"),
    ] {
        assert_eq!(named(status, header, r#"{"message":"no"}"#), (fits, code.to_owned()), "{header}");
    }
    let body = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}"#;
    assert_eq!(
        named(400, "ValidationException", body),
        (403, "AccessDeniedException".to_owned()),
        "the body goes first"
    );
}
