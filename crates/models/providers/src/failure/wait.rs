//! When a provider wants to be asked again.

use http::HeaderMap;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

// A longer wait is treated as a day; it also keeps a nonsensical header from overflowing.
const LONGEST_MS: f64 = 86_400_000.0;

/// What is left of a limit, and when it is whole again: OpenAI, Azure, Groq; Anthropic; Cerebras; OpenRouter, Together.
const LIMITS: [(&str, &str); 10] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    ("x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day"),
    ("x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// How long the headers ask to wait, in milliseconds. `Retry-After` counts with every status; limits only with 429,
/// since every answer carries them.
pub(super) fn asked(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|text| text.parse().ok()).and_then(whole_ms) {
        return Some(ms);
    }
    if let Some(after) = text("retry-after") {
        // The provider's own clock tells how far away its date is.
        let now = text("date").and_then(date).unwrap_or(now);
        if let Some(ms) = seconds_ms(after).or_else(|| Some(until(date(after)?, now))) {
            return Some(ms);
        }
    }
    if status != 429 {
        return None;
    }
    let limits: Vec<(bool, u64)> = LIMITS
        .iter()
        .filter_map(|(left, reset)| {
            let is_spent = text(left).is_some_and(|left| left.parse::<f64>().is_ok_and(|left| left <= 0.0));
            Some((is_spent, reset_ms(text(reset)?, now)?))
        })
        .collect();
    let spent = limits.iter().filter(|(is_spent, _)| *is_spent).map(|(_, ms)| *ms).max();
    spent.or_else(|| limits.iter().map(|(_, ms)| *ms).max())
}

/// `6m0s`, `20ms`, `1.5s`; seconds as a bare number; a moment as RFC 3339 or in seconds or milliseconds since 1970.
fn reset_ms(text: &str, now: Timestamp) -> Option<u64> {
    if let Ok(number) = text.parse::<f64>() {
        let since_1970_ms = if number > 1e11 { number } else { number * 1_000.0 };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 have 41 bits")]
        let now_ms = now.as_millisecond() as f64;
        return whole_ms(if number > 1e9 { (since_1970_ms - now_ms).max(0.0) } else { number * 1_000.0 });
    }
    duration_ms(text).or_else(|| Some(until(text.parse().ok()?, now)))
}

fn seconds_ms(text: &str) -> Option<u64> {
    text.parse::<f64>().ok().and_then(|seconds| whole_ms(seconds * 1_000.0))
}

/// `1h2m3.5s`, `120ms`, `31s`: numbers with units, as Go and Google write them.
pub(super) fn duration_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total_ms = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len());
        let unit_ms = match &rest[..end] {
            "d" => 86_400_000.0,
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1_000.0,
            "ms" => 1.0,
            "us" | "µs" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        total_ms += number * unit_ms;
        rest = &rest[end..];
    }
    whole_ms(total_ms)
}

fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn until(then: Timestamp, now: Timestamp) -> u64 {
    let ms = then.as_millisecond().saturating_sub(now.as_millisecond());
    u64::try_from(ms).unwrap_or(0).min(86_400_000)
}

/// Rounded up, so that a retry is never too early.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a day")]
fn whole_ms(ms: f64) -> Option<u64> {
    (ms.is_finite() && ms >= 0.0).then(|| ms.min(LONGEST_MS).ceil() as u64)
}
