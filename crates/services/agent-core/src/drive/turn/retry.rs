//! Whether a failed call of a model is made again, and when.

use septet_contracts::call::CallError;
use septet_kernel::Kind;

/// The longest pause that nobody asked for.
const MAX_PAUSE_MS: i64 = 30_000;
const MAX_LOADING_PAUSE_MS: i64 = 4_000;

/// How servers say it that read a model from the disk, and how the model gateway does. Other failures may speak of
/// loading too ("Error loading adapter"), and waiting mends none of them.
const LOADING: [&str; 4] = ["loading model", "model is loading", "currently loading", "still loading the model"];

/// Codes of the model gateway for what stays until a person does something: no waiting mends it.
const STAYS: [&str; 5] = [
    "provider_address_forbidden",
    "provider_has_no_such_model",
    "provider_key_refused",
    "provider_misconfigured",
    "provider_unpaid",
];

/// What has happened in this step so far, and how long the run may still take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    pub(super) n_failures: u32,
    /// How often in a row it asked to be waited for.
    pub(super) n_waits: u32,
    pub(super) max_failures: u32,
    pub(super) now_ms: i64,
    /// When the run must have ended.
    pub(super) deadline_ms: i64,
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retry {
    /// In milliseconds since 1970; absent when that is pointless.
    pub(super) at_ms: Option<i64>,
    /// Whether it was only asked to wait: a rate limit, or a server that loads its model. Such a call is made again as
    /// long as the run may take; others only a few times.
    pub(super) waits: bool,
}

/// When to try again after this failure.
pub(super) fn retry(error: &CallError, past: Past) -> Retry {
    let wait = wait(error);
    let waits = wait.is_some();
    let stays = STAYS.contains(&error.code.as_str());
    let may_recover = error.kind.is_transient() && !stays && past.n_failures < past.max_failures;
    if !(waits || may_recover) {
        return Retry { at_ms: None, waits };
    }
    // A failure: half a second, then two, long enough for a provider to recover, short enough for a person to wait. A
    // wait: half a second, then one, then two and so on.
    let (growth, n_before, longest_ms) = match wait {
        Some(longest_ms) => (2_i64, past.n_waits, longest_ms),
        None => (4, past.n_failures, MAX_PAUSE_MS),
    };
    let pause_ms = 500_i64.saturating_mul(growth.saturating_pow(n_before)).min(longest_ms);
    let asked_ms = error.retry_after_s.and_then(|seconds| i64::try_from(seconds).ok()).map(|s| s.saturating_mul(1000));
    // Some ask for no time at all, again and again.
    let wait_ms = asked_ms.map_or(pause_ms, |asked_ms| asked_ms.max(pause_ms.min(1_000)));
    let at_ms = past.now_ms.saturating_add(wait_ms);
    // The reason is worth more to a person now than "it took too long" then.
    Retry { at_ms: (at_ms < past.deadline_ms).then_some(at_ms), waits }
}

/// The longest pause between tries, in milliseconds, after a failure that only means that it is too early.
fn wait(error: &CallError) -> Option<i64> {
    let is_loading = || {
        let said = error.detail.to_lowercase();
        let says_so = !said.contains("error loading") && LOADING.iter().any(|words| said.contains(words));
        error.code == "provider_loading" || says_so
    };
    if error.kind == Kind::Exhausted {
        Some(MAX_PAUSE_MS)
    } else if error.kind == Kind::Unavailable && is_loading() {
        Some(MAX_LOADING_PAUSE_MS)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use septet_kernel::ServiceName;

    use super::*;

    const PAST: Past = Past { n_failures: 0, n_waits: 0, max_failures: 2, now_ms: 0, deadline_ms: 600_000 };

    fn error(kind: Kind, detail: &str, retry_after_s: Option<u64>) -> CallError {
        let (service, detail) = (ServiceName::ModelGateway, detail.to_owned());
        CallError { service, kind, code: "x".to_owned(), detail, param: None, retry_after_s }
    }

    #[test]
    fn a_rate_limit_is_waited_for_as_long_as_it_says_and_counts_as_no_failure() {
        let limited = error(Kind::Exhausted, "", Some(57));
        let often = Past { n_failures: 2, n_waits: 9, ..PAST };
        assert_eq!(retry(&limited, often), Retry { at_ms: Some(57_000), waits: true });
        let late = Past { now_ms: 550_000, ..PAST };
        assert_eq!(retry(&limited, late), Retry { at_ms: None, waits: true });
    }

    #[test]
    fn a_server_that_loads_its_model_is_waited_for() {
        let loading = error(Kind::Unavailable, "provider x failed with status 503: Loading model", None);
        let pauses: Vec<Option<i64>> = (0..6).map(|n_waits| retry(&loading, Past { n_waits, ..PAST }).at_ms).collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 4_000, 4_000].map(Some));
    }

    #[test]
    fn other_failures_are_tried_again_a_few_times_or_not_at_all() {
        let down = error(Kind::Unavailable, "down", None);
        let again = |n_failures| retry(&down, Past { n_failures, ..PAST }).at_ms;
        assert_eq!([again(0), again(1), again(2)], [Some(500), Some(2_000), None]);
        for broken in ["Error loading LoRA adapter: CUDA out of memory", "error loading model: unable to allocate"] {
            assert!(!retry(&error(Kind::Unavailable, broken, None), PAST).waits, "{broken}");
        }
        assert_eq!(retry(&error(Kind::BadRequest, "loading", None), PAST).at_ms, None);
        let refused = CallError { code: "provider_key_refused".to_owned(), ..error(Kind::Unavailable, "", Some(60)) };
        assert_eq!(retry(&refused, PAST).at_ms, None);
    }
}
