//! Recorded answers of providers, read by our decoders, written by our encoders, and compared by hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its recordings may stop")]

mod anything;
mod cuts;
mod drive;
mod hostile;
mod replay;
mod requests;
mod vectors;
