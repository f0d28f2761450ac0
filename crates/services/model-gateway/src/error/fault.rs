//! What a failure is to those who go on after it: to routing, to the bill, and to a stream that has to end.

use septet_kernel::Failure as _;
use septet_routing::{Fault, FaultKind};

use super::Error;

impl Error {
    /// Whether the provider may have worked, and charged, all the same.
    pub(crate) fn may_have_cost(&self) -> bool {
        matches!(
            self,
            Self::Silent { .. }
                | Self::Garbled { .. }
                | Self::CutOff { .. }
                | Self::MidStream { .. }
                | Self::CallsMissing { .. }
                | Self::TooLong { .. }
                | Self::CallerLeft
                | Self::Cancelled
                | Self::Stopping
        )
    }

    /// What it is to routing.
    pub(crate) fn fault(&self) -> Fault {
        let (kind, retry_after_ms) = match self {
            Self::RateLimited { retry_after_ms, .. } => (FaultKind::RateLimited, *retry_after_ms),
            Self::Broken { retry_after_ms, .. } => (FaultKind::Overloaded, *retry_after_ms),
            Self::Loading { retry_after_ms, .. } => (FaultKind::Overloaded, Some(*retry_after_ms)),
            Self::KeyRefused { .. } | Self::Unaddressable { .. } | Self::Forbidden { .. } => (FaultKind::Auth, None),
            Self::ProviderUnpaid { .. } => (FaultKind::Unpaid, None),
            Self::NoUpstream { .. } => (FaultKind::NoModel, None),
            Self::Unreachable { .. } => (FaultKind::Connect, None),
            Self::Silent { .. } => (FaultKind::Timeout, None),
            Self::Garbled { .. } | Self::CutOff { .. } | Self::MidStream { .. } | Self::CallsMissing { .. } => {
                (FaultKind::Broken, None)
            }
            Self::CallerLeft | Self::Cancelled | Self::Stopping => (FaultKind::Cancelled, None),
            // Another model may do what this one's provider has no word for, or no room; and a cheaper one may be within
            // what the tenant has.
            Self::AllOpen { .. }
            | Self::ContextTooLong { .. }
            | Self::Unsupported { .. }
            | Self::NotOffered { .. }
            | Self::InsufficientBalance { .. } => (FaultKind::NotCalled, None),
            _ => (FaultKind::Refused, None),
        };
        Fault { kind, retry_after_ms }
    }

    /// Whether this error is reported to the client in preference to `before`, the error of another deployment: an open
    /// breaker never hides a real answer, and an error that an operator must fix never hides one that ends by itself.
    pub(crate) fn hides(&self, before: &Self) -> bool {
        let weight = |error: &Self| match (error, error.fault().kind) {
            (Self::AllOpen { stays: Some(_), .. }, _) => 0,
            (_, kind) if kind.is_persistent() => 1,
            (_, FaultKind::NotCalled) => 2,
            _ => 3,
        };
        weight(self) > weight(before) || weight(self) == 3
    }

    /// What it is to a client, in the form that dialects write.
    pub(crate) fn failure(&self) -> septet_protocols::Failure {
        septet_protocols::Failure {
            status: self.kind().status(),
            code: self.code().to_owned(),
            message: self.to_string(),
            retry_after_ms: self.retry_after_s().map(|seconds| seconds.saturating_mul(1_000)),
            rest: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_by_itself_is_told_rather_than_what_stays() {
        let resting = |stays: Option<&str>| Error::AllOpen {
            name: "m".to_owned(),
            last: String::new(),
            stays: stays.map(str::to_owned),
            retry_after_ms: None,
        };
        let rests_for_good = resting(Some("provider_key_refused"));
        let key_refused = Error::KeyRefused { provider: "one".to_owned() };
        let cut_off = Error::CutOff { provider: "two".to_owned() };
        let in_order = [rests_for_good, key_refused, resting(None), cut_off];
        for (at, before) in in_order.iter().enumerate() {
            for (then, error) in in_order.iter().enumerate() {
                // Of two errors, that of the deployment that was really called last is reported.
                assert_eq!(error.hides(before), then > at || then == 3, "{error} after {before}");
            }
        }
    }
}
