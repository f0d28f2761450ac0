//! Errors in Converse.

use serde_json::Value;

use crate::error::Failure;
use crate::json::Look;

// From the API reference and from the errors common to all AWS services; in a stream they begin in lower case.
const EXCEPTIONS: [(&str, u16); 20] = [
    ("ValidationException", 400),
    ("UnrecognizedClientException", 401),
    ("ExpiredTokenException", 401),
    ("InvalidSignatureException", 401),
    ("IncompleteSignatureException", 401),
    ("MissingAuthenticationTokenException", 401),
    ("AccessDeniedException", 403),
    ("NotAuthorizedException", 403),
    ("ResourceNotFoundException", 404),
    ("ModelTimeoutException", 408),
    ("ConflictException", 409),
    ("ModelErrorException", 424),
    ("ModelStreamErrorException", 424),
    ("ThrottlingException", 429),
    ("TooManyRequestsException", 429),
    ("ServiceQuotaExceededException", 429),
    ("ModelNotReadyException", 429),
    ("InternalServerException", 500),
    ("InternalFailure", 500),
    ("ServiceUnavailableException", 503),
];

/// The name of an exception without what Amazon writes around it (`com.amazon.coral.service#ThrottlingException:http://..`),
/// as the API's reference spells it, and the HTTP status that fits; `None` for one that is not known.
#[must_use]
pub fn exception(said: &str) -> (&str, Option<u16>) {
    let name = said.split(':').next().unwrap_or(said);
    let name = name.rsplit('#').next().unwrap_or(name).trim();
    match EXCEPTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((known, status)) => (known, Some(*status)),
        None => (name, None),
    }
}

/// Reads an error body. The name of the exception is in it only sometimes; otherwise the header `x-amzn-errortype` has
/// it.
#[must_use]
pub fn decode(status: u16, body: &Value) -> Failure {
    named(status, "", body)
}

/// Reads the data of an exception in a stream.
pub(super) fn named(status: u16, name: &str, body: &Value) -> Failure {
    let (code, known) = exception(body.text("__type").or_else(|| body.text("code")).unwrap_or(name));
    let texts = ["message", "Message", "originalMessage", "errorMessage"];
    let message = texts.into_iter().find_map(|name| body.text(name)).or_else(|| body.as_str());
    let original = u16::try_from(body.count("originalStatusCode")).unwrap_or(0);
    let fits = if (400..600).contains(&original) { original } else { known.unwrap_or(0) };
    Failure {
        status: if status == 0 || status == 200 { fits } else { status },
        code: code.to_owned(),
        message: message.map_or_else(|| body.to_string(), str::to_owned),
        retry_after_ms: None,
        rest: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exceptions_have_one_name_and_the_status_that_fits() {
        let body = json!({"__type": "com.amazon.coral.service#ThrottlingException", "message": "slow down"});
        let failure = decode(429, &body);
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("ThrottlingException", "slow down"));
        let failure = named(0, "throttlingException", &json!({"message": "slow down"}));
        assert_eq!((failure.status, failure.code.as_str()), (429, "ThrottlingException"));
        let original = json!({"originalStatusCode": 503, "originalMessage": "overloaded"});
        let failure = named(0, "modelStreamErrorException", &original);
        assert_eq!((failure.status, failure.message.as_str()), (503, "overloaded"));
        assert_eq!(decode(400, &json!({"message": "bad"})).status, 400);
    }
}
