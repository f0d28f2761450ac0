//! Failures at Google.

use serde_json::Value;

use crate::error::Failure;
use crate::json::Look;

/// Reads an error body, or an error in a stream; streams that are no server-sent events wrap it in a list.
#[must_use]
pub fn decode(status: u16, body: &Value) -> Failure {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    let error = body.get("error").unwrap_or(body);
    let said = u16::try_from(error.count("code")).unwrap_or(0);
    let status = if status == 0 { said } else { status };
    // A wrong key is a bad request here; only the reason distinguishes it from an error of the client.
    let reason = error
        .list("details")
        .iter()
        .filter_map(|detail| detail.text("reason"))
        .find(|reason| matches!(*reason, "API_KEY_INVALID" | "API_KEY_EXPIRED"));
    Failure {
        status,
        code: reason.map_or_else(|| error.string("status"), str::to_owned),
        message: error.text("message").or_else(|| error.as_str()).unwrap_or_default().to_owned(),
        retry_after_ms: error.list("details").iter().find_map(retry_after_ms),
        rest: None,
    }
}

fn retry_after_ms(detail: &Value) -> Option<u64> {
    if !detail.text("@type")?.ends_with("google.rpc.RetryInfo") {
        return None;
    }
    duration_ms(detail.text("retryDelay")?)
}

/// Protobuf's duration in JSON: seconds with up to nine digits behind the point, and an `s`. Rounded up.
fn duration_ms(text: &str) -> Option<u64> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let seconds: u64 = whole.parse().ok()?;
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: u64 = format!("{fraction:0<9}").parse().ok()?;
    seconds.checked_mul(1_000)?.checked_add(nanos.div_ceil(1_000_000))
}
