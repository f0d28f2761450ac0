//! Local models through the public door: what comes out, what is refused, how fast it is.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod answers;
mod refusals;
mod speed;
mod tiny;
