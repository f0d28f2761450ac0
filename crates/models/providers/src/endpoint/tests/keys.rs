//! Keys: where they come from, how they are sent to providers, and that they show up nowhere else.

use std::fmt;

use http::{HeaderName, HeaderValue};

use super::*;

// Amazon's own example keys, from its documentation.
const AWS_KEY: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

/// Expected values were computed by botocore 1.44.5 (`SigV4Auth`) for the same keys, body and moment.
#[test]
fn a_signature_is_the_one_that_amazons_own_library_makes() {
    let endpoint = at(ProviderKind::Bedrock, "https://bedrock-runtime.eu-central-1.amazonaws.com");
    let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/eu-central-1/bedrock/aws4_request";
    let token = "AQoDYXdzEPT//////////wEXAMPLE";
    for (operation, model, body, token, signed, signature) in [
        (
            whole(Dialect::Bedrock),
            "anthropic.claude-sonnet-4-20250514-v1:0",
            r#"{"messages":[]}"#,
            None,
            "content-type;host;x-amz-date",
            "b802666d367e22cff1db0cf7a8222d6d4c43ff467d72ab71ff5f67c949fe78b1",
        ),
        (
            stream(Dialect::Bedrock),
            "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc",
            r#"{"messages":[{"role":"user","content":[{"text":"你好"}]}]}"#,
            Some(token),
            "content-type;host;x-amz-date;x-amz-security-token",
            "07f4b20cb24ed833eeb22ffdcf594cb37f650f24648c60284c170a1c4e94c5a7",
        ),
        (
            Operation::Models,
            "",
            "",
            None,
            "host;x-amz-date",
            "7331f41727c8cfa5bb1f79ae4a39e6883d78b9a8b074f66599af99744fa6f762",
        ),
    ] {
        let call = ProviderRequest { operation, model, body: body.as_bytes(), client: None };
        let credentials = Credentials::aws(AWS_KEY.0, AWS_KEY.1, token.map(str::to_owned));
        let prepared = endpoint.prepare(&call, &credentials, now()).unwrap();

        let header = |name: &str| prepared.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("authorization").unwrap(), format!("{scope}, SignedHeaders={signed}, Signature={signature}"));
        assert_eq!(header("x-amz-date"), Some("20260301T120000Z"));
        assert_eq!(header("x-amz-security-token"), token);
    }
}

#[test]
fn nothing_shows_a_key() {
    let secrets = [KEY, AWS_KEY.0, AWS_KEY.1, "token-hunter2"];
    let aws = Credentials::aws(AWS_KEY.0, AWS_KEY.1, Some("token-hunter2".into()));
    let mut shown = format!("{aws:?} {:?}", Credentials::bearer(KEY));

    let mut options = Options { region: Some("us-east-1".into()), ..Options::default() };
    options.headers.insert(HeaderName::from_static("x-portal-key"), HeaderValue::from_static(KEY));
    shown += &format!("{options:?}");
    for kind in ProviderKind::ALL.into_iter().filter(|kind| *kind != ProviderKind::Local) {
        let endpoint = Endpoint::new(kind, Some("https://provider.example"), &options).unwrap();
        let operation = kind.facts().dialects.first().map_or(Operation::Embeddings, |dialect| whole(*dialect));
        let call = ProviderRequest { operation, model: "m", body: b"{}", client: None };
        for credentials in [&aws, &Credentials::bearer(KEY), &Credentials::bearer(format!("{KEY}\n\u{1}{KEY}"))] {
            shown += &match endpoint.prepare(&call, credentials, now()) {
                Ok(prepared) => format!("{prepared:?} {}", prepared.url),
                Err(error) => format!("{error} {error:?}"),
            };
        }
        shown += &format!("{endpoint:?} {call:?}");
    }

    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
    assert_eq!(
        Credentials::bearer(KEY).hide(&format!("Incorrect API key provided: {KEY}.")),
        "Incorrect API key provided: [key]."
    );
    assert_eq!(Credentials::bearer("none").hide("there is none"), "there is none");
}

#[test]
fn keys_come_from_the_variables_that_people_have_set_already() {
    let from = |kind: ProviderKind, pairs: &[(&str, &str)]| {
        kind.credentials_from(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert!(matches!(from(ProviderKind::Gemini, &[("GOOGLE_API_KEY", KEY)]), Credentials::Bearer(_)));
    assert!(from(ProviderKind::OpenAi, &[("OPENAI_API_KEY", "  ")]).is_none());
    assert!(Credentials::bearer(" \n").is_none());
    let aws = [("AWS_ACCESS_KEY_ID", AWS_KEY.0), ("AWS_SECRET_ACCESS_KEY", AWS_KEY.1)];
    assert!(matches!(from(ProviderKind::Bedrock, &aws), Credentials::Aws { session_token: None, .. }));
    assert!(from(ProviderKind::OpenAi, &aws).is_none());
    let both = [aws[0], aws[1], ("AWS_BEARER_TOKEN_BEDROCK", KEY)];
    assert!(matches!(from(ProviderKind::Bedrock, &both), Credentials::Bearer(_)));
}

/// Keeps what libraries tell their traces.
#[derive(Clone, Default)]
struct Heard(std::sync::Arc<std::sync::Mutex<String>>);

impl tracing::field::Visit for Heard {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        *self.0.lock().unwrap() += &format!("{field}={value:?} ");
    }
}

impl tracing::Subscriber for Heard {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        attributes.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn signing_tells_no_trace_what_is_signed() {
    let heard = Heard::default();
    let endpoint = at(ProviderKind::Bedrock, "https://bedrock-runtime.eu-central-1.amazonaws.com");
    let credentials = Credentials::aws(AWS_KEY.0, AWS_KEY.1, Some("token-hunter2".into()));
    let body = br#"{"messages":"a prompt"}"#;
    let call = ProviderRequest { operation: whole(Dialect::Bedrock), model: "m", body, client: None };

    tracing::subscriber::with_default(heard.clone(), || {
        tracing::trace!(is_heard = true);
        endpoint.prepare(&call, &credentials, now()).unwrap();
    });

    assert_eq!(*heard.0.lock().unwrap(), "is_heard=true ");
}
