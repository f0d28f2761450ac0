//! The figures of this service.

use metrics::{counter, describe_counter};

const REFUSED_USAGE: &str = "septet_gateway_usage_refused_total";

/// Says what each figure means.
pub(crate) fn describe() {
    describe_counter!(
        REFUSED_USAGE,
        "Usage records that cannot be true and were put aside; anything above 0 needs a look"
    );
    // An alarm on an increase needs a beginning.
    counter!(REFUSED_USAGE).absolute(0);
}

/// A usage record was put aside.
pub(crate) fn refused_usage() {
    counter!(REFUSED_USAGE).increment(1);
}
