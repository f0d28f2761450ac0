//! A spent limit in words.

use septet_kernel::Money;
use septet_kv::{Refused, What, Window};

/// Whose limit, how much of it is used, and that this call may need more.
pub(super) fn spent(refused: &Refused) -> String {
    let limit = &refused.limit;
    let (name, used, max) = match limit.what {
        What::Money => ("budget", money(refused.used), money(limit.max)),
        What::Requests => ("limit of requests", refused.used.to_string(), limit.max.to_string()),
        What::Tokens => ("limit of tokens", refused.used.to_string(), limit.max.to_string()),
        What::Concurrency => ("limit of calls at the same time", refused.reserved.to_string(), limit.max.to_string()),
    };
    let when = match limit.window {
        _ if limit.what == What::Concurrency => "",
        Window::Minute => " for this minute",
        Window::Day { .. } => " for today",
        Window::Month { .. } => " for this month",
        Window::Total => "",
    };
    format!(
        "the {name} of {}{when} is spent: {used} of {max} used, and this call may need more than is left",
        limit.scope
    )
}

fn money(nano: u64) -> String {
    Money(i64::try_from(nano).unwrap_or(i64::MAX)).to_string()
}
