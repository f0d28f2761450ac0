//! One interface over every model provider.

pub mod analyst;
